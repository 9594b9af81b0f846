"""Owns how one setting takes another's place; it must not know what a setting is."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

# A setting has to be this much better (log) than the one before it to take its place: less is noise.
MARGIN = 0.005
# The same where the step changes what kind of list it is: what is ahead by less may be behind next month.
CLEAR_MARGIN = 0.01
# Worth of a point (log) lost against the best simple method: the promise is never to lose.
LOSS_WORTH = 10.0
# Queries below which settings are not told apart: the interval of a difference is wider than any of them.
MIN_QUERIES_TO_PREFER = 200


def best_of(settings: tuple[T, ...], quality: Callable[[T], float], margin: float) -> T:
    """Return the best setting if it is `margin` better than the first one, else the first one."""
    reached = [quality(setting) for setting in settings]
    best = int(np.argmax(reached))
    return settings[best] if reached[best] > reached[0] + margin else settings[0]


def log_of(value: float) -> float:
    """Return the log of a share, and of 0 a number that is low but finite."""
    return float(np.log(max(value, 1e-6)))
