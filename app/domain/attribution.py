"""Which message and which shelf an order is credited to; a credit is not proof, the holdout is (`experiments`)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

# The usual window of e-mail tools (Klaviyo's default is 5 days), so that figures can be compared.
CLICK_WINDOW = timedelta(days=5)

# What our links call their source, and how they name the mail they stood in: by a number that says nothing of anybody.
SOURCE = "regulars"
_MAIL = re.compile(r"\Amail-([0-9]{1,18})\Z", re.ASCII)

# Of a shelf list's id, which names the products it stood beside: a shelf says it, a beacon or an order brings it back.
MAX_LIST_ID_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Click:
    """A person came to the shop through this message."""

    message_id: int
    clicked_at: datetime


@dataclass(frozen=True, slots=True)
class BoughtLine:
    """A line of an order. `list_id` is the shelf list it was put into the cart from, if it was."""

    list_id: str | None
    amount: int


def credited_message(clicks: Iterable[Click], placed_at: datetime) -> int | None:
    """The message clicked last before the order, if that was within the window; an opened mail earns nothing."""
    eligible = [click for click in clicks if placed_at - CLICK_WINDOW <= click.clicked_at <= placed_at]
    latest = max(eligible, key=lambda click: (click.clicked_at, click.message_id), default=None)
    return latest.message_id if latest else None


def content_of(message_id: int) -> str:
    """What a link of this message is told apart by in the shop's own statistics (utm_content)."""
    return f"mail-{message_id}"


def landed_message(landing_path: str | None) -> int | None:
    """The message whose link the buyer's visit began with, by what the shop itself keeps of the visit."""
    try:
        query = dict(parse_qsl(urlsplit(landing_path or "").query))
    except ValueError:
        return None
    found = _MAIL.match(query.get("utm_content", ""))
    return int(found[1]) if found and query.get("utm_source") == SOURCE else None


def credited_list(lines: Iterable[BoughtLine]) -> str | None:
    """The shelf list the order is credited to: of several, the one that most of the money came through."""
    amounts: dict[str, int] = {}
    for line in lines:
        if line.list_id:
            amounts[line.list_id] = amounts.get(line.list_id, 0) + line.amount
    return max(amounts, key=lambda list_id: amounts[list_id], default=None)
