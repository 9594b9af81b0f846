"""Connections: a sorted list, cut into pages by cursors that survive insertions. Pure."""

from __future__ import annotations

import base64
import binascii
import bisect
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from graphql import GraphQLError

# The most objects one page may hold (shopify.dev, GraphQL Admin API rate limits).
MAX_PAGE = 250

Key = Callable[[Any], tuple[Any, int]]


@dataclass(frozen=True, slots=True)
class Listing:
    """What a connection holds, in ascending order of `key`; without one, in the order given."""

    items: Sequence[Any]
    key: Key | None = None


def page(listing: Listing, args: dict[str, Any]) -> dict[str, Any]:
    """The connection object for first/after or last/before, `reverse` turning the list around."""
    first, last = args.get("first"), args.get("last")
    if first is None and last is None:
        raise GraphQLError("you must provide one of first or last", extensions={"code": "BAD_REQUEST"})
    for name, size in (("first", first), ("last", last)):
        if size is not None and not 0 <= size <= MAX_PAGE:
            raise GraphQLError(f"{name} is {size}; it must be between 0 and {MAX_PAGE}")
    start, end = _window(listing, args)
    has_before, has_after = start > 0, end < len(listing.items)
    if first is not None and end - start > first:
        end, has_after = start + first, True
    elif last is not None and end - start > last:
        start, has_before = end - last, True
    indexes = range(start, end)
    if args.get("reverse"):
        n_items = len(listing.items)
        indexes = range(n_items - 1 - start, n_items - 1 - end, -1)
    return _connection(listing, indexes, has_before, has_after)


def _window(listing: Listing, args: dict[str, Any]) -> tuple[int, int]:
    """Half-open range in reading order (already turned around when `reverse` is asked)."""
    n_items, is_reversed = len(listing.items), bool(args.get("reverse"))
    start, end = 0, n_items
    if args.get("after"):
        low, high = _place(listing, args["after"])
        start = n_items - low if is_reversed else high
    if args.get("before"):
        low, high = _place(listing, args["before"])
        end = n_items - high if is_reversed else low
    return start, max(start, end)


def _place(listing: Listing, cursor: str) -> tuple[int, int]:
    """Where the cursor's item stands or stood: [low, high), empty when it is gone."""
    wanted = _read_cursor(cursor)
    if listing.key is None:
        return int(wanted[1]), int(wanted[1]) + 1
    low = bisect.bisect_left(listing.items, wanted, key=listing.key)
    return low, bisect.bisect_right(listing.items, wanted, key=listing.key)


def _connection(listing: Listing, indexes: range, has_before: bool, has_after: bool) -> dict[str, Any]:
    nodes = [listing.items[i] for i in indexes]
    cursors = [_cursor(listing.key(listing.items[i]) if listing.key else ("", i)) for i in indexes]
    return {
        "nodes": nodes,
        "edges": [{"node": n, "cursor": c} for n, c in zip(nodes, cursors, strict=True)],
        "pageInfo": {
            "hasNextPage": has_after,
            "hasPreviousPage": has_before,
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
        },
    }


def _cursor(key: tuple[Any, int]) -> str:
    told = {"last_id": key[1], "last_value": key[0]}
    if isinstance(key[0], datetime):
        told = {"last_id": key[1], "last_time": key[0].isoformat()}
    return base64.b64encode(json.dumps(told).encode()).decode()


def _read_cursor(cursor: str) -> tuple[Any, int]:
    try:
        told = json.loads(base64.b64decode(cursor, validate=True))
        if "last_time" in told:
            return datetime.fromisoformat(told["last_time"]), int(told["last_id"])
        return told["last_value"], int(told["last_id"])
    except (binascii.Error, ValueError, KeyError, TypeError) as problem:
        raise GraphQLError(f"Invalid cursor for current pagination sort: {cursor}") from problem


def count(n_found: int, limit: int | None) -> dict[str, Any]:
    """Counts stop at `limit` (10000 unless told) and then say AT_LEAST."""
    if limit is not None and n_found > limit:
        return {"count": limit, "precision": "AT_LEAST"}
    return {"count": n_found, "precision": "EXACT"}
