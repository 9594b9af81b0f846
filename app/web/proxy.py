"""The way through the shop's own domain: shelves and beacons that Shopify's app proxy passes on, signed for a shop.

For pages from which the app's own address can't be asked: a Content-Security-Policy without it, a blocker of
third-party addresses. It answers JSON and nothing else: Liquid would be run in the shop's theme.
"""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter

from app.clock import real_now
from app.platforms.base import ForgedError
from app.platforms.extras import ProxiedPlatform
from app.services.context import Context
from app.services.recommending import get_shelf
from app.services.shops import find_public_key
from app.services.visits import BadBeaconError, record_visits
from app.web.shelf import read_shelf_request
from app.web.storefront import MAX_BEACON_BYTES, answer_shelf

# Behind `url` of [app_proxy] in shopify.app.toml; what follows is as at the app's own address.
PREFIX = "/proxy/shopify"


def proxy_blueprint(context: Context, limiter: Limiter) -> Blueprint:
    blueprint = Blueprint("proxy", __name__, url_prefix=PREFIX)

    @blueprint.before_request
    def verify_signature() -> ResponseReturnValue | None:
        """Only what Shopify signed goes on, for the shop it signed for, whatever else the address names."""
        platform = context.platforms["shopify"]
        if not isinstance(platform, ProxiedPlatform):
            return {"error": "This platform has no app proxy."}, 404
        try:
            g.proxied_shop = platform.verify_app_proxy(request.args.to_dict(flat=False), real_now())
        except ForgedError:
            return {"error": "This call did not come through Shopify's app proxy."}, 401
        return None

    @blueprint.get("/storefront/v1/shelf")
    def show_shelf() -> ResponseReturnValue:
        asked = read_shelf_request(request.query_string.decode("latin-1"))
        return answer_shelf(get_shelf(context, replace(asked, public_key=_key(context))))

    # All of a shop's visitors come from Shopify's few addresses, so they are counted together.
    @blueprint.post("/storefront/v1/events")
    @limiter.limit("3000 per minute", key_func=lambda: str(g.proxied_shop))
    def receive_events() -> ResponseReturnValue:
        request.max_content_length = MAX_BEACON_BYTES
        raw, origin = request.get_data(cache=False), request.headers.get("Origin")
        try:
            record_visits(context, raw, origin, public_key=_key(context))
        except BadBeaconError as error:
            return {"error": str(error)}, 400
        return Response(status=204)

    return blueprint


def _key(context: Context) -> str:
    """The verified shop's key; of a shop we don't know, one that is nobody's."""
    return find_public_key(context.db, "shopify", g.proxied_shop) or ""
