"""Takes the lines of an order file into columns, or notes by line and reason why not."""

from __future__ import annotations

import re
from array import array
from typing import TYPE_CHECKING

import numpy as np

from app.domain.money import BadAmountError, parse_money
from app.services.orderfile.cells import MAX_TOTAL, check_id, read_quantity, read_time
from app.services.orderfile.columns import GUEST, MAX_LISTED_REJECTS, UNKNOWN_PRICE, OrderFile, Reject, Rows
from app.services.orderfile.currency import in_one_currency
from app.services.orderfile.formats import ALIASES, DEAD_STATES, Kind

if TYPE_CHECKING:
    from collections.abc import Callable


_PLATFORM_ID = re.compile(r"[0-9]{1,20}")


class _Codes(dict[str, int]):
    """Gives each new text the next number."""

    def __missing__(self, text: str) -> int:
        self[text] = number = len(self)
        return number


class Taker:
    """Takes lines into columns."""

    def __init__(self, kind: Kind, columns: dict[str, int]) -> None:
        self.kind, self.columns = kind, columns
        self.orders, self.customers, self.products = _Codes(), _Codes(), _Codes()
        self.texts: dict[str, list[str]] = {"title": [], "category": [], "vendor": []}
        self.order, self.customer, self.product = array("q"), array("q"), array("q")
        self.at, self.quantity, self.price = array("d"), array("f"), array("q")
        self.currency, self.line = array("q"), array("q")
        # By order: the platform's own id, and the sum of the lines so far.
        self.platform_order_ids: list[str] = []
        self.totals = array("q")
        self.rejects: list[Reject] = []
        self.remarks: list[Reject] = []
        self.n_rejected = self.n_cancelled = 0
        self.currencies = _Codes()
        self.times: dict[str, float] = {}
        self.amounts: dict[tuple[str, str], tuple[int, str]] = {}
        self.quantities: dict[str, float] = {}
        self.carried: tuple[str, str, str, str] = ("", "", "", "")
        self.get = {
            role: _getter(columns.get(role))
            for role in {**ALIASES[kind], "id": (), "status": (), "cancelled": ()}
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
            if order not in self.orders:
                check_id(order, "order number")
            if customer not in self.customers:
                check_id(customer, "customer")
            at = self._time(when)
            quantity = self._quantity(get["quantity"](cells))
            price = self._price(line, get["price"](cells), currency)
            code = self._order_code(order, get["id"](cells).strip(), max(price, 0) * max(int(quantity), 1))
        except (ValueError, OverflowError) as error:
            self.reject(line, str(error))
            return
        self.currency.append(self.currencies[currency])
        self.line.append(line)
        self.order.append(code)
        self.customer.append(self.customers[customer] if customer else GUEST)
        self.product.append(self._product_code(product, title, cells))
        self.at.append(at)
        self.quantity.append(quantity)
        self.price.append(price)

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
        """Return what was taken, in one currency."""
        file = OrderFile(
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
            self.platform_order_ids,
            list(self.customers),
            list(self.products),
            self.texts["title"],
            self.texts["category"],
            self.texts["vendor"],
            "",
            self.rejects,
            self.remarks,
            self.n_rejected,
            self.n_cancelled,
        )
        named, line = np.array(self.currency, np.int64), np.array(self.line, np.int64)
        return in_one_currency(file, named, list(self.currencies), line)

    def _order_cells(self, order: str, cells: list[str]) -> tuple[str, str, str, bool]:
        get = self.get
        customer = get["customer"](cells).strip()
        when, currency = get["at"](cells).strip(), get["currency"](cells).strip().upper()
        dead = bool(get["cancelled"](cells).strip())
        dead = dead or get["status"](cells).strip().casefold().removeprefix("wc-") in DEAD_STATES
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

    def _order_code(self, order: str, platform_id: str, amount: int) -> int:
        """The order's code, its sum grown by `amount` minor units."""
        code = self.orders.get(order)
        if amount + (self.totals[code] if code is not None else 0) > MAX_TOTAL:
            raise ValueError("with this line the order's total is too large an amount")
        if code is None:
            code = self.orders[order]
            self.totals.append(0)
            self.platform_order_ids.append("")
        self.totals[code] += amount
        # A spreadsheet may have made 6.01E+12 of it.
        if platform_id and not self.platform_order_ids[code] and _PLATFORM_ID.fullmatch(platform_id):
            self.platform_order_ids[code] = platform_id
        return code

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
            self.quantities[text] = quantity = read_quantity(text.strip())
        return quantity

    def _price(self, line: int, text: str, currency: str) -> int:
        if not text.strip():
            return UNKNOWN_PRICE
        key = (text, currency)
        found = self.amounts.get(key)
        if found is None:
            found = self.amounts[key] = _amount(text.strip(), currency)
        price, fault = found
        if fault:
            self.remark(line, f"taken without its price: {fault}")
        return price


def _amount(text: str, currency: str) -> tuple[int, str]:
    """A price in minor units, or what is wrong with it."""
    try:
        # XXX is ISO 4217's own code for no currency.
        price = parse_money(text, currency or "XXX").amount
    except BadAmountError as error:
        return UNKNOWN_PRICE, str(error)
    if price < 0:
        return UNKNOWN_PRICE, f"the amount '{text[:24]}' is below zero"
    return price, ""


def _getter(column: int | None) -> Callable[[list[str]], str]:
    if column is None:
        return lambda _cells: ""
    return lambda cells: cells[column] if column < len(cells) else ""
