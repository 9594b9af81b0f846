"""Puts an application behind real HTTP on a free port, for as long as a test needs it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from werkzeug.serving import BaseWSGIServer, make_server

# Seconds a request may go on after its test; far above what any takes, so that only a hang fails.
PATIENCE_SECONDS = 120


class _Counted:
    """The application, and how many requests it is at; what it has answered may still be on its way."""

    def __init__(self, app: Flask) -> None:
        self._app, self._n_under_way, self._changed = app, 0, threading.Condition()

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        self._count(1)
        try:
            return self._app(environ, start_response)
        finally:
            self._count(-1)

    def wait_until_idle(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._n_under_way == 0, PATIENCE_SECONDS), "a request hangs"

    def _count(self, step: int) -> None:
        with self._changed:
            self._n_under_way += step
            self._changed.notify_all()


@contextmanager
def served(app: Flask, **options: Any) -> Iterator[str]:
    """The application's address. What a browser asked for last is answered before the next test begins."""
    counted = _Counted(app)
    try:
        with running(make_server("127.0.0.1", 0, counted, threaded=True, **options)) as address:
            yield address
    finally:
        counted.wait_until_idle()


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
