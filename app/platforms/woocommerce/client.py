"""Reads and writes one WooCommerce shop through its REST API; keeps nothing but what a call needs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.domain.catalog import Product
from app.domain.events import (
    Cart,
    CartSeen,
    CommerceEvent,
    Customer,
    CustomerSeen,
    Kind,
    Order,
    OrderSeen,
    ProductSeen,
)
from app.platforms.base import (
    CartRef,
    ExportKind,
    ExportState,
    Hook,
    PlatformError,
    ShopProfile,
    StorefrontSetup,
    StorefrontStatus,
    UnreadableError,
    WebhookHealth,
)
from app.platforms.fields import Body
from app.platforms.woocommerce import livecheck, products, readings, senders
from app.platforms.woocommerce.codes import WooCommerceCodes
from app.platforms.woocommerce.plugin import DOWNLOAD_PATH, Plugin
from app.platforms.woocommerce.read import order_facts
from app.platforms.woocommerce.rest import NotFoundError, Rest, Row, changed_since
from app.platforms.woocommerce.subscriptions import Subscriptions
from app.platforms.woocommerce.themelists import WooCommerceThemeLists

log = logging.getLogger(__name__)

Built = TypeVar("Built")

# What is asked of each object; the rest (addresses, telephones, user agents) never leaves the shop.
_ORDER_FIELDS: Final = (
    "id,number,status,currency,version,prices_include_tax,date_created_gmt,date_modified_gmt,date_paid_gmt,"
    "customer_id,billing,total,created_via,line_items,meta_data"
)
_PRODUCT_FIELDS: Final = (
    "id,name,slug,permalink,type,status,catalog_visibility,post_password,sku,price,regular_price,on_sale,"
    "purchasable,manage_stock,stock_quantity,stock_status,menu_order,categories,tags,brands,images,"
    "date_created_gmt,date_modified_gmt"
)
_VARIATION_FIELDS: Final = (
    "id,status,sku,price,regular_price,on_sale,purchasable,manage_stock,stock_quantity,stock_status,menu_order,"
    "attributes"
)
_CUSTOMER_FIELDS: Final = "id,email,first_name,role,date_created_gmt,date_modified_gmt,billing,meta_data"
_HAS_VARIATIONS: Final = ("variable", "variable-subscription")

# So many ids are looked through for silent deletions; older orders stay as they are.
_MAX_SWEPT_ORDERS: Final = 20_000
# Ids in one question: wc/v3 answers pages of 100 at most.
_BATCH: Final = 100


@dataclass(slots=True)
class WooCommerceClient:
    """The ShopClient protocol for one WooCommerce shop, and what `asked` adds to it."""

    rest: Rest
    domain: str
    app_url: str
    hook: Callable[[], Hook] | None = field(default=None, repr=False)
    _currency: str | None = field(default=None)

    @property
    def store_url(self) -> str:
        return self.rest.base_url

    def profile(self) -> ShopProfile:
        """Who the shop is. `store_id` is WooCommerce's own and stays through moves; a copy has it too."""
        status = Body(self.rest.one("wc/v3/system_status", {"_fields": "environment,settings"}))
        index = Body(self.rest.one("", {"_fields": "name,timezone_string,gmt_offset"}))
        environment = status.child("environment")
        try:
            currency = status.child("settings").need_text("currency")
        except UnreadableError as error:
            raise PlatformError(f"the shop's answer makes no sense ({error})") from error
        self._currency = currency
        return ShopProfile(
            name=readings.plain(index.text("name")) or self.domain,
            domain=self.domain,
            public_url=self.store_url,
            email=self._email(),
            currency=currency,
            timezone=_timezone(index),
            country=(self._setting("general", "woocommerce_default_country") or "").partition(":")[0] or None,
            locale=(environment.text("language") or "").replace("_", "-") or None,
            store_id=environment.text("store_id"),
        )

    def count(self, kind: ExportKind, between: tuple[int, int] | None = None) -> int | None:
        """How many there are; None for a range of ids, which wc/v3 can't be asked for."""
        if between is not None:
            return None
        if kind == "orders":
            listed = self._total("orders", {}), self._total("orders", {"status": "checkout-draft"})
            return None if None in listed else max(0, (listed[0] or 0) - (listed[1] or 0))
        return self._total(kind, {"status": "publish"} if kind == "products" else {"role": "customer"})

    def missing(self, kind: ExportKind, ids: Sequence[int]) -> set[int]:
        """Those of the ids that the shop does not have (any more); what lies in the trash is gone."""
        found: set[int] = set()
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            query = {"include": ",".join(map(str, batch)), "_fields": "id", **_everything(kind)}
            found |= {int(row["id"]) for row in self.rest.pages(f"wc/v3/{kind}", query) if _has_id(row)}
        return set(ids) - found

    # -- export: pages in the order of ids, so that it goes on where it stopped ----------------------------

    def begin_export(self, kind: ExportKind, after: int | None = None) -> str:
        del after  # asked for after an export broke off, which pages never do
        return f"pages:{kind}"

    def export_state(self, handle: str) -> ExportState:
        return ExportState(is_ready=handle.startswith("pages:"))

    def export_reach(self, kind: ExportKind, handle: str) -> tuple[int, int]:
        del kind, handle
        return 0, 0

    def read_export(
        self, kind: ExportKind, handle: str, *, n_skip: int = 0
    ) -> Iterator[Product | Customer | Order]:
        """Everything of a kind in the order of ids.

        What is no object for us (staff, drafts) fills a row too, so row `n_skip` never lies behind object
        `n_skip`: a second reading may repeat a few and leaves none out.
        """
        del handle
        query = {"orderby": "id", "order": "asc"}
        if kind == "products":
            for row in self._rows("products", {**query, "status": "publish"}, n_skip):
                yield from self._product(row)
        elif kind == "customers":
            for row in self._rows("customers", {**query, "role": "customer"}, n_skip):
                yield from self._customer(row)
        else:
            for row in self._rows("orders", query, n_skip):
                yield from self._order(row)

    # -- paging --------------------------------------------------------------------------------------------

    def products(self, since: datetime | None = None) -> Iterator[Product]:
        """What changed since then, unpublished ones too; all that are published when `since` is None.

        A changed variation does not change its parent's date: those are found by a look at everything.
        """
        query = (
            {"status": "publish", "orderby": "id", "order": "asc"} if since is None else changed_since(since)
        )
        for row in self._rows("products", query):
            yield from self._product(row)

    def customers(self, since: datetime | None = None) -> Iterator[Customer]:
        """Who registered since then: wc/v3 can't be asked who changed. Everybody when `since` is None."""
        if since is None:
            for row in self._rows("customers", {"role": "customer", "orderby": "id", "order": "asc"}):
                yield from self._customer(row)
            return
        query = {"role": "customer", "orderby": "registered_date", "order": "desc"}
        for row in self._rows("customers", query):
            created_at = self._understood(partial(readings.need_gmt, Body(row), "date_created_gmt"))
            if created_at and created_at[0] < since:
                return
            yield from self._customer(row)

    def orders(self, since: datetime | None = None) -> Iterator[Order]:
        """Purchases and void orders that changed since then; drafts and unpaid ones are `carts`."""
        query = {"orderby": "id", "order": "asc"} if since is None else changed_since(since)
        for row in self._rows("orders", query):
            yield from self._order(row)

    def carts(self, since: datetime) -> Iterator[Cart]:
        """Checkouts that were opened, and orders not paid yet, that changed since then.

        Asked for rather than waited for: that core sends drafts by webhook is an open bug (woocommerce#66995).
        """
        for row in self._rows("orders", changed_since(since)):
            for event in self._understood(partial(order_facts, Body(row), self.store_url)):
                yield from (fact.cart for fact in event if isinstance(fact, CartSeen))

    def order_ids(self) -> Iterator[str]:
        query = {"orderby": "id", "order": "desc", "_fields": "id,status"}
        for n, row in enumerate(self.rest.pages("wc/v3/orders", query)):
            if n >= _MAX_SWEPT_ORDERS:
                return
            if row.get("status") != "checkout-draft" and (number := Body(row).id("id")):
                yield number

    def look_up(self, kind: Kind, platform_id: str) -> CommerceEvent | None:
        """One thing as it is now; None when it is gone or no such thing. An order in the trash may come back."""
        try:
            row = self.rest.one(f"wc/v3/{kind.value}s/{int(platform_id)}", {"_fields": _FIELDS[kind]})
            body = Body(row)
            if kind is Kind.CUSTOMER:
                customer = readings.customer_of(body)
                return CustomerSeen(customer) if customer else None
            if kind is Kind.ORDER:
                return order_facts(body, self.store_url)[0]
            is_in_trash = body.text("status") == "trash"
            return None if is_in_trash else ProductSeen(self._product_of(row), is_complete=True)
        except NotFoundError:
            return None
        except UnreadableError as error:
            raise PlatformError(f"the shop's answer makes no sense ({error})") from error

    def _rows(self, kind: ExportKind, query: Mapping[str, Any], n_skip: int = 0) -> Iterator[Row]:
        return self.rest.pages(f"wc/v3/{kind}", {"_fields": _LISTED[kind], **query}, n_skip=n_skip)

    def _product(self, row: Row) -> tuple[Product, ...]:
        return self._understood(partial(self._product_of, row))

    def _product_of(self, row: Row) -> Product:
        body = Body(row)
        variations: tuple[Row, ...] = ()
        if body.text("type") in _HAS_VARIATIONS:
            path = f"wc/v3/products/{body.need_id('id')}/variations"
            variations = tuple(self.rest.pages(path, {"_fields": _VARIATION_FIELDS}))
        return products.product_of(body, self.store_url, self._shop_currency(), variations)

    def _customer(self, row: Row) -> tuple[Customer, ...]:
        found = self._understood(partial(readings.customer_of, Body(row)))
        return tuple(each for each in found if each is not None)

    def _order(self, row: Row) -> tuple[Order, ...]:
        found = self._understood(partial(order_facts, Body(row), self.store_url))
        return tuple(fact.order for facts in found for fact in facts if isinstance(fact, OrderSeen))

    def _understood(self, build: Callable[[], Built]) -> tuple[Built, ...]:
        """What was built, or nothing: one broken object must not stop an import, and is told in the log."""
        try:
            return (build(),)
        except UnreadableError as error:
            log.warning("left out of what %s sent: %s", self.domain, error)
            return ()

    # -- the rest ------------------------------------------------------------------------------------------

    def has_ordered(self, cart: CartRef, since: datetime) -> bool:
        return livecheck.has_ordered(self.rest, cart, since)

    def ensure_webhooks(self) -> WebhookHealth:
        if self.hook is None:
            raise PlatformError("a shop that is not connected yet has no webhooks", permanent=True)
        return self._subscriptions.ensure(self.hook())

    def part(self) -> None:
        """Leave nothing of ours in the shop. The keys stay: wc/v3 has no way to take them back."""
        self._subscriptions.remove()
        self.plugin.forget()

    def publish_setup(self, setup: StorefrontSetup) -> None:
        """Have the companion plugin know the connection; a shop without it is one with orders and drafts only."""
        if self.hook is None:
            raise PlatformError("a shop that is not connected yet has no connection to tell", permanent=True)
        self.plugin.tell(self.hook(), setup)

    def storefront_status(self) -> StorefrontStatus:
        """Only the companion plugin knows whether a shelf shows; its page is where the merchant switches it on."""
        page, status = f"{self.store_url}/wp-admin/admin.php?page=regulars", self.plugin.status()
        if status is None:
            return StorefrontStatus(False, page, part_url=f"{self.app_url}{DOWNLOAD_PATH}")
        shelves = status.child("shelves").fields.values()
        is_shown = any(place not in ("off", None) for place in shelves)
        return StorefrontStatus(status.flag("is_connected") and is_shown, page)

    def other_senders(self) -> tuple[str, ...]:
        status = self.plugin.status()
        told = status.fields.get("senders") if status else None
        return senders.find(self._asking, told if isinstance(told, list) else None)

    @property
    def _subscriptions(self) -> Subscriptions:
        return Subscriptions(self.rest, self.app_url)

    @property
    def plugin(self) -> Plugin:
        return Plugin(self._asking, self.app_url)

    @property
    def _asking(self) -> Rest:
        """For what a security plugin may keep closed: a refusal there does not say that the keys are dead."""
        return replace(self.rest, renew=None)

    def granted_scopes(self) -> tuple[str, ...]:
        return ("read_write",)  # wc-auth grants all or nothing, and is refused without

    @property
    def theme_lists(self) -> WooCommerceThemeLists:
        return WooCommerceThemeLists(self.rest)

    @property
    def codes(self) -> WooCommerceCodes:
        return WooCommerceCodes(self.rest)

    def _shop_currency(self) -> str:
        return self._currency or self.profile().currency

    def _total(self, kind: str, query: Mapping[str, Any]) -> int | None:
        return self.rest.get(f"wc/v3/{kind}", {**query, "per_page": 1, "_fields": "id"}).n_total

    def _email(self) -> str | None:
        """Who is told of new orders: as long as nobody is named, core tells the site's administrator (measured).

        wc/v3 shows that address only as what the sender's address would be if it were not set.
        """
        named = self._setting("email_new_order", "recipient", "@")
        return named or self._setting("email", "woocommerce_email_from_address", "@", part="default")

    def _setting(self, group: str, name: str, holding: str = "", part: str = "value") -> str | None:
        """A setting that is good to know and no reason to fail."""
        try:
            value = self.rest.one(f"wc/v3/settings/{group}/{name}").get(part)
        except PlatformError:
            return None
        first = value.split(",")[0].strip() if isinstance(value, str) else ""
        return first if first and holding in first else None


def _everything(kind: ExportKind) -> dict[str, str]:
    return {"customers": {"role": "all"}, "orders": {"status": "any"}, "products": {"status": "any"}}[kind]


def _has_id(row: Row) -> bool:
    return Body(row).id("id") is not None


def _timezone(index: Body) -> str:
    """The shop's zone by name; of a shop that chose a mere offset, the zone of that offset."""
    name = index.text("timezone_string")
    try:
        return ZoneInfo(name).key if name else _fixed_zone(index)
    except (ZoneInfoNotFoundError, ValueError):
        return "UTC"


def _fixed_zone(index: Body) -> str:
    """`Etc/GMT-2` is two hours east; half hours have no such zone and are rounded down."""
    try:
        hours = int(float(str(index.fields.get("gmt_offset") or 0)))
    except ValueError:
        return "UTC"
    return "UTC" if hours == 0 or abs(hours) > 12 else f"Etc/GMT{-hours:+d}"


_FIELDS: Final = {
    Kind.PRODUCT: _PRODUCT_FIELDS,
    Kind.ORDER: _ORDER_FIELDS,
    Kind.CUSTOMER: _CUSTOMER_FIELDS,
}
_LISTED: Final[dict[ExportKind, str]] = {
    "products": _PRODUCT_FIELDS,
    "orders": _ORDER_FIELDS,
    "customers": _CUSTOMER_FIELDS,
}
