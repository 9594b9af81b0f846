"""Reads and writes the product lists that Shopify's themes show by themselves (Search & Discovery's metafields).

Namespace, keys and type are those that Shopify's own app uses; no page of Shopify's says that another app may write
them (shopify.dev, Product recommendations), so nothing here overwrites a version it has not just read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.domain.themelists import Found, ListKind
from app.platforms.base import PlatformError
from app.platforms.extras import ThemeListChange, ThemeListRef, ThemeListState
from app.platforms.fields import Body
from app.platforms.shopify.answers import understood
from app.platforms.shopify.graphql import GraphQL, operation

NAMESPACE: Final = "shopify--discovery--product_recommendation"
KEYS: Final = {ListKind.RELATED: "related_products", ListKind.COMPLEMENTARY: "complementary_products"}
TYPE: Final = "list.product_reference"

# metafieldsSet takes no more (schema of 2026-07).
MAX_CHANGES: Final = 25
# After each call as long as the shop takes to give its points back this many times: at most half of what it gives
# goes here, and the question before a mail always finds room.
_REST: Final = 2.0

_PRODUCT: Final = re.compile(r"\Agid://shopify/Product/([1-9][0-9]{0,19})\Z", re.ASCII)


@dataclass(slots=True)
class ShopifyThemeLists:
    """The ThemeLists protocol for one Shopify shop."""

    graphql: GraphQL
    batch_size: int = MAX_CHANGES

    @understood
    def prepare(self) -> None:
        # Asked twice, the second is "taken".
        found = self._run("theme_lists_prepare", {"namespace": NAMESPACE})
        for kind in ListKind:
            for problem in Body(found).child(kind.value).children("userErrors"):
                if problem.text("code") != "TAKEN":
                    told = problem.text("message") or "no reason given"
                    raise PlatformError(
                        f"Shopify does not offer lists for themes here: {told}", permanent=True
                    )

    @understood
    def read(self, platform_product_ids: Sequence[str]) -> Mapping[ThemeListRef, ThemeListState]:
        found = self._run("theme_lists", {"ids": [_gid(number) for number in platform_product_ids]})
        nodes = found.get("nodes")
        if not isinstance(nodes, list):
            raise PlatformError(f"{self.graphql.shop_domain} answered without its products")
        return {
            ThemeListRef(number, kind): _state(node.get(kind.value))
            for node in nodes
            if isinstance(node, dict) and (number := _number(node.get("id"))) is not None
            for kind in ListKind
        }

    @understood
    def write(self, changes: Sequence[ThemeListChange]) -> Mapping[ThemeListRef, str]:
        refused: dict[ThemeListRef, str] = {}
        wanted = [change for change in changes if change.product_ids is not None]
        while wanted:
            problems = self._set(wanted)
            if not problems:
                break
            # All or none: those that may be written are sent again without those that may not.
            refused |= {wanted[index].ref: reason for index, reason in problems.items()}
            wanted = [change for index, change in enumerate(wanted) if index not in problems]
        gone = [_place(change.ref) for change in changes if change.product_ids is None]
        if gone:
            told = Body(self._run("theme_lists_remove", {"metafields": gone})).child("metafieldsDelete")
            for problem in told.children("userErrors"):
                raise PlatformError(f"Shopify kept a list: {problem.text('message')}", permanent=True)
        return refused

    def _set(self, changes: Sequence[ThemeListChange]) -> dict[int, str]:
        """One metafieldsSet; why nothing was written, by place."""
        # Sent twice after a lost answer, the second finds another version and is refused, which the next reading
        # puts right; so it is never repeated here.
        found = self._run("theme_lists_write", {"metafields": [_metafield(each) for each in changes]})
        problems: dict[int, str] = {}
        for problem in Body(found).child("metafieldsSet").children("userErrors"):
            index, told = problem.whole("elementIndex"), problem.text("message") or "no reason given"
            if index is None or not 0 <= index < len(changes):
                raise PlatformError(f"Shopify took none of the lists: {told}", permanent=True)
            problems[index] = told
        return problems

    def _run(self, name: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        is_repeatable = name != "theme_lists_write"
        found = self.graphql.run(operation(name, is_repeatable=is_repeatable), variables)
        bucket = self.graphql.bucket
        if (cost := bucket.costs.get(name)) is not None:
            self.graphql.pause(_REST * cost / bucket.restore_rate)
        return found


def _metafield(change: ThemeListChange) -> dict[str, Any]:
    value = json.dumps([_gid(number) for number in change.product_ids or ()], separators=(",", ":"))
    return {**_place(change.ref), "type": TYPE, "value": value, "compareDigest": change.mark}


def _place(ref: ThemeListRef) -> dict[str, Any]:
    return {"ownerId": _gid(ref.platform_product_id), "namespace": NAMESPACE, "key": KEYS[ref.kind]}


def _state(metafield: Any) -> ThemeListState:
    if not isinstance(metafield, dict):
        return ThemeListState(Found(None))
    raw = str(metafield.get("value") or "")
    return ThemeListState(_found(raw), raw, metafield.get("compareDigest"))


def _found(raw: str) -> Found:
    try:
        listed = json.loads(raw)
    except ValueError:
        return Found(None, is_foreign=True)
    numbers = [_number(each) for each in listed] if isinstance(listed, list) else [None]
    known = tuple(number for number in numbers if number is not None)
    return Found(known, is_foreign=len(known) != len(numbers))


def _gid(platform_product_id: str) -> str:
    return f"gid://shopify/Product/{platform_product_id}"


def _number(gid: Any) -> str | None:
    found = _PRODUCT.match(gid) if isinstance(gid, str) else None
    return found[1] if found else None
