"""Owns the shop pages a shelf is put on, and the skeleton as the widget's README tells themes to print it."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from .servers import BUILT

MANIFEST = json.loads((BUILT / "manifest.json").read_text())

THEME = """
html { background: #fff; color: #222; font: 16px/1.5 "DejaVu Sans", sans-serif }
body { margin: 0 }
main, header { max-width: 1080px; margin: 0 auto; padding: 24px }
header { display: flex; justify-content: space-between; border-bottom: 1px solid #8884 }
.product { display: grid; grid-template-columns: 1fr 1fr; gap: 32px; margin-bottom: 48px }
.product img { width: 100%; height: auto }
@media (max-width: 600px) { .product { grid-template-columns: 1fr } main { padding: 16px } }
"""
DARK = "html { background: #16181d; color: #e8e6e3 }"
SHORT = ".product { height: 120px; overflow: hidden; margin-bottom: 16px }"

# The visitor said yes to Shopify's banner, and the theme has Shopify's routes.
CONSENTED = """
window.allowed = true
window.Shopify = { routes: { root: '/' },
  customerPrivacy: { analyticsProcessingAllowed: () => window.allowed } }
"""


def product(number: int, title: str = "", **changes: Any) -> dict[str, Any]:
    """A product of the list; by default a single variant at €12.90 that can be bought."""
    titles = [
        "Stoneware mug",
        "Serving bowl, hand-thrown in speckled clay",
        "Glass carafe",
        "Linen tea towel",
    ]
    return {
        "id": str(1000 + number),
        "title": title or titles[number % 4],
        "url": f"/products/p{number}",
        "image": f"/pictures/{number}.svg",
        "alt": None,
        "price": {"amount": 1290 + 200 * number},
        "compare_at": None,
        "price_varies": False,
        "variant_id": str(9000 + number),
        "is_available": True,
    } | changes


def answer(*products: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The JSON of a shelf; twelve products unless told otherwise, as the server over-fetches."""
    listed = list(products) or [product(number) for number in range(12)]
    return {
        "list_id": "m1.also_bought.7",
        "strategy": "also_bought",
        "heading": None,
        "currency": "EUR",
        "exponent": 2,
        "products": listed,
    } | changes


def shelf(api: str, *, skeleton: bool = True, **attributes: str) -> str:
    """The element, with or without its printed skeleton."""
    attributes = {
        "shop": "pk_ada",
        "api": api,
        "placement": "product",
        "product": "7",
        "heading": "Customers also bought",
        "limit": "4",
        "currency": "EUR",
        "locale": "en-IE",
        "cart": "/cart.js",
    } | {name.replace("_", "-"): value for name, value in attributes.items()}
    written = " ".join(f'{name}="{escape(value)}"' for name, value in attributes.items() if value)
    return f"<regulars-shelf {written}>{printed_skeleton(attributes) if skeleton else ''}</regulars-shelf>"


def printed_skeleton(attributes: dict[str, str]) -> str:
    heading, limit = escape(attributes["heading"]), int(attributes["limit"])
    layout = f"shelf {attributes.get('layout', 'grid')}"
    has_buttons = attributes.get("cart") and attributes.get("quick-add") != "off"
    button = f'<span class="button" part="button">{attributes.get("label-add", "Add to cart")}</span>'
    card = (
        '<li class="card" part="card"><span class="link" part="link"><span class="image" part="image"></span>'
        '<span class="title" part="title"></span></span><span class="price" part="price"></span>'
        f"{button if has_buttons else ''}</li>"
    )
    return f"""<template shadowrootmode="open">
      <style>{(BUILT / "skeleton.css").read_text()}</style>
      <section class="{layout}" part="{layout}" aria-label="{heading}" style="--n:{min(limit, 4)}">
        <div class="head" part="head">
          <slot name="heading"><h2 class="heading" part="heading">{heading}</h2></slot>
        </div>
        <ul class="list" part="list" role="list" aria-hidden="true">{card * limit}</ul>
      </section>
    </template>"""


def page(
    *shelves: str,
    css: str = "",
    script: str = "",
    direction: str = "ltr",
    language: str = "en",
    widget: str = "regulars",
) -> str:
    """A product page of an ordinary theme with the shelves between the product and the reviews."""
    between = "<hr>".join(shelves)
    # WordPress, which serves WooCommerce's build from its own disk, prints none.
    integrity = f'integrity="{MANIFEST["integrity"]}" crossorigin="anonymous"' if widget == "regulars" else ""
    return f"""<!doctype html><html lang="{language}" dir="{direction}"><head><meta charset="utf-8">
      <meta name="viewport" content="width=device-width"><title>Teapot</title><link rel="icon" href="data:,">
      <style>{THEME}{css}</style><script>{script}</script>
      <script async src="/static/widget/{MANIFEST[f"{widget}.js"]}" {integrity}></script>
      </head><body><header><a href="/">Ada's kitchen</a><a href="/cart">Cart</a></header><main>
      <div class="product"><img src="/hero.png" width="600" height="360" alt="A teapot"><div><h1>Teapot</h1>
      <p>Pours without a drip.</p><button type="button" id="buy">Buy</button></div></div>
      {between}<h2 id="reviews">Reviews</h2><p>Lovely.</p></main></body></html>"""
