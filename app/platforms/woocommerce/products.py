"""Turns the products of WooCommerce's REST API and webhooks into our own words; pure, like the other `readings`."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from app.domain.catalog import Product, Variant
from app.platforms.fields import Body
from app.platforms.woocommerce.readings import Fields, gmt, need_gmt, plain


def product_of(body: Body, store_url: str, currency: str, variations: Iterable[Fields] = ()) -> Product:
    """Read a product; of one with variations the parent says no more than their ids, so they come beside it."""
    number, kind = body.need_id("id"), body.text("type") or "simple"
    categories, brands = _names(body, "categories"), _names(body, "brands")
    if kind in ("variable", "variable-subscription"):
        variants = tuple(_variation(Body(each, f"{number}.variations"), currency) for each in variations)
    else:
        variants = _only_variant(body, number, currency)
    return Product(
        platform_product_id=number,
        handle=body.text("slug") or number,
        title=plain(body.text("name")) or number,
        path=_path(body.text("permalink"), store_url) or f"/?p={number}",
        vendor=next(iter(brands), ""),
        category=next(iter(categories), ""),
        tags=tuple(dict.fromkeys((*_names(body, "tags"), *categories[1:]))),
        image_url=_image(body),
        is_published=is_shown(body),
        source_updated_at=gmt(body, "date_modified_gmt") or need_gmt(body, "date_created_gmt"),
        variants=tuple(sorted((each for each in variants if each), key=lambda each: each.position)),
    )


def is_shown(body: Body) -> bool:
    """Whether shoppers come across it: published, without a password, and not hidden from the catalogue."""
    return (
        body.text("status") == "publish"
        and (body.text("catalog_visibility") or "visible") in ("visible", "catalog")
        and not body.text("post_password")
    )


def _only_variant(body: Body, number: str, currency: str) -> tuple[Variant, ...]:
    """A simple product is its own variant, under its own id; one without a price can't be bought."""
    if not body.text("price") or body.text("type") in ("grouped", "external"):
        return ()
    return (_variant(body, number, "", currency),)


def _variation(body: Body, currency: str) -> Variant | None:
    if not body.text("price") or body.text("status") not in (None, "publish"):
        return None
    options = [plain(each.text("option")) for each in body.children("attributes") if each.text("option")]
    return _variant(body, body.need_id("id"), " / ".join(options), currency)


def _variant(body: Body, number: str, title: str, currency: str) -> Variant:
    price = body.need_money("price", currency)
    regular = body.need_money("regular_price", currency) if body.text("regular_price") else None
    is_sellable = body.fields.get("purchasable") is not False
    return Variant(
        platform_variant_id=number,
        title=title,
        sku=body.text("sku") or "",
        price=price,
        compare_at_price=(
            regular if regular and body.flag("on_sale") and regular.amount > price.amount else None
        ),
        n_available=body.whole("stock_quantity") if body.flag("manage_stock") else None,
        is_available=is_sellable and body.text("stock_status") in ("instock", "onbackorder"),
        position=body.whole("menu_order") or 0,
    )


def _names(body: Body, name: str) -> list[str]:
    if not isinstance(body.fields.get(name), list):
        return []
    return [found for each in body.children(name) if (found := plain(each.text("name")))]


def _image(body: Body) -> str | None:
    """The thumbnail: `src` is the picture as it was uploaded, of any size."""
    images = body.fields.get("images") or body.fields.get("image")
    first = images[0] if isinstance(images, list) and images else images
    image = Body(first if isinstance(first, dict) else {})
    return image.url("thumbnail") or image.url("src")


def _path(permalink: str | None, store_url: str) -> str | None:
    """The product's page below the shop's address, whatever scheme or `www.` the shop writes."""
    try:
        parts, folder = urlsplit(permalink or ""), urlsplit(store_url).path.rstrip("/")
    except ValueError:
        return None
    path = parts.path.removeprefix(folder) if parts.path.startswith(f"{folder}/") else parts.path
    if not path.startswith("/") or not path.isprintable():
        return None
    return f"{path}{'?' + parts.query if parts.query else ''}"
