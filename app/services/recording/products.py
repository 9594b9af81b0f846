"""Stores products and their variants as the platform last described them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from app.db.bulk import stage
from app.domain.catalog import Product, Variant


def record_products(
    connection: Connection,
    shop_id: int,
    products: Sequence[Product],
    currency: str,
    *,
    is_complete: bool = False,
) -> list[int]:
    """Upsert products with their variants; return the ids of those that really changed.

    A description older than the stored one, or than a removal, changes nothing. One of the same version
    counts only where it `is_complete` and says something else: Shopify's webhooks can't tell untracked
    stock, gift cards or the 101st variant, its API can; and of two changes within a second, whose versions are
    the same, the second may be the one that never came.
    """
    latest = {product.platform_product_id: product for product in _oldest_first(products)}
    stage(
        connection,
        "incoming_products",
        _PRODUCT_COLUMNS,
        (_product_row(p, currency) for p in latest.values()),
    )
    otherwise = _with_other_variants(connection, shop_id, latest) if is_complete else []
    values = {"shop_id": shop_id, "is_complete": is_complete, "otherwise": otherwise}
    changed = connection.execute(_UPSERT_PRODUCTS, values).all()
    if not changed:
        return []
    ids = {row.platform_product_id: row.product_id for row in changed}
    stage(
        connection,
        "incoming_variants",
        _VARIANT_COLUMNS,
        (
            _variant_row(product_id, variant)
            for key, product_id in ids.items()
            for variant in latest[key].variants
        ),
    )
    connection.execute(_DROP_VARIANTS, {"shop_id": shop_id, "ids": list(ids.values())})
    connection.execute(_INSERT_VARIANTS, {"shop_id": shop_id})
    return list(ids.values())


def remove_product(
    connection: Connection, shop_id: int, platform_product_id: str, removed_at: datetime
) -> list[int]:
    """Leave a tombstone: the product is never shown again unless the shop describes it anew."""
    rows = connection.execute(
        _REMOVE_PRODUCT, {"shop_id": shop_id, "id": platform_product_id, "removed_at": removed_at}
    )
    return [row.product_id for row in rows]


def _with_other_variants(connection: Connection, shop_id: int, latest: Mapping[str, Product]) -> list[str]:
    """The platform's ids of those whose stored variants are others, or cost or count otherwise."""
    stored: dict[str, set[tuple[object, ...]]] = {}
    for row in connection.execute(_STORED_VARIANTS, {"shop_id": shop_id, "ids": list(latest)}):
        stored.setdefault(row[0], set()).add(tuple(row[1:]))
    return [
        key
        for key, product in latest.items()
        if stored.get(key, set())
        != {(v.platform_variant_id, v.price.amount, v.n_available, v.is_available) for v in product.variants}
    ]


def _oldest_first(products: Sequence[Product]) -> list[Product]:
    return sorted(products, key=lambda product: product.source_updated_at)


def _product_row(product: Product, currency: str) -> tuple[object, ...]:
    buyable = [variant for variant in product.variants if variant.is_available] or list(product.variants)
    cheapest = min(buyable, key=lambda variant: variant.price.amount, default=None)
    prices = {variant.price.amount for variant in buyable}
    return (
        product.platform_product_id,
        product.handle,
        product.title,
        product.path,
        product.vendor,
        product.category,
        list(product.tags),
        product.image_url,
        cheapest.price.currency if cheapest else currency,
        cheapest.price.amount if cheapest else 0,
        cheapest.compare_at_price.amount if cheapest and cheapest.compare_at_price else None,
        len(prices) > 1,
        buyable[0].platform_variant_id if len(product.variants) == 1 else None,
        product.is_published,
        product.is_available,
        product.is_gift_card,
        product.source_updated_at,
    )


def _variant_row(product_id: int, variant: Variant) -> tuple[object, ...]:
    return (
        product_id,
        variant.platform_variant_id,
        variant.title,
        variant.sku,
        variant.price.amount,
        variant.compare_at_price.amount if variant.compare_at_price else None,
        variant.n_available,
        variant.is_available,
        variant.position,
    )


_PRODUCT_COLUMNS = (
    "platform_product_id text, handle text, title text, path text, vendor text, category text, tags text[],"
    " image_url text, currency text, price bigint, compare_at_price bigint, price_varies boolean,"
    " sole_variant_id text, is_published boolean, is_available boolean, is_gift_card boolean,"
    " source_updated_at timestamptz"
)
_NAMES = ", ".join(column.split()[0] for column in _PRODUCT_COLUMNS.split(","))

_UPSERT_PRODUCTS = text(f"""
    INSERT INTO products (shop_id, {_NAMES})
    SELECT :shop_id, {_NAMES} FROM incoming_products
    ON CONFLICT (shop_id, platform_product_id) DO UPDATE
    SET ({_NAMES}, removed_at) = ({", ".join(f"excluded.{name.strip()}" for name in _NAMES.split(","))}, NULL)
    WHERE excluded.source_updated_at > products.source_updated_at
       OR (:is_complete AND excluded.source_updated_at = products.source_updated_at
           AND products.removed_at IS NULL
           AND ((excluded.is_available, excluded.is_gift_card, excluded.price, excluded.sole_variant_id,
                 excluded.title, excluded.is_published)
                IS DISTINCT FROM
                (products.is_available, products.is_gift_card, products.price, products.sole_variant_id,
                 products.title, products.is_published)
                OR products.platform_product_id = ANY(:otherwise)))
    RETURNING product_id, platform_product_id""")

_VARIANT_COLUMNS = (
    "product_id bigint, platform_variant_id text, title text, sku text, price bigint, compare_at_price bigint,"
    " n_available bigint, is_available boolean, position bigint"
)

_STORED_VARIANTS = text("""
    SELECT products.platform_product_id, variants.platform_variant_id, variants.price, variants.n_available,
           variants.is_available
    FROM variants JOIN products USING (shop_id, product_id)
    WHERE shop_id = :shop_id AND products.platform_product_id = ANY(:ids)""")

_DROP_VARIANTS = text("""
    DELETE FROM variants WHERE shop_id = :shop_id AND (product_id = ANY(:ids)
        OR platform_variant_id IN (SELECT platform_variant_id FROM incoming_variants))""")

_INSERT_VARIANTS = text("""
    INSERT INTO variants (shop_id, product_id, platform_variant_id, title, sku, price, compare_at_price,
                          n_available, is_available, position)
    SELECT DISTINCT ON (platform_variant_id) :shop_id, product_id, platform_variant_id, title, sku, price,
           compare_at_price, n_available, is_available, position
    FROM incoming_variants""")

# A product deleted before it was ever described still needs its tombstone: a late description must not revive it.
_REMOVE_PRODUCT = text("""
    INSERT INTO products (shop_id, platform_product_id, handle, title, path, vendor, category, tags, currency,
                          price, price_varies, is_published, is_available, is_gift_card, source_updated_at,
                          removed_at)
    VALUES (:shop_id, :id, '', '', '', '', '', '{}', 'XXX', 0, false, false, false, false, :removed_at,
            :removed_at)
    ON CONFLICT (shop_id, platform_product_id) DO UPDATE
    SET removed_at = excluded.removed_at, source_updated_at = excluded.source_updated_at, is_available = false
    WHERE excluded.source_updated_at >= products.source_updated_at AND products.removed_at IS NULL
    RETURNING product_id""")
