"""The store's app proxy: a path of the shop answered by the app, signed, without cookies. Forwards; stores nothing."""

from __future__ import annotations

import requests
from flask import Blueprint, Response, request

from app.demo.shop import DemoShop
from app.demo.signing import proxy_signature
from app.demo.tokens import covers

# The app's patience with a proxied request isn't published; ten seconds keep a page from hanging.
_TIMEOUT_SECONDS = 10.0
# Headers that belong to one connection, or that the proxy strips both ways.
_NOT_PASSED = frozenset(
    [
        *("cookie", "set-cookie", "authorization", "host", "connection"),
        *("content-length", "content-encoding", "transfer-encoding"),
    ]
)


def app_proxy_blueprint(shop: DemoShop) -> Blueprint:
    blueprint = Blueprint("demo_app_proxy", __name__)
    if shop.config.app_proxy is None:
        return blueprint
    prefix, subpath, address = shop.config.app_proxy

    @blueprint.route(f"/{prefix}/{subpath}", methods=["GET", "POST"])
    @blueprint.route(f"/{prefix}/{subpath}/<path:place>", methods=["GET", "POST"])
    def forward(place: str = "") -> Response:
        installation = shop.office.installation
        if installation is None or not covers(installation.scopes, "write_app_proxy"):
            return Response("Not Found", 404)
        query = request.args.to_dict(flat=False) | {
            "shop": [shop.store.world.shop_domain],
            "logged_in_customer_id": [""],
            "path_prefix": [f"/{prefix}/{subpath}"],
            "timestamp": [str(int(shop.real()))],
        }
        query["signature"] = [proxy_signature(shop.config.client_secret, query)]
        passed = {k: v for k, v in request.headers.items() if k.lower() not in _NOT_PASSED}
        passed["X-Forwarded-For"] = request.remote_addr or ""
        try:
            answer = requests.request(
                request.method,
                f"{address.rstrip('/')}/{place}",
                params=query,
                data=request.get_data(),
                headers=passed,
                timeout=_TIMEOUT_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException:
            return Response("There was an error in the third-party application.", 502)
        kept = [(k, v) for k, v in answer.headers.items() if k.lower() not in _NOT_PASSED]
        return Response(answer.content, answer.status_code, kept)

    return blueprint
