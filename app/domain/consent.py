"""Whether a person may be written to: permission with its basis, and what overrides it; it stores nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from enum import StrEnum

from app.domain.events import Consent, ConsentState


class Scope(StrEnum):
    """What a suppression covers: every mail, or one flow's."""

    ALL = "all"
    ABANDONED_CART = "abandoned_cart"
    WIN_BACK = "win_back"


_DAWN = datetime.min.replace(tzinfo=UTC)

# Words for the merchant, by what the shop says of how the permission was given.
_BASES = {
    "confirmed_opt_in": "agreed, and confirmed it by e-mail (double opt-in)",
    "single_opt_in": "agreed in the shop (single opt-in)",
}


def may_mail(consent: Consent | None) -> bool:
    """Only an explicit yes counts: a cart reminder is marketing in the EU and the UK (reliability.md §3).

    A double opt-in that waits for its confirmation (`pending`) is no yes, and neither is silence.
    """
    return consent is not None and consent.state is ConsentState.SUBSCRIBED


def basis(consent: Consent | None) -> str | None:
    """What a mail to this person rests on, in words for the merchant; None when there is no permission."""
    if consent is None or not may_mail(consent):
        return None
    return _BASES.get((consent.opt_in_level or "").lower(), "agreed in the shop")


def newest(entries: Iterable[Consent]) -> Consent | None:
    """The entry that holds: the latest change. Of two at one moment the one that forbids wins."""
    return max(entries, key=lambda entry: (entry.changed_at or _DAWN, not may_mail(entry)), default=None)


def is_suppressed(scopes: Collection[str], flow: str) -> bool:
    """Whether one of these suppressions covers the flow's mails."""
    return Scope.ALL in scopes or flow in scopes
