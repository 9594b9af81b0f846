"""How many shelves a second one core answers, beside a bare application that sends the same bytes from Redis."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import requests
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from app.domain.catalog import Product, Variant
from app.domain.money import Money
from app.services.recording import record_products
from benchmarks.bare import KEY
from benchmarks.load import Load, measure
from benchmarks.stage import Stage, busyness, set_stage

N_CONNECTIONS = 8
SECONDS = 2.0
N_ROUNDS = 9
N_PRODUCTS = 40

# The share of the bare application's rate that is aimed at.
AIM = 0.50


def main() -> None:
    with set_stage() as stage:
        path = shelf_path(stage)
        with one_core():
            ours = stage.serve("web", ["app", "serve", "--workers", "1"], path)
            body = requests.get(f"http://127.0.0.1:{ours}{path}", timeout=30).content
            stage.context.redis.set(KEY, body)
            bare = stage.serve("bare", ["benchmarks.bare"], "/")
        load(stage, "web", ours, path, 1.0)
        load(stage, "bare", bare, path, 1.0)
        rounds = [
            (load(stage, "bare", bare, path, SECONDS), load(stage, "web", ours, path, SECONDS))
            for _ in range(N_ROUNDS)
        ]
        show(rounds, len(body))


@contextmanager
def one_core() -> Iterator[None]:
    """What is started here stays on the first core; Linux only, elsewhere it may use them all."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def load(stage: Stage, name: str, port: int, path: str, seconds: float) -> Load:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nOrigin: https://shop.example\r\n\r\n".encode()
    return measure(lambda: stage.cpu_seconds(name), port, N_CONNECTIONS, seconds, lambda: request)


def shelf_path(stage: Stage) -> str:
    """The address of a full shelf of a shop with products."""
    updated_at = datetime(2026, 11, 20, tzinfo=UTC)
    with stage.context.db.shop(stage.shop_id) as connection:
        products = [product(n, updated_at) for n in range(N_PRODUCTS)]
        record_products(connection, stage.shop_id, products, "EUR")
        key = connection.execute(text("SELECT public_key FROM shops")).scalar_one()
    return f"/storefront/v1/shelf?shop={key}&placement=product&product=7000&limit=4"


def product(n: int, updated_at: datetime) -> Product:
    return Product(
        platform_product_id=str(7000 + n),
        handle=f"product-{n}",
        title=f"A product with a name of usual length, number {n}",
        path=f"/products/product-{n}",
        image_url=f"https://cdn.example/s/files/1/0001/0002/products/product-{n}.jpg?v=1732060800",
        source_updated_at=updated_at,
        variants=(Variant(platform_variant_id=str(9000 + n), price=Money(1200 + n, "EUR")),),
    )


def show(rounds: list[tuple[Load, Load]], n_bytes: int) -> None:
    columns = (
        "round",
        "bare/s",
        "shelves/s",
        "ratio",
        "bare CPU µs",
        "shelf CPU µs",
        "shelf p99 ms",
        "not 200",
    )
    table = Table(*columns)
    for number, (bare, ours) in enumerate(rounds, 1):
        n_other = ours.statuses.total() + bare.statuses.total() - ours.statuses[200] - bare.statuses[200]
        table.add_row(
            str(number),
            f"{bare.per_second:,.0f}",
            f"{ours.per_second:,.0f}",
            f"{ours.per_second / bare.per_second:.0%}",
            f"{bare.cpu_microseconds:.0f}",
            f"{ours.cpu_microseconds:.0f}",
            f"{ours.percentile(0.99):.1f}",
            str(n_other),
        )
    console = Console()
    console.print(table)
    rate = statistics.median(ours.per_second / bare.per_second for bare, ours in rounds)
    cpu = statistics.median(bare.cpu_microseconds / ours.cpu_microseconds for bare, ours in rounds)
    console.print(
        f"Median ratio {rate:.0%} by rate, {cpu:.0%} by CPU time; aim {AIM:.0%}. One worker on one core, "
        f"{N_CONNECTIONS} connections, {n_bytes:,} bytes, warm Redis; {busyness()}."
    )
