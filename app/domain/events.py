"""The facts a shop tells us, in our own words: every platform's reader returns these and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.domain.catalog import Product
from app.domain.money import Money


class ConsentState(StrEnum):
    """What the platform says of a customer's permission for marketing e-mail."""

    SUBSCRIBED = "subscribed"
    NOT_SUBSCRIBED = "not_subscribed"
    PENDING = "pending"
    UNSUBSCRIBED = "unsubscribed"
    REDACTED = "redacted"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A permission (or its withdrawal) for e-mail marketing, with when and where it was given."""

    state: ConsentState
    opt_in_level: str | None = None
    changed_at: datetime | None = None
    source: str = "platform"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineItem:
    """A product in an order or a cart. Ids are None for custom lines and products since removed."""

    platform_product_id: str | None
    platform_variant_id: str | None
    title: str
    quantity: int
    unit_price: Money
    # The recommendation list this line was added from, when our shelf added it.
    list_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A completed purchase. `cart_token` and `checkout_token` join it to the cart it came from."""

    platform_order_id: str
    name: str
    placed_at: datetime
    source_updated_at: datetime
    total: Money
    lines: tuple[LineItem, ...]
    platform_customer_id: str | None = None
    email: str | None = None
    cart_token: str | None = None
    checkout_token: str | None = None
    cancelled_at: datetime | None = None
    is_test: bool = False
    landing_path: str | None = None
    # The shop itself has erased its buyer; they are to be forgotten here too.
    is_anonymised: bool = False
    # What the buyer said of marketing mail on the way, where the shop keeps that with the order.
    consent: Consent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cart:
    """A begun purchase. `cart_token` is its key; a checkout brings the e-mail and a recovery link with it.

    `is_checkout` tells that the fact came from a checkout: a plain cart never erases what a checkout told.
    `is_typed` tells that the address was typed but nothing was submitted yet: it is kept only where the merchant
    has decided so.
    """

    cart_token: str
    source_updated_at: datetime
    lines: tuple[LineItem, ...]
    is_checkout: bool = False
    created_at: datetime | None = None
    checkout_token: str | None = None
    currency: str | None = None
    total: Money | None = None
    email: str | None = None
    platform_customer_id: str | None = None
    recovery_url: str | None = None
    locale: str | None = None
    completed_at: datetime | None = None
    is_typed: bool = False
    consent: Consent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """An identified buyer; only what a greeting, a language and a permission need is kept."""

    platform_customer_id: str
    source_updated_at: datetime
    email: str | None = None
    first_name: str | None = None
    locale: str | None = None
    country: str | None = None
    created_at: datetime | None = None
    consent: Consent | None = None


@dataclass(frozen=True, slots=True)
class ProductSeen:
    """`is_complete`: read from the shop just now, so it holds beside another word of the same version."""

    product: Product
    is_complete: bool = False


@dataclass(frozen=True, slots=True)
class ProductRemoved:
    platform_product_id: str
    removed_at: datetime


@dataclass(frozen=True, slots=True)
class CustomerSeen:
    customer: Customer


@dataclass(frozen=True, slots=True)
class CustomerRemoved:
    platform_customer_id: str
    removed_at: datetime


@dataclass(frozen=True, slots=True)
class ConsentChanged:
    """Names the customer by id, by e-mail, or both."""

    platform_customer_id: str | None
    email: str | None
    consent: Consent


@dataclass(frozen=True, slots=True)
class OrderSeen:
    order: Order


@dataclass(frozen=True, slots=True)
class OrderRemoved:
    platform_order_id: str
    removed_at: datetime


@dataclass(frozen=True, slots=True)
class CartSeen:
    cart: Cart


@dataclass(frozen=True, slots=True)
class CartRemoved:
    cart_token: str
    removed_at: datetime


class Kind(StrEnum):
    """What a shop can be asked about by id."""

    PRODUCT = "product"
    ORDER = "order"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class LookUp:
    """Something happened to this, and the message doesn't say what: the shop is to be asked how it is now."""

    kind: Kind
    platform_id: str


@dataclass(frozen=True, slots=True)
class Gone:
    """Asked just now, the shop has no such thing."""

    kind: Kind
    platform_id: str


@dataclass(frozen=True, slots=True)
class AccessDoubted:
    """A message says that our access has ended; the shop is to be asked."""


@dataclass(frozen=True, slots=True)
class AccessLost:
    """Asked just now, the shop no longer lets us in; the merchant has to connect it again."""


@dataclass(frozen=True, slots=True)
class AppUninstalled:
    """`happened_at` guards a newer install against an uninstall that arrives late.

    Where that moment is not signed, a captured uninstall could be sent again under a newer one.
    """

    happened_at: datetime
    is_time_signed: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class ExportFinished:
    """A bulk export the platform was asked for has ended; `handle` is what `begin_export` returned."""

    handle: str


@dataclass(frozen=True, slots=True)
class ErasureRequested:
    """A person asked to be forgotten. They may be known by any of the three names."""

    platform_customer_id: str | None
    email: str | None
    platform_order_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DataRequested:
    """A person asked what is stored of them; the merchant answers them with our export."""

    request_id: str
    platform_customer_id: str | None
    email: str | None
    platform_order_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShopErasureRequested:
    """The platform asks that nothing of this shop be kept."""

    happened_at: datetime


CommerceEvent = (
    ProductSeen
    | ProductRemoved
    | CustomerSeen
    | CustomerRemoved
    | ConsentChanged
    | OrderSeen
    | OrderRemoved
    | CartSeen
    | CartRemoved
    | LookUp
    | Gone
    | AccessDoubted
    | AccessLost
    | AppUninstalled
    | ExportFinished
    | ErasureRequested
    | DataRequested
    | ShopErasureRequested
)
