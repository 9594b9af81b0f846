"""Adds orders from a file to a shop's history: what its platform will not export any more still teaches."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import Connection, text

from app.domain.events import LineItem, Order
from app.domain.money import Money
from app.services import recording
from app.services.context import Context
from app.services.importing import batches
from app.services.jobs import enqueue_job
from app.services.orderfile import Kind, OrderFile, OrderFileError, Reject
from app.services.shops import get_shop

BATCH = 500


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What came of a file: orders taken, lines of unknown products, and the lines that could not be read.

    `remarks` are lines that were taken in part.
    """

    n_orders: int
    n_unknown_products: int
    n_rejected: int
    rejects: tuple[Reject, ...]
    remarks: tuple[Reject, ...] = ()


def import_orders_file(context: Context, shop_id: int, file: OrderFile) -> Backfilled:
    """Record a file's orders under their own ids; those the shop told itself stay as they are.

    Where the file has no ids of the platform's, an order is known by its number.

    A product is known by the platform's id or, failing that, by its exact title. Orders without any known
    product are left out: they could teach nothing. Good rows come in, bad ones are returned by line.

    Raises:
        OrderFileError: the file's amounts are in another currency than the shop's.
    """
    with context.db.shop(shop_id) as connection:
        shop = get_shop(connection, shop_id)
        if file.currency not in ("", shop.currency):
            raise OrderFileError(
                f"the file's amounts are in {file.currency}, the shop's in {shop.currency}:"
                f" they can't be added up; convert the file to {shop.currency} first."
            )
        known = _known_products(connection, shop_id, file)
        told = _told_otherwise(connection, shop_id, file)
    n_orders = 0
    for batch in batches(_orders(file, known, told, shop.currency), BATCH):
        with context.db.shop(shop_id) as connection:
            recorded = recording.record_orders(connection, context.hasher, shop_id, batch)
            n_orders += sum(entry.is_new for entry in recorded)
    with context.db.shop(shop_id) as connection:
        recording.refresh_order_counts(connection, shop_id)
        enqueue_job(connection, shop_id, "training", context.clock.now())
    context.queue.nudge("upkeep.run_jobs")
    n_unknown = sum(product is None for product in known)
    return Backfilled(n_orders, n_unknown, file.n_rejected, tuple(file.rejects), tuple(file.remarks))


def _known_products(connection: Connection, shop_id: int, file: OrderFile) -> list[str | None]:
    """The platform's id of each of the file's products, None where the shop has no such product."""
    rows = connection.execute(
        text(
            "SELECT platform_product_id, title FROM products WHERE shop_id = :shop_id ORDER BY product_id DESC"
        ),
        {"shop_id": shop_id},
    ).all()
    by_id = {row.platform_product_id for row in rows}
    by_title = {row.title.casefold().strip(): row.platform_product_id for row in rows if row.title}
    return [
        product if product in by_id else by_title.get(title.casefold().strip())
        for product, title in zip(file.product_ids, file.titles, strict=True)
    ]


def _told_otherwise(connection: Connection, shop_id: int, file: OrderFile) -> frozenset[int]:
    """The file's orders that are stored already under the same number and another id."""
    codes = {_name_of(file, code): code for code in range(len(file.order_ids))}
    rows = connection.execute(
        text(
            "SELECT name, platform_order_id FROM orders WHERE shop_id = :shop_id AND name = ANY(:names)"
            " AND removed_at IS NULL"
        ),
        {"shop_id": shop_id, "names": list(codes)},
    )
    return frozenset(
        codes[row.name] for row in rows if row.platform_order_id != _id_of(file, codes[row.name])
    )


def _id_of(file: OrderFile, order: int) -> str:
    return file.platform_order_ids[order] or file.order_ids[order]


def _name_of(file: OrderFile, order: int) -> str:
    """The number as the shop itself says it; WooCommerce's exports leave the mark out that it is stored with."""
    name = file.order_ids[order]
    return f"#{name.removeprefix('#')}" if file.kind is Kind.WOOCOMMERCE else name


def _orders(file: OrderFile, known: list[str | None], told: frozenset[int], currency: str) -> Iterator[Order]:
    rows = file.rows
    lines: dict[int, list[int]] = defaultdict(list)
    for index, order in enumerate(rows.order.tolist()):
        lines[order].append(index)
    for order, indices in lines.items():
        if order in told:
            continue
        taken = [index for index in indices if known[int(rows.product[index])] is not None]
        placed_at = float(np.nanmin(rows.ordered_at[indices])) if taken else float("nan")
        if taken and not math.isnan(placed_at):  # an order without a date has no place in time
            yield _order(file, known, currency, order, taken, datetime.fromtimestamp(placed_at, UTC))


def _order(
    file: OrderFile, known: list[str | None], currency: str, order: int, taken: list[int], placed_at: datetime
) -> Order:
    rows = file.rows
    lines = tuple(
        LineItem(
            platform_product_id=known[int(rows.product[index])],
            platform_variant_id=None,
            title=file.titles[int(rows.product[index])],
            quantity=max(1, int(rows.quantity[index])),
            unit_price=Money(max(0, int(rows.price_minor[index])), currency),
        )
        for index in taken
    )
    customer = int(rows.customer[taken[0]])
    buyer = file.customer_ids[customer] if customer >= 0 else None
    # Where an export names its buyers by address, the order keeps its keyed hash only, as every order does.
    is_address = buyer is not None and "@" in buyer
    return Order(
        platform_order_id=_id_of(file, order),
        name=_name_of(file, order),
        placed_at=placed_at,
        # Older than anything the shop itself says of this order, so that its own word always holds.
        source_updated_at=placed_at,
        total=Money(sum(line.unit_price.amount * line.quantity for line in lines), currency),
        lines=lines,
        platform_customer_id=None if is_address else buyer,
        email=buyer if is_address else None,
    )
