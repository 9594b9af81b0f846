"""Places bars on a grid of whole numbers for a small SVG; the table beside it holds the values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.services.reporting import DayOfRevenue

# The drawing's own units; the page stretches it.
STEP, BAR_WIDTH, HEIGHT = 20, 14, 100
_GAP = 3


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: the shelf's part stands on the mail's. All in drawing units, y downwards."""

    x: int
    mail_y: float
    mail_height: float
    shelf_y: float
    shelf_height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """`top` is the value of the upper edge, in minor units."""

    bars: tuple[Bar, ...]
    days: tuple[DayOfRevenue, ...]
    width: int
    top: int
    bar_width: int = BAR_WIDTH

    @property
    def is_empty(self) -> bool:
        return all(day.mail == 0 and day.shelf == 0 for day in self.days)


def revenue_bars(days: Sequence[DayOfRevenue]) -> Chart:
    """Stack each day's credited revenue."""
    top = _nice(max((day.mail + day.shelf for day in days), default=0))
    bars = tuple(_bar(index, day, top) for index, day in enumerate(days))
    return Chart(bars, tuple(days), len(days) * STEP, top)


def _bar(index: int, day: DayOfRevenue, top: int) -> Bar:
    mail = round(day.mail / top * HEIGHT, 2)
    shelf = round(day.shelf / top * HEIGHT, 2)
    return Bar(index * STEP + _GAP, HEIGHT - mail, mail, HEIGHT - mail - shelf, shelf)


def _nice(largest: int) -> int:
    """The next 1, 2 or 5 with zeros that holds the largest value; 1 for nothing at all."""
    size = 1
    while True:
        for lead in (1, 2, 5):
            if lead * size >= largest:
                return lead * size
        size *= 10
