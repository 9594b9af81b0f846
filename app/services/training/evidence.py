"""Reads what a training learns from as arrays, and keeps which of our ids stand behind their row numbers."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Row, text

from app.recommender import Catalogue, History

Ids = npt.NDArray[np.int64]

# Order ids looked at again below the newest one known: an order's id is drawn before its transaction commits,
# so a smaller one may become visible later. No transaction lives while this many orders are drawn.
N_OVERLAP = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """Our ids behind the recommender's row numbers. It is only ever appended to, so old numbers stay right.

    `last_order_id` is the newest order that existed when it was read, whether or not it taught anything.
    """

    product_ids: Ids
    customer_ids: Ids
    order_ids: Ids
    last_order_id: int

    def pack(self) -> bytes:
        """As npz, to be stored beside the artifact."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            products=self.product_ids,
            customers=self.customer_ids,
            orders=self.order_ids,
            last_order=np.array([self.last_order_id], dtype=np.int64),
        )
        return buffer.getvalue()

    @classmethod
    def unpack(cls, raw: bytes) -> Index:
        with np.load(io.BytesIO(raw), allow_pickle=False) as stored:
            return cls(
                stored["products"], stored["customers"], stored["orders"], int(stored["last_order"][0])
            )


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a training learns from: arrays for the recommender and our ids behind its row numbers."""

    catalogue: Catalogue
    history: History
    index: Index


@dataclass(frozen=True, slots=True, eq=False)
class News:
    """What came after an index was read: rows to append, and the index that goes with them."""

    catalogue: Catalogue
    history: History
    index: Index

    @property
    def is_empty(self) -> bool:
        return self.catalogue.n_items == 0 and self.history.n_rows == 0


def read_evidence(connection: Connection, shop_id: int) -> Evidence:
    """Read the shop's catalogue and orders as arrays; cancelled, test and deleted orders speak for nothing."""
    last_order_id = newest_order_id(connection, shop_id)
    products = connection.execute(_PRODUCTS, {"shop_id": shop_id}).all()
    product_ids = np.array([row.product_id for row in products], dtype=np.int64)
    rows = _interactions(connection, shop_id, "o.order_id > 0")
    # A product that came in after the catalogue was read waits for its next delta.
    orders, customers, bought, quantity, placed_at = rows[np.isin(rows[:, 2], product_ids)].T
    customer_ids = np.unique(customers[customers > 0]).astype(np.int64)
    order_ids, order = np.unique(orders, return_inverse=True)
    history = History.of(
        order,
        np.where(customers > 0, np.searchsorted(customer_ids, customers), -1),
        np.searchsorted(product_ids, bought),
        occurred_at=placed_at,
        quantity=quantity,
    )
    index = Index(product_ids, customer_ids, order_ids.astype(np.int64), last_order_id)
    return Evidence(_catalogue(products), history, index)


def read_news(connection: Connection, shop_id: int, index: Index) -> News:
    """Read the orders and products that `index` does not know."""
    last_order_id = newest_order_id(connection, shop_id)
    fresh = ",".join(str(order_id) for order_id in _fresh_orders(connection, shop_id, index))
    rows = _interactions(connection, shop_id, f"o.order_id = ANY('{{{fresh}}}'::bigint[])")
    orders, customers, bought, quantity, placed_at = rows.T
    products = _new_products(connection, shop_id, index, bought)
    grown = Index(
        np.append(index.product_ids, np.array([row.product_id for row in products], dtype=np.int64)),
        _grown(index.customer_ids, customers[customers > 0]),
        _grown(index.order_ids, orders),
        max(last_order_id, index.last_order_id),
    )
    history = History.of(
        _places(grown.order_ids, orders),
        _places(grown.customer_ids, customers),
        _places(grown.product_ids, bought),
        occurred_at=placed_at,
        quantity=quantity,
    )
    # Only a product that was deleted for good between two statements has no place.
    return News(_catalogue(products), history.take(history.item >= 0), grown)


def newest_order_id(connection: Connection, shop_id: int) -> int:
    found = connection.execute(
        text("SELECT coalesce(max(order_id), 0) FROM orders WHERE shop_id = :shop_id"), {"shop_id": shop_id}
    )
    return int(found.scalar_one())


def _fresh_orders(connection: Connection, shop_id: int, index: Index) -> list[int]:
    """Orders that the index does not hold; those that teach nothing are among them each time, and stay few."""
    after = index.last_order_id - N_OVERLAP
    known = set(index.order_ids[index.order_ids > after].tolist())
    found = connection.execute(
        text("SELECT order_id FROM orders WHERE shop_id = :shop_id AND order_id > :after"),
        {"shop_id": shop_id, "after": after},
    )
    return [order_id for order_id in found.scalars() if order_id not in known]


def _new_products(
    connection: Connection, shop_id: int, index: Index, bought: npt.NDArray[np.float64]
) -> list[Row[Any]]:
    """Products that came after the index, and older ones that only now have a title or were bought."""
    unknown = np.setdiff1d(bought.astype(np.int64), index.product_ids)
    found = connection.execute(
        _PRODUCTS_SINCE,
        {"shop_id": shop_id, "last": int(index.product_ids.max(initial=0)), "bought": unknown.tolist()},
    )
    return [row for row in found if row.product_id not in index.product_ids]


def _catalogue(products: Sequence[Row[Any]]) -> Catalogue:
    return Catalogue.of(
        [row.platform_product_id for row in products],
        titles=[row.title for row in products],
        categories=[row.category for row in products],
        vendors=[row.vendor for row in products],
        tags=[row.tags for row in products],
    )


def _grown(known: Ids, found: npt.NDArray[np.float64]) -> Ids:
    ids = np.unique(found).astype(np.int64)
    return np.append(known, ids[~np.isin(ids, known)])


def _places(known: Ids, ids: npt.NDArray[np.float64]) -> Ids:
    """Where each of a few ids stands in a long list; -1 for one that does not."""
    places = np.flatnonzero(np.isin(known, ids))
    place_of = dict(zip(known[places].tolist(), places.tolist(), strict=True))
    return np.array([place_of.get(int(i), -1) for i in ids], dtype=np.int64)


def _interactions(connection: Connection, shop_id: int, which: str) -> npt.NDArray[np.float64]:
    """Rows of (order, customer or 0, product, quantity, unix seconds); ids are exact below 2^53.

    `which` is a condition made of our own ids.
    """
    query = _INTERACTIONS.format(shop_id=int(shop_id), which=which)
    buffer = io.BytesIO()
    cursor: Any = connection.connection.cursor()
    try:
        cursor.copy_expert(f"COPY ({query}) TO STDOUT", buffer)
    finally:
        cursor.close()
    numbers = np.fromstring(buffer.getvalue().decode("ascii"), dtype=np.float64, sep=" ")
    return numbers.reshape(-1, 5)


_PRODUCT_COLUMNS = """
    SELECT product_id, platform_product_id, title, category, vendor, tags FROM products
    WHERE shop_id = :shop_id AND NOT is_gift_card AND title <> ''"""
_PRODUCTS = text(f"{_PRODUCT_COLUMNS} ORDER BY product_id")
_PRODUCTS_SINCE = text(
    f"{_PRODUCT_COLUMNS} AND (product_id > :last OR product_id = ANY(CAST(:bought AS bigint[])))"
    " ORDER BY product_id"
)

# Our own ids are below 2^53; theirs never come this way.
_INTERACTIONS = """
    SELECT o.order_id, coalesce(c.customer_id, 0), p.product_id, l.quantity,
           extract(epoch FROM o.placed_at)
    FROM orders o
    JOIN order_lines l ON l.shop_id = o.shop_id AND l.order_id = o.order_id
    JOIN products p ON p.shop_id = l.shop_id AND p.platform_product_id = l.platform_product_id
                       AND NOT p.is_gift_card AND p.title <> ''
    LEFT JOIN customers c ON c.shop_id = o.shop_id AND c.platform_customer_id = o.platform_customer_id
    WHERE o.shop_id = {shop_id} AND {which}
          AND o.cancelled_at IS NULL AND o.removed_at IS NULL AND NOT o.is_test AND l.quantity > 0
    ORDER BY o.placed_at, o.order_id, l.position"""
