"""The admin's words for what is stored under a name: flows, states, phases, topics, facts; nothing is decided here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.domain.reasons import describe
from app.services.reporting import JobReport
from app.web.admin.formats import Formats
from app.web.admin.speech import _


def flow_name(flow: str) -> str:
    return {"abandoned_cart": _("Abandoned cart"), "win_back": _("Win-back")}.get(flow, flow)


def state_name(state: str) -> str:
    return {
        "planned": _("Planned"),
        "claimed": _("Being decided"),
        "handed_over": _("Handed over"),
        "sent": _("Sent"),
        "skipped": _("Held back"),
        "failed": _("Failed"),
        "unknown": _("Unclear"),
    }.get(state, state)


def state_tone(state: str) -> str:
    """Which colour and sign a state has; every sign comes with its word."""
    return {
        "sent": "good",
        "handed_over": "good",
        "done": "good",
        "skipped": "calm",
        "planned": "calm",
        "claimed": "calm",
        "queued": "calm",
        "received": "calm",
        "running": "busy",
        "failed": "bad",
        "dead": "bad",
        "refused": "warn",
        "unknown": "warn",
    }.get(state, "calm")


def job_name(kind: str) -> str:
    return {"import": _("Import"), "training": _("Learning")}.get(kind, kind)


def job_state(state: str) -> str:
    return {
        "queued": _("Waiting"),
        "running": _("Running"),
        "done": _("Done"),
        "failed": _("Failed"),
    }.get(state, state)


def phase_words(job: JobReport) -> str:
    """What a running job is doing now."""
    if job.kind == "training":
        return _("Learning what goes together")
    return {
        "products": _("Bringing in your products"),
        "customers": _("Bringing in your customers"),
        "orders": _("Bringing in your orders"),
    }.get(job.phase or "", _("Asking your shop for its history"))


def why(state: str, reason: str | None) -> str:
    """Why a mail was sent, held back or waits, in words."""
    if reason:
        return describe(reason)
    return {
        "planned": _("Waiting for its time."),
        "claimed": _("Everything is being checked once more."),
        "handed_over": _("Nothing spoke against it. The mail server has taken it."),
        "sent": _("Nothing spoke against it."),
    }.get(state, "")


def field_labels() -> dict[str, str]:
    """What the settings' fields are called beside them; a list of what is wrong names them by it."""
    return {
        "sender_name": _("Name"),
        "reply_to": _("Replies go to"),
        "postal_address": _("Postal address"),
        "cart_wait_minutes": _("Wait after the last touch"),
        "cart_give_up_after_hours": _("Too late after"),
        "offer_percent": _("Off the order"),
        "offer_valid_days": _("Works for"),
        "win_back_factor": _("Lapsed after"),
        "win_back_min_days": _("But never before"),
        "win_back_default_days": _("With too few orders for a rhythm"),
        "win_back_max_per_day": _("Win-back mails at most"),
        "quiet_from": _("Quiet from"),
        "quiet_until": _("Quiet until"),
        "max_per_day": _("At most a day"),
        "max_per_week": _("At most a week"),
        "holdout_percent": _("Left alone"),
        "heading": _("Heading"),
        "leaning": _("Leaning"),
    }


def source_words(source: str) -> str:
    """What put a product into a list when no count does."""
    return {
        "together": _("Bought together"),
        "similar": _("Alike in words or in who buys them"),
        "taste": _("Customers alike bought it"),
        "popular": _("Filled up with what sells best"),
        "new": _("New: filled up until more is known"),
    }.get(source, source)


def fact_rows(facts: Mapping[str, Any], fmt: Formats) -> list[tuple[str, str]]:
    """What a decision saw, in words; facts this version doesn't know are shown as they are stored."""
    rows = [(_("Permission"), _permission(facts, fmt)), (_("Asked the shop"), _order_check(facts))]
    if "suppressions" in facts:
        rows.append((_("Must not be mailed"), ", ".join(facts["suppressions"]) or _("no")))
    if "n_sent_last_day" in facts:
        sent = _("%(day)s in a day, %(week)s in a week")
        rows.append(
            (
                _("Mails from you before"),
                sent % {"day": facts["n_sent_last_day"], "week": facts["n_sent_last_week"]},
            )
        )
    if facts.get("local_time"):
        rows.append((_("Their time of day"), f"{facts['local_time']} ({facts.get('zone', '')})"))
    if facts.get("cart_active_at"):
        rows.append((_("Cart last touched"), fmt.moment(datetime.fromisoformat(facts["cart_active_at"]))))
    if facts.get("offered_percent"):
        rows.append((_("Discount code"), _("%(percent)s%% off, once", percent=facts["offered_percent"])))
    unknown = sorted(set(facts) - _KNOWN_FACTS)
    rows += [(key.replace("_", " ").capitalize(), str(facts[key])) for key in unknown]
    return [(label, value) for label, value in rows if value]


def _permission(facts: Mapping[str, Any], fmt: Formats) -> str:
    if "consent" not in facts:
        return ""
    state = str(facts["consent"] or _("none on record")).replace("_", " ")
    told = [state, str(facts.get("basis") or "")]
    if facts.get("consent_at"):
        told.append(_("since %(moment)s", moment=fmt.moment(datetime.fromisoformat(facts["consent_at"]))))
    return ", ".join(part for part in told if part)


def _order_check(facts: Mapping[str, Any]) -> str:
    if facts.get("has_ordered"):
        return _("They had bought already, our own records say")
    says, age = facts.get("platform_says_ordered"), facts.get("order_check_age_seconds")
    if says is None:
        return _("Not asked: something else decided before") if "platform_says_ordered" in facts else ""
    answer = _("They had bought") if says else _("No order")
    return answer if age is None else _("%(answer)s, answered %(n)s s before", answer=answer, n=f"{age:.1f}")


_KNOWN_FACTS = {
    "decided_at",
    "consent",
    "basis",
    "consent_at",
    "suppressions",
    "n_sent_last_day",
    "n_sent_last_week",
    "has_ordered",
    "platform_says_ordered",
    "order_check_age_seconds",
    "local_time",
    "zone",
    "shop_state",
    "cart_active_at",
    "offered_percent",
}
