"""Owns two small servers on loopback, a shop and Regulars' storefront answers; must not know any test."""

from __future__ import annotations

import json
import struct
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

BUILT = Path(__file__).parents[3] / "static" / "widget"

# Seconds a test waits for something that should come at once before it says that it didn't.
PATIENCE_SECONDS = 60

COLOURS = ["#b5651d", "#2f6f5e", "#7a3b69", "#33538a", "#a63d40", "#5f6b3a", "#8a6d3b", "#3b6d8a"]
SHAPES = [
    '<path d="M110 130h150v120a60 60 0 0 1-60 60h-30a60 60 0 0 1-60-60z"/>'
    '<path d="M260 160h26a34 34 0 0 1 0 90h-30" fill="none" stroke-width="18"/>',
    '<path d="M80 190h240a120 120 0 0 1-240 0z"/><path d="M150 318h100v18H150z"/>',
    '<path d="M170 70h60v60l34 60v140H136V190l34-60z"/>',
    '<path d="M90 110h220v190H90z"/><path d="M90 150h220M90 260h220" fill="none" stroke="#fff8" stroke-width="10"/>',
]


@dataclass(frozen=True)
class Reply:
    """What a server answers: a status, a body and its type."""

    body: bytes | str | dict[str, Any]
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    def raw(self) -> bytes:
        if isinstance(self.body, dict):
            return json.dumps(self.body).encode()
        return self.body.encode() if isinstance(self.body, str) else self.body


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


class Server:
    """A server whose answers a test may set and whose requests it may read."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self._arrived = threading.Condition()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, request: Seen) -> Reply:
        raise AssertionError(f"nobody is to ask {self.origin} for {request.method} {request.path}")

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def requests(self, path: str, method: str = "GET") -> list[Seen]:
        with self._arrived:
            return [one for one in self.seen if one.path == path and one.method == method]

    def wait_for(self, path: str, method: str = "GET", n_requests: int = 1) -> list[Seen]:
        """The requests to `path` once there are so many."""
        with self._arrived:
            come = self._arrived.wait_for(
                lambda: sum(o.path == path and o.method == method for o in self.seen) >= n_requests,
                PATIENCE_SECONDS,
            )
        found = self.requests(path, method)
        assert come, f"{n_requests} {method} {path} expected, {len(found)} came"
        return found

    def note(self, request: Seen) -> None:
        with self._arrived:
            self.seen.append(request)
            self._arrived.notify_all()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                seen = Seen(self.command, parts.path, parse_qs(parts.query), dict(self.headers), body)
                server.note(seen)
                reply = server.answer(seen)
                self.send_response(reply.status)
                raw = reply.raw()
                headers = {
                    "Content-Type": reply.content_type,
                    "Content-Length": str(len(raw)),
                } | reply.headers
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_OPTIONS = handle_any  # noqa: N815 (the names http.server calls)

            def handle(self) -> None:
                # A page that gives up waiting closes the line: that is what some tests are about.
                try:
                    super().handle()
                except (ConnectionResetError, BrokenPipeError):
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Says nothing: the tests read `seen`."""

        return Handler


def noise_png(width: int, height: int) -> bytes:
    """A picture with enough in it to count as a page's largest content."""
    random = Random(7)
    rows = b"".join(
        b"\0" + bytes((x * 90 // width + y * 60 // height + random.randrange(60)) for x in range(width))
        for y in range(height)
    )

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


HERO = noise_png(600, 360)


def picture(number: int) -> str:
    """A product drawn in one colour on a quiet ground."""
    colour = COLOURS[number % len(COLOURS)]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400">'
        f'<rect width="400" height="400" fill="{colour}" fill-opacity=".14"/>'
        '<rect width="400" height="400" fill="#fff" fill-opacity=".55"/>'
        f'<g fill="{colour}" stroke="{colour}">{SHAPES[number % len(SHAPES)]}</g></svg>'
    )


class Shop(Server):
    """The shop: pages as a test wrote them, the built widget, a cart, prices in the visitor's currency."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.in_cart: list[int] = []
        self.refusal: str | None = None
        self.presentment: dict[str, dict[str, Any]] = {}
        # Answers below /apps/regulars, as Shopify's app proxy lets an app do.
        self.through_proxy: Server | None = None
        super().__init__()

    def answer(self, request: Seen) -> Reply:
        path = request.path
        if path in self.pages:
            return Reply(self.pages[path], content_type="text/html; charset=utf-8")
        if path.startswith("/static/widget/"):
            return Reply((BUILT / path.rsplit("/", 1)[1]).read_bytes(), content_type="text/javascript")
        if path.startswith("/pictures/"):
            number = int(path.split("/")[2].removesuffix(".svg"))
            return Reply(picture(number), content_type="image/svg+xml")
        if path == "/hero.png":
            return Reply(HERO, content_type="image/png")
        if path.startswith("/products/") and path.endswith(".js"):
            return self._visitor_price(path)
        if self.through_proxy and path.startswith("/apps/regulars/"):
            return self.through_proxy.answer(replace(request, path=path.removeprefix("/apps/regulars")))
        return self._cart(request)

    def _visitor_price(self, path: str) -> Reply:
        handle = path.removeprefix("/products/").removesuffix(".js")
        known = self.presentment.get(handle)
        return Reply(known) if known else Reply({"message": "Not Found"}, 404)

    def _cart(self, request: Seen) -> Reply:
        if request.path == "/cart.js":
            return Reply({"items": [{"product_id": one, "quantity": 1} for one in self.in_cart]})
        if request.path == "/cart/add.js" and self.refusal:
            return Reply({"status": 422, "message": "Cart Error", "description": self.refusal}, 422)
        if request.path == "/cart/add.js":
            wanted = json.loads(request.body)
            return Reply(
                {"key": "k:1", "id": int(wanted["id"]), "properties": wanted["properties"], "sections": {}}
            )
        return Reply("<!doctype html><title>Elsewhere</title><h1>Elsewhere</h1>", content_type="text/html")


class Regulars(Server):
    """The storefront routes: one answer for every shelf, held back while the gate is shut."""

    def __init__(self) -> None:
        self.reply: Reply | Callable[[Seen], Reply] = Reply({"products": []})
        self.gate = threading.Event()
        self.gate.set()
        super().__init__()

    def close(self) -> None:
        self.gate.set()
        super().close()

    def answer(self, request: Seen) -> Reply:
        if request.path == "/storefront/v1/events":
            return Reply(b"", 204)
        self.gate.wait(PATIENCE_SECONDS)
        reply = self.reply(request) if callable(self.reply) else self.reply
        headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=60", "ETag": '"m1"'}
        return Reply(reply.raw(), reply.status, reply.content_type, headers)
