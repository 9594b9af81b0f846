"""Endpoints under /demo for whoever drives the demo: the shop's truth, its state, faults on demand. Loopback only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from app.demo.admin_pages import faults_from
from app.demo.amounts import utc
from app.demo.shop import DemoShop
from app.demo.world import Customer, Order, Product

_LOOPBACK = frozenset({"127.0.0.1", "::1"})


def control_blueprint(shop: DemoShop) -> Blueprint:
    blueprint = Blueprint("demo_control", __name__, url_prefix="/demo")

    @blueprint.before_request
    def refuse_strangers() -> None:
        """This machine only; and no web page, whose requests name an origin."""
        if request.remote_addr not in _LOOPBACK or "Origin" in request.headers:
            abort(403)

    @blueprint.get("/state")
    def state() -> Response:
        return jsonify(state_of(shop))

    @blueprint.get("/truth")
    def truth() -> Response:
        """Digests by kind; `?rows=1` gives the rows they were made of."""
        return jsonify(truth_of(shop, with_rows=request.args.get("rows") == "1"))

    @blueprint.route("/faults", methods=["GET", "POST"])
    def faults() -> Response:
        if request.method == "POST":
            try:
                change_faults(shop, request.get_json())
            except (TypeError, ValueError) as problem:
                return Response(f"{problem}\n", 400, mimetype="text/plain")
        return jsonify(faults_of(shop))

    @blueprint.post("/theme")
    def theme() -> Response:
        """Places the app's parts as the theme editor does: {"embeds": […], "blocks": {"product": […]}}."""
        told = request.get_json()
        with shop.store.lock:
            shop.store.theme.embeds = set(told.get("embeds", ()))
            shop.store.theme.blocks = {k: list(v) for k, v in told.get("blocks", {}).items()}
        return jsonify(embeds=sorted(shop.store.theme.embeds), blocks=shop.store.theme.blocks)

    @blueprint.post("/expire-tokens")
    def expire_tokens() -> Response:
        return jsonify(n_ended=shop.office.expire_all())

    return blueprint


# -- state -----------------------------------------------------------------------------------------------


def state_of(shop: DemoShop) -> dict[str, Any]:
    store, office, post = shop.store, shop.office, shop.post
    with store.lock:
        carts = [
            {"token": c.token, "n_lines": len(c.lines), "updated_at": utc(c.updated_at)}
            for c in store.carts.values()
            if c.lines
        ]
        checkouts = [
            {
                "token": c.token,
                "cart_token": c.cart_token,
                "completed_at": c.completed_at and utc(c.completed_at),
            }
            for c in store.checkouts.values()
        ]
        counts = {kind: len(getattr(store.world, kind)) for kind in ("products", "customers", "orders")}
    return {
        "shop": store.world.shop_domain,
        "now": store.clock.now().isoformat(),
        "clock": store.clock.as_env(),
        "counts": counts,
        "rejects": [[reject.line, reject.reason] for reject in shop.rejects],
        "open_carts": carts,
        "checkouts": checkouts,
        "is_installed": office.installation is not None,
        "scopes": list(office.installation.scopes) if office.installation else [],
        "n_refreshes": office.n_refreshes,
        "n_exchanges": office.n_exchanges,
        "n_throttled": shop.bucket.n_throttled,
        "subscriptions": [
            {"topic": s.topic, "uri": s.uri, "is_declared": s.is_declared}
            for s in post.subscriptions.values()
        ],
        "deliveries": {**post.counts, "waiting": post.n_waiting()},
        "bulk_operations": [o.shown(store) for o in shop.bulk.operations.values()],
        "theme": {"embeds": sorted(store.theme.embeds), "blocks": store.theme.blocks},
    }


# -- truth -----------------------------------------------------------------------------------------------


def truth_of(shop: DemoShop, with_rows: bool = False) -> dict[str, Any]:
    """What the shop knows now, as one digest for each kind: sha256 over the rows' JSON, sorted by id."""
    world = shop.store.world
    with shop.store.lock:
        rows = {
            "products": [product_row(p) for p in world.products.values()],
            "customers": [customer_row(c) for c in world.customers.values()],
            "orders": [order_row(o) for o in world.orders.values()],
        }
    told: dict[str, Any] = {"currency": world.currency, "now": utc(shop.store.now())}
    for kind, found in rows.items():
        told[kind] = {"count": len(found), "sha256": digest_of(found)} | (
            {"rows": found} if with_rows else {}
        )
    if not with_rows:
        told["planted_companions"] = {
            str(k): [str(x) for x in v] for k, v in world.planted_companions.items()
        }
        told["planted_rebuys"] = {str(k): v for k, v in world.planted_rebuys.items()}
    return told


def digest_of(rows: Iterable[dict[str, Any]]) -> str:
    digest = hashlib.sha256()
    for row in sorted(rows, key=lambda r: int(r["id"])):
        digest.update(
            json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        )
    return digest.hexdigest()


def product_row(of: Product) -> dict[str, Any]:
    variants = [{"id": str(v.id), "price": v.price, "n_available": v.n_available} for v in of.variants]
    return {
        "id": str(of.id),
        "handle": of.handle,
        "title": of.title,
        "status": of.status,
        "variants": variants,
    }


def customer_row(of: Customer) -> dict[str, Any]:
    return {
        "id": str(of.id),
        "email": of.email,
        "first_name": of.first_name,
        "marketing_state": of.marketing_state,
    }


def order_row(of: Order) -> dict[str, Any]:
    return {
        "id": str(of.id),
        "created_at": utc(of.created_at),
        "cancelled_at": utc(of.cancelled_at) if of.cancelled_at else None,
        "customer_id": str(of.customer_id) if of.customer_id else None,
        "lines": [[str(x.product_id), str(x.variant_id), x.quantity, x.price] for x in of.lines],
    }


# -- faults ----------------------------------------------------------------------------------------------


def faults_of(shop: DemoShop) -> dict[str, Any]:
    bucket = shop.bucket
    return {
        "webhooks": asdict(shop.post.faults),
        "throttle": {"is_on": bucket.is_on, "maximum": bucket.maximum, "restore": bucket.restore_per_second},
        "access_seconds": shop.office.access_seconds,
        "approved_level": shop.post.approved_level,
        "fail_bulk_after_objects": shop.bulk.fail_after_objects,
        "hold_bulk": not shop.bulk.may_go_on.is_set(),
    }


def change_faults(shop: DemoShop, told: dict[str, Any]) -> None:
    """Changes what is named and leaves the rest; the shape is that of `faults_of`."""
    if "webhooks" in told:
        shop.post.set_faults(faults_from({**asdict(shop.post.faults), **told["webhooks"]}))
    throttle = told.get("throttle", {})
    shop.bucket.is_on = bool(throttle.get("is_on", shop.bucket.is_on))
    shop.bucket.maximum = float(throttle.get("maximum", shop.bucket.maximum))
    shop.bucket.restore_per_second = float(throttle.get("restore", shop.bucket.restore_per_second))
    shop.office.access_seconds = int(told.get("access_seconds", shop.office.access_seconds))
    shop.post.approved_level = int(told.get("approved_level", shop.post.approved_level))
    if "fail_bulk_after_objects" in told:
        shop.bulk.fail_after_objects = told["fail_bulk_after_objects"]
    if "hold_bulk" in told:
        (shop.bulk.may_go_on.clear if told["hold_bulk"] else shop.bulk.may_go_on.set)()
