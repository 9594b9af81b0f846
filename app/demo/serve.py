"""The demo store as one process with many threads: puts its parts together and serves them on this machine."""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, abort, send_file
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from app.demo.admin_frame import admin_frame_blueprint
from app.demo.admin_pages import admin_pages_blueprint
from app.demo.amounts import gid
from app.demo.app_proxy import app_proxy_blueprint
from app.demo.clock import ShopClock
from app.demo.config import AppConfig, default_config, from_toml
from app.demo.control import control_blueprint
from app.demo.embed import AppEmbed
from app.demo.graphql import graphql_blueprint
from app.demo.inbox import Inbox, inbox_blueprint
from app.demo.oauth import oauth_blueprint
from app.demo.pixels import pixels_blueprint
from app.demo.shop import DemoShop
from app.demo.store import DemoStore
from app.demo.throttle import MAXIMUM, RESTORE_PER_SECOND, Bucket
from app.demo.wire import connection_cutter
from app.demo.world import World
from app.services.orderfile import OrderFileError, Reject

CLIENT_ID = "demo-client-id"


def create_demo_app(shop: DemoShop, *more: Blueprint) -> Flask:
    """Shopify's surfaces and the storefront in one application; `more` are blueprints put beside them (the inbox)."""
    from app.demo.storefront import storefront_blueprint

    app = Flask(__name__, static_folder=None)
    app.secret_key = secrets.token_hex(32)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_blueprint(graphql_blueprint(shop))
    app.register_blueprint(oauth_blueprint(shop))
    app.register_blueprint(_bulk_files(shop))
    app.register_blueprint(admin_pages_blueprint(shop))
    app.register_blueprint(admin_frame_blueprint(shop))
    app.register_blueprint(app_proxy_blueprint(shop))
    app.register_blueprint(control_blueprint(shop))
    for blueprint in more:
        app.register_blueprint(blueprint)
    app.register_blueprint(pixels_blueprint(shop.config.pixel))
    app.register_blueprint(
        storefront_blueprint(shop.store, lambda: app_embed(shop), lambda: running_pixel(shop))
    )
    return app


def running_pixel(shop: DemoShop) -> dict[str, Any] | None:
    """What the storefront's pages tell the web pixel manager; nothing until the app has made its pixel."""
    if shop.web_pixel is None or shop.config.pixel is None:
        return None
    return {"settings": shop.web_pixel[1], "purposes": shop.config.pixel.purposes}


def app_embed(shop: DemoShop) -> AppEmbed | None:
    """What the storefront prints for the app: nothing until it is installed and the merchant placed it.

    The blocks know what the app left in its own metafields, and nothing else.
    """
    theme = shop.store.theme
    placed = frozenset(template for template, handles in theme.blocks.items() if handles)
    told = {
        key: str(kept["value"])
        for key in ("shop_key", "api_url")
        if (kept := shop.store.metafields.get((gid("AppInstallation", 1), "regulars", key)))
    }
    if shop.office.installation is None or len(told) < 2 or not (placed or theme.embeds):
        return None
    return AppEmbed(told["shop_key"], told["api_url"], placed)


def _bulk_files(shop: DemoShop) -> Blueprint:
    """Results lie at an address that is itself the key, as Shopify's do in a cloud's storage."""
    blueprint = Blueprint("demo_bulk_files", __name__)

    @blueprint.get("/bulk/<int:number>/<secret>.jsonl")
    def download(number: int, secret: str) -> Response:
        operation = shop.bulk.operations.get(number)
        if operation is None or not secrets.compare_digest(operation.secret, secret):
            abort(404)
        answer = send_file(shop.bulk.path_of(operation), mimetype="application/jsonl")
        if shop.post.is_unlucky(shop.post.faults.reset_share):
            answer.response = _broken_off(answer.response, connection_cutter(shop))
        return answer

    return blueprint


def _broken_off(parts: Any, cut: Callable[[], None]) -> Iterator[bytes]:
    """The first half of the first part, and then nothing."""
    with closing(parts):
        first = next(iter(parts), b"")
        yield first[: len(first) // 2]
        cut()


class QuietHandler(WSGIRequestHandler):
    """Keeps connections open, and keeps quiet: the deliveries page is the log a person reads."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Nothing for a request that was answered."""


def serve(shop: DemoShop, host: str, port: int, *more: Blueprint) -> BaseWSGIServer:
    """A listening server with its couriers started; call `serve_forever` on it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server(
        host, port, create_demo_app(shop, *more), threaded=True, request_handler=QuietHandler
    )
    shop.store.base_url = shop.store.base_url or f"http://{host}:{server.server_port}"
    shop.post.start()
    return server


# -- the command -----------------------------------------------------------------------------------------


def read_config(arguments: argparse.Namespace) -> AppConfig:
    secret = os.environ.get("DEMO_CLIENT_SECRET") or f"shpss_{secrets.token_hex(16)}"
    if arguments.app_toml:
        return from_toml(Path(arguments.app_toml), arguments.client_id, secret, arguments.app_url)
    return default_config(arguments.client_id, secret, arguments.app_url)


def read_world(orders: str | None, seed: int) -> tuple[World, list[Reject]]:
    """The built-in shop, or one made of a file of orders with the rows of it that can't be read."""
    from app.demo.shoppers import build_world

    if orders is None:
        return build_world(seed=seed), []
    from app.demo.history import world_from_orders

    try:
        return world_from_orders(Path(orders), seed=seed)
    except OrderFileError as problem:
        sys.exit(str(problem))


def parser() -> argparse.ArgumentParser:
    told = argparse.ArgumentParser(prog="python -m app.demo.serve", description=__doc__)
    told.add_argument("--host", default="127.0.0.1")
    told.add_argument("--port", type=int, default=4000)
    told.add_argument(
        "--app-url", required=True, help="where the app runs, for example http://127.0.0.1:5100"
    )
    told.add_argument("--app-toml", help="the app's shopify.app.toml; its scopes and webhooks are used")
    told.add_argument("--client-id", default=CLIENT_ID, help="the secret is read from DEMO_CLIENT_SECRET")
    told.add_argument("--orders", help="a CSV file of orders to make the shop of")
    told.add_argument("--speed", type=float, default=1.0, help="how many times faster the shop's clock runs")
    told.add_argument("--smtp-port", type=int, default=0, help="where the inbox takes mail; 0: a free port")
    told.add_argument("--seed", type=int, default=7)
    return told


def main(argv: list[str] | None = None) -> None:
    arguments = parser().parse_args(argv)
    world, rejects = read_world(arguments.orders, arguments.seed)
    store = DemoStore(world, ShopClock(world.starts_at, arguments.speed))
    shop = DemoShop(store, read_config(arguments))
    shop.rejects = rejects
    # A day's calls of a shop whose clock runs fast come within seconds; so do the points they cost.
    pace = max(1.0, arguments.speed / 60)
    shop.bucket = Bucket(MAXIMUM * pace, RESTORE_PER_SECOND * pace, real=shop.real)
    inbox = Inbox(arguments.smtp_port, store.clock.now)
    inbox.start()
    server = serve(shop, arguments.host, arguments.port, inbox_blueprint(inbox))
    print(f"demo store ready at {store.base_url} · admin {store.base_url}/admin", flush=True)
    print(f"mail is taken at smtp://127.0.0.1:{inbox.port}", flush=True)
    print(f"REGULARS_CLOCK={store.clock.as_env()}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
        shop.close()
        inbox.stop()


if __name__ == "__main__":
    main()
