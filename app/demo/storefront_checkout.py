"""The storefront's checkout: contact and address, review, thank you, and the link that brings a cart back."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

from flask import Blueprint, abort, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue

from app.demo.live import Checkout, CodeRefusedError, DemoStoreError, NotFoundError
from app.demo.store import DemoStore
from app.demo.storefront_cart import (
    CART_COOKIE,
    DISCOUNT_COOKIE,
    cart_token,
    keep_cart,
    keep_code,
    visitors_cart,
)
from app.demo.storefront_view import checkout_event, shown_lines

# What a mail program would take; the demo sends mail to its own inbox only.
ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]{2,}")

LANDING_COOKIE = "_landing_page"

COUNTRIES = (
    "Cyprus",
    "Greece",
    "Germany",
    "France",
    "Ireland",
    "Italy",
    "Spain",
    "Türkiye",
    "United Kingdom",
)

FIELDS = ("first_name", "last_name", "address1", "city", "zip", "country")


@dataclass(slots=True)
class Delivery:
    """Where a checkout goes. Kept here only: no surface the app reads has it in the demo."""

    first_name: str = ""
    last_name: str = ""
    address1: str = ""
    city: str = ""
    zip: str = ""
    country: str = COUNTRIES[0]


class Desk:
    """The addresses typed so far, by checkout."""

    def __init__(self, store: DemoStore) -> None:
        self.store = store
        self._deliveries: dict[str, Delivery] = {}
        self._lock = threading.Lock()

    def delivery(self, checkout: Checkout) -> Delivery:
        with self._lock:
            return self._deliveries.setdefault(
                checkout.token, Delivery(checkout.first_name, checkout.last_name)
            )

    def checkout(self, token: str) -> Checkout:
        try:
            return self.store.checkout(token)
        except NotFoundError:
            abort(404)


def add_routes(shop: Blueprint, store: DemoStore) -> None:
    desk = Desk(store)
    _add_beginning(shop, store)
    _add_contact(shop, desk)
    _add_review(shop, desk)


def _add_beginning(shop: Blueprint, store: DemoStore) -> None:
    @shop.route("/checkout", methods=["GET", "POST"])
    def begin_checkout() -> ResponseReturnValue:
        cart = visitors_cart(store)
        if cart is None or not cart.lines:
            return redirect("/cart", 303)
        checkout = store.start_checkout(cart.token)
        _try_code(store, checkout, request.cookies.get(DISCOUNT_COOKIE, ""))
        return redirect(f"/checkouts/cn/{checkout.token}", 303)

    @shop.get("/<int:shop_id>/checkouts/ac/<token>/recover")
    def recover_checkout(shop_id: int, token: str) -> ResponseReturnValue:
        """Works in any browser: the link itself is the proof."""
        if shop_id != store.shop_id:
            abort(404)
        try:
            checkout = store.recover(token, request.args.get("key", ""))
        except NotFoundError:
            return render_template("storefront/link_expired.html"), 404
        if checkout.completed_at is not None:
            return render_template("storefront/already_bought.html")
        code = request.args.get("discount", "")
        _try_code(store, checkout, code)
        answer = keep_code(redirect(f"/checkouts/cn/{checkout.token}", 302), code)
        cart = store.cart(token)
        return keep_cart(answer, cart) if cart is not None else answer


def _try_code(store: DemoStore, checkout: Checkout, code: str) -> str:
    """Puts a code on an open checkout; what can't be used is told, not thrown."""
    if not code or (checkout.discount_code or "").casefold() == code.casefold():
        return ""
    try:
        store.apply_code(checkout.token, code)
    except DemoStoreError as problem:
        return str(problem)
    return ""


# The step at which a checkout has begun, or ended, by the names that web pixels know.
_HAPPENED = {"checkout_contact": "checkout_started", "thank_you": "checkout_completed"}


def _page(name: str, desk: Desk, checkout: Checkout, **more: object) -> str:
    lines, event = shown_lines(desk.store, checkout.lines), _HAPPENED.get(name)
    return render_template(
        f"storefront/{name}.html",
        checkout=checkout,
        delivery=desk.delivery(checkout),
        lines=lines,
        countries=COUNTRIES,
        happened=checkout_event(event, lines, checkout.email) if event else None,
        **more,
    )


def _add_contact(shop: Blueprint, desk: Desk) -> None:
    store = desk.store

    @shop.get("/checkouts/cn/<token>")
    def show_contact(token: str) -> ResponseReturnValue:
        checkout = desk.checkout(token)
        if checkout.completed_at is not None:
            return redirect(f"/checkouts/cn/{token}/thank_you", 303)
        cart = store.cart(checkout.cart_token)
        if cart is not None and cart.lines:
            checkout = store.start_checkout(cart.token)
        return _page("checkout_contact", desk, checkout, problems={})

    @shop.post("/checkouts/cn/<token>/contact.json")
    def note_contact(token: str) -> ResponseReturnValue:
        """The address and the tick are noted as soon as they are there, before anything is submitted."""
        checkout, email = desk.checkout(token), request.form.get("email", "").strip()
        if not ADDRESS.fullmatch(email):
            return jsonify(is_noted=False), 422
        told = request.form.get("accepts_marketing")
        wants = checkout.accepts_marketing if told is None else told == "1"
        is_new = (checkout.email, checkout.accepts_marketing) != (email, wants)
        if is_new and checkout.completed_at is None:
            store.update_checkout(token, email=email, accepts_marketing=wants)
        return jsonify(is_noted=True)

    @shop.post("/checkouts/cn/<token>")
    def receive_contact(token: str) -> ResponseReturnValue:
        checkout = desk.checkout(token)
        delivery = desk.delivery(checkout)
        for field in FIELDS:
            setattr(delivery, field, request.form.get(field, "").strip()[:200])
        email = request.form.get("email", "").strip()
        problems = _problems(email, delivery)
        try:
            store.update_checkout(
                token,
                email=email if "email" not in problems else None,
                accepts_marketing=request.form.get("accepts_marketing") == "1",
                first_name=delivery.first_name,
                last_name=delivery.last_name,
            )
        except DemoStoreError:
            return redirect(f"/checkouts/cn/{token}/thank_you", 303)
        if problems:
            return _page("checkout_contact", desk, checkout, problems=problems, typed_email=email), 422
        return redirect(f"/checkouts/cn/{token}/review", 303)


def _problems(email: str, delivery: Delivery) -> dict[str, str]:
    found = {} if ADDRESS.fullmatch(email) else {"email": "Enter a valid e-mail address"}
    asked = {"last_name": "a last name", "address1": "an address", "city": "a city", "zip": "a postal code"}
    return found | {name: f"Enter {what}" for name, what in asked.items() if not getattr(delivery, name)}


def _add_review(shop: Blueprint, desk: Desk) -> None:
    store = desk.store

    @shop.get("/checkouts/cn/<token>/review")
    def show_review(token: str) -> ResponseReturnValue:
        checkout = desk.checkout(token)
        if checkout.completed_at is not None:
            return redirect(f"/checkouts/cn/{token}/thank_you", 303)
        if checkout.email is None:
            return redirect(f"/checkouts/cn/{token}", 303)
        return _page("checkout_review", desk, checkout, refused="")

    @shop.post("/checkouts/cn/<token>/code")
    def receive_code(token: str) -> ResponseReturnValue:
        checkout = desk.checkout(token)
        code = request.form.get("code", "").strip()
        try:
            store.apply_code(token, code or None)
        except CodeRefusedError as refused:
            return _page("checkout_review", desk, checkout, refused=str(refused)), 422
        except DemoStoreError:
            return redirect(f"/checkouts/cn/{token}/thank_you", 303)
        return redirect(f"/checkouts/cn/{token}/review", 303)

    @shop.post("/checkouts/cn/<token>/pay")
    def receive_payment(token: str) -> ResponseReturnValue:
        checkout = desk.checkout(token)
        if checkout.completed_at is None:
            try:
                store.complete_checkout(token, request.cookies.get(LANDING_COOKIE) or None)
            except DemoStoreError as problem:
                return _page("checkout_review", desk, checkout, refused=str(problem)), 422
        answer = redirect(f"/checkouts/cn/{token}/thank_you", 303)
        answer.delete_cookie(DISCOUNT_COOKIE)
        if (cart_token() or "").partition("?")[0] == checkout.cart_token:
            answer.delete_cookie(CART_COOKIE)
        return answer

    @shop.get("/checkouts/cn/<token>/thank_you")
    def show_thank_you(token: str) -> ResponseReturnValue:
        checkout = desk.checkout(token)
        if checkout.completed_at is None or checkout.order_id is None:
            return redirect(f"/checkouts/cn/{token}", 303)
        return _page("thank_you", desk, checkout, order=store.world.orders.get(checkout.order_id))
