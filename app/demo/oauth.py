"""The shop's authorisation page and token endpoint. Checks and speaks HTTP; `tokens` holds the rules."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app.demo.shop import DemoShop
from app.demo.signing import is_id_token, signed_query
from app.demo.tokens import GrantRefusedError
from app.demo.wire import cut_connection_sometimes

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
SUBJECT_KIND = "urn:ietf:params:oauth:token-type:id_token"
OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"
ONLINE = "urn:shopify:params:oauth:token-type:online-access-token"

# What the merchant reads beside each scope on the authorisation page.
SCOPE_WORDS = {
    "read_products": "View products, collections and inventory",
    "write_products": "Edit products, collections and inventory",
    "read_orders": "View orders, carts and checkouts of the last 60 days",
    "read_all_orders": "View all orders, however old",
    "read_customers": "View customers and whether they want to hear from you",
    "write_customers": "Edit customers and whether they want to hear from you",
    "read_discounts": "View discounts",
    "write_discounts": "Make and edit discounts",
    "read_inventory": "View stock",
    "read_themes": "View your theme's files",
    "write_app_proxy": "Answer at addresses of your online store",
    "write_pixels": "Add a web pixel to your online store",
    "read_customer_events": "See what visitors do in your online store, if they agree",
}


def words_for(scope: str) -> str:
    return SCOPE_WORDS.get(scope, scope.replace("_", " ").capitalize())


def grant_page(shop: DemoShop, action: str, hidden: dict[str, str], scopes: tuple[str, ...]) -> str:
    """The page a merchant decides on; `hidden` comes back with the button."""
    held = shop.office.installation.scopes if shop.office.installation else ()
    optional = tuple(s for s in shop.config.optional_scopes if s not in scopes)
    return render_template(
        "admin/grant.html",
        shop=shop,
        action=action,
        hidden=hidden,
        required=[(s, words_for(s), s not in held) for s in scopes],
        optional=[(s, words_for(s)) for s in optional],
        is_update=bool(held),
    )


def oauth_blueprint(shop: DemoShop) -> Blueprint:
    blueprint = Blueprint("demo_oauth", __name__)

    @blueprint.get("/admin/oauth/authorize")
    def ask() -> AnyResponse | tuple[str, int] | str:
        query = request.args.to_dict()
        problem = _problem(shop, query)
        if problem:
            return render_template("admin/oauth_error.html", shop=shop, problem=problem), 400
        wanted = _wanted(shop, query.get("scope"))
        held = shop.office.installation.scopes if shop.office.installation else ()
        if held and set(wanted) <= set(held):
            return _back_to_app(shop, query)
        return grant_page(shop, "/admin/oauth/authorize", query, wanted)

    @blueprint.post("/admin/oauth/authorize")
    def grant() -> AnyResponse | tuple[str, int]:
        query = request.form.to_dict()
        with_optional = query.pop("with_optional", "") == "yes"
        problem = _problem(shop, query)
        if problem:
            return render_template("admin/oauth_error.html", shop=shop, problem=problem), 400
        optional = shop.config.optional_scopes if with_optional else ()
        shop.office.install((*_wanted(shop, query.get("scope")), *optional))
        return _back_to_app(shop, query)

    @blueprint.post("/admin/oauth/access_token")
    def token() -> tuple[Response, int]:
        told = request.get_json(silent=True) if request.is_json else request.form.to_dict()
        try:
            answer = jsonify(_grant(shop, told if isinstance(told, dict) else {})), 200
        except GrantRefusedError as refusal:
            return jsonify(error=refusal.error, error_description=refusal.description), 400
        cut_connection_sometimes(shop)
        return answer

    return blueprint


def _problem(shop: DemoShop, query: dict[str, str]) -> str | None:
    """Why this authorisation can't be asked for, in Shopify's words."""
    if query.get("client_id") != shop.config.client_id:
        return "Oauth error invalid_client: Could not find Shopify API application with this client id"
    if query.get("redirect_uri") not in shop.config.redirect_urls:
        return "Oauth error invalid_request: The redirect_uri is not whitelisted"
    return None


def _wanted(shop: DemoShop, scope: str | None) -> tuple[str, ...]:
    """The scopes asked for; none means those of the app's configuration."""
    asked = tuple(s.strip() for s in (scope or "").split(",") if s.strip())
    return asked or shop.config.scopes


def _back_to_app(shop: DemoShop, query: dict[str, str]) -> AnyResponse:
    told = {
        "code": shop.office.new_code(),
        "host": shop.host,
        "shop": shop.store.world.shop_domain,
        "timestamp": str(int(shop.real())),
    }
    if "state" in query:
        told["state"] = query["state"]
    return redirect(f"{query['redirect_uri']}?{urlencode(signed_query(shop.config.client_secret, told))}")


def _grant(shop: DemoShop, told: dict[str, Any]) -> dict[str, object]:
    """One request to the token endpoint, whatever its grant type."""
    config = shop.config
    secret = str(told.get("client_secret", ""))
    is_known = told.get("client_id") == config.client_id
    if not is_known or not secrets.compare_digest(secret.encode(), config.client_secret.encode()):
        raise GrantRefusedError("invalid_client", "Client authentication failed")
    expiring = str(told.get("expiring", "")) in {"1", "true", "True"}
    grant_type = told.get("grant_type")
    if grant_type == "refresh_token":
        return shop.office.refresh(str(told.get("refresh_token", "")))
    if grant_type == "client_credentials":
        return shop.office.grant_own()
    if grant_type == EXCHANGE:
        return _exchange(shop, told, expiring)
    if told.get("code"):
        return shop.office.redeem_code(str(told["code"]), expiring)
    raise GrantRefusedError("unsupported_grant_type", f"grant_type {grant_type!r} is not supported")


def _exchange(shop: DemoShop, told: dict[str, Any], expiring: bool) -> dict[str, object]:
    subject, kind = str(told.get("subject_token", "")), told.get("subject_token_type")
    wanted = told.get("requested_token_type")
    if wanted not in {OFFLINE, ONLINE}:
        raise GrantRefusedError("invalid_request", "requested_token_type is missing or not known")
    if kind == OFFLINE:
        return shop.office.migrate(subject)
    config, domain = shop.config, shop.store.world.shop_domain
    if kind != SUBJECT_KIND or not is_id_token(
        subject, config.client_id, config.client_secret, domain, shop.real()
    ):
        raise GrantRefusedError("invalid_subject_token", "The subject token is not a valid session token")
    return shop.office.exchange(expiring, online=wanted == ONLINE)
