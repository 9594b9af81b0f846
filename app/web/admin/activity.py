"""Activity: what came in from the shop, what could not be read, and what ran in the background."""

from __future__ import annotations

from flask import Response, g, url_for

from app.services import ingesting, reporting
from app.web.admin import words
from app.web.admin.page import Desk
from app.web.admin.speech import _


def register(desk: Desk) -> None:
    """Add the page and the replay of a dead delivery."""
    context = desk.context

    def show_activity() -> Response:
        return _activity(desk)

    def replay_delivery(delivery_id: int) -> Response:
        if ingesting.replay(context, g.shop_id, delivery_id):
            return _activity(desk, toast=_("It will be read again in a moment."))
        with context.db.shop(g.shop_id) as connection:
            shop = desk.shop(connection)
        return desk.not_found(shop, _("This delivery is not waiting to be replayed."))

    desk.route("/activity", show_activity)
    desk.route("/deliveries/<int:delivery_id>/replay", replay_delivery, methods=("POST",))


def _activity(desk: Desk, toast: str | None = None) -> Response:
    with desk.context.db.shop(g.shop_id) as connection:
        shop = desk.shop(connection)
        found = reporting.activity(connection, shop.shop_id)
    return desk.render(
        "admin/activity.html",
        shop,
        toast=toast,
        shown_as=url_for("admin.show_activity") if toast is not None else None,
        found=found,
        words=words,
    )
