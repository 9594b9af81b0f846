"""What the storefront's pages and its Ajax API show of products and carts. Pure reading: it changes nothing."""

from __future__ import annotations

import html
import math
import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from app.demo.amounts import amount, exponent
from app.demo.catalogue import Shelf, handle_of, shelves, shop_domain
from app.demo.live import Cart, CartLine
from app.demo.store import DemoStore
from app.demo.world import Product, Variant, World

SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$", "JPY": "¥", "TRY": "₺", "CHF": "CHF ", "SEK": "SEK "}

# Side of the drawn pictures as the Ajax API tells it (pixels); PNGs are made in any asked size up to it.
PICTURE_PIXELS = 800

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Collection:
    handle: str
    title: str
    blurb: str
    products: tuple[Product, ...]


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line of a cart, checkout or order, with what a page says about it."""

    key: str
    product: Product
    variant: Variant
    quantity: int
    price: int

    @property
    def total(self) -> int:
        return self.price * self.quantity

    @property
    def variant_title(self) -> str | None:
        return None if self.variant.title == "Default Title" else self.variant.title


def money_format(currency: str) -> str:
    """Shopify's `shop.money_format`."""
    name = "amount_no_decimals" if exponent(currency) == 0 else "amount"
    return f"{SYMBOLS.get(currency, currency + ' ')}{{{{{name}}}}}"


def money(minor: int, currency: str) -> str:
    """1299 EUR is "€12.99"; thousands are set apart: "€1,299.00"."""
    whole, dot, cents = amount(minor, currency).partition(".")
    return f"{SYMBOLS.get(currency, currency + ' ')}{int(whole):,}{dot}{cents}"


def hundredths(minor: int, currency: str) -> int:
    """Liquid and the Ajax API count every currency in hundredths: ¥1,999 is 199900."""
    return minor * 100 // int(10 ** exponent(currency))


def is_available(variant: Variant) -> bool:
    return variant.n_available is None or variant.n_available > 0


def is_buyable(product: Product) -> bool:
    return product.status == "active" and any(is_available(variant) for variant in product.variants)


def first_choice(product: Product) -> Variant:
    """The variant a page selects: the first that is in stock."""
    return next((v for v in product.variants if is_available(v)), product.variants[0])


def text_of(product: Product) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", product.description)).strip()


def is_built_in(world: World) -> bool:
    """Whether the shop sells our own catalogue, for which the theme has words of its own."""
    return world.shop_domain == shop_domain()


def picture_path(product: Product) -> str:
    """The drawing as the theme shows it, sharp in every size; the API's picture_url is for apps and mails."""
    return f"/cdn/shop/files/{quote(product.handle)}.svg?v={int(product.created_at.timestamp())}"


def shown_lines(store: DemoStore, lines: Iterable[Any]) -> list[ShownLine]:
    """Lines whose product the shop still has; a deleted product is not shown."""
    found = []
    for line in lines:
        product = store.world.products.get(line.product_id)
        variant = next((v for v in product.variants if v.id == line.variant_id), None) if product else None
        if product is not None and variant is not None:
            key = getattr(line, "key", str(line.variant_id))
            found.append(ShownLine(key, product, variant, line.quantity, line.price))
    return found


class Shopfront:
    """The shop as its visitors find it: collections, what is popular, and search.

    Lists are made anew after `seconds_kept` at the latest: a page asks for them several times, and putting
    thousands of products in order each time would make it slow. A product's own page is never kept.
    """

    def __init__(self, store: DemoStore, seconds_kept: float = 1.0) -> None:
        self._store = store
        self._seconds_kept = seconds_kept
        self._n_bought = Counter(
            line.product_id for order in store.world.orders.values() for line in order.lines
        )
        self._kept: tuple[float, list[Product], list[Collection]] = (-math.inf, [], [])

    def listed(self) -> list[Product]:
        """What is for sale, most bought first, the sold out last."""
        return self._lists()[1]

    def collections(self) -> list[Collection]:
        """One per product type, in the catalogue's order where there is one; gift cards stand with the gifts."""
        return self._lists()[2]

    def _lists(self) -> tuple[float, list[Product], list[Collection]]:
        if time.monotonic() >= self._kept[0] + self._seconds_kept:
            products = [p for p in list(self._store.world.products.values()) if p.status == "active"]
            products.sort(key=lambda p: (not is_buyable(p), -self._n_bought[p.id], p.id))
            known = shelves() if is_built_in(self._store.world) else ()
            self._kept = (time.monotonic(), products, _by_type(products, known))
        return self._kept

    def collection(self, handle: str) -> Collection | None:
        if handle == "all":
            return Collection("all", "Everything", "All we have, best-loved first.", tuple(self.listed()))
        return next((c for c in self.collections() if c.handle == handle), None)

    def newest(self, n_products: int) -> list[Product]:
        products = [p for p in self.listed() if is_buyable(p)]
        return sorted(products, key=lambda p: p.created_at, reverse=True)[:n_products]

    def across(self, n_products: int) -> list[Product]:
        """The best loved of several collections, spread over the shop; of one collection, its first ones."""
        tops = [c.products[0] for c in self.collections()]
        if len(tops) < n_products:
            return self.listed()[:n_products]
        return [tops[place * len(tops) // n_products] for place in range(n_products)]

    def search(self, words: str) -> list[Product]:
        """Products with every word in title, vendor, type or tags; titles that begin with one come first."""
        wanted = words.casefold().split()
        if not wanted:
            return []
        found = [p for p in self.listed() if all(w in _searchable(p) for w in wanted)]
        return sorted(found, key=lambda p: not p.title.casefold().startswith(wanted[0]))


def _by_type(products: list[Product], shelves_known: tuple[Shelf, ...]) -> list[Collection]:
    of_type: dict[str, list[Product]] = {}
    for product in products:
        title = "Gifts" if product.product_type == "Gift Card" else product.product_type or "Everything else"
        of_type.setdefault(title, []).append(product)
    known = {shelf.title: shelf for shelf in shelves_known}
    titles = [title for title in known if title in of_type]
    titles += sorted(
        (title for title in of_type if title not in known), key=lambda title: -len(of_type[title])
    )
    return [_collection(title, of_type[title], known.get(title)) for title in titles]


def _collection(title: str, products: list[Product], shelf: Shelf | None) -> Collection:
    if shelf is not None:
        return Collection(shelf.handle, title, shelf.blurb, tuple(products))
    return Collection(handle_of(title) or "other", title, "", tuple(products))


def _searchable(product: Product) -> str:
    return " ".join((product.title, product.vendor, product.product_type, *product.tags)).casefold()


SORTS = {
    "best-selling": "Best selling",
    "price-ascending": "Price, low to high",
    "price-descending": "Price, high to low",
    "created-descending": "Newest",
    "title-ascending": "Alphabetically",
}


def sort_products(products: Sequence[Product], how: str) -> list[Product]:
    if how.startswith("price"):
        return sorted(products, key=lambda p: first_choice(p).price, reverse=how == "price-descending")
    if how == "created-descending":
        return sorted(products, key=lambda p: p.created_at, reverse=True)
    if how == "title-ascending":
        return sorted(products, key=lambda p: p.title.casefold())
    return list(products)


# -- the Ajax API ----------------------------------------------------------------------------------------


def product_viewed(product: Product, variant: Variant) -> Json:
    """The customer event of a product page, as web pixels are told it."""
    told = {"id": str(variant.id), "product": {"id": str(product.id), "title": product.title}}
    return {"name": "product_viewed", "data": {"productVariant": told}}


def checkout_event(name: str, lines: Sequence[ShownLine], email: str | None) -> Json:
    """A customer event of the checkout: Shopify tells pixels of the person too, whether they look or not."""
    items = [
        {
            "quantity": line.quantity,
            "variant": {"id": str(line.variant.id), "product": {"id": str(line.product.id)}},
        }
        for line in lines
    ]
    return {"name": name, "data": {"checkout": {"email": email, "lineItems": items}}}


def product_json(store: DemoStore, product: Product) -> Json:
    """`/products/{handle}.js`."""
    currency = store.world.currency
    prices = [hundredths(v.price, currency) for v in product.variants]
    compared = [
        hundredths(v.compare_at_price, currency) for v in product.variants if v.compare_at_price is not None
    ]
    picture = store.picture_url(product)
    return {
        "id": product.id,
        "title": product.title,
        "handle": product.handle,
        "description": product.description,
        "published_at": _moment(product.created_at),
        "created_at": _moment(product.created_at),
        "vendor": product.vendor,
        "type": product.product_type,
        "tags": list(product.tags),
        "price": min(prices),
        "price_min": min(prices),
        "price_max": max(prices),
        "available": is_buyable(product),
        "price_varies": min(prices) != max(prices),
        "compare_at_price": min(compared) if compared else None,
        "compare_at_price_min": min(compared, default=0),
        "compare_at_price_max": max(compared, default=0),
        "compare_at_price_varies": len(set(compared)) > 1,
        "variants": [_variant_json(store, product, variant) for variant in product.variants],
        "images": [picture] if picture else [],
        "featured_image": picture,
        "options": [
            {"name": product.option_name, "position": 1, "values": [v.title for v in product.variants]}
        ],
        "url": f"/products/{product.handle}",
        "media": [_media_json(product, picture)] if picture else [],
        "requires_selling_plan": False,
        "selling_plan_groups": [],
    }


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _media_json(product: Product, picture: str) -> Json:
    size = {"height": PICTURE_PIXELS, "width": PICTURE_PIXELS, "aspect_ratio": 1.0}
    preview = {**size, "src": picture}
    return {"alt": product.title, "id": product.id, "position": 1, "preview_image": preview, **size} | {
        "media_type": "image",
        "src": picture,
    }


def _variant_json(store: DemoStore, product: Product, variant: Variant) -> Json:
    currency = store.world.currency
    is_default = variant.title == "Default Title"
    compare_at = variant.compare_at_price
    return {
        "id": variant.id,
        "title": variant.title,
        "option1": variant.title,
        "option2": None,
        "option3": None,
        "sku": variant.sku,
        "requires_shipping": product.product_type != "Gift Card",
        "taxable": True,
        "featured_image": None,
        "available": product.status == "active" and is_available(variant),
        "name": product.title if is_default else f"{product.title} - {variant.title}",
        "public_title": None if is_default else variant.title,
        "options": [variant.title],
        "price": hundredths(variant.price, currency),
        "weight": 0,
        "compare_at_price": None if compare_at is None else hundredths(compare_at, currency),
        "inventory_management": None if variant.n_available is None else "shopify",
        "barcode": "",
        "requires_selling_plan": False,
        "selling_plan_allocations": [],
    }


def cart_json(store: DemoStore, cart: Cart | None) -> Json:
    """`/cart.js`. A visitor without a cart gets an empty one that is not kept."""
    lines = cart.lines if cart else []
    items = [each for each in (line_json(store, line) for line in lines) if each]
    total = sum(item["line_price"] for item in items)
    return {
        "token": cart.full_token if cart else "",
        "note": (cart.note if cart else None) or "",
        "attributes": dict(cart.attributes) if cart else {},
        "original_total_price": total,
        "total_price": total,
        "total_discount": 0,
        "total_weight": 0,
        "item_count": sum(item["quantity"] for item in items),
        "items": items,
        "requires_shipping": any(item["requires_shipping"] for item in items),
        "currency": store.world.currency,
        "items_subtotal_price": total,
        "cart_level_discount_applications": [],
        "discount_codes": [],
    }


def line_json(store: DemoStore, line: CartLine) -> Json | None:
    """One entry of `items`, and the answer of `/cart/add.js`; None when the shop has the product no more."""
    shown = next(iter(shown_lines(store, [line])), None)
    if shown is None:
        return None
    product, variant, currency = shown.product, shown.variant, store.world.currency
    price, line_price = hundredths(line.price, currency), hundredths(line.price * line.quantity, currency)
    return {
        "id": variant.id,
        "properties": dict(line.properties) or None,
        "quantity": line.quantity,
        "variant_id": variant.id,
        "key": line.key,
        "title": product.title + (f" - {shown.variant_title}" if shown.variant_title else ""),
        **dict.fromkeys(("price", "original_price", "discounted_price", "final_price"), price),
        **dict.fromkeys(("line_price", "original_line_price", "final_line_price"), line_price),
        "total_discount": 0,
        "discounts": [],
        "sku": variant.sku,
        "grams": 0,
        "vendor": product.vendor,
        "taxable": True,
        "product_id": product.id,
        "product_has_only_default_variant": shown.variant_title is None,
        "gift_card": product.product_type == "Gift Card",
        "url": f"/products/{product.handle}?variant={variant.id}",
        **_line_picture(store, product),
        "handle": product.handle,
        "requires_shipping": product.product_type != "Gift Card",
        "product_type": product.product_type,
        "product_title": product.title,
        "product_description": text_of(product),
        "variant_title": shown.variant_title,
        "variant_options": [variant.title],
        "options_with_values": [{"name": product.option_name, "value": variant.title}],
        "line_level_discount_allocations": [],
        "line_level_total_discount": 0,
        "quantity_rule": {"min": 1, "max": None, "increment": 1},
        "has_components": False,
    }


def _line_picture(store: DemoStore, product: Product) -> Json:
    picture = store.picture_url(product)
    if picture is None:
        return {"featured_image": None, "image": None}
    size = {"aspect_ratio": 1.0, "height": PICTURE_PIXELS, "width": PICTURE_PIXELS}
    return {"featured_image": {**size, "alt": product.title, "url": picture}, "image": picture}
