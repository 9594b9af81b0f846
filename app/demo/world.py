"""The demo shop's truth: what it sells, who buys there and what they bought. It holds data only; it serves nothing."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime

# Shopify's sample ids exceed 2^53; starting above it keeps every reader honest about big numbers.
FIRST_ID = 9_007_199_254_741_000


@dataclass(slots=True)
class Variant:
    id: int
    title: str
    price: int  # minor units of the shop's currency
    sku: str = ""
    compare_at_price: int | None = None
    n_available: int | None = 100  # None: stock is not tracked


@dataclass(slots=True)
class Product:
    id: int
    handle: str
    title: str
    vendor: str
    product_type: str
    tags: list[str]
    description: str
    variants: list[Variant]
    created_at: datetime
    updated_at: datetime
    picture_svg: str | None = None
    option_name: str = "Title"
    status: str = "active"  # active | draft | archived


@dataclass(slots=True)
class Customer:
    id: int
    email: str | None
    first_name: str
    last_name: str
    locale: str
    marketing_state: str  # subscribed | not_subscribed | pending | unsubscribed
    created_at: datetime
    updated_at: datetime
    opt_in_level: str = "single_opt_in"
    consent_updated_at: datetime | None = None
    n_orders: int = 0


@dataclass(slots=True)
class Line:
    id: int
    product_id: int
    variant_id: int
    quantity: int
    price: int
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Order:
    id: int
    name: str
    created_at: datetime
    updated_at: datetime
    lines: list[Line]
    customer_id: int | None = None
    email: str | None = None
    cart_token: str | None = None
    checkout_token: str | None = None
    cancelled_at: datetime | None = None
    landing_site: str = "/"
    note_attributes: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class World:
    """One shop's whole truth at the moment its clock starts."""

    shop_name: str
    shop_domain: str  # e.g. "corner-and-thyme.myshopify.com"
    currency: str
    timezone: str
    locale: str
    starts_at: datetime  # the end of the history; the shop's clock starts here
    products: dict[int, Product] = field(default_factory=dict)
    customers: dict[int, Customer] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    # What the shoppers' planted habits make true: product id -> companions, strongest first.
    planted_companions: dict[int, list[int]] = field(default_factory=dict)
    # product id -> typical days between two purchases by the same customer
    planted_rebuys: dict[int, int] = field(default_factory=dict)
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(FIRST_ID))

    def new_id(self) -> int:
        return next(self._ids)
