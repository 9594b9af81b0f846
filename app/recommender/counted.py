"""Owns what is counted exactly from a history and kept up to date by small steps; it must not rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.recommender.copurchase import baskets, pair_counts
from app.recommender.fallback import DAY_SECONDS, OrderLines, order_lines
from app.recommender.pairs import Pairs, count_step

if TYPE_CHECKING:
    import numpy.typing as npt

    from app.recommender.interactions import History, IntArray, TimeArray
    from app.recommender.log import Log

# Half-lives of "recent" that the scores use: fourteen days follow fashion, thirty the season.
HALF_LIVES_DAYS = (14.0, 30.0)
# Days whose lines stay at hand: five windows of two weeks, which "rising" compares. So a delta need not read
# the whole history to say what sells now.
LINES_DAYS = 70.0


@dataclass(frozen=True, eq=False)
class Counted:
    """Exact counts of a history.

    Attributes
    ----------
    pairs : Pairs
    n_orders : int64, shape [n_items]
        Orders holding each product.
    n_orders_in_all : int
        Different orders, whatever they hold.
    recent : dict of float to float64 array of shape [n_items]
        Per half-life in days: orders, each halved with its age before `newest_at`.
    lines : OrderLines
        Of the last `LINES_DAYS`.
    newest_at : float
        Unix seconds of the newest row.
    """

    pairs: Pairs
    n_orders: IntArray
    n_orders_in_all: int
    recent: dict[float, TimeArray]
    lines: OrderLines
    newest_at: float

    def recent_share(self, half_life_days: float) -> npt.NDArray[np.float64]:
        """Smoothed share of each product's orders that are recent, 1 on average over what sold.

        Returns
        -------
        float64, shape [n_items]
            All 1 when no date is known.
        """
        recent = self.recent[half_life_days]
        if not recent.any():
            return np.ones(len(recent))
        shares = (recent + 0.5) / (self.n_orders + 5.0)
        return np.asarray(shares / shares[self.n_orders > 0].mean(), dtype=np.float64)


def count(history: History, n_items: int, n_orders_min: int) -> Counted:
    """Count a whole history."""
    held = baskets(history, n_items)
    n_orders = np.bincount(held.indices, minlength=n_items).astype(np.int64)
    newest_at = history.newest_at
    lines = order_lines(history)
    recent = {days: _decayed(lines, newest_at, days, n_items) for days in HALF_LIVES_DAYS}
    pairs = Pairs.counted(pair_counts(held), n_orders_min)
    at_hand = lines.since(_at_hand_from(newest_at))
    return Counted(pairs, n_orders, held.shape[0], recent, at_hand, newest_at)


def step(counted: Counted, log: Log, new: History, n_items: int) -> Counted:
    """Return the counts after `new` joins `log`; exact, but for the date of a line that repeats."""
    old = log.take(log.of_orders(new.order))
    pairs, n_orders = count_step(old, new, n_items)
    newest_at = max(counted.newest_at, new.newest_at)
    lines = _without(order_lines(new), order_lines(old))
    n_more = n_items - len(counted.n_orders)
    recent = {
        days: np.pad(before, (0, n_more)) * np.exp2(-(newest_at - counted.newest_at) / DAY_SECONDS / days)
        + _decayed(lines, newest_at, days, n_items)
        for days, before in counted.recent.items()
    }
    grown = counted.pairs.grown(n_items).moved(pairs)
    both = (np.concatenate(columns) for columns in zip(counted.lines, lines, strict=True))
    at_hand = OrderLines(*both).since(_at_hand_from(newest_at))
    return Counted(
        grown,
        np.pad(counted.n_orders, (0, n_more)) + n_orders,
        counted.n_orders_in_all + new.n_orders - old.n_orders,
        recent,
        at_hand,
        newest_at,
    )


def _at_hand_from(newest_at: float) -> float:
    return newest_at - LINES_DAYS * DAY_SECONDS


def _without(lines: OrderLines, known: OrderLines) -> OrderLines:
    pairs = set(zip(known.order.tolist(), known.item.tolist(), strict=True))
    fresh = [pair not in pairs for pair in zip(lines.order.tolist(), lines.item.tolist(), strict=True)]
    return lines.take(np.array(fresh, dtype=bool))


def _decayed(lines: OrderLines, newest_at: float, half_life_days: float, n_items: int) -> TimeArray:
    age_days = (newest_at - lines.at) / DAY_SECONDS
    worth = np.where(np.isfinite(lines.at), np.exp2(-age_days / half_life_days), 0.0)
    return np.bincount(lines.item, weights=worth, minlength=n_items).astype(np.float64)
