"""Owns whether lists hold up against simple ones on the same questions; it must not make lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.recommender.interactions import IntArray
    from app.recommender.metrics import Values

# Standard errors that a gain has to lie above 0 before it counts as one: three, since weeks differ by more than
# the questions of one of them tell. Of fewer questions less is asked, in proportion: no shop has the lead that
# three standard errors of fifty questions would be.
CLEAR_ERRORS = 3.0
QUESTIONS_PER_ERROR = 500
# The same, at least, where many settings were tried on the same questions: the best of them was lucky too.
MANY_TRIED_ERRORS = 2.0
# A loss that nobody could see, as a share of what the best simple method reaches.
TOLERANCE = 0.002


def shortfall(
    ours: Sequence[Values],
    simple: Sequence[Sequence[Values]],
    groups: IntArray,
    *,
    n_errors_min: float = 0.0,
) -> float:
    """How far our lists may lie below the best simple ones, as a share of what those reach.

    Parameters
    ----------
    ours : sequence of float64 arrays, each of shape [n_questions]
        One array for each measure.
    simple : sequence of the same
        One for each simple method.
    groups : int64, shape [n_questions]
        Questions of one group (an order) stand and fall together.
    n_errors_min : float
        Standard errors asked for however few the questions are.

    Returns
    -------
    float
        Of the worst measure: the lower end of what was gained, negated, over the simple mean. 0 or less where
        ours is above the best simple one beyond chance, or the same.
    """
    n_errors = max(n_errors_min, min(CLEAR_ERRORS, len(groups) / QUESTIONS_PER_ERROR))
    worst = -np.inf
    for measure, values in enumerate(ours):
        best = max((of_one[measure] for of_one in simple), key=lambda found: float(found.mean()))
        if not best.any():
            # Nothing to fall short of.
            worst = max(worst, 0.0)
            continue
        gain = values - best
        of_group = np.bincount(groups, gain - gain.mean())
        error = float(np.sqrt((of_group**2).sum())) / len(gain)
        low = float(gain.mean()) - n_errors * error
        worst = max(worst, -low / max(float(best.mean()), 1e-9))
    return float(worst)
