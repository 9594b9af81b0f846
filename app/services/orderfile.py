"""Reads an order history from a CSV file into columns; it must not know what they are used for."""

from __future__ import annotations

import csv
import gzip
import io
import re
from array import array
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from app.domain.money import BadAmountError, parse_money

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GUEST = -1  # the customer code of an order without a customer
UNKNOWN_PRICE = -1  # in minor units
# Rejected lines kept word for word; a wrong file would otherwise fill the memory with its own echo.
MAX_LISTED_REJECTS = 10_000
# Largest quantity believed on one line: more is a broken export (an EAN in the wrong column).
MAX_QUANTITY = 1_000_000.0
# Characters of one field: longer ones mean an unclosed quote that swallows the rest of the file.
MAX_FIELD_CHARACTERS = 1_000_000
GZIP_MAGIC = b"\x1f\x8b"


class OrderFileError(ValueError):
    """The file can't be read as an order history."""


class Kind(StrEnum):
    """Whose export the file is, told from its header."""

    PLAIN = "plain"
    SHOPIFY = "shopify"
    WOOCOMMERCE = "woocommerce"


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


# What each column may be called, lower case without spaces around; the first that the header has wins.
# Plain is the form of this project; Shopify's is what "Export orders" writes; WooCommerce's are those of the
# two common export plugins, "Advanced Order Export" and "Customer/Order CSV Export", one row per item.
_ALIASES: dict[Kind, dict[str, tuple[str, ...]]] = {
    Kind.PLAIN: {
        "order": ("order_id",),
        "customer": ("customer_id",),
        "at": ("ordered_at",),
        "product": ("product_id",),
        "title": ("title",),
        "category": ("category",),
        "vendor": ("vendor",),
        "quantity": ("quantity",),
        "price": ("unit_price",),
        "currency": ("currency",),
    },
    Kind.SHOPIFY: {
        "order": ("name",),
        "customer": ("email",),
        "at": ("created at", "paid at"),
        "product": ("lineitem sku",),
        "title": ("lineitem name",),
        "vendor": ("vendor",),
        "quantity": ("lineitem quantity",),
        "price": ("lineitem price",),
        "currency": ("currency",),
        "cancelled": ("cancelled at",),
    },
    Kind.WOOCOMMERCE: {
        "order": ("order number", "order_number", "order id", "order_id"),
        "customer": ("customer user id", "customer_id", "email (billing)", "billing_email", "customer email"),
        "at": ("order date", "order_date", "date"),
        "product": (
            "product id",
            "item_product_id",
            "product_id",
            "sku",
            "item_sku",
            "item name",
            "item_name",
        ),
        "title": ("item name", "item_name", "product name", "product name (main)"),
        "category": ("category", "product category"),
        "quantity": ("quantity (- refund)", "quantity", "item_quantity", "qty"),
        "price": ("item cost", "item price", "item_price"),
        "currency": ("order currency", "order_currency", "currency"),
        "status": ("order status", "order_status", "status"),
    },
}
# Without these a line says nothing; the rest of a form may be missing.
_NEEDED = {
    Kind.SHOPIFY: ("order", "title", "quantity", "at"),
    Kind.WOOCOMMERCE: ("order", "product", "title", "at"),
    Kind.PLAIN: ("order", "product"),
}
# WooCommerce states of an order that never became a sale.
_DEAD_STATES = frozenset(
    {"cancelled", "failed", "refunded", "trash", "draft", "checkout-draft", "pending payment"}
)


def read_orders(path: str | Path) -> OrderFile:
    """Read an order history.

    Good rows come in, bad ones are listed by line and reason. Dates without a zone are taken as UTC.

    Raises:
        OrderFileError: not there, not readable, cut off in the middle, or a header that is none of ours.
    """
    try:
        with _opened(Path(path)) as stream:
            return _read(stream)
    except (OSError, EOFError) as error:
        raise OrderFileError(f"{Path(path).name} can't be read: {error}.") from error


def _opened(path: Path) -> IO[str]:
    with path.open("rb") as probe:
        is_gzip = probe.read(2) == GZIP_MAGIC
    if is_gzip:
        return io.TextIOWrapper(gzip.open(path), encoding="utf-8-sig", errors="replace", newline="")
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def _read(stream: IO[str]) -> OrderFile:
    first = stream.readline()
    delimiter = max(",;\t", key=first.count)
    header = [name.strip().casefold() for name in next(csv.reader([first], delimiter=delimiter), [])]
    kind, columns = _recognised(header)
    reader = csv.reader(stream, delimiter=delimiter)
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    taker = _Taker(kind, columns)
    for line, cells in _numbered(reader, taker):
        taker.take(line, cells)
    return taker.finish()


def _recognised(header: list[str]) -> tuple[Kind, dict[str, int]]:
    best: tuple[Kind, dict[str, int]] | None = None
    for kind, needed in _NEEDED.items():
        found = {
            role: header.index(next(name for name in names if name in header))
            for role, names in _ALIASES[kind].items()
            if any(name in header for name in names)
        }
        if all(role in found for role in needed) and (best is None or len(found) > len(best[1])):
            best = kind, found
    if best is None:
        shown = ", ".join(header)[:200] or "nothing"
        raise OrderFileError(
            f"The header ({shown}) is none we know: give it order_id, customer_id, ordered_at, product_id, "
            "title, category, quantity, unit_price, currency, or export orders from Shopify or WooCommerce."
        )
    return best


def _numbered(reader: Iterator[list[str]], taker: _Taker) -> Iterator[tuple[int, list[str]]]:
    """Number the lines as an editor does, going on after a line that is no CSV."""
    while True:
        line = reader.line_num + 2  # type: ignore[attr-defined]  # csv.reader counts the lines it took
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            taker.reject(line, f"not readable as CSV: {error}")
            continue
        if cells:
            yield line, cells


class _Codes(dict[str, int]):
    """Gives each new text the next number."""

    def __missing__(self, text: str) -> int:
        self[text] = number = len(self)
        return number


class _Taker:
    """Takes lines into columns."""

    def __init__(self, kind: Kind, columns: dict[str, int]) -> None:
        self.kind, self.columns = kind, columns
        self.orders, self.customers, self.products = _Codes(), _Codes(), _Codes()
        self.texts: dict[str, list[str]] = {"title": [], "category": [], "vendor": []}
        self.order, self.customer, self.product = array("q"), array("q"), array("q")
        self.at, self.quantity, self.price = array("d"), array("f"), array("q")
        self.rejects: list[Reject] = []
        self.remarks: list[Reject] = []
        self.n_rejected = self.n_cancelled = 0
        self.currency = ""
        self.times: dict[str, float] = {}
        self.amounts: dict[tuple[str, str], int] = {}
        self.quantities: dict[str, float] = {}
        self.carried: tuple[str, str, str, str] = ("", "", "", "")
        self.get = {
            role: _getter(columns.get(role)) for role in {**_ALIASES[kind], "status": (), "cancelled": ()}
        }
        self.get.setdefault("category", _getter(None))
        self.get.setdefault("vendor", _getter(None))
        self.is_carrying = kind is Kind.SHOPIFY

    def take(self, line: int, cells: list[str]) -> None:
        """Take one line, or note why not."""
        get = self.get
        try:
            order = get["order"](cells).strip()
            customer, when, currency, dead = self._order_cells(order, cells)
            if dead:
                self.n_cancelled += 1
                return
            title = get["title"](cells).strip()
            product = self._product(cells, title)
            if not order or not product:
                raise ValueError("no order number" if not order else "no product")
            at = self._time(when)
            quantity = self._quantity(get["quantity"](cells))
        except (ValueError, OverflowError) as error:
            self.reject(line, str(error))
            return
        self.currency = self.currency or currency
        self.order.append(self.orders[order])
        self.customer.append(self.customers[customer] if customer else GUEST)
        self.product.append(self._product_code(product, title, cells))
        self.at.append(at)
        self.quantity.append(quantity)
        self.price.append(self._price(line, get["price"](cells), currency))

    def reject(self, line: int, reason: str) -> None:
        """Note a line that was left out."""
        self.n_rejected += 1
        if len(self.rejects) < MAX_LISTED_REJECTS:
            self.rejects.append(Reject(line, reason))

    def remark(self, line: int, reason: str) -> None:
        """Note a line that was taken in part."""
        if len(self.remarks) < MAX_LISTED_REJECTS:
            self.remarks.append(Reject(line, reason))

    def finish(self) -> OrderFile:
        """Return what was taken."""
        return OrderFile(
            self.kind,
            Rows(
                np.array(self.order, np.int64),
                np.array(self.customer, np.int64),
                np.array(self.product, np.int64),
                np.array(self.at, np.float64),
                np.array(self.quantity, np.float32),
                np.array(self.price, np.int64),
            ),
            list(self.orders),
            list(self.customers),
            list(self.products),
            self.texts["title"],
            self.texts["category"],
            self.texts["vendor"],
            self.currency,
            self.rejects,
            self.remarks,
            self.n_rejected,
            self.n_cancelled,
        )

    def _order_cells(self, order: str, cells: list[str]) -> tuple[str, str, str, bool]:
        get = self.get
        customer = get["customer"](cells).strip()
        when, currency = get["at"](cells).strip(), get["currency"](cells).strip().upper()
        dead = bool(get["cancelled"](cells).strip())
        dead = dead or get["status"](cells).strip().casefold().removeprefix("wc-") in _DEAD_STATES
        if self.is_carrying:
            # Shopify writes an order's own cells on its first line only.
            name, old_customer, old_when, old_rest = self.carried
            if name == order:
                customer, when = customer or old_customer, when or old_when
                old_currency, _, old_dead = old_rest.partition("|")
                currency, dead = currency or old_currency, dead or bool(old_dead)
            self.carried = (order, customer, when, f"{currency}|{'dead' if dead else ''}")
        if "@" in customer:
            customer = customer.casefold()
        # WooCommerce exports guests as customer 0.
        return ("" if customer == "0" and self.kind is Kind.WOOCOMMERCE else customer), when, currency, dead

    def _product(self, cells: list[str], title: str) -> str:
        return self.get["product"](cells).strip() or (title if self.kind is not Kind.PLAIN else "")

    def _product_code(self, product: str, title: str, cells: list[str]) -> int:
        n_before = len(self.products)
        code = self.products[product]
        known = (
            {"title": title}
            if code < n_before
            else {
                "title": title,
                "category": self.get["category"](cells).strip(),
                "vendor": self.get["vendor"](cells).strip(),
            }
        )
        for name, text in known.items():
            if code >= n_before:
                self.texts[name].append(text)
            elif text and not self.texts[name][code]:
                self.texts[name][code] = text
        return code

    def _time(self, text: str) -> float:
        at = self.times.get(text)
        if at is None:
            self.times[text] = at = read_time(text) if text else float("nan")
        return at

    def _quantity(self, text: str) -> float:
        quantity = self.quantities.get(text)
        if quantity is None:
            self.quantities[text] = quantity = _read_quantity(text.strip())
        return quantity

    def _price(self, line: int, text: str, currency: str) -> int:
        if not text.strip():
            return UNKNOWN_PRICE
        key = (text, currency)
        price = self.amounts.get(key)
        if price is None:
            try:
                price = max(parse_money(text.strip(), currency or "XXX").amount, UNKNOWN_PRICE)
            except BadAmountError as error:
                price = UNKNOWN_PRICE
                self.remark(line, f"taken without its price: {error}")
            self.amounts[key] = price
        return price


def _getter(column: int | None) -> Callable[[list[str]], str]:
    if column is None:
        return lambda _cells: ""
    return lambda cells: cells[column] if column < len(cells) else ""


_SPACED_ZONE = re.compile(r"\s*(?:UTC|GMT|Z)$|\s+(?=[+-]\d\d:?\d\d$)", re.IGNORECASE)


def read_time(text: str) -> float:
    """Return unix seconds of an ISO 8601 date and time; without a zone it is taken as UTC.

    Raises:
        ValueError: not such a date, or outside the years 1970 to 2200.
    """
    try:
        moment = datetime.fromisoformat(_SPACED_ZONE.sub("", text) if not text.endswith("Z") else text)
    except ValueError:
        raise ValueError(f"the date {text[:40]!r} is not ISO 8601, as in 2026-11-21T09:30:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if not 1970 <= moment.year <= 2200:
        raise ValueError(f"the year of {text[:40]!r} is not between 1970 and 2200")
    return moment.timestamp()


def _read_quantity(text: str) -> float:
    if not text:
        return 1.0
    try:
        quantity = float(text)
    except ValueError:
        raise ValueError(f"the quantity {text[:24]!r} is not a number") from None
    if not 0 < quantity <= MAX_QUANTITY:
        raise ValueError(f"the quantity {text[:24]} is not between 0 and {MAX_QUANTITY:,.0f}: no purchase")
    return quantity
