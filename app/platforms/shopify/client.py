"""Reads and writes one Shopify shop through its GraphQL API; keeps nothing but what a call needs."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from app.domain.catalog import Product
from app.domain.events import Customer, Order
from app.platforms.base import (
    CartRef,
    ExportKind,
    ExportState,
    NeedsApprovalError,
    PlatformError,
    ShopProfile,
    StorefrontSetup,
    StorefrontStatus,
    UnreadableError,
    WebhookHealth,
)
from app.platforms.fields import Body
from app.platforms.shopify import nodes, purchases, theme
from app.platforms.shopify.answers import understood
from app.platforms.shopify.codes import ShopifyCodes
from app.platforms.shopify.export import download, read_joined
from app.platforms.shopify.graphql import GraphQL, TooCostlyError, operation
from app.platforms.shopify.names import gid, id_of
from app.platforms.shopify.storefront import ShopifyStorefront
from app.platforms.shopify.themelists import ShopifyThemeLists
from app.platforms.shopify.topics import CALLBACK_PATH, TOPICS, enum_of

log = logging.getLogger(__name__)

# Objects to a page, so that one call asks for less than the 1,000 points it may cost; halved when that's wrong.
_PAGE_SIZES: Final[dict[str, int]] = {"products": 8, "customers": 100, "orders": 10, "webhooks": 250}
_N_MORE_CHILDREN: Final = 100
# What each kind is called in a global id.
_TYPES: Final[dict[ExportKind, str]] = {"products": "Product", "customers": "Customer", "orders": "Order"}
# Shopify pages no further than 25,000 objects; well before, the question is put again from the last moment.
_MAX_PAGED: Final = 20_000
# How long before asking again when another export is under way.
_EXPORT_BUSY_SECONDS: Final = 60.0

Node = Mapping[str, Any]
Built = TypeVar("Built")


@dataclass(slots=True)
class ShopifyClient:
    """The ShopClient protocol for one Shopify shop."""

    graphql: GraphQL
    app_url: str
    api_key: str
    base_url: str | None = None
    _currency: str | None = field(default=None)

    @understood
    def profile(self) -> ShopProfile:
        shop = Body(self._run("shop")).child("shop")
        currency = shop.need_text("currencyCode")
        self._currency = currency
        return ShopProfile(
            name=shop.need_text("name"),
            domain=shop.need_text("myshopifyDomain"),
            public_url=(
                shop.child("primaryDomain").url("url") or f"https://{self.graphql.shop_domain}"
            ).rstrip("/"),
            email=shop.email("email"),
            currency=currency,
            timezone=shop.need_text("ianaTimezone"),
            country=shop.child("shopAddress").text("countryCodeV2"),
        )

    def count(self, kind: ExportKind, between: tuple[int, int] | None = None) -> int | None:
        """How many there are, as far as this app may see: orders of the last 60 days without read_all_orders."""
        query = f"id:>={between[0]} AND id:<={between[1]}" if between else None
        return Body(self._run(f"count_{kind}", {"query": query})).child(f"{kind}Count").whole("count")

    @understood
    def missing(self, kind: ExportKind, ids: Sequence[int]) -> set[int]:
        asked = [gid(_TYPES[kind], str(number)) for number in ids]
        listed = self._run("still_there", {"ids": asked}).get("nodes")
        if not isinstance(listed, list) or len(listed) != len(asked):
            raise UnreadableError("nodes: not as many as were asked for")
        return {number for number, node in zip(ids, listed, strict=True) if node is None}

    # -- bulk export ---------------------------------------------------------------------------------------

    @understood
    def begin_export(self, kind: ExportKind, after: int | None = None) -> str:
        query = operation(f"export_{kind}").text
        if after is not None:  # a bulk query takes no variables
            query = query.replace("(sortKey: ID)", f'(sortKey: ID, query: "id:>{after}")', 1)
        # Asked twice, one of two exports is never read and ends by itself.
        found = self._run("export_begin", {"query": query}, is_repeatable=True)
        begun = Body(found).child("bulkOperationRunQuery")
        for error in begun.children("userErrors"):
            is_busy = error.text("code") in ("OPERATION_IN_PROGRESS", "LIMIT_REACHED")
            raise PlatformError(
                f"{self.graphql.shop_domain} began no export of {kind}: {error.text('message')}",
                permanent=not is_busy,
                retry_after_seconds=_EXPORT_BUSY_SECONDS if is_busy else None,
            )
        return begun.child("bulkOperation").need_text("id")

    @understood
    def export_state(self, handle: str) -> ExportState:
        """`is_ready` with `is_failed`: it broke off, and what it had found until then can be read."""
        state = self._export(handle)
        status = state.need_text("status")
        n_objects = int(state.id("objectCount") or 0)
        if status == "COMPLETED":
            return ExportState(is_ready=True, n_objects=n_objects)
        if status in ("CREATED", "RUNNING"):
            return ExportState(is_ready=False, n_objects=n_objects)
        reason = {
            "EXPIRED": "its file was kept for seven days and is gone",
            "CANCELED": "it was cancelled",
            "CANCELING": "it is being cancelled",
        }.get(status, f"Shopify ended it ({state.text('errorCode') or status})")
        is_partial = state.url("partialDataUrl") is not None
        return ExportState(is_ready=is_partial, is_failed=True, n_objects=n_objects, reason=reason)

    def read_export(
        self, kind: ExportKind, handle: str, *, n_skip: int = 0
    ) -> Iterator[Product | Customer | Order]:
        """Stream a finished export. One unreadable object is left out and logged; it does not stop the others."""
        build = self._builder(kind)
        for node, children in self._exported(kind, handle, n_skip):
            try:
                yield build(node, children)
            except UnreadableError as error:
                log.warning("left out of the export of %s of %s: %s", kind, self.graphql.shop_domain, error)

    @understood
    def export_reach(self, kind: ExportKind, handle: str) -> tuple[int, int]:
        """How far the file of an export that broke off can be relied on: up to the first gap.

        Children come in any order, so a root's may be missing wherever it stands; each root says how many it has.
        A root that is missing itself shows in the shop's count of those up to it.
        """
        whole, reach = [], 2**63
        for node, children in self._exported(kind, handle, 0):
            number = int(id_of(node.get("id"), _TYPES[kind]) or 0)
            if _has_all_children(kind, node, children):
                whole.append(number)
            else:
                reach = min(reach, number - 1)
        held = sorted(number for number in whole if 0 < number <= reach)
        if not held or self.count(kind, (held[0], held[-1])) != len(held):
            return 0, 0
        return held[-1], len(held)

    def _exported(
        self, kind: ExportKind, handle: str, n_skip: int
    ) -> Iterator[tuple[Node, list[dict[str, Any]]]]:
        state = self._export(handle)
        url = state.url("url") or state.url("partialDataUrl")
        if url is None:
            if state.text("status") == "COMPLETED":
                return  # nothing of this kind in the shop
            raise PlatformError(
                f"the export of {kind} is not ready ({state.text('status')})", permanent=False
            )
        with tempfile.TemporaryDirectory(prefix="regulars-export-") as folder:
            path = Path(folder) / "export.jsonl"
            download(self.graphql.session, self._local(url), path, self.graphql.pause)
            yield from read_joined(path, n_skip=n_skip)

    def _export(self, handle: str) -> Body:
        found = Body(self._run("export_state", {"id": handle}))
        if found.fields.get("bulkOperation") is None:
            raise PlatformError(f"{self.graphql.shop_domain} knows no export {handle}", permanent=True)
        return found.child("bulkOperation")

    def _local(self, url: str) -> str:
        """The file's address; plain http only where the demo store stands in for the shop."""
        if not url.startswith("https://") and not (self.base_url and url.startswith(f"{self.base_url}/")):
            raise PlatformError("the export's file is offered without encryption", permanent=True)
        return url

    def _builder(
        self, kind: ExportKind
    ) -> Callable[[Node, list[dict[str, Any]]], Product | Customer | Order]:
        if kind == "customers":
            return lambda node, _: nodes.customer_of(node)
        if kind == "orders":
            return nodes.order_of
        currency = self._shop_currency()
        return lambda node, variants: nodes.product_of(node, variants, currency)

    # -- paging --------------------------------------------------------------------------------------------

    def products(self, since: datetime | None = None) -> Iterator[Product]:
        currency = self._shop_currency()
        for node in self._changed("products", since):
            variants = self._children(node, "variants", "product_variants", "product")
            yield from self._built(nodes.product_of, node, variants, currency)

    def customers(self, since: datetime | None = None) -> Iterator[Customer]:
        for node in self._changed("customers", since):
            yield from self._built(nodes.customer_of, node)

    def orders(self, since: datetime | None = None) -> Iterator[Order]:
        for node in self._changed("orders", since):
            lines = self._children(node, "lineItems", "order_lines", "order")
            yield from self._built(nodes.order_of, node, lines)

    def _built(self, build: Callable[..., Built], *parts: Any) -> tuple[Built, ...]:
        """What was built, or nothing: one broken object must not stop an import, and is told in the log."""
        try:
            return (build(*parts),)
        except UnreadableError as error:
            log.warning("left out of what %s sent: %s", self.graphql.shop_domain, error)
            return ()

    def _changed(self, kind: ExportKind, since: datetime | None) -> Iterator[Node]:
        """Everything changed since then, the longest unchanged first; some may come twice, none is missed."""
        from_moment = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if since else None
        while True:
            n_seen, last = 0, from_moment
            for node in self._pages(kind, kind, _updated_since(from_moment)):
                yield node
                n_seen, last = n_seen + 1, nodes.updated_at_of(node)
                if n_seen >= _MAX_PAGED and last != from_moment:
                    break
            else:
                return
            from_moment = last

    def _pages(self, what: str, connection: str, query: str | None) -> Iterator[Node]:
        size, after = _PAGE_SIZES[what], None
        while True:
            variables = {"first": size, "after": after}
            try:
                found = self._run(what, variables if what == "webhooks" else {**variables, "query": query})
            except TooCostlyError:
                if size == 1:
                    raise
                size //= 2
                continue
            page = self._page(found, connection)
            yield from page.fields["nodes"]
            after = _next_cursor(page)
            if after is None:
                return

    def _children(self, node: Node, connection: str, what: str, parent: str) -> list[Node]:
        """All children of a node: the first page came with it, the others are asked for."""
        page = self._page(node, connection)
        found: list[Node] = list(page.fields["nodes"])
        while (after := _next_cursor(page)) is not None:
            variables = {"id": node.get("id"), "first": _N_MORE_CHILDREN, "after": after}
            holder = self._run(what, variables).get(parent)
            if not isinstance(holder, dict):  # removed meanwhile; its webhook or the next look tells
                return found
            page = self._page(holder, connection)
            found += page.fields["nodes"]
        return found

    def _page(self, found: Node, connection: str) -> Body:
        page = Body(found).child(connection)
        listed = page.fields.get("nodes")
        if not isinstance(listed, list):
            raise NeedsApprovalError(f"{self.graphql.shop_domain} withholds its {connection} from this app")
        return Body({**page.fields, "nodes": [node for node in listed if isinstance(node, dict)]}, connection)

    # -- the rest ------------------------------------------------------------------------------------------

    def has_ordered(self, cart: CartRef, since: datetime) -> bool:
        """Whether this cart, or its person since then, has ordered; every doubt counts as a purchase.

        Cancelled and test orders count too: whoever cancelled does not want to be reminded.
        """
        found = self._run("recent_orders", purchases.search_of(cart, since))
        return purchases.is_purchased(found, cart, since)

    @understood
    def ensure_webhooks(self) -> WebhookHealth:
        """Subscribe through the API to what is not subscribed so.

        Topics that shopify.app.toml declares are not listed by the API (schema of 2026-10); Shopify's "already
        been taken" for them counts as subscribed. Where it delivers both, the second delivery is an idempotent
        repeat under the same event id.
        """
        callback = f"{self.app_url}{CALLBACK_PATH}"
        listed = {
            node.get("topic")
            for node in self._pages("webhooks", "webhookSubscriptions", None)
            if node.get("uri") == callback
        }
        subscribed = [topic for topic in TOPICS if enum_of(topic) in listed]
        repaired, refused = [], {}
        for topic in TOPICS:
            if topic in subscribed:
                continue
            reason = self._subscribe(topic, callback)
            if reason is None:
                repaired.append(topic)
            elif "already been taken" in reason:
                subscribed.append(topic)
            else:
                refused[topic] = reason
        return WebhookHealth(tuple(subscribed + repaired), tuple(repaired), refused)

    def _subscribe(self, topic: str, callback: str) -> str | None:
        """Subscribe to one topic; the reason when the shop refuses."""
        variables = {"topic": enum_of(topic), "subscription": {"uri": callback, "format": "JSON"}}
        try:
            # Asked twice, the second is "already taken".
            found = self._run("webhook_create", variables, is_repeatable=True)
        except NeedsApprovalError as error:
            return str(error)
        for refusal in Body(found).child("webhookSubscriptionCreate").children("userErrors"):
            return refusal.text("message") or "no reason given"
        return None

    @understood
    def publish_setup(self, setup: StorefrontSetup) -> None:
        ShopifyStorefront(self.graphql, self.app_url).publish(setup)

    @understood
    def storefront_status(self) -> StorefrontStatus:
        """Whether a shelf stands in the live theme; None where the shop does not let us look."""
        try:
            found = self._run("live_theme", {"filenames": list(theme.FILENAMES)})
        except NeedsApprovalError:
            return StorefrontStatus(None, self._placement_url())
        handle = Body(found).child("currentAppInstallation").child("app").text("handle")
        themes = Body(found).child("themes").fields.get("nodes")
        if handle is None or not isinstance(themes, list):
            return StorefrontStatus(None, self._placement_url())
        files = [
            file.fields
            for live in Body(found).child("themes").children("nodes")
            for file in live.child("files").children("nodes")
        ]
        return StorefrontStatus(theme.is_embedded(handle, files), self._placement_url())

    @understood
    def granted_scopes(self) -> tuple[str, ...]:
        installation = Body(self._run("granted_scopes")).child("currentAppInstallation")
        return tuple(scope.need_text("handle") for scope in installation.children("accessScopes"))

    @property
    def theme_lists(self) -> ShopifyThemeLists:
        return ShopifyThemeLists(self.graphql)

    @property
    def codes(self) -> ShopifyCodes:
        return ShopifyCodes(self.graphql)

    def _placement_url(self) -> str:
        """The theme editor, with our shelf already standing on the product page and waiting to be saved.

        The block, not the embed: the embed alone shows a shopper nothing.
        """
        shop = self.base_url or f"https://{self.graphql.shop_domain}"
        asked = {
            "template": "product",
            "addAppBlockId": f"{self.api_key}/{theme.BLOCK_HANDLE}",
            "target": "newAppsSection",
        }
        return f"{shop}/admin/themes/current/editor?{urlencode(asked, safe='/')}"

    def _shop_currency(self) -> str:
        return self._currency or self.profile().currency

    def _run(self, name: str, variables: Node | None = None, *, is_repeatable: bool = False) -> Node:
        return self.graphql.run(operation(name, is_repeatable=is_repeatable), variables)


def _has_all_children(kind: ExportKind, node: Node, children: Sequence[Node]) -> bool:
    """Tips and gifts are lines that the order's own sum leaves out, so it may hold more than that, never less."""
    body = Body(node)
    if kind == "orders":
        return sum(Body(line).whole("quantity") or 0 for line in children) >= (
            body.whole("subtotalLineItemsQuantity") or 0
        )
    return kind == "customers" or len(children) == body.child("variantsCount").whole("count")


def _updated_since(moment: str | None) -> str | None:
    return f"updated_at:>='{moment}'" if moment else None


def _next_cursor(page: Body) -> str | None:
    info = page.child("pageInfo")
    return info.text("endCursor") if info.flag("hasNextPage") else None
