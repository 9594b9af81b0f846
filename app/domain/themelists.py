"""Whether a product's list in the theme may be written, and with what: the merchant's own choice always stays.

A list belongs to us while it says exactly what we last wrote. Anything else in it is the merchant's, or another
app's, and is never touched; an empty one may be filled, unless it was ours and the merchant emptied it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# Shopify's theme sections show at most 10 of either kind (recommendations API, `limit`), and so does its own app.
MAX_PRODUCTS = 10

# How often what was learned between two publications is carried over; a theme's list is no live shelf.
REFRESH = timedelta(hours=1)


class ListKind(StrEnum):
    """Where in the theme a list shows."""

    RELATED = "related"
    COMPLEMENTARY = "complementary"


# Which of the learned lists a kind is filled from.
SOURCES = {ListKind.RELATED: "also_bought", ListKind.COMPLEMENTARY: "complements"}


@dataclass(frozen=True, slots=True)
class Found:
    """What stands in the shop now: None where there is no list, `is_foreign` where it holds what we can't read."""

    product_ids: tuple[str, ...] | None
    is_foreign: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.is_foreign and not self.product_ids


@dataclass(frozen=True, slots=True)
class Written:
    """What we wrote there. `pending` is what a call that may have been cut off was about to write."""

    product_ids: tuple[str, ...]
    pending: tuple[str, ...] | None = None

    def is_ours(self, found: Found) -> bool:
        """Whether the list still says what we wrote, before or after the call that may have been cut off."""
        ours = {self.product_ids, self.product_ids if self.pending is None else self.pending}
        return not found.is_foreign and (found.product_ids or ()) in ours


class Step(StrEnum):
    """What becomes of one list."""

    WRITE = "write"
    # It already says so; only our own book has to be put right.
    KEEP = "keep"
    # Put back what was there before us.
    RESTORE = "restore"
    # Somebody else's from the start; looked at again next time.
    THEIRS = "theirs"
    # Ours once, changed since by somebody: not touched again while the switch stays on.
    TAKEN = "taken"


def step_for(wanted: Sequence[str], found: Found, written: Written | None) -> Step:
    """Decide one list; an empty `wanted` asks for ours to be taken away."""
    if written is None:
        if not found.is_empty:
            return Step.THEIRS
        return Step.WRITE if wanted else Step.KEEP
    if not written.is_ours(found):
        return Step.TAKEN
    if not wanted:
        return Step.RESTORE
    return Step.KEEP if (found.product_ids or ()) == tuple(wanted) else Step.WRITE


@dataclass(frozen=True, slots=True)
class Published:
    """Which lists are published: the model's number, and how often new orders have moved some since."""

    model_id: int
    revision: int


@dataclass(frozen=True, slots=True)
class LastTime:
    """How the last carrying over ended; `published` is None where it took ours away instead."""

    published: Published | None
    is_failed: bool
    ended_at: datetime


def is_due(published: Published | None, last: LastTime | None, now: datetime) -> bool:
    """Whether lists are to be carried over, or (`published` None: switched off) taken away.

    A new model, going back to an old one and the switch count at once; small moves and what failed once in a
    while.
    """
    if last is None:
        return True
    if last.is_failed:
        return now - last.ended_at >= REFRESH
    if published is None or last.published is None or published.model_id != last.published.model_id:
        return True
    return published != last.published and now - last.ended_at >= REFRESH
