"""Finds products for the merchant and tells whether there is a model to go back to; reads only."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from app.domain.money import Money
from app.recommender.words import words_in

# Products of one answer: more than this, and typing another letter is quicker than scrolling.
N_FOUND = 24

# Characters of a search that are used; longer ones are a paste by mistake.
LONGEST_SEARCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundProduct:
    """A product in the list. `n_listed` is how many recommendations it has, 0 where only fallbacks answer."""

    platform_product_id: str
    title: str
    handle: str
    image_url: str | None
    price: Money
    price_varies: bool
    is_shown: bool
    n_listed: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found. `is_cut` says that there was more; `n_products` is all the shop has."""

    products: tuple[FoundProduct, ...]
    is_cut: bool
    n_products: int


def find_products(connection: Connection, shop_id: int, search: str) -> Found:
    """Products whose title, handle or SKU contains `search`; the best-selling ones for an empty search."""
    wanted = search.strip()[:LONGEST_SEARCH]
    rows = connection.execute(
        _FIND if wanted else _BESTSELLERS,
        {"shop_id": shop_id, "pattern": f"%{_escaped(wanted)}%", "n": N_FOUND + 1},
    ).all()
    products = tuple(
        FoundProduct(
            platform_product_id=row.platform_product_id,
            title=row.title,
            handle=row.handle,
            image_url=row.image_url,
            price=Money(row.price, row.currency),
            price_varies=row.price_varies,
            is_shown=row.is_published and row.is_available and not row.is_gift_card,
            n_listed=row.n_listed,
        )
        for row in rows[:N_FOUND]
    )
    return Found(products, len(rows) > N_FOUND, rows[0].n_products if rows else 0)


def previous_model(connection: Connection, shop_id: int) -> int | None:
    """The model whose lists are still kept beside the published one's; None when there is none."""
    found = connection.execute(
        text(
            "SELECT max(model_id) FROM models WHERE shop_id = :shop_id AND state = 'retired'"
            " AND EXISTS (SELECT 1 FROM recommendations r WHERE r.shop_id = models.shop_id"
            " AND r.model_id = models.model_id)"
        ),
        {"shop_id": shop_id},
    ).scalar()
    return None if found is None else int(found)


def shared_words(title: str, other: str) -> tuple[str, ...]:
    """The words both titles have, as the recommender reads them: "Blue mugs" and "Mug, blue" share two."""
    known = set(words_in(other))
    return tuple(dict.fromkeys(word for word in words_in(title) if word in known and len(word) > 1))


def _escaped(search: str) -> str:
    """The search as LIKE reads it literally."""
    return search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_COLUMNS = """
    p.platform_product_id, p.title, p.handle, p.image_url, p.price, p.price_varies, p.currency, p.is_published,
    p.is_available, p.is_gift_card, coalesce(cardinality(r.product_ids), 0) AS n_listed,
    (SELECT count(*) FROM products every WHERE every.shop_id = :shop_id AND every.removed_at IS NULL)
        AS n_products"""

_LISTS = """
    LEFT JOIN models m ON m.shop_id = p.shop_id AND m.state = 'published'
    LEFT JOIN LATERAL (
        SELECT r.product_ids FROM recommendations r WHERE r.shop_id = p.shop_id AND r.model_id = m.model_id
             AND r.strategy = 'also_bought' AND r.subject_id = p.product_id
        ORDER BY r.revision DESC LIMIT 1) r ON true"""

_FIND = text(f"""
    SELECT {_COLUMNS} FROM products p {_LISTS}
    WHERE p.shop_id = :shop_id AND p.removed_at IS NULL
      AND (p.title ILIKE :pattern OR p.handle ILIKE :pattern OR EXISTS (
          SELECT 1 FROM variants v
          WHERE v.shop_id = p.shop_id AND v.product_id = p.product_id AND v.sku ILIKE :pattern))
    ORDER BY p.title, p.product_id LIMIT :n""")

# Where nothing was learned yet there are no bestsellers, and what came in last stands in for them.
_BESTSELLERS = text(f"""
    WITH best AS (
        SELECT b.product_id, b.place FROM models m
        JOIN LATERAL (
            SELECT r.product_ids FROM recommendations r WHERE r.shop_id = m.shop_id AND r.model_id = m.model_id
                 AND r.strategy = 'bestsellers' AND r.subject_id = 0
            ORDER BY r.revision DESC LIMIT 1) r ON true
        CROSS JOIN LATERAL unnest(r.product_ids) WITH ORDINALITY AS b(product_id, place)
        WHERE m.shop_id = :shop_id AND m.state = 'published')
    SELECT {_COLUMNS} FROM products p LEFT JOIN best ON best.product_id = p.product_id {_LISTS}
    WHERE p.shop_id = :shop_id AND p.removed_at IS NULL
    ORDER BY best.place NULLS LAST, p.product_id DESC LIMIT :n""")
