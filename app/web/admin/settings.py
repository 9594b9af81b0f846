"""Settings: the sender, when and how often to mail, the holdout, the waiting times, and the flows' switches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from flask import Response, g, request, url_for
from sqlalchemy import Connection

from app.domain.flows import has_postal_address
from app.domain.policy import ShopPolicy
from app.platforms.extras import Feature
from app.services import permissions, themelists, visits
from app.services.messaging import FLOW_KINDS, activate, deactivate, flows
from app.services.shops import ShopRecord, save_policy
from app.web.admin import forms, words
from app.web.admin.page import Desk, own_address
from app.web.admin.speech import _

# Home's figures look back as far.
COUNTED_DAYS = 28


def register(desk: Desk) -> None:
    """Add the page and its one form."""
    context = desk.context

    def show_settings() -> Response:
        with context.db.shop(g.shop_id) as connection:
            shop = desk.shop(connection)
            active = _active(connection, shop.shop_id)
        return _page(desk, shop, written(shop.policy, active), {})

    def save_settings() -> Response:
        fields = request.form.to_dict()
        with context.db.shop(g.shop_id) as connection:
            shop = desk.shop(connection)
            policy, form = forms.read_settings(fields, shop.policy, shop.other_senders)
            wanted = {kind for kind in FLOW_KINDS if form.is_on(f"flow_{kind}")}
            if wanted and not has_postal_address(policy):
                form.errors["postal_address"] = _(
                    "A flow can't be switched on without a postal address: the law asks for it in every mail."
                )
            if not form.errors:
                save_policy(connection, shop.shop_id, policy)
                _switch(connection, shop.shop_id, wanted, desk)
                if policy.shelf.is_in_theme != shop.policy.shelf.is_in_theme:
                    themelists.ask_again(connection, shop.shop_id)
        if form.errors:
            return _page(desk, shop, fields, form.errors, status=422)
        _carry_theme_lists(desk, shop.shop_id)
        if (policy.cart, policy.counts_visits) != (shop.policy.cart, shop.policy.counts_visits):
            context.queue.nudge("upkeep.publish_setup", shop.shop_id)
        shop = replace(shop, policy=policy)
        return _page(desk, shop, written(policy, wanted), {}, toast=_("Saved."))

    def take_theme_lists_away() -> Response:
        with context.db.shop(g.shop_id) as connection:
            shop = desk.shop(connection)
            policy = replace(shop.policy, shelf=replace(shop.policy.shelf, is_in_theme=False))
            save_policy(connection, shop.shop_id, policy)
            themelists.ask_again(connection, shop.shop_id)
            active = _active(connection, shop.shop_id)
        _carry_theme_lists(desk, shop.shop_id)
        shop, told = replace(shop, policy=policy), _("Our lists are being taken out of your theme.")
        return _page(desk, shop, written(policy, active), {}, toast=told)

    desk.route("/settings", show_settings)
    desk.route("/settings/theme-lists/undo", take_theme_lists_away, methods=("POST",))
    desk.route("/settings", save_settings, methods=("POST",))


def _carry_theme_lists(desk: Desk, shop_id: int) -> None:
    """Begin now, so that the merchant who looks at the theme next sees it; a timer would do it too."""
    if themelists.plan(desk.context, shop_id):
        desk.context.queue.nudge("upkeep.run_jobs")


def _active(connection: Connection, shop_id: int) -> set[str]:
    return {flow.kind for flow in flows(connection, shop_id) if flow.is_active}


def _switch(connection: Connection, shop_id: int, wanted: set[str], desk: Desk) -> None:
    """Switch on and off what differs; the policy these flows need has been stored in this transaction."""
    active = _active(connection, shop_id)
    for kind in sorted(wanted - active):
        activate(connection, shop_id, kind, desk.context.clock.now())
    for kind in sorted(active - wanted):
        deactivate(connection, shop_id, kind)


def _page(
    desk: Desk,
    shop: ShopRecord,
    fields: Mapping[str, str],
    errors: Mapping[str, str],
    *,
    status: int = 200,
    toast: str | None = None,
) -> Response:
    missing = _missing(desk, shop)
    with desk.context.db.shop(shop.shop_id) as connection:
        theme_lists = themelists.standing(connection, shop.shop_id)
        since = desk.context.clock.now() - timedelta(days=COUNTED_DAYS)
        visited = visits.counted(connection, shop.shop_id, since) if shop.policy.counts_visits else None
    platform = permissions.extras(desk.context, shop)
    return desk.render(
        "admin/settings.html",
        shop,
        theme_lists=theme_lists,
        missing=missing,
        has_extras=platform is not None,
        connect_url=desk.connect_url(shop),
        sender_field=forms.sender_field,
        features=platform.features if platform else (),
        visited=visited,
        permission_url=platform.permission_url(shop.domain, missing) if platform and missing else "",
        status=status,
        toast=toast,
        shown_as=url_for("admin.show_settings"),
        fields=fields,
        errors=errors,
        flow_kinds=FLOW_KINDS,
        mail_from=desk.context.settings.mail_from,
        test_address=own_address(shop),
        words=words,
    )


def _missing(desk: Desk, shop: ShopRecord) -> tuple[Feature, ...]:
    """What is switched on and waits for the merchant's permission."""
    wanted: list[Feature] = []
    if shop.policy.shelf.is_in_theme:
        wanted.append("theme_lists")
    if shop.policy.offer.is_on:
        wanted.append("codes")
    if shop.policy.counts_visits:
        wanted.append("visits")
    lacked = permissions.lacking(desk.context, shop, wanted)
    missing = permissions.missing(desk.context, shop, wanted)
    if "visits" in set(lacked) - set(missing):
        desk.context.queue.nudge("upkeep.publish_setup", shop.shop_id)
    if shop.policy.shelf.is_in_theme and "theme_lists" not in missing:
        with desk.context.db.shop(shop.shop_id) as connection:
            is_failed = themelists.standing(connection, shop.shop_id).error is not None
            if is_failed:
                themelists.ask_again(connection, shop.shop_id)
        if is_failed:
            _carry_theme_lists(desk, shop.shop_id)
    return missing


def written(policy: ShopPolicy, active: set[str]) -> dict[str, str]:
    """The policy as the form's fields hold it; a switch that is off has no field."""
    sender, mail, cart, win_back = policy.sender, policy.mail, policy.cart, policy.win_back
    switches = {
        "is_in_theme": policy.shelf.is_in_theme,
        "offer": policy.offer.is_on,
        "takes_typed": cart.takes_typed_addresses,
        **{forms.sender_field(name): True for name in cart.senders_off},
        "counts_visits": policy.counts_visits,
    }
    return {
        "sender_name": sender.name,
        "reply_to": sender.reply_to,
        "postal_address": sender.postal_address,
        "quiet_from": mail.quiet_from.strftime("%H:%M"),
        "quiet_until": mail.quiet_until.strftime("%H:%M"),
        "max_per_day": str(mail.max_per_day),
        "max_per_week": str(mail.max_per_week),
        "holdout_percent": str(round(mail.holdout_share * 100)),
        "cart_wait_minutes": str(cart.wait_minutes),
        "cart_give_up_after_hours": str(cart.give_up_after_hours),
        "win_back_factor": f"{win_back.factor:g}",
        "win_back_min_days": str(win_back.min_days),
        "win_back_default_days": str(win_back.default_days),
        "win_back_max_per_day": str(win_back.max_per_day),
        **{f"flow_{kind}": "on" for kind in active},
        "offer_percent": str(policy.offer.percent),
        "offer_valid_days": str(policy.offer.valid_days),
        **{name: "on" for name, is_on in switches.items() if is_on},
    }
