"""The storefront's accounts: signing in as a demo customer, order history, and the marketing choice."""

from __future__ import annotations

import re
import secrets
import threading

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from app.demo.live import DemoStoreError
from app.demo.store import DemoStore
from app.demo.storefront_checkout import ADDRESS
from app.demo.storefront_view import shown_lines
from app.demo.world import Customer, Order

SESSION_COOKIE, SESSION_SECONDS = "_shop_session", 30 * 86400

# Fits a page without scrolling for ever on a phone.
N_CUSTOMERS_LISTED = 24


class Accounts:
    """Who is signed in. Sessions live as long as the demo."""

    def __init__(self, store: DemoStore) -> None:
        self.store = store
        self._customer_of: dict[str, int] = {}
        self._lock = threading.Lock()

    def customer(self) -> Customer | None:
        with self._lock:
            customer_id = self._customer_of.get(request.cookies.get(SESSION_COOKIE, ""), 0)
        return self.store.world.customers.get(customer_id)

    def begin(self, customer_id: int) -> str:
        session = secrets.token_urlsafe(24)
        with self._lock:
            self._customer_of[session] = customer_id
        return session

    def end(self) -> None:
        with self._lock:
            self._customer_of.pop(request.cookies.get(SESSION_COOKIE, ""), None)

    def orders(self, customer: Customer) -> list[Order]:
        """Newest first."""
        return self.store.orders_of(customer.id)[::-1]

    def to_choose_from(self, words: str) -> list[Customer]:
        """Those who bought most, or those whose name or address has the words."""
        wanted = words.casefold().split()
        people = [c for c in list(self.store.world.customers.values()) if c.email and _matches(c, wanted)]
        return sorted(people, key=lambda c: (-c.n_orders, c.id))[:N_CUSTOMERS_LISTED]


def _matches(customer: Customer, wanted: list[str]) -> bool:
    text = f"{customer.first_name} {customer.last_name} {customer.email}".casefold()
    return all(word in text for word in wanted)


def add_routes(shop: Blueprint, accounts: Accounts) -> None:
    _add_signing_in(shop, accounts)
    _add_account(shop, accounts)
    _add_newsletter(shop, accounts.store)


def _add_signing_in(shop: Blueprint, accounts: Accounts) -> None:
    @shop.get("/account/login")
    def show_login() -> ResponseReturnValue:
        words = request.args.get("q", "")
        return render_template("storefront/login.html", words=words, people=accounts.to_choose_from(words))

    @shop.post("/account/login")
    def receive_login() -> ResponseReturnValue:
        chosen = request.form.get("customer_id", "")
        known = accounts.store.world.customers.get(int(chosen) if chosen.isdigit() else 0)
        if known is None:
            return redirect("/account/login", 303)
        answer = redirect("/account", 303)
        session = accounts.begin(known.id)
        answer.set_cookie(SESSION_COOKIE, session, max_age=SESSION_SECONDS, httponly=True, samesite="Lax")
        return answer

    @shop.post("/account/logout")
    def receive_logout() -> ResponseReturnValue:
        accounts.end()
        answer = redirect("/", 303)
        answer.delete_cookie(SESSION_COOKIE)
        return answer


def _add_account(shop: Blueprint, accounts: Accounts) -> None:
    @shop.get("/account")
    def show_account() -> ResponseReturnValue:
        customer = accounts.customer()
        if customer is None:
            return redirect("/account/login", 303)
        store = accounts.store
        orders = [(order, shown_lines(store, order.lines)) for order in accounts.orders(customer)]
        return render_template("storefront/account.html", customer=customer, orders=orders)

    @shop.post("/account/marketing")
    def receive_marketing() -> ResponseReturnValue:
        customer = accounts.customer()
        if customer is None:
            return redirect("/account/login", 303)
        wants = request.form.get("accepts_marketing") == "1"
        # Only somebody who had said yes can take it back.
        if wants or customer.marketing_state in {"subscribed", "pending"}:
            accounts.store.set_marketing_state(customer.id, "subscribed" if wants else "unsubscribed")
        return redirect("/account", 303)


def _add_newsletter(shop: Blueprint, store: DemoStore) -> None:
    @shop.post("/contact")
    def receive_newsletter() -> ResponseReturnValue:
        """The footer's form; as on Shopify it makes a subscribed customer."""
        email = request.form.get("email", "").strip()
        is_good = ADDRESS.fullmatch(email) is not None and re.search(r"\s", email) is None
        if is_good:
            try:
                store.create_customer(email, "", "", subscribe=True)
            except DemoStoreError:
                is_good = False
        return render_template("storefront/newsletter.html", is_good=is_good), 200 if is_good else 422
