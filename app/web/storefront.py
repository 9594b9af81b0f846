"""What shoppers' browsers ask for: shelves, the widget's script, and the beacon; no cookie, no visitor id."""

from __future__ import annotations

import json
from functools import cache

from flask import Blueprint, Response, request, send_from_directory
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from app.services.context import Context
from app.services.recommending import MAX_SEEDS, MAX_SHOWN, PLACEMENTS, Placement, ShelfRequest, get_shelf
from app.services.visits import BadBeaconError, record_visits
from app.settings import ROOT

WIDGET = ROOT / "static" / "widget"

# A beacon of 200 events is about 25 kB.
MAX_BEACON_BYTES = 32 * 1024

# A product id longer than this is no platform's.
MAX_ID_LENGTH = 64


def storefront_blueprint(context: Context, limiter: Limiter) -> Blueprint:
    blueprint = Blueprint("storefront", __name__)

    @blueprint.get("/storefront/v1/shelf")
    def show_shelf() -> ResponseReturnValue:
        shelf = get_shelf(context, read_shelf_request())
        headers = [
            ("ETag", f'"{shelf.etag}"'),
            ("Cache-Control", f"public, max-age={shelf.max_age_seconds}, stale-while-revalidate=86400"),
            ("Access-Control-Allow-Origin", "*"),
            ("Timing-Allow-Origin", "*"),
        ]
        if shelf.etag in request.headers.get("If-None-Match", ""):
            return Response(b"", 304, headers, mimetype="application/json")
        return Response(shelf.body, 200, headers, mimetype="application/json")

    @blueprint.post("/storefront/v1/events")
    @limiter.limit("120 per minute", key_func=get_remote_address)
    def receive_events() -> ResponseReturnValue:
        request.max_content_length = MAX_BEACON_BYTES
        try:
            record_visits(context, request.get_data(cache=False), request.headers.get("Origin"))
        except BadBeaconError as error:
            return {"error": str(error)}, 400, {"Access-Control-Allow-Origin": "*"}
        return "", 204, {"Access-Control-Allow-Origin": "*"}

    @blueprint.get("/static/widget/<name>")
    def show_widget(name: str) -> ResponseReturnValue:
        """The hashed script for ever, the short name for five minutes."""
        built = _manifest().get(name)
        response = send_from_directory(WIDGET, built or name, max_age=300 if built else 31_536_000)
        response.headers["Cache-Control"] = (
            "public, max-age=300" if built else "public, max-age=31536000, immutable"
        )
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    return blueprint


def read_shelf_request() -> ShelfRequest:
    """Read the address; whatever makes no sense in it asks for less, never fails a page."""
    wanted = request.args.get("placement")
    placement: Placement = next((known for known in PLACEMENTS if known == wanted), "product")
    limit = request.args.get("limit", "4")
    product, cart = _ids("product"), _ids("cart")
    return ShelfRequest(
        public_key=_text("shop")[:MAX_ID_LENGTH],
        placement=placement,
        seeds=cart if placement == "cart" else product[:1],
        left_out=product[:1] if placement == "cart" else cart,
        limit=min(max(int(limit), 1), MAX_SHOWN) if limit.isdecimal() and len(limit) < 4 else 4,
    )


def _text(name: str) -> str:
    """A parameter without the one character PostgreSQL can't be asked about."""
    return request.args.get(name, "").replace("\0", "")


def _ids(name: str) -> tuple[str, ...]:
    parts = _text(name).split(",")[: 3 * MAX_SEEDS]
    return tuple(part for part in parts if part and len(part) <= MAX_ID_LENGTH)


@cache
def _manifest() -> dict[str, str]:
    manifest: dict[str, str] = json.loads((WIDGET / "manifest.json").read_text())
    return {name: built for name, built in manifest.items() if name.endswith(".js")}
