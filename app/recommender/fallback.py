"""Owns the lists that need no seed: bestsellers and rising products; it must not know customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from app.recommender.interactions import BoolArray, History, IntArray, TimeArray

DAY_SECONDS = 86_400.0
# Orders added to both sides of a rise, so that 0 -> 1 order is not an infinite rise.
RISE_PRIOR_ORDERS = 5.0


class OrderLines(NamedTuple):
    """Every different (order, item), and when: the line's latest time.

    Attributes
    ----------
    order, item : int64, shape [n_lines]
    at : float64, shape [n_lines]
        Unix seconds; NaN where unknown.
    """

    order: IntArray
    item: IntArray
    at: TimeArray

    def take(self, rows: BoolArray) -> OrderLines:
        """Return the lines that a mask selects."""
        return OrderLines(self.order[rows], self.item[rows], self.at[rows])

    def since(self, start_at: float) -> OrderLines:
        """Return the lines from a moment on; those without a date are older than any."""
        return self.take(self.at >= start_at)

    def orders_between(self, n_items: int, start_at: float, stop_at: float) -> TimeArray:
        """How many orders of [start_at, stop_at) hold each product, float64 [n_items]."""
        inside = (self.at >= start_at) & (self.at < stop_at)
        return np.bincount(self.item[inside], minlength=n_items).astype(np.float64)


def order_lines(history: History) -> OrderLines:
    """Read the lines of a history's orders."""
    bought = history.purchases()
    ranked = np.lexsort((np.nan_to_num(bought.occurred_at, nan=-np.inf), bought.item, bought.order))
    order, item = bought.order[ranked], bought.item[ranked]
    last = np.ones(len(order), bool)
    last[:-1] = (order[1:] != order[:-1]) | (item[1:] != item[:-1])
    return OrderLines(order[last], item[last], bought.occurred_at[ranked][last])


def bestseller_scores(now: TimeArray, ever: IntArray) -> TimeArray:
    """Order products by how they sell now; all-time orders break ties.

    Parameters
    ----------
    now : float64, shape [n_items]
        Orders of a window, or orders that fade with their age.
    ever : int64, shape [n_items]
        Orders of all time.

    Returns
    -------
    float64, shape [n_items]
        0 for a product that never sold.
    """
    return np.asarray(now + ever / (1.0 + ever.sum()), dtype=np.float64)


def rising_scores(lines: OrderLines, newest_at: float, n_items: int, window_days: float) -> TimeArray:
    """How much more a product sells in the last window than in the four windows before it.

    Parameters
    ----------
    lines : OrderLines
        Of the last five windows at least.
    newest_at : float
        Unix seconds at which the last window ends.
    n_items : int
    window_days : float

    Returns
    -------
    float64, shape [n_items]
        log of (orders now + prior) / (orders per window before + prior), times sqrt of orders now, so
        that a rise counts more when more orders prove it. 0 or less: not rising.
    """
    window = window_days * DAY_SECONDS
    now = lines.orders_between(n_items, newest_at - window, np.nextafter(newest_at, np.inf))
    before = lines.orders_between(n_items, newest_at - 5 * window, newest_at - window) / 4.0
    rise = np.log((now + RISE_PRIOR_ORDERS) / (before + RISE_PRIOR_ORDERS))
    return np.asarray(rise * np.sqrt(now), dtype=np.float64)
