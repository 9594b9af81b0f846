"""Answers with published lists: shelves for shoppers, a few products for a mail, evidence for the merchant."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog
from redis.exceptions import RedisError
from sqlalchemy import Connection, RowMapping, text

from app.domain.money import Money, exponent_of
from app.services.context import Context
from app.services.shops import ShopRecord, find_shop_id_by_key, get_shop

log = structlog.get_logger()

Placement = Literal["product", "cart", "home"]
PLACEMENTS: tuple[Placement, ...] = ("product", "cart", "home")

# How long a finished shelf may be served without looking at the shop again; changes of stock, price or model
# empty the cache at once, so this only bounds what a lost invalidation can do.
SHELF_SECONDS = 300

# A shelf nobody has is remembered this long, so that a wrong snippet can't reach the database at every view.
UNKNOWN_SECONDS = 60

# About 100 MB of shelves for one shop; 300,000 products are never all looked at within SHELF_SECONDS.
MAX_KEPT = 50_000

# Sent beyond what is shown, so that the shelf stays full after what is in the cart has been left out.
N_SPARE = 8
MAX_SHOWN = 12

# Products of a cart that take part in choosing; more make the address long and the shelf no better.
MAX_SEEDS = 10


@dataclass(frozen=True, slots=True)
class ShelfRequest:
    """What a storefront asks for; `seeds` are the platform's product ids."""

    public_key: str
    placement: Placement
    seeds: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    limit: int = 4

    @property
    def cache_field(self) -> str:
        return "|".join((self.placement, str(self.limit), ",".join(self.seeds), ",".join(self.left_out)))


@dataclass(frozen=True, slots=True)
class Shelf:
    """A finished answer. An unknown shop's or product's is empty and short-lived."""

    body: bytes
    etag: str
    max_age_seconds: int


@dataclass(frozen=True, slots=True)
class ProductCard:
    """A product as a mail shows it."""

    platform_product_id: str
    title: str
    url: str
    image_url: str | None
    price: Money | None


@dataclass(frozen=True, slots=True)
class Reason:
    """One recommended product with what speaks for it."""

    card: ProductCard
    score: float
    n_together: int
    n_baskets: int
    n_shared_words: int
    source: str
    is_shown: bool

    @property
    def in_words(self) -> str:
        """What a merchant can check: "14 of 52 baskets", shared words, or both."""
        parts = []
        if self.n_together:
            parts.append(f"together in {self.n_together} of {self.n_baskets} baskets")
        if self.n_shared_words:
            parts.append(f"{self.n_shared_words} words in common")
        return ", ".join(parts) or {"popular": "bought by many", "new": "new in the shop"}.get(
            self.source, "bought by the same customers"
        )


@dataclass(frozen=True, slots=True)
class Explained:
    """A product's list as the merchant sees it."""

    product: ProductCard
    model_id: int | None
    strategy: str
    reasons: tuple[Reason, ...]


def recall_shelf(context: Context, request: ShelfRequest) -> Shelf | None:
    """A shelf that lies finished in Redis, or None."""
    try:
        stored = context.redis.hget(_cache_key(request.public_key), request.cache_field)
    except RedisError:
        return None
    return _unpack(stored) if isinstance(stored, bytes) else None


def get_shelf(context: Context, request: ShelfRequest) -> Shelf:
    """The shelf for one placement: from Redis in one read, else from PostgreSQL, filling Redis.

    Redis being away costs time, never the answer.
    """
    key = _cache_key(request.public_key)
    try:
        stored = context.redis.hget(key, request.cache_field)
    except RedisError:
        return _build_shelf(context, request)
    if isinstance(stored, bytes):
        return _unpack(stored)
    shelf = _build_shelf(context, request)
    _remember(context, key, request.cache_field, shelf)
    return shelf


def forget_shelves(context: Context, shop: ShopRecord) -> None:
    """Empty the shop's finished shelves; called after the change that makes them wrong has been committed."""
    try:
        context.redis.delete(_cache_key(shop.public_key))
    except RedisError as error:
        log.warning("shelves_not_forgotten", shop_id=shop.shop_id, reason=type(error).__name__)


def for_mail(
    context: Context,
    connection: Connection,
    shop: ShopRecord,
    *,
    customer_id: int | None,
    cart_product_ids: Sequence[str] = (),
    n: int = 4,
) -> list[ProductCard]:
    """Products for a mail: by the cart where there is one, by the customer's own taste, else bestsellers."""
    ranking = Ranking(connection, shop.shop_id)
    if cart_product_ids:
        chain = [ranking.for_seeds(cart_product_ids)]
    else:
        chain = [ranking.stored("discover", [customer_id])] if customer_id is not None else []
    rows = ranking.fill([*chain, ranking.stored("bestsellers", [0])], leave_out=cart_product_ids, n=n)
    return [_card(shop, row) for row in rows]


def explain(
    context: Context, connection: Connection, shop: ShopRecord, platform_product_id: str
) -> Explained | None:
    """A product's list with the evidence behind each place; None when the shop has no such product."""
    seed = (
        connection.execute(
            text("SELECT * FROM products WHERE shop_id = :shop_id AND platform_product_id = :id"),
            {"shop_id": shop.shop_id, "id": platform_product_id},
        )
        .mappings()
        .one_or_none()
    )
    if seed is None:
        return None
    ranking = Ranking(connection, shop.shop_id)
    stored = ranking.raw_list("also_bought", seed["product_id"])
    if stored is None:
        return Explained(_card(shop, seed), ranking.model_id, "bestsellers", ())
    products = ranking.products(stored["product_ids"])
    return Explained(
        _card(shop, seed),
        ranking.model_id,
        "also_bought",
        tuple(
            Reason(
                card=_card(shop, products[product_id]),
                score=score,
                n_together=evidence[0],
                n_baskets=evidence[1],
                n_shared_words=evidence[2],
                source=evidence[3],
                is_shown=_is_shown(products[product_id]),
            )
            for product_id, score, evidence in zip(
                stored["product_ids"], stored["scores"], stored["evidence"], strict=True
            )
            if product_id in products
        ),
    )


@dataclass(slots=True)
class Ranking:
    """Reads one shop's published lists. A ranking is product ids, best first, with its strategy's name."""

    connection: Connection
    shop_id: int
    model_id: int | None = field(init=False)

    def __post_init__(self) -> None:
        self.model_id = self.connection.execute(
            text("SELECT model_id FROM models WHERE shop_id = :shop_id AND state = 'published'"),
            {"shop_id": self.shop_id},
        ).scalar()

    def raw_list(self, strategy: str, subject_id: int) -> RowMapping | None:
        return (
            self.connection.execute(
                text(
                    "SELECT product_ids, scores, evidence FROM recommendations WHERE shop_id = :shop_id"
                    " AND model_id = :model_id AND strategy = :strategy AND subject_id = :subject_id"
                    " ORDER BY revision DESC LIMIT 1"
                ),
                {
                    "shop_id": self.shop_id,
                    "model_id": self.model_id,
                    "strategy": strategy,
                    "subject_id": subject_id,
                },
            )
            .mappings()
            .one_or_none()
        )

    def stored(self, strategy: str, subject_ids: Iterable[int | None]) -> tuple[str, list[int]]:
        """The published list of one or more subjects; several are added up, each scaled to its own best."""
        rows = self.connection.execute(
            text(
                "SELECT DISTINCT ON (subject_id) product_ids, scores FROM recommendations"
                " WHERE shop_id = :shop_id AND model_id = :model_id AND strategy = :strategy"
                " AND subject_id = ANY(:subject_ids) ORDER BY subject_id, revision DESC"
            ),
            {
                "shop_id": self.shop_id,
                "model_id": self.model_id,
                "strategy": strategy,
                "subject_ids": list(subject_ids),
            },
        ).all()
        totals: dict[int, float] = {}
        for row in rows:
            best = max(row.scores, default=0.0) or 1.0
            for position, (product_id, score) in enumerate(zip(row.product_ids, row.scores, strict=True)):
                # The rank breaks ties, so that a list on its own keeps its order exactly.
                totals[product_id] = totals.get(product_id, 0.0) + score / best - position * 1e-9
        return strategy, sorted(totals, key=lambda product_id: -totals[product_id])

    def for_seeds(self, platform_product_ids: Sequence[str]) -> tuple[str, list[int]]:
        """What goes with these products together."""
        return self.stored("also_bought", self._ids_of(platform_product_ids))

    def newest(self, n: int) -> tuple[str, list[int]]:
        """Before anything has been learned: what came in last."""
        rows = self.connection.execute(
            text(
                "SELECT product_id FROM products WHERE shop_id = :shop_id AND is_published AND is_available"
                " AND removed_at IS NULL AND NOT is_gift_card ORDER BY product_id DESC LIMIT :n"
            ),
            {"shop_id": self.shop_id, "n": n},
        )
        return "newest", [row.product_id for row in rows]

    def products(self, product_ids: Iterable[int]) -> Mapping[int, RowMapping]:
        rows = self.connection.execute(
            text("SELECT * FROM products WHERE shop_id = :shop_id AND product_id = ANY(:ids)"),
            {"shop_id": self.shop_id, "ids": list(product_ids)},
        )
        return {row["product_id"]: row for row in rows.mappings()}

    def fill(
        self, chain: Sequence[tuple[str, list[int]]], *, leave_out: Sequence[str], n: int
    ) -> list[RowMapping]:
        """The first n products of the chain that may be shown, each once."""
        wanted = list(dict.fromkeys(product_id for _, ids in chain for product_id in ids))
        rows = self._showable(wanted, leave_out)
        if len(rows) < n:
            rows += self._showable(
                [i for i in self.newest(n + len(leave_out))[1] if i not in set(wanted)], leave_out
            )
        return rows[:n]

    def _showable(self, product_ids: Sequence[int], leave_out: Sequence[str]) -> list[RowMapping]:
        products = self.products(product_ids)
        unwanted = set(leave_out)
        return [
            products[i]
            for i in product_ids
            if i in products and _is_shown(products[i]) and products[i]["platform_product_id"] not in unwanted
        ]

    def _ids_of(self, platform_product_ids: Sequence[str]) -> list[int]:
        rows = self.connection.execute(
            text(
                "SELECT product_id FROM products WHERE shop_id = :shop_id AND platform_product_id = ANY(:ids)"
            ),
            {"shop_id": self.shop_id, "ids": list(platform_product_ids)},
        )
        return [row.product_id for row in rows]


def _build_shelf(context: Context, request: ShelfRequest) -> Shelf:
    with context.db.nobody() as connection:
        shop_id = find_shop_id_by_key(connection, request.public_key)
    if shop_id is None:
        return _empty_shelf()
    with context.db.shop(shop_id) as connection:
        shop = get_shop(connection, shop_id)
        if not shop.policy.shelf.is_shown:
            return _empty_shelf()
        ranking = Ranking(connection, shop_id)
        seeds = request.seeds[:MAX_SEEDS]
        chain = [ranking.for_seeds(seeds)] if seeds else []
        chain.append(ranking.stored("bestsellers", [0]))
        n = min(request.limit, MAX_SHOWN) + N_SPARE
        rows = ranking.fill(chain, leave_out=(*seeds, *request.left_out), n=n)
        strategy = next((name for name, ids in chain if ids), "newest")
        return _pack(shop, ranking.model_id, strategy, request, rows)


def _pack(
    shop: ShopRecord, model_id: int | None, strategy: str, request: ShelfRequest, rows: list[RowMapping]
) -> Shelf:
    subject = ",".join(request.seeds) or "shop"
    payload = {
        "list_id": f"m{model_id or 0}.{strategy}.{subject}"[:120],
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


def _empty_shelf() -> Shelf:
    return _shelf({"list_id": "", "strategy": "none", "heading": None, "products": []}, UNKNOWN_SECONDS)


def _shelf(payload: dict[str, Any], max_age_seconds: int) -> Shelf:
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return Shelf(body, hashlib.blake2b(body, digest_size=12).hexdigest(), max_age_seconds)


def _unpack(stored: bytes) -> Shelf:
    etag, max_age, body = stored.split(b"\n", 2)
    return Shelf(body, etag.decode(), int(max_age))


def _remember(context: Context, key: str, cache_field: str, shelf: Shelf) -> None:
    """Keep a shelf. The shop's shelves are forgotten together, SHELF_SECONDS after the first of them was kept.

    Whoever asks for nonsense must not fill the memory that the queue needs as well: an unknown shop's empty
    shelf is not kept, and a shop's shelves begin afresh when there are absurdly many.
    """
    if shelf == _empty_shelf():
        return
    stored = b"\n".join((shelf.etag.encode(), str(shelf.max_age_seconds).encode(), shelf.body))
    try:
        pipeline = context.redis.pipeline()
        pipeline.hset(key, cache_field, stored)
        pipeline.ttl(key)
        pipeline.hlen(key)
        _, seconds_left, n_kept = pipeline.execute()
        if n_kept > MAX_KEPT:
            context.redis.delete(key)
        elif seconds_left < 0:
            context.redis.expire(key, shelf.max_age_seconds)
    except RedisError as error:
        log.warning("shelf_not_remembered", reason=type(error).__name__)


def _cache_key(public_key: str) -> str:
    return f"shelf:{public_key}"


def _is_shown(row: RowMapping) -> bool:
    return bool(
        row["is_published"] and row["is_available"] and row["removed_at"] is None and not row["is_gift_card"]
    )


def _card(shop: ShopRecord, row: RowMapping) -> ProductCard:
    return ProductCard(
        platform_product_id=row["platform_product_id"],
        title=row["title"],
        url=shop.public_url.rstrip("/") + row["path"],
        image_url=row["image_url"],
        price=Money(row["price"], row["currency"]),
    )
