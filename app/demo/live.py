"""What is alive in the demo shop beside its truth: carts, checkouts, codes, events. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


class DemoStoreError(Exception):
    """The demo store could not do this."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class NotFoundError(DemoStoreError):
    """There is no such thing in this shop."""


class OutOfStockError(DemoStoreError):
    """There is not enough in stock. Shopify's Ajax API answers this with 422."""


class CheckoutClosedError(DemoStoreError):
    """This checkout was completed already; start a new one from the cart."""


class CodeRefusedError(DemoStoreError):
    """This discount code can't be used here."""


@dataclass(slots=True)
class CartLine:
    key: str
    product_id: int
    variant_id: int
    quantity: int
    price: int  # minor units of the shop's currency
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Cart:
    # What webhooks and orders carry. /cart.js shows `full_token`.
    token: str
    key: str
    created_at: datetime
    updated_at: datetime
    lines: list[CartLine] = field(default_factory=list)
    note: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    # A cart is shown to apps (carts/create) only once something was put in it.
    is_announced: bool = False

    @property
    def full_token(self) -> str:
        return f"{self.token}?key={self.key}"

    @property
    def total(self) -> int:
        return sum(line.price * line.quantity for line in self.lines)


@dataclass(slots=True)
class Checkout:
    id: int
    token: str
    # The secret that the recovery link needs beside the cart's token.
    key: str
    cart_token: str
    name: str
    created_at: datetime
    updated_at: datetime
    lines: list[CartLine] = field(default_factory=list)
    note: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    email: str | None = None
    first_name: str = ""
    last_name: str = ""
    accepts_marketing: bool = False
    customer_id: int | None = None
    locale: str | None = None
    landing_site: str | None = None
    discount_code: str | None = None
    discount: int = 0  # minor units
    completed_at: datetime | None = None
    order_id: int | None = None

    @property
    def subtotal(self) -> int:
        return sum(line.price * line.quantity for line in self.lines)

    @property
    def total(self) -> int:
        return max(0, self.subtotal - self.discount)


@dataclass(slots=True)
class Discount:
    """One code discount made through the API; `codes` maps each redeem code to how often it was used."""

    id: int
    title: str
    starts_at: datetime
    ends_at: datetime | None
    percentage: float | None
    amount: int | None  # minor units
    usage_limit: int | None
    applies_once_per_customer: bool
    customer_ids: frozenset[int] | None
    codes: dict[str, int] = field(default_factory=dict)
    used_by: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Theme:
    """What the merchant switched on in the theme editor: the storefront shows an app's part only then."""

    # handles of app embeds that are on
    embeds: set[str] = field(default_factory=set)
    # template (product, cart, index) -> handles of the app blocks placed in it, in order
    blocks: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """Something apps may hear of. `event_id` is shared by everything one action caused."""

    topic: str
    body: dict[str, object]
    triggered_at: datetime
    event_id: str
    # Shop time before which nothing is sent; compliance requests wait for days.
    due_at: datetime | None = None


@dataclass(slots=True)
class CodeBatch:
    """What one discountRedeemCodeBulkAdd does in its own time: no code works before it is done."""

    discount: Discount
    wanted: tuple[str, ...]
    created_at: datetime
    n_looks: int = 0
    is_done: bool = False
    imported: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
