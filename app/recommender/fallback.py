"""Owns the lists that need no seed: bestsellers and rising products; it must not know customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from app.recommender.interactions import History, IntArray, TimeArray

DAY_SECONDS = 86_400.0
# Orders added to both sides of a rise, so that 0 -> 1 order is not an infinite rise.
RISE_PRIOR_ORDERS = 5.0


def orders_between(history: History, n_items: int, start_at: float, stop_at: float) -> TimeArray:
    """How many orders of [start_at, stop_at) hold each product, float64 [n_items]."""
    _, item, at = order_lines(history)
    inside = (at >= start_at) & (at < stop_at)
    return np.bincount(item[inside], minlength=n_items).astype(np.float64)


def order_lines(history: History) -> tuple[IntArray, IntArray, TimeArray]:
    """Order, item and time of every different (order, item), the time being the line's latest."""
    bought = history.purchases()
    ranked = np.lexsort((np.nan_to_num(bought.occurred_at, nan=-np.inf), bought.item, bought.order))
    order, item = bought.order[ranked], bought.item[ranked]
    last = np.ones(len(order), bool)
    last[:-1] = (order[1:] != order[:-1]) | (item[1:] != item[:-1])
    return order[last], item[last], bought.occurred_at[ranked][last]


def bestseller_scores(history: History, n_items: int, window_days: float | None = None) -> TimeArray:
    """Orders per product within the last `window_days` (None: ever); all-time orders break ties.

    Returns
    -------
    float64, shape [n_items]
        0 for a product that never sold.
    """
    n_ever = np.bincount(order_lines(history)[1], minlength=n_items).astype(np.float64)
    if window_days is None:
        return n_ever
    stop_at = history.newest_at
    n_window = orders_between(
        history, n_items, stop_at - window_days * DAY_SECONDS, np.nextafter(stop_at, np.inf)
    )
    return np.asarray(n_window + n_ever / (1.0 + n_ever.sum()), dtype=np.float64)


def rising_scores(history: History, n_items: int, window_days: float = 14.0) -> TimeArray:
    """How much more a product sells in the last window than in the four windows before it.

    Returns
    -------
    float64, shape [n_items]
        log of (orders now + prior) / (orders per window before + prior), times sqrt of orders now, so
        that a rise counts more when more orders prove it. 0 or less: not rising.
    """
    stop_at, window = history.newest_at, window_days * DAY_SECONDS
    now = orders_between(history, n_items, stop_at - window, np.nextafter(stop_at, np.inf))
    before = orders_between(history, n_items, stop_at - 5 * window, stop_at - window) / 4.0
    rise = np.log((now + RISE_PRIOR_ORDERS) / (before + RISE_PRIOR_ORDERS))
    return np.asarray(rise * np.sqrt(now), dtype=np.float64)
