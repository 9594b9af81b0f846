"""Answers a storefront's question for a shelf: what it may ask, and what it gets; Redis is `memory`'s."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import RowMapping

from app.domain.attribution import MAX_LIST_ID_CHARACTERS
from app.domain.money import exponent_of
from app.services.context import Context
from app.services.recommending.ranking import Ranked, Ranking
from app.services.shops import ShopRecord, find_shop_id_by_key, get_shop

Placement = Literal["product", "cart", "home"]
PLACEMENTS: tuple[Placement, ...] = ("product", "cart", "home")

# How long a finished shelf may be served without looking at the shop again; changes of stock, price or model
# empty the memory at once, so this only bounds what a lost invalidation can do.
SHELF_SECONDS = 300

# A shelf nobody has is remembered this long, so that a wrong snippet can't reach the database at every view.
UNKNOWN_SECONDS = 60

# Sent beyond what is shown, so that the shelf stays full after what is in the cart has been left out.
N_SPARE = 8
MAX_SHOWN = 12

# Products of a cart that take part in choosing; more make the address long and the shelf no better.
MAX_SEEDS = 10


@dataclass(frozen=True, slots=True)
class ShelfRequest:
    """What a storefront asks for; `seeds`, and what was `seen`, are the platform's product ids.

    `seen`: what this visitor looked at last, newest first, where there is nothing better to go by.
    """

    public_key: str
    placement: Placement
    seeds: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    limit: int = 4
    seen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shelf:
    """A finished answer. An unknown shop's or product's is empty and short-lived."""

    body: bytes
    etag: str
    max_age_seconds: int


def build_shelf(context: Context, request: ShelfRequest) -> Shelf | None:
    """The shelf as PostgreSQL has it now; None for a shop that is unknown or hides its shelves."""
    with context.db.nobody() as connection:
        shop_id = find_shop_id_by_key(connection, request.public_key)
    if shop_id is None:
        return None
    with context.db.shop(shop_id) as connection:
        shop = get_shop(connection, shop_id)
        if not shop.policy.shelf.is_shown:
            return None
        ranking = Ranking(connection, shop_id)
        seeds = request.seeds[:MAX_SEEDS]
        n = min(request.limit, MAX_SHOWN) + N_SPARE
        rankings = _rankings(ranking, seeds, request.seen)
        strategy, rows = ranking.fill(rankings, leave_out=(*seeds, *request.left_out), n=n)
        return _pack(shop, ranking.model_id, strategy, request, rows)


def _rankings(ranking: Ranking, seeds: Sequence[str], seen: Sequence[str]) -> Iterator[Ranked]:
    """What goes with the seeds; where that is not enough, with what was seen; then what sells."""
    if not seen:
        yield from ranking.beside(seeds)
        return
    if seeds:
        yield next(ranking.beside(seeds))
    yield from ranking.after_seeing(seen)


def empty_shelf() -> Shelf:
    """What is answered where there is no shelf."""
    return _shelf({"list_id": "", "strategy": "none", "heading": None, "products": []}, UNKNOWN_SECONDS)


def _pack(
    shop: ShopRecord, model_id: int | None, strategy: str, request: ShelfRequest, rows: list[RowMapping]
) -> Shelf:
    # What somebody looked at stays out of the list's name, which an order may carry.
    subject = ",".join(request.seeds) or ("seen" if request.seen else "shop")
    payload = {
        "list_id": f"m{model_id or 0}.{strategy}.{subject}"[:MAX_LIST_ID_CHARACTERS],
        "strategy": strategy,
        "heading": shop.policy.shelf.heading or None,
        "currency": shop.currency,
        "exponent": exponent_of(shop.currency),
        "products": [_shelf_product(row) for row in rows],
    }
    return _shelf(payload, SHELF_SECONDS if rows else UNKNOWN_SECONDS)


def _shelf_product(row: RowMapping) -> dict[str, Any]:
    compare_at = row["compare_at_price"]
    return {
        "id": row["platform_product_id"],
        "title": row["title"],
        "url": row["path"],
        "image": row["image_url"],
        "alt": row["title"],
        "price": {"amount": row["price"]},
        "compare_at": {"amount": compare_at} if compare_at and compare_at > row["price"] else None,
        "price_varies": row["price_varies"],
        "variant_id": row["sole_variant_id"],
        "is_available": row["is_available"],
    }


def _shelf(payload: dict[str, Any], max_age_seconds: int) -> Shelf:
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return Shelf(body, hashlib.blake2b(body, digest_size=12).hexdigest(), max_age_seconds)
