"""Home: the set-up checklist, the four figures that matter, and what needs attention."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flask import Response, g, url_for

from app.platforms.base import PlatformError
from app.services import installing, permissions, reporting
from app.services.connecting import client_for
from app.services.context import Context
from app.services.jobs import enqueue_job
from app.services.reporting import Figures, Standing, Step
from app.services.shops import ShopRecord, save_policy
from app.web.admin import charts, words
from app.web.admin.page import STOP_POLLING, Desk
from app.web.admin.speech import _


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that needs the merchant. `action` is an address to post to, `link` one to open."""

    tone: str
    title: str
    text: str
    label: str = ""
    link: str = ""
    action: str = ""


def register(desk: Desk) -> None:
    """Add Home and what its buttons do."""
    _register_pages(desk)
    _register_actions(desk)


def _register_pages(desk: Desk) -> None:
    context = desk.context

    def show_home() -> Response:
        return _home(desk)

    def show_progress() -> Response:
        """The running job's progress; the last answer stops the polling and brings the finished checklist."""
        with context.db.shop(g.shop_id) as connection:
            shop = desk.shop(connection)
            found = reporting.standing(connection, shop.shop_id)
        values: dict[str, Any] = {
            "standing": found,
            "steps": reporting.checklist(shop, found),
            "words": words,
            "older_orders_url": _older_orders_url(context, shop),
        }
        if found.is_working:
            return desk.render("admin/_progress.html", shop, **values)
        return desk.render(
            "admin/_setup_done.html",
            shop,
            status=STOP_POLLING,
            toast=_("Your shop's history is in, and the shelves have learned from it.")
            if found.model
            else None,
            **values,
        )

    def show_shelf_status() -> Response:
        """Ask the shop's theme whether the shelf is in it; a platform that doesn't answer says so."""
        with context.db.shop(g.shop_id) as connection:
            shop = desk.shop(connection)
        try:
            theme = client_for(context, shop.shop_id).storefront_status()
        except PlatformError:
            theme = None
        return desk.render("admin/_shelf_status.html", shop, theme=theme)

    desk.route("/", show_home)
    desk.route("/progress", show_progress)
    desk.route("/shelf-status", show_shelf_status)


def _register_actions(desk: Desk) -> None:
    context = desk.context

    def start_import() -> Response:
        installing.start_import(context, g.shop_id)
        return _home(desk, toast=_("The import has begun. You can leave this page."))

    def start_training() -> Response:
        with context.db.shop(g.shop_id) as connection:
            enqueue_job(connection, g.shop_id, "training", context.clock.now())
        context.queue.nudge("upkeep.run_jobs")
        return _home(desk, toast=_("Learning has begun. You can leave this page."))

    def dismiss_checklist() -> Response:
        with context.db.shop(g.shop_id) as connection:
            shop = desk.shop(connection)
            save_policy(connection, shop.shop_id, replace(shop.policy, is_checklist_dismissed=True))
        return _home(desk)

    desk.route("/import", start_import, methods=("POST",))
    desk.route("/training", start_training, methods=("POST",))
    desk.route("/checklist/dismiss", dismiss_checklist, methods=("POST",))


def _home(desk: Desk, toast: str | None = None) -> Response:
    with desk.context.db.shop(g.shop_id) as connection:
        shop = desk.shop(connection)
        found = reporting.standing(connection, shop.shop_id)
        period = reporting.last_days(desk.context.clock.now(), shop.timezone)
        figures = reporting.home_figures(connection, shop.shop_id, shop.currency, period)
    steps = reporting.checklist(shop, found)
    return desk.render(
        "admin/home.html",
        shop,
        toast=toast,
        shown_as=url_for("admin.show_home") if toast is not None else None,
        standing=found,
        steps=steps,
        is_set_up=all(step.state == "done" for step in steps),
        figures=figures,
        chart=charts.revenue_bars(figures.days),
        troubles=_troubles(desk, shop, found, figures, steps),
        words=words,
        older_orders_url=_older_orders_url(desk.context, shop),
    )


def _older_orders_url(context: Context, shop: ShopRecord) -> str:
    """Where the merchant lets us see all orders; empty where we see them."""
    platform = permissions.extras(context, shop)
    missing = permissions.lacking(context, shop, ["all_orders"])
    return platform.permission_url(shop.domain, missing) if platform and missing else ""


def _troubles(
    desk: Desk, shop: ShopRecord, found: Standing, figures: Figures, steps: tuple[Step, ...]
) -> list[Trouble]:
    """What needs the merchant, the worst first; what the checklist still asks for is not repeated here."""
    return [
        *_access_troubles(shop, desk.connect_url(shop)),
        *_connection_troubles(found),
        *_model_troubles(found),
        *_mail_troubles(shop, found, figures, is_set_up=all(step.state == "done" for step in steps)),
    ]


def _access_troubles(shop: ShopRecord, connect_url: str) -> list[Trouble]:
    """Whether we get into the shop at all; `connect_url` is empty where opening the app renews its access."""
    if shop.state == "leaving":
        text = _("Nobody is mailed any more. What is ours is being taken out of your store.")
        link = url_for("admin.show_disconnect")
        return [
            Trouble("warn", _("Your store is being disconnected"), text, _("See what remains"), link=link)
        ]
    if shop.state == "uninstalled":
        text = _("Nothing is read from your store and nobody is mailed. Connect it again, and it goes on.")
        return [Trouble("warn", _("Your store is disconnected"), text, _("Connect again"), link=connect_url)]
    if shop.state == "connected" and shop.connection_trouble:
        told = f"{shop.connection_trouble[:1].upper()}{shop.connection_trouble[1:].rstrip('.')}."
        text = _("%(told)s Until it is put right, changes in your shop may reach us late.", told=told)
        label = _("Connect again") if connect_url else ""
        return [Trouble("warn", _("We don't get through to your shop"), text, label, link=connect_url)]
    if shop.state != "needs_reconnect":
        return []
    if connect_url:
        text = _("Your store no longer accepts our key. Connect it again; everything it has is kept.")
        return [Trouble("bad", _("Connect your store again"), text, _("Connect again"), link=connect_url)]
    text = _("The shop no longer accepts our access. Opening the app from your admin once renews it.")
    return [Trouble("bad", _("Reconnect your shop"), text)]


def _connection_troubles(found: Standing) -> list[Trouble]:
    troubles = []
    job = found.jobs.get("import")
    if job is not None and job.state == "failed":
        text = _(
            "It stopped with: %(error)s. What came in so far is kept.", error=(job.error or "").rstrip(".")
        )
        troubles.append(
            Trouble(
                "bad", _("The import failed"), text, _("Import again"), action=url_for("admin.start_import")
            )
        )
    if found.n_dead:
        title = _("Messages from your shop could not be read: %(n)s", n=found.n_dead)
        text = _("They are kept. Look at why, and replay them when the cause is gone.")
        troubles.append(Trouble("warn", title, text, _("Look at them"), link=url_for("admin.show_activity")))
    return troubles


def _model_troubles(found: Standing) -> list[Trouble]:
    troubles = []
    job = found.jobs.get("training")
    if job is not None and job.state == "failed":
        text = _(
            "It stopped with: %(error)s. The lists from before stay up.", error=(job.error or "").rstrip(".")
        )
        troubles.append(
            Trouble("bad", _("Learning failed"), text, _("Try again"), action=url_for("admin.start_training"))
        )
    if found.refused_model is not None:
        text = _(
            "The latest model was not better than a simple list of bestsellers on your own orders, so it was"
            " not published. The lists from before stay up."
        )
        link = url_for("admin.show_recommendations")
        troubles.append(Trouble("warn", _("A model was turned down"), text, _("Read its card"), link=link))
    return troubles


def _mail_troubles(shop: ShopRecord, found: Standing, figures: Figures, *, is_set_up: bool) -> list[Trouble]:
    troubles = []
    n_lost = figures.current.n_failed + figures.current.n_unknown
    if n_lost:
        title = _("Mails that did not arrive, or may not have: %(n)s", n=n_lost)
        text = _("In the last 28 days. Addresses that do not exist are not written to again.")
        link = url_for("admin.show_messages", state="failed")
        troubles.append(Trouble("warn", title, text, _("See which"), link=link))
    if shop.conflicts and "abandoned_cart" in found.active_flows:
        text = _(
            "%(names)s may remind shoppers of their carts too, and nobody should be reminded twice. Switch it off"
            " there, or say in the settings that it does not.",
            names=", ".join(shop.conflicts),
        )
        link = url_for("admin.show_settings", _anchor="other-senders")
        troubles.append(
            Trouble("warn", _("Cart reminders are held back"), text, _("To the settings"), link=link)
        )
    is_silent = bool(found.active_flows) and not shop.policy.sender.postal_address.strip()
    if is_silent or (is_set_up is False and shop.policy.is_checklist_dismissed and not found.active_flows):
        text = _("Every mail has to name your postal address. Until it is in the settings, none goes out.")
        link = url_for("admin.show_settings")
        troubles.append(Trouble("warn", _("No mails are going out"), text, _("To the settings"), link=link))
    return troubles
