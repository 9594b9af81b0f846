"""Reads and writes the lists that themes of WooCommerce show by themselves: upsells and cross-sells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.domain.themelists import Found, ListKind
from app.platforms.base import NeedsReconnectError, PlatformError
from app.platforms.extras import ThemeListChange, ThemeListRef, ThemeListState
from app.platforms.woocommerce.rest import Rest

# "You may also like" on a product's page, and "You may be interested in" in the cart.
FIELDS: Final = {ListKind.RELATED: "upsell_ids", ListKind.COMPLEMENTARY: "cross_sell_ids"}


@dataclass(slots=True)
class WooCommerceThemeLists:
    """The ThemeLists protocol for one WooCommerce shop. A list's mark is its own content."""

    rest: Rest
    # One question reads them; each change is a call of its own.
    batch_size: int = 20

    def prepare(self) -> None:
        """Nothing to prepare: every product has both lists."""

    def read(self, platform_product_ids: Sequence[str]) -> Mapping[ThemeListRef, ThemeListState]:
        asked = {
            "include": ",".join(platform_product_ids),
            "status": "any",
            "_fields": f"id,{','.join(FIELDS.values())}",
        }
        rows = self.rest.pages("wc/v3/products", asked) if platform_product_ids else ()
        return {
            ThemeListRef(str(row.get("id")), kind): _state(row.get(name))
            for row in rows
            for kind, name in FIELDS.items()
        }

    def write(self, changes: Sequence[ThemeListChange]) -> Mapping[ThemeListRef, str]:
        """Look once more and write what still stands as it was seen; both lists of a product in one call."""
        standing = self.read(list(dict.fromkeys(change.ref.platform_product_id for change in changes)))
        refused: dict[ThemeListRef, str] = {}
        wanted: dict[str, dict[str, Any]] = {}
        refs: dict[str, list[ThemeListRef]] = {}
        for change in changes:
            state = standing.get(change.ref)
            if state is None or state.mark != change.mark:
                refused[change.ref] = "the list was changed meanwhile"
                continue
            number = change.ref.platform_product_id
            ids = [int(each) for each in change.product_ids or ()]
            wanted.setdefault(number, {})[FIELDS[change.ref.kind]] = ids
            refs.setdefault(number, []).append(change.ref)
        for number, lists in wanted.items():
            try:
                self.rest.put(f"wc/v3/products/{number}", lists)
            except NeedsReconnectError:
                raise
            except PlatformError as error:
                if not error.permanent:
                    raise
                refused |= dict.fromkeys(refs[number], str(error))
        return refused


def _state(ids: Any) -> ThemeListState:
    if not isinstance(ids, list) or not all(isinstance(each, int) and each > 0 for each in ids):
        return ThemeListState(Found(None, is_foreign=bool(ids)), mark=repr(ids))
    listed = tuple(map(str, ids))
    return ThemeListState(Found(listed), raw=",".join(listed), mark=",".join(listed))
