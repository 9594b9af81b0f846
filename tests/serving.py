"""Puts an application behind real HTTP on a free port, for as long as a test needs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from werkzeug.serving import BaseWSGIServer, make_server


@contextmanager
def served(app: Flask, **options: Any) -> Iterator[str]:
    """The application's address."""
    with running(make_server("127.0.0.1", 0, app, threaded=True, **options)) as address:
        yield address


@contextmanager
def running(server: BaseWSGIServer) -> Iterator[str]:
    """The address of a server that is there already, while it answers."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
