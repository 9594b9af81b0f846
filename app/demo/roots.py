"""Lists as the API gives them: what a token may see, filtered, and sorted. Reads the shop; changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from app.demo.fields import Caller
from app.demo.listing import Key, Listing
from app.demo.live import Checkout
from app.demo.search import Getter, compile_search
from app.demo.tokens import covers
from app.demo.world import Order

# read_orders alone shows the orders of the last 60 days (shopify.dev, access scopes).
RECENT_ORDERS_DAYS = 60


def visible(caller: Caller, orders: Iterable[Order]) -> list[Order]:
    """All of them with read_all_orders, else the recent ones."""
    if covers(caller.token.scopes, "read_all_orders"):
        return list(orders)
    since = caller.store.now() - timedelta(days=RECENT_ORDERS_DAYS)
    return [o for o in orders if o.created_at >= since]


def orders(caller: Caller) -> list[Order]:
    with caller.store.lock:
        return visible(caller, caller.store.world.orders.values())


def abandoned(caller: Caller) -> list[Checkout]:
    """Checkouts with contact information and no order (as the schema says of abandonedCheckouts)."""
    with caller.store.lock:
        return [c for c in caller.store.checkouts.values() if c.email is not None and c.completed_at is None]


def matching(
    caller: Caller, items: Iterable[Any], getters: Mapping[str, Getter], query: str | None
) -> list[Any]:
    search = compile_search(query, getters, caller.store.world.timezone)
    caller.warnings.extend(search.unknown)
    return [item for item in items if search.matches(item)]


def listing_of(
    caller: Caller, items: Iterable[Any], getters: Mapping[str, Getter], args: Mapping[str, Any]
) -> Listing:
    found = matching(caller, items, getters, args.get("query"))
    key = _sort_key(args.get("sortKey"))
    return Listing(sorted(found, key=key), key)


def _sort_key(name: str | None) -> Key:
    """Sorted by what is asked for and then by id, so that a cursor names one place."""
    if name in {"CREATED_AT", "PROCESSED_AT", "PUBLISHED_AT"}:
        return lambda x: (x.created_at, x.id)
    if name == "UPDATED_AT":
        return lambda x: (x.updated_at, x.id)
    if name == "TITLE":
        return lambda x: (x.title.lower(), x.id)
    return lambda x: (0, x.id)
