"""Reads a shelf's address and writes its answer; a shelf that lies finished in Redis is answered below Flask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from app.services.context import Context
from app.services.recommending import (
    MAX_SEEDS,
    MAX_SEEN,
    MAX_SHOWN,
    PLACEMENTS,
    Placement,
    Shelf,
    ShelfRequest,
    recall_shelf,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SHELF_PATH = "/storefront/v1/shelf"

# A product id longer than this is no platform's.
MAX_ID_LENGTH = 64


class WarmShelves:
    """Answers what Redis holds ready, exactly as the route would; everything else goes on to the application.

    It is the one address every page view of every shop asks for: below Flask it costs half as much.
    """

    def __init__(self, context: Context, application: WSGIApplication) -> None:
        self._context, self._application = context, application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == SHELF_PATH and environ["REQUEST_METHOD"] == "GET":
            shelf = recall_shelf(self._context, read_shelf_request(environ.get("QUERY_STRING", "")))
            if shelf is not None:
                return _send(shelf, environ.get("HTTP_IF_NONE_MATCH", ""), start_response)
        return self._application(environ, start_response)


def _send(shelf: Shelf, known_tags: str, start_response: StartResponse) -> Iterable[bytes]:
    headers = [*shelf_headers(shelf), ("X-Content-Type-Options", "nosniff")]
    if shelf.etag in known_tags:
        start_response("304 NOT MODIFIED", headers)
        return []
    length = str(len(shelf.body))
    start_response("200 OK", [*headers, ("Content-Type", "application/json"), ("Content-Length", length)])
    return [shelf.body]


def shelf_headers(shelf: Shelf) -> list[tuple[str, str]]:
    """Any cache may keep it, any page may read it."""
    return [
        ("ETag", f'"{shelf.etag}"'),
        ("Cache-Control", f"public, max-age={shelf.max_age_seconds}, stale-while-revalidate=86400"),
        ("Access-Control-Allow-Origin", "*"),
        ("Timing-Allow-Origin", "*"),
    ]


def read_shelf_request(query: str) -> ShelfRequest:
    """Read the address; whatever makes no sense in it asks for less, never fails a page."""
    asked: dict[str, str] = {}
    for name, value in parse_qsl(query):
        asked.setdefault(name, value)
    wanted = asked.get("placement")
    placement: Placement = next((known for known in PLACEMENTS if known == wanted), "product")
    limit = asked.get("limit", "4")
    product, cart = _ids(asked, "product"), _ids(asked, "cart")
    return ShelfRequest(
        public_key=_text(asked, "shop")[:MAX_ID_LENGTH],
        placement=placement,
        seeds=cart if placement == "cart" else product[:1],
        # A product's page goes by its product, whatever was looked at before.
        seen=() if product else _ids(asked, "seen")[:MAX_SEEN],
        left_out=product[:1] if placement == "cart" else cart,
        limit=min(max(int(limit), 1), MAX_SHOWN) if limit.isdecimal() and len(limit) < 4 else 4,
    )


def _text(asked: Mapping[str, str], name: str) -> str:
    """A parameter without the one character PostgreSQL can't be asked about."""
    return asked.get(name, "").replace("\0", "")


def _ids(asked: Mapping[str, str], name: str) -> tuple[str, ...]:
    parts = _text(asked, name).split(",")[: 3 * MAX_SEEDS]
    return tuple(part for part in parts if part and len(part) <= MAX_ID_LENGTH)
