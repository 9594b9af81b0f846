"""What shoppers' browsers ask for: shelves, the widget's script, and the beacon; no cookie, no visitor id."""

from __future__ import annotations

import json
from functools import cache

from flask import Blueprint, Response, request, send_from_directory
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from app.services.context import Context
from app.services.recommending import Shelf, make_shelf
from app.services.visits import BadBeaconError, record_visits
from app.settings import ROOT
from app.web.shelf import SHELF_PATH, read_shelf_request, shelf_headers

WIDGET = ROOT / "static" / "widget"

# A beacon of 200 events is about 25 kB.
MAX_BEACON_BYTES = 32 * 1024


def storefront_blueprint(context: Context, limiter: Limiter) -> Blueprint:
    blueprint = Blueprint("storefront", __name__)

    @blueprint.get(SHELF_PATH)
    def show_shelf() -> ResponseReturnValue:
        # WarmShelves has looked for a finished one before the request came here.
        return answer_shelf(make_shelf(context, read_shelf_request(request.query_string.decode("latin-1"))))

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


def answer_shelf(shelf: Shelf) -> Response:
    """The shelf, or that it is still what the caller has."""
    is_known = shelf.etag in request.headers.get("If-None-Match", "")
    body, status = (b"", 304) if is_known else (shelf.body, 200)
    return Response(body, status, shelf_headers(shelf), mimetype="application/json")


@cache
def _manifest() -> dict[str, str]:
    manifest: dict[str, str] = json.loads((WIDGET / "manifest.json").read_text())
    return {name: built for name, built in manifest.items() if name.endswith(".js")}
