"""What a worker in a process of its own needs: settings in its environment, and a platform that answers."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from app.services.context import Context
from app.settings import in_clear
from tests.conftest import NOW, TEST_KEYS

NO_ORDERS = b'{"data": {%s}}' % b", ".join(
    b'"%s": {"nodes": []}' % name for name in (b"byCart", b"byCheckout", b"byCustomer", b"byEmail", b"newest")
)


class ShopThatSoldNothing(BaseHTTPRequestHandler):
    """Answers the order check of every cart: no purchase."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(NO_ORDERS)))
        self.end_headers()
        self.wfile.write(NO_ORDERS)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it
        pass


@contextmanager
def platform() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), ShopThatSoldNothing)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def environment_for(context: Context, shop_url: str) -> dict[str, str]:
    """Settings of a process that works on the test's database, in the test's time."""
    settings = context.settings
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/tmp"),
        **{name.upper(): value for name, value in TEST_KEYS.items()},
        "DATABASE_URL": in_clear(settings.database_url),
        "REDIS_URL": in_clear(settings.redis_url),
        "SHOPIFY_BASE_URL": shop_url,
        # Noon in Athens whatever the time of day here.
        "REGULARS_CLOCK": f"{NOW.isoformat()}|{time.time()}|1",
    }
