"""A fault on demand: the connection is cut under an answer, as a broken network does."""

from __future__ import annotations

import socket
from collections.abc import Callable

from flask import request

from app.demo.shop import DemoShop


def cut_connection_sometimes(shop: DemoShop) -> bool:
    """Whether this connection was cut: what was asked for is carried out, and no answer gets out."""
    is_cut = shop.post.is_unlucky(shop.post.faults.reset_share)
    if is_cut:
        connection_cutter(shop)()
    return is_cut


def connection_cutter(shop: DemoShop) -> Callable[[], None]:
    """Cuts the connection of the present request, also after its answer was begun."""
    connection = request.environ.get("werkzeug.socket")

    def cut() -> None:
        if connection is not None:
            connection.shutdown(socket.SHUT_RDWR)
            shop.post.counts["connections cut"] += 1

    return cut
