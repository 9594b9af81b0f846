"""The storefront's cart: Shopify's Ajax API, the forms beside it, permalinks and discount links."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from flask import Blueprint, jsonify, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.demo.live import Cart, CartLine, DemoStoreError, NotFoundError, OutOfStockError
from app.demo.store import DemoStore
from app.demo.storefront_view import cart_json, line_json
from app.demo.world import Product, Variant

# Shopify keeps a cart's cookie for two weeks.
CART_COOKIE, CART_COOKIE_SECONDS = "cart", 14 * 86400
DISCOUNT_COOKIE = "discount_code"

# "12345:2,67890:1" of a permalink; variant ids are digits, and nobody orders a million.
PERMALINK = re.compile(r"\d{1,20}:\d{1,5}(,\d{1,20}:\d{1,5})*")


def cart_token() -> str | None:
    """The visitor's cart token, as the cookie has it."""
    return request.cookies.get(CART_COOKIE)


def visitors_cart(store: DemoStore) -> Cart | None:
    return store.cart(cart_token())


def keep_cart(response: Response, cart: Cart) -> Response:
    response.set_cookie(
        CART_COOKIE, cart.full_token, max_age=CART_COOKIE_SECONDS, httponly=True, samesite="Lax"
    )
    return response


def keep_code(response: Response, code: str) -> Response:
    if code:
        response.set_cookie(DISCOUNT_COOKIE, code, httponly=True, samesite="Lax")
    return response


def local_path(asked: str | None, otherwise: str) -> str:
    """A path on this storefront: nobody is sent elsewhere by a link that looks like ours."""
    is_ours = bool(asked) and asked is not None and re.match(r"/(?![/\\])", asked) is not None
    return asked if is_ours and asked is not None else otherwise


class _Asked:
    """What a request asks for, from JSON or from a form with `properties[name]` fields."""

    def __init__(self) -> None:
        told = request.get_json(silent=True) if request.is_json else None
        self.told: Mapping[str, Any] = told if isinstance(told, dict) else _unflattened(request.values)

    def number(self, name: str, otherwise: int = 1) -> int:
        try:
            return int(str(self.told.get(name, otherwise)))
        except ValueError:
            return otherwise


def _unflattened(form: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in form.items():
        outer, _, inner = name.partition("[")
        if inner:
            found.setdefault(outer, {})[inner.rstrip("]")] = value
        else:
            found[name] = value
    return found


def _cart_error(status: int, description: str) -> ResponseReturnValue:
    return jsonify(status=status, message="Cart Error", description=description), status


def _variant_id(told: Mapping[str, Any]) -> int:
    """Line items name their variant as a number, as text, or as `id:secret` keys."""
    text = str(told.get("id", "")).partition(":")[0]
    if not text.isdigit():
        raise NotFoundError("Cannot find variant")
    return int(text)


def add_routes(shop: Blueprint, store: DemoStore) -> None:
    _add_reading(shop, store)
    _add_adding(shop, store)
    _add_changing(shop, store)
    _add_links(shop, store)


def _add_reading(shop: Blueprint, store: DemoStore) -> None:
    @shop.get("/cart.js")
    @shop.get("/cart.json")
    def show_cart_json() -> ResponseReturnValue:
        return _not_kept(jsonify(cart_json(store, visitors_cart(store))))


def _not_kept(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


@dataclass(frozen=True, slots=True)
class _Wanted:
    variant_id: int
    quantity: int
    properties: dict[str, str]


def _wanted(told: object) -> _Wanted:
    """One entry of an add; raises NotFoundError or ValueError where it makes no sense."""
    if not isinstance(told, Mapping):
        raise NotFoundError("Cannot find variant")
    properties = told.get("properties")
    kept = {str(k): str(v) for k, v in properties.items()} if isinstance(properties, dict) else {}
    return _Wanted(_variant_id(told), max(1, int(str(told.get("quantity") or 1))), kept)


def _require_room(store: DemoStore, cart: Cart | None, wanted: list[_Wanted]) -> None:
    """Shopify adds all items of a request or none, so stock is asked before the first goes in."""
    n_wanted: Counter[int] = Counter()
    for line in cart.lines if cart else ():
        n_wanted[line.variant_id] += line.quantity
    for each in wanted:
        n_wanted[each.variant_id] += each.quantity
        product, variant = store.variant(each.variant_id)
        if variant.n_available is not None and n_wanted[each.variant_id] > variant.n_available:
            raise OutOfStockError(_refusal(product, variant))


def _refusal(product: Product, variant: Variant) -> str:
    left = max(0, variant.n_available or 0)
    if left == 0:
        return f"The product '{product.title}' is already sold out."
    return f"You can only add {left} {product.title} to the cart."


def _add_adding(shop: Blueprint, store: DemoStore) -> None:
    def add(wanted: list[_Wanted]) -> tuple[Cart, list[CartLine]]:
        with store.lock:
            cart = visitors_cart(store)
            _require_room(store, cart, wanted)
            lines = []
            for each in wanted:
                token = cart.token if cart else None
                cart = store.add_to_cart(token, each.variant_id, each.quantity, each.properties)
                of_variant = (line for line in cart.lines if line.variant_id == each.variant_id)
                lines.append(next(line for line in of_variant if line.properties == each.properties))
            if cart is None:
                raise NotFoundError("Cannot find variant")
            return cart, lines

    @shop.post("/cart/add.js")
    @shop.post("/cart/add.json")
    def add_to_cart_json() -> ResponseReturnValue:
        asked = _Asked().told
        many = asked.get("items")
        try:
            wanted = [_wanted(each) for each in many] if isinstance(many, list) else [_wanted(asked)]
            cart, lines = add(wanted)
        except OutOfStockError as problem:
            return _cart_error(422, str(problem))
        except NotFoundError:
            return _cart_error(404, "Cannot find variant")
        except ValueError:
            return _cart_error(400, "Quantity must be a whole number")
        shown = [line_json(store, line) for line in lines]
        answer = jsonify(items=shown) if isinstance(many, list) else jsonify(shown[0])
        return keep_cart(_not_kept(answer), cart)

    @shop.post("/cart/add")
    def add_to_cart_form() -> ResponseReturnValue:
        try:
            cart, _ = add([_wanted(_Asked().told)])
        except (DemoStoreError, ValueError) as problem:
            back = local_path(request.form.get("return_to"), "/cart")
            return _told(redirect(back, 303), str(problem))
        return keep_cart(_told(redirect("/cart", 303), "Added to your cart."), cart)


def _told(response: Response, message: str) -> Response:
    """A sentence for the next page, which shows it once."""
    response.set_cookie("said", message.encode("utf-8").hex(), max_age=60, httponly=True, samesite="Lax")
    return response


def said() -> str:
    """What the last form had to say, if anything."""
    try:
        return bytes.fromhex(request.cookies.get("said", "")).decode("utf-8")
    except ValueError:
        return ""


def _change(store: DemoStore, asked: _Asked) -> Cart | None:
    """`line` counts from 1; `id` is a line's key or a variant."""
    cart = visitors_cart(store)
    told = asked.told
    key = str(told.get("id", ""))
    if "line" in told and cart is not None:
        place = asked.number("line", 0)
        key = cart.lines[place - 1].key if 1 <= place <= len(cart.lines) else ""
    return store.change_line(cart_token(), key, max(0, asked.number("quantity", 0)))


def _add_changing(shop: Blueprint, store: DemoStore) -> None:
    @shop.post("/cart/change.js")
    def change_cart_json() -> ResponseReturnValue:
        try:
            cart = _change(store, _Asked())
        except OutOfStockError as problem:
            return _cart_error(422, str(problem))
        except NotFoundError:
            return jsonify(status="bad_request", message="no valid id or line parameter", description=""), 400
        return _not_kept(jsonify(cart_json(store, cart)))

    @shop.post("/cart/change")
    def change_cart_form() -> ResponseReturnValue:
        try:
            _change(store, _Asked())
        except DemoStoreError as problem:
            return _told(redirect("/cart", 303), str(problem))
        return redirect("/cart", 303)

    @shop.post("/cart/update.js")
    def update_cart_json() -> ResponseReturnValue:
        told = _Asked().told
        try:
            cart = _update(store, told)
        except OutOfStockError as problem:
            return _cart_error(422, str(problem))
        except (NotFoundError, ValueError):
            return _cart_error(404, "Cannot find variant")
        return keep_cart(_not_kept(jsonify(cart_json(store, cart))), cart)

    @shop.post("/cart/clear.js")
    def clear_cart_json() -> ResponseReturnValue:
        return _not_kept(jsonify(cart_json(store, store.clear_cart(cart_token()))))


def _update(store: DemoStore, told: Mapping[str, Any]) -> Cart:
    """`updates` sets quantities by variant or key (or by place, as a list); note and attributes are merged."""
    note, attributes = told.get("note"), told.get("attributes")
    kept = attributes if isinstance(attributes, dict) else None
    cart = store.update_cart(cart_token(), None if note is None else str(note), kept)
    updates = told.get("updates") or {}
    if isinstance(updates, list):
        updates = {line.key: quantity for line, quantity in zip(cart.lines, updates, strict=False)}
    for key, quantity in updates.items():
        wanted = max(0, int(str(quantity)))
        if any(key in {line.key, str(line.variant_id)} for line in cart.lines):
            cart = store.change_line(cart.token, key, wanted)
        elif wanted:
            cart = store.add_to_cart(cart.token, _variant_id({"id": key}), wanted)
    return cart


def _add_links(shop: Blueprint, store: DemoStore) -> None:
    @shop.get("/cart/<path:lines>")
    def open_permalink(lines: str) -> ResponseReturnValue:
        """`/cart/{variant}:{qty},…` makes a new cart and goes on to the checkout, or to the cart if asked."""
        if not PERMALINK.fullmatch(lines):
            return redirect("/cart", 302)
        cart, refused = _filled(store, lines)
        if cart is None:
            return _told(redirect("/cart", 302), refused)
        attributes = _unflattened(request.args).get("attributes")
        if isinstance(attributes, dict):
            store.update_cart(cart.token, attributes=attributes)
        email = _unflattened(request.args).get("checkout", {})
        if request.args.get("storefront") == "true":
            answer = redirect("/cart", 302)
        else:
            checkout = store.start_checkout(cart.token)
            if isinstance(email, dict) and email.get("email"):
                store.update_checkout(checkout.token, email=str(email["email"]))
            with suppress(DemoStoreError):  # a code that can't be used leaves the price as it is
                store.apply_code(checkout.token, request.args.get("discount"))
            answer = redirect(f"/checkouts/cn/{checkout.token}", 302)
        if refused:
            _told(answer, refused)
        return keep_code(keep_cart(answer, cart), request.args.get("discount", ""))

    @shop.get("/discount/<path:code>")
    def keep_discount(code: str) -> ResponseReturnValue:
        return keep_code(redirect(local_path(request.args.get("redirect"), "/"), 302), unquote(code))


def _filled(store: DemoStore, lines: str) -> tuple[Cart | None, str]:
    """A fresh cart with what of the link's lines can still be bought, and a sentence on what can't."""
    cart, refused = None, ""
    for part in lines.split(","):
        variant_id, _, quantity = part.partition(":")
        try:
            cart = store.add_to_cart(cart.token if cart else None, int(variant_id), int(quantity))
        except (DemoStoreError, ValueError):
            refused = "Something in this link is no longer for sale."
    return cart, refused
