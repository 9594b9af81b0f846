"""Disconnect: the question, what remains to be taken out of the shop, and the goodbye; the work is a worker's."""

from __future__ import annotations

from flask import Response, g

from app.services import leaving
from app.web.admin.page import STOP_POLLING, Desk
from app.web.admin.speech import _


def register(desk: Desk) -> None:
    """For shops that are connected by their address; the others are uninstalled in their own admin."""

    def show_disconnect() -> Response:
        return _page(desk)

    def disconnect_shop() -> Response:
        with desk.context.db.shop(g.shop_id) as connection:
            shop = desk.shop(connection)
        if desk.connect_url(shop):
            leaving.leave(desk.context, shop.shop_id)
        return _page(desk)

    def show_leaving() -> Response:
        """How far it is; the last answer stops the polling."""
        return _page(desk, "admin/_leaving.html")

    desk.route("/disconnect", show_disconnect)
    desk.route("/disconnect", disconnect_shop, methods=("POST",))
    desk.route("/disconnect/progress", show_leaving)


def _page(desk: Desk, template: str = "admin/disconnect.html") -> Response:
    with desk.context.db.shop(g.shop_id) as connection:
        shop = desk.shop(connection)
        remaining = leaving.remaining(connection, shop.shop_id)
    if not desk.connect_url(shop):
        return desk.not_found(shop, _("Your shop's own admin connects and disconnects it."))
    is_over = shop.state != "leaving" and template == "admin/_leaving.html"
    return desk.render(
        template,
        shop,
        status=STOP_POLLING if is_over else 200,
        toast=_("Disconnected.") if is_over and shop.state == "uninstalled" else None,
        connect_url=desk.connect_url(shop),
        remaining=remaining,
    )
