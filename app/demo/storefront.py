"""The demo shop's storefront: its pages, pictures and theme, and what an installed app prints into them."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue

from app.demo import (
    storefront_account,
    storefront_cart,
    storefront_checkout,
    storefront_recommendations,
    storefront_view,
)
from app.demo.embed import AppEmbed, built_widget
from app.demo.pictures import png, svg_for_title
from app.demo.store import DemoStore
from app.demo.storefront_checkout import LANDING_COOKIE
from app.demo.storefront_view import SORTS, Shopfront, is_built_in
from app.demo.world import Product

N_PER_PAGE = 24

# Sizes pictures are drawn in (pixels); an asked `width` is rounded up to one, so that few are drawn and kept.
PNG_WIDTHS = (120, 240, 360, 480, 640, 800)

# A picture's address carries a version, so it may be kept for a year (seconds), as Shopify's CDN says.
PICTURE_SECONDS = 31_536_000

# Parts of an address that say a new visit began: it came from an advertisement or a mail.
CAMPAIGN_MARKS = frozenset({"utm_source", "utm_campaign", "utm_medium", "ref", "gclid", "fbclid"})

Embedding = Callable[[], AppEmbed | None]
# What the web pixel manager is to run on every page: settings and purposes; None: nothing.
Pixel = Callable[[], dict[str, Any] | None]
Context = Callable[[], dict[str, Any]]


def storefront_blueprint(
    store: DemoStore, app_embed: Embedding = lambda: None, pixel: Pixel = lambda: None
) -> Blueprint:
    """Everything a shopper sees. `app_embed` and `pixel` are asked on every page; None means that there is none."""
    shop = Blueprint(
        "storefront", __name__, template_folder="templates", static_folder="static", static_url_path="/assets"
    )
    front, accounts = Shopfront(store), storefront_account.Accounts(store)
    everywhere = _context(store, front, accounts, app_embed, pixel)
    shop.context_processor(everywhere)
    shop.after_request(_note_visit)
    _add_pages(shop, front)
    _add_not_found(shop, everywhere)
    _add_products(shop, store, front)
    storefront_recommendations.add_routes(shop, store)
    _add_pictures(shop, store)
    storefront_cart.add_routes(shop, store)
    _add_cart_page(shop, store, front)
    storefront_checkout.add_routes(shop, store)
    storefront_account.add_routes(shop, accounts)
    return shop


def _context(
    store: DemoStore,
    front: Shopfront,
    accounts: storefront_account.Accounts,
    app_embed: Embedding,
    pixel: Pixel,
) -> Context:
    """What every page shows: menu, cart count, who is signed in, what the app prints."""
    world = store.world
    zone = ZoneInfo(world.timezone)

    def everywhere() -> dict[str, Any]:
        cart = storefront_cart.visitors_cart(store)
        return {
            "shop": world,
            "view": storefront_view,
            "money": lambda minor: storefront_view.money(minor, world.currency),
            "money_format": storefront_view.money_format(world.currency),
            "picture": storefront_view.picture_path,
            "menu": front.collections()[:12],
            "n_in_cart": sum(line.quantity for line in cart.lines) if cart else 0,
            "signed_in": accounts.customer(),
            "embed": app_embed(),
            "pixel": pixel(),
            "widget": built_widget(),
            "day": lambda at: _day(at, zone),
            "now": store.now(),
            "is_built_in": is_built_in(world),
            "said": storefront_cart.said(),
        }

    return everywhere


def _note_visit(response: Response) -> Response:
    """Remembers a visit's first page; and what was said once is not said twice."""
    if response.mimetype != "text/html" or request.method != "GET":
        return response
    if "said" in request.cookies and response.status_code == 200:
        response.delete_cookie("said")
    if _begins_visit():
        response.set_cookie(
            LANDING_COOKIE, request.full_path.rstrip("?")[:500], httponly=True, samesite="Lax"
        )
    return response


def _day(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local.day} {local:%B %Y}"


def _begins_visit() -> bool:
    marks = CAMPAIGN_MARKS & parse_qs(request.query_string.decode("ascii", "ignore")).keys()
    return bool(marks) or LANDING_COOKIE not in request.cookies


def _add_pages(shop: Blueprint, front: Shopfront) -> None:
    @shop.get("/")
    def show_home() -> ResponseReturnValue:
        best = [p for p in front.listed() if storefront_view.is_buyable(p)]
        return render_template(
            "storefront/home.html",
            collections=front.collections(),
            best=best[:8],
            newest=front.newest(4),
            hero=front.across(4),
        )

    @shop.get("/collections")
    def show_collections() -> ResponseReturnValue:
        return render_template("storefront/collections.html", collections=front.collections())

    @shop.get("/collections/<handle>")
    def show_collection(handle: str) -> ResponseReturnValue:
        collection = front.collection(handle)
        if collection is None:
            abort(404)
        how = request.args.get("sort_by", "best-selling")
        products = storefront_view.sort_products(collection.products, how)
        in_stock = request.args.get("in_stock") == "1"
        if in_stock:
            products = [p for p in products if storefront_view.is_buyable(p)]
        shown = _page_of(products)
        return render_template(
            "storefront/collection.html",
            collection=collection,
            sorts=SORTS,
            how=how,
            in_stock=in_stock,
            **shown,
        )

    @shop.get("/search")
    def show_search() -> ResponseReturnValue:
        words = request.args.get("q", "").strip()[:100]
        return render_template("storefront/search.html", words=words, **_page_of(front.search(words)))

    @shop.get("/pages/<name>")
    def show_words(name: str) -> ResponseReturnValue:
        if name not in {"about", "delivery", "privacy"}:
            abort(404)
        return render_template(f"storefront/{name}.html")


def _add_not_found(shop: Blueprint, everywhere: Context) -> None:
    @shop.app_errorhandler(404)
    def show_not_found(_problem: Exception) -> ResponseReturnValue:
        """Also for addresses that belong to no blueprint, which is why it brings its own context."""
        if request.path.startswith("/admin") or request.accept_mimetypes.best == "application/json":
            return jsonify(errors="Not Found"), 404
        return render_template("storefront/not_found.html", **everywhere()), 404


def _page_of(products: list[Product]) -> dict[str, Any]:
    n_pages = max(1, math.ceil(len(products) / N_PER_PAGE))
    asked = request.args.get("page", "1")
    page = min(n_pages, max(1, int(asked))) if asked.isdigit() and len(asked) < 6 else 1
    shown = products[(page - 1) * N_PER_PAGE : page * N_PER_PAGE]
    return {"products": shown, "n_products": len(products), "page": page, "n_pages": n_pages}


def _add_products(shop: Blueprint, store: DemoStore, front: Shopfront) -> None:
    def visible(handle: str) -> Product:
        product = store.product_by_handle(handle)
        if product is None or product.status != "active":
            abort(404)
        return product

    @shop.get("/products/<handle>.js")
    def show_product_json(handle: str) -> ResponseReturnValue:
        product = store.product_by_handle(handle)
        if product is None or product.status != "active":
            return jsonify(status=404, message="Not Found", description="Not Found"), 404
        return jsonify(storefront_view.product_json(store, product))

    @shop.get("/products/<handle>")
    def show_product(handle: str) -> ResponseReturnValue:
        product = visible(handle)
        asked = request.args.get("variant", "")
        chosen = next(
            (v for v in product.variants if str(v.id) == asked), storefront_view.first_choice(product)
        )
        collection = next((c for c in front.collections() if product in c.products), None)
        others = [p for p in collection.products if p is not product][:4] if collection else []
        return render_template(
            "storefront/product.html",
            product=product,
            chosen=chosen,
            collection=collection,
            others=others,
            happened=storefront_view.product_viewed(product, chosen),
        )

    @shop.get("/collections/<collection>/products/<handle>")
    def show_product_within(collection: str, handle: str) -> ResponseReturnValue:
        visible(handle)
        return redirect(f"/products/{handle}", 301)


def _add_pictures(shop: Blueprint, store: DemoStore) -> None:
    @shop.get("/cdn/shop/files/<name>.<any(svg, png):kind>")
    @shop.get("/cdn/products/<name>.<any(svg, png):kind>")
    def show_picture(name: str, kind: str) -> ResponseReturnValue:
        product = store.product_by_handle(name)
        if product is None:
            abort(404)
        svg = product.picture_svg or svg_for_title(product.title)
        if kind == "svg":
            return _kept_long(Response(svg, mimetype="image/svg+xml"))
        return _kept_long(Response(png(svg, _width()), mimetype="image/png"))


def _width() -> int:
    asked = request.args.get("width", "480")
    wanted = int(asked) if asked.isdigit() and len(asked) < 6 else 480
    return next((width for width in PNG_WIDTHS if width >= wanted), PNG_WIDTHS[-1])


def _kept_long(response: Response) -> Response:
    response.headers["Cache-Control"] = f"public, max-age={PICTURE_SECONDS}, immutable"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _add_cart_page(shop: Blueprint, store: DemoStore, front: Shopfront) -> None:
    @shop.get("/cart")
    def show_cart() -> ResponseReturnValue:
        cart = storefront_cart.visitors_cart(store)
        lines = storefront_view.shown_lines(store, cart.lines) if cart else []
        popular = [p for p in front.listed() if storefront_view.is_buyable(p)][:4]
        return render_template("storefront/cart.html", cart=cart, lines=lines, popular=popular)

    @shop.post("/cart")
    def receive_cart() -> ResponseReturnValue:
        """The cart form's other fields: a note, then on to the checkout."""
        note = request.form.get("note")
        if note is not None and storefront_cart.visitors_cart(store) is not None:
            store.update_cart(storefront_cart.cart_token(), note=note[:1000])
        return redirect("/checkout" if "checkout" in request.form else "/cart", 303)
