"""The least a web server could do for a shelf: a WSGI application that reads bytes from Redis and sends them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import click
import redis

from app.cli import web_server

KEY = "bare"


def create_app() -> Callable[..., Iterable[bytes]]:
    client = redis.Redis.from_url(os.environ["REDIS_URL"])

    def answer(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body: Any = client.get(KEY)
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)
        return [body]

    return answer


@click.command()
@click.option("--port", type=int)
def serve(port: int) -> None:
    web_server("benchmarks.bare:create_app", host="127.0.0.1", port=port, workers=1).serve()


if __name__ == "__main__":
    serve()
