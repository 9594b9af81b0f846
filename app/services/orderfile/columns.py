"""What a read order file is: columns, the texts behind their codes, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from app.services.orderfile.formats import Kind

GUEST = -1  # the customer code of an order without a customer
UNKNOWN_PRICE = -1  # in minor units
# Rejected lines kept word for word; a wrong file would otherwise fill the memory with its own echo.
MAX_LISTED_REJECTS = 10_000


class Reject(NamedTuple):
    """A line that was left out (or, among the remarks, taken in part) and why."""

    line: int
    reason: str


@dataclass(frozen=True, eq=False)
class Rows:
    """The lines of all orders as columns of one length, in the file's order.

    `order`, `customer` and `product` are codes: positions in the file's `order_ids`, `customer_ids` and
    `product_ids`. `ordered_at` is unix seconds in UTC, NaN where the file leaves it empty. `price_minor` is
    the unit price in minor units, `UNKNOWN_PRICE` where there is none.
    """

    order: npt.NDArray[np.int64]
    customer: npt.NDArray[np.int64]
    product: npt.NDArray[np.int64]
    ordered_at: npt.NDArray[np.float64]
    quantity: npt.NDArray[np.float32]
    price_minor: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.order)


@dataclass(frozen=True, eq=False)
class OrderFile:
    """An order history as read: columns, the texts behind their codes, and what was left out."""

    kind: Kind
    rows: Rows
    order_ids: list[str]
    # The platform's own ids of the same orders, "" where the file names an order by its number only.
    platform_order_ids: list[str]
    customer_ids: list[str]
    product_ids: list[str]
    titles: list[str]
    categories: list[str]
    vendors: list[str]
    currency: str
    rejects: list[Reject] = field(default_factory=list)
    remarks: list[Reject] = field(default_factory=list)
    n_rejected: int = 0
    n_cancelled: int = 0
