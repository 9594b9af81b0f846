"""The merchant's own pages in the demo admin: products, orders, customers, deliveries, faults. Calls the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app.demo.admin_frame import refuse_foreign_forms
from app.demo.amounts import amount, utc
from app.demo.live import DemoStoreError
from app.demo.shop import DemoShop
from app.demo.webhooks import Delivery, Faults

# Rows on one page; the search box finds the others.
N_ROWS = 50


def admin_pages_blueprint(shop: DemoShop) -> Blueprint:
    blueprint = Blueprint("demo_admin_pages", __name__)
    blueprint.before_request(refuse_foreign_forms)
    store = shop.store

    @blueprint.app_template_filter("demo_money")
    def money(minor: int) -> str:
        return f"{amount(minor, store.world.currency)} {store.world.currency}"

    @blueprint.app_template_filter("demo_time")
    def local_time(at: datetime, form: str) -> str:
        return at.astimezone(ZoneInfo(store.world.timezone)).strftime(form)

    @blueprint.get("/admin")
    def home() -> str:
        return render_template(
            "admin/home.html", shop=shop, now=store.now(), recent=_newest_orders(shop, "")[:5]
        )

    _add_products(blueprint, shop)
    _add_orders(blueprint, shop)
    _add_customers(blueprint, shop)
    _add_deliveries(blueprint, shop)
    return blueprint


def _add_products(blueprint: Blueprint, shop: DemoShop) -> None:
    @blueprint.get("/admin/products")
    def show_products() -> str:
        wanted = request.args.get("q", "").lower()
        found = [p for p in shop.store.world.products.values() if wanted in p.title.lower()]
        return render_template(
            "admin/products.html", shop=shop, products=found[:N_ROWS], n_found=len(found), q=wanted
        )

    @blueprint.post("/admin/products/<int:product_id>")
    def change_product(product_id: int) -> AnyResponse:
        form = request.form
        try:
            if form.get("status"):
                shop.store.update_product(product_id, status=form["status"])
            if form.get("stock", "").lstrip("-").isdigit():
                shop.store.set_stock(int(form["variant"]), int(form["stock"]))
        except DemoStoreError:
            abort(404)
        return redirect(f"/admin/products?q={request.args.get('q', '')}")


def _newest_orders(shop: DemoShop, wanted: str) -> list[Any]:
    with shop.store.lock:
        found = list(shop.store.world.orders.values())
    if wanted:
        found = [o for o in found if wanted in o.name.lower() or wanted in (o.email or "").lower()]
    return sorted(found, key=lambda o: (o.created_at, o.id), reverse=True)[:N_ROWS]


def _add_orders(blueprint: Blueprint, shop: DemoShop) -> None:
    @blueprint.get("/admin/orders")
    def show_orders() -> str:
        wanted = request.args.get("q", "").lower()
        return render_template("admin/orders.html", shop=shop, orders=_newest_orders(shop, wanted), q=wanted)

    @blueprint.post("/admin/orders/<int:order_id>/cancel")
    def cancel(order_id: int) -> AnyResponse:
        try:
            shop.store.cancel_order(order_id)
        except DemoStoreError:
            abort(404)
        return redirect("/admin/orders")


def _add_customers(blueprint: Blueprint, shop: DemoShop) -> None:
    @blueprint.get("/admin/customers")
    def show_customers() -> str:
        wanted = request.args.get("q", "").lower()
        with shop.store.lock:
            everybody = list(shop.store.world.customers.values())
        found = [c for c in everybody if wanted in f"{c.first_name} {c.last_name} {c.email or ''}".lower()]
        newest = sorted(found, key=lambda c: (c.updated_at, c.id), reverse=True)[:N_ROWS]
        return render_template(
            "admin/customers.html", shop=shop, customers=newest, n_found=len(found), q=wanted
        )

    @blueprint.post("/admin/customers/<int:customer_id>/<action>")
    def act(customer_id: int, action: str) -> AnyResponse:
        store = shop.store
        actions: dict[str, Callable[[], object]] = {
            "erase": lambda: store.request_erasure(customer_id),
            "request-data": lambda: store.request_data(customer_id),
            "subscribe": lambda: store.set_marketing_state(customer_id, "subscribed"),
            "unsubscribe": lambda: store.set_marketing_state(customer_id, "unsubscribed"),
        }
        if action not in actions:
            abort(404)
        try:
            actions[action]()
        except DemoStoreError:
            abort(404)
        return redirect("/admin/customers")


def _add_deliveries(blueprint: Blueprint, shop: DemoShop) -> None:
    @blueprint.get("/admin/deliveries")
    def show_deliveries() -> str:
        return render_template(
            "admin/deliveries.html",
            shop=shop,
            deliveries=list(reversed(shop.post.log))[:N_ROWS],
            counts=shop.post.counts,
            n_waiting=shop.post.n_waiting(),
            faults=asdict(shop.post.faults),
        )

    @blueprint.get("/admin/deliveries.json")
    def deliveries_json() -> Response:
        wanted = request.args.get("topic")
        shown = [delivery_row(d) for d in reversed(shop.post.log) if wanted in (None, d.topic)]
        return jsonify(deliveries=shown, counts=dict(shop.post.counts), n_waiting=shop.post.n_waiting())

    @blueprint.get("/admin/deliveries/<webhook_id>")
    def show_delivery(webhook_id: str) -> str:
        found = next((d for d in reversed(shop.post.log) if d.webhook_id == webhook_id), None)
        if found is None:
            abort(404)
        return render_template("admin/delivery.html", shop=shop, delivery=found, body=found.raw.decode())

    @blueprint.post("/admin/deliveries/faults")
    def change_faults() -> AnyResponse:
        shop.post.set_faults(faults_from(request.form.to_dict()))
        return redirect("/admin/deliveries")


def faults_from(told: dict[str, Any]) -> Faults:
    """Reads what it knows and leaves the rest as it is by default; a value that is no number is refused."""
    known = Faults.__dataclass_fields__
    values = {name: float(told[name]) for name in known if name != "seed" and str(told.get(name, "")).strip()}
    return Faults(**values, seed=int(told.get("seed") or 7))


def delivery_row(of: Delivery) -> dict[str, Any]:
    return {
        "webhook_id": of.webhook_id,
        "event_id": of.headers["X-Shopify-Event-Id"],
        "topic": of.topic,
        "uri": of.uri,
        "state": of.state,
        "is_double": of.is_double,
        "triggered_at": utc(of.triggered_at),
        "n_bytes": len(of.raw),
        "attempts": [asdict(a) for a in of.attempts],
    }
