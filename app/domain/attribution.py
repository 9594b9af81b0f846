"""Which message and which shelf an order is credited to; a credit is not proof, the holdout is (`experiments`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

# The usual window of e-mail tools (Klaviyo's default is 5 days), so that figures can be compared.
CLICK_WINDOW = timedelta(days=5)

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


def credited_list(lines: Iterable[BoughtLine]) -> str | None:
    """The shelf list the order is credited to: of several, the one that most of the money came through."""
    amounts: dict[str, int] = {}
    for line in lines:
        if line.list_id:
            amounts[line.list_id] = amounts.get(line.list_id, 0) + line.amount
    return max(amounts, key=lambda list_id: amounts[list_id], default=None)
