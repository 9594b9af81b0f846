"""Fields of products and variants. Reads the shop; changes nothing."""

from __future__ import annotations

import html
import re
from typing import Any

from app.demo.amounts import gid, utc
from app.demo.fields import (
    Caller,
    Resolver,
    constant,
    metafield,
    metafields_of,
    money,
    owner_gid,
    plain_money,
    register,
)
from app.demo.listing import Listing, count
from app.demo.search import Getter
from app.demo.world import Product, Variant


def _stock(product: Product) -> int:
    return sum(v.n_available or 0 for v in product.variants)


PRODUCT_SEARCH: dict[str, Getter] = {
    "default": lambda p: f"{p.title} {p.vendor} {p.product_type} {' '.join(p.tags)}",
    "id": lambda p: p.id,
    "handle": lambda p: p.handle,
    "title": lambda p: p.title,
    "vendor": lambda p: p.vendor,
    "product_type": lambda p: p.product_type,
    "status": lambda p: p.status,
    "tag": lambda p: p.tags,
    "created_at": lambda p: p.created_at,
    "updated_at": lambda p: p.updated_at,
    "published_status": lambda p: "published" if p.status == "active" else "unpublished",
    "inventory_total": _stock,
    "sku": lambda p: [v.sku for v in p.variants],
}
# Variants are searched together with their product: (product, variant).
VARIANT_SEARCH: dict[str, Getter] = {
    "default": lambda pv: f"{pv[0].title} {pv[1].title}",
    "id": lambda pv: pv[1].id,
    "product_id": lambda pv: pv[0].id,
    "sku": lambda pv: pv[1].sku,
    "title": lambda pv: pv[1].title,
    "inventory_quantity": lambda pv: pv[1].n_available or 0,
    "product_status": lambda pv: pv[0].status,
    "product_type": lambda pv: pv[0].product_type,
    "vendor": lambda pv: pv[0].vendor,
    "updated_at": lambda pv: pv[0].updated_at,
}


def _may_sell(variant: Variant, product: Product) -> bool:
    return product.status == "active" and (variant.n_available is None or variant.n_available > 0)


def image(caller: Caller, product: Product) -> dict[str, Any] | None:
    url = caller.store.picture_url(product)
    if url is None:
        return None
    return {
        "id": gid("ProductImage", product.id),
        "url": url,
        "altText": product.title,
        "width": 600,
        "height": 600,
    }


def _media(caller: Caller, product: Product) -> dict[str, Any] | None:
    picture = image(caller, product)
    if picture is None:
        return None
    return {
        "__typename": "MediaImage",
        "id": gid("MediaImage", product.id),
        "alt": product.title,
        "image": picture,
        "mediaContentType": "IMAGE",
        "status": "READY",
        "preview": {"image": picture, "status": "READY"},
    }


def _only(value: Any) -> Listing:
    return Listing([value] if value is not None else [])


def _price_range(caller: Caller, product: Product) -> dict[str, Any]:
    prices = [v.price for v in product.variants]
    return {
        "minVariantPrice": money(caller, min(prices, default=0)),
        "maxVariantPrice": money(caller, max(prices, default=0)),
    }


def _compare_at_range(caller: Caller, product: Product) -> dict[str, Any] | None:
    prices = [v.compare_at_price for v in product.variants if v.compare_at_price is not None]
    if not prices:
        return None
    return {
        "minVariantCompareAtPrice": money(caller, min(prices)),
        "maxVariantCompareAtPrice": money(caller, max(prices)),
    }


def _plain(description: str, limit: int | None) -> str:
    text = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", description))).strip()
    return text if limit is None or len(text) <= limit else f"{text[: max(0, limit - 3)]}..."


def _option(product: Product) -> dict[str, Any]:
    return {
        "__typename": "ProductOption",
        "id": gid("ProductOption", product.id),
        "name": product.option_name,
        "position": 1,
        "values": [v.title for v in product.variants],
    }


def _page_url(caller: Caller, product: Product) -> str | None:
    return caller.store.product_url(product) if product.status == "active" else None


register(
    "Product",
    {
        "id": lambda c, p, a: gid("Product", p.id),
        "legacyResourceId": lambda c, p, a: str(p.id),
        "title": lambda c, p, a: p.title,
        "handle": lambda c, p, a: p.handle,
        "vendor": lambda c, p, a: p.vendor,
        "productType": lambda c, p, a: p.product_type,
        "status": lambda c, p, a: p.status.upper(),
        "tags": lambda c, p, a: sorted(p.tags),
        "description": lambda c, p, a: _plain(p.description, a.get("truncateAt")),
        "descriptionHtml": lambda c, p, a: p.description,
        "createdAt": lambda c, p, a: utc(p.created_at),
        "updatedAt": lambda c, p, a: utc(p.updated_at),
        "publishedAt": lambda c, p, a: utc(p.created_at) if p.status == "active" else None,
        "featuredImage": lambda c, p, a: image(c, p),
        "featuredMedia": lambda c, p, a: _media(c, p),
        "images": lambda c, p, a: _only(image(c, p)),
        "media": lambda c, p, a: _only(_media(c, p)),
        "onlineStoreUrl": lambda c, p, a: _page_url(c, p),
        "onlineStorePreviewUrl": lambda c, p, a: c.store.product_url(p),
        "hasOnlyDefaultVariant": lambda c, p, a: [v.title for v in p.variants] == ["Default Title"],
        "hasOutOfStockVariants": lambda c, p, a: any(
            v.n_available is not None and v.n_available <= 0 for v in p.variants
        ),
        "isGiftCard": constant(False),
        "totalInventory": lambda c, p, a: _stock(p),
        "tracksInventory": lambda c, p, a: any(v.n_available is not None for v in p.variants),
        "priceRangeV2": lambda c, p, a: _price_range(c, p),
        "compareAtPriceRange": lambda c, p, a: _compare_at_range(c, p),
        "options": lambda c, p, a: [_option(p)][: a.get("first")],
        "seo": lambda c, p, a: {"title": None, "description": None},
        "variants": lambda c, p, a: Listing(p.variants),
        "variantsCount": lambda c, p, a: count(len(p.variants), None),
        "metafield": lambda c, p, a: metafield(c, owner_gid(p), a),
        "metafields": lambda c, p, a: Listing(metafields_of(c, owner_gid(p), a)),
        "templateSuffix": constant(None),
        "requiresSellingPlan": constant(False),
    },
)


def _with_product(answer: Any) -> Resolver:
    """A variant's field that needs its product too."""
    return lambda c, v, a: answer(c, v, c.store.variant(v.id)[0])


def _full_name(product: Product, variant: Variant) -> str:
    return product.title if variant.title == "Default Title" else f"{product.title} - {variant.title}"


def _compare_at(caller: Caller, variant: Variant) -> str | None:
    before = variant.compare_at_price
    return None if before is None else plain_money(caller, before)


def _inventory_item(variant: Variant, product: Product) -> dict[str, Any]:
    return {
        "__typename": "InventoryItem",
        "id": gid("InventoryItem", variant.id),
        "legacyResourceId": str(variant.id),
        "sku": variant.sku or None,
        "tracked": variant.n_available is not None,
        "requiresShipping": True,
        "createdAt": utc(product.created_at),
        "updatedAt": utc(product.updated_at),
    }


register(
    "ProductVariant",
    {
        "id": lambda c, v, a: gid("ProductVariant", v.id),
        "legacyResourceId": lambda c, v, a: str(v.id),
        "title": lambda c, v, a: v.title,
        "displayName": _with_product(lambda c, v, p: _full_name(p, v)),
        "sku": lambda c, v, a: v.sku or None,
        "barcode": constant(None),
        "price": lambda c, v, a: plain_money(c, v.price),
        "compareAtPrice": lambda c, v, a: _compare_at(c, v),
        "position": _with_product(lambda c, v, p: p.variants.index(v) + 1),
        "availableForSale": _with_product(lambda c, v, p: _may_sell(v, p)),
        "inventoryQuantity": lambda c, v, a: v.n_available or 0,
        "sellableOnlineQuantity": lambda c, v, a: max(0, v.n_available or 0),
        "inventoryPolicy": constant("DENY"),
        "inventoryItem": _with_product(lambda c, v, p: _inventory_item(v, p)),
        "selectedOptions": _with_product(lambda c, v, p: [{"name": p.option_name, "value": v.title}]),
        "image": _with_product(lambda c, v, p: image(c, p)),
        "product": _with_product(lambda c, v, p: p),
        "createdAt": _with_product(lambda c, v, p: utc(p.created_at)),
        "updatedAt": _with_product(lambda c, v, p: utc(p.updated_at)),
        "taxable": constant(True),
        "metafield": lambda c, v, a: metafield(c, owner_gid(v), a),
    },
)
