"""The ledger: who was to be mailed, what, when, and why or why not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, get_args

from flask import Response, g, request, url_for

from app.services import reporting
from app.services.reporting import FLOWS, Place, ReasonCount, Shown
from app.web.admin import words
from app.web.admin.page import Desk
from app.web.admin.speech import _


def register(desk: Desk) -> None:
    """Add the list and the single message."""
    context = desk.context

    def show_messages() -> Response:
        return _ledger(desk, _person(request.args.get("person", "")))

    def search_messages() -> Response:
        """By a whole address, posted, that then goes by its keyed hash: what stands in a URL ends up in logs."""
        typed = request.form.get("email", "").strip()[:254]
        return _ledger(desk, context.hasher.email(g.shop_id, typed) if typed else None, typed)

    def show_message(message_id: int) -> Response:
        with context.db.shop(g.shop_id) as connection:
            shop = desk.shop(connection)
            found = reporting.ledger_entry(connection, shop.shop_id, message_id)
        if found is None:
            return desk.not_found(shop, _("There is no such message in your ledger."))
        facts = words.fact_rows(found.facts, desk.formats(shop))
        return desk.render("admin/message.html", shop, found=found, facts=facts, words=words)

    desk.route("/messages", show_messages)
    desk.route("/messages/search", search_messages, methods=("POST",))
    desk.route("/messages/<int:message_id>", show_message)


def _ledger(desk: Desk, person: bytes | None, typed: str = "") -> Response:
    shown, flow = _chosen(request.args.get("state", ""), request.args.get("flow", ""))
    after = Place.parse(request.args.get("after", ""))
    with desk.context.db.shop(g.shop_id) as connection:
        shop = desk.shop(connection)
        page = reporting.ledger_page(
            connection, shop.shop_id, shown=shown, flow=flow, after=after, person=person
        )
        period = reporting.last_days(desk.context.clock.now(), shop.timezone)
        counts = reporting.reason_counts(connection, shop.shop_id, period)
        active = reporting.standing(connection, shop.shop_id).active_flows if not counts else frozenset()
    chosen = person.hex() if person else None
    return desk.render(
        "admin/messages.html",
        shop,
        shown_as=url_for("admin.show_messages", person=chosen) if request.method == "POST" else None,
        page=page,
        counts=counts,
        tallies=_tallies(counts),
        shown=shown,
        flow=flow,
        person=chosen,
        typed=typed,
        is_first=after is None,
        filters=_filters(),
        flows=FLOWS,
        has_active_flow=bool(counts) or bool(active),
        words=words,
    )


def _person(written: str) -> bytes | None:
    """The keyed hash in an address; what is none searches for nobody."""
    try:
        return bytes.fromhex(written) or None
    except ValueError:
        return None


def _chosen(state: str, flow: str) -> tuple[Shown, str | None]:
    """The filters of an address; what isn't one of ours filters nothing."""
    shown = cast("Shown", state) if state in get_args(Shown) else "decided"
    return shown, flow if flow in FLOWS else None


def _tallies(counts: Sequence[ReasonCount]) -> list[tuple[str, int, list[ReasonCount]]]:
    """The period's mails by state, most frequent first, each with the reasons there were."""
    by_state: dict[str, list[ReasonCount]] = {}
    for count in counts:
        by_state.setdefault(count.state, []).append(count)
    tallies = [
        (state, sum(count.n for count in found), [count for count in found if count.reason])
        for state, found in by_state.items()
    ]
    return sorted(tallies, key=lambda tally: -tally[1])


def _filters() -> list[tuple[Shown, str]]:
    return [
        ("decided", _("All decided")),
        ("planned", _("Planned")),
        ("sent", _("Sent")),
        ("skipped", _("Held back")),
        ("failed", _("Failed or unclear")),
    ]
