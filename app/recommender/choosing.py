"""Owns choosing a shop's parameters by a back-test inside its own past; it must not see the test."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from app.recommender.blend import Blend
from app.recommender.choosing_blends import MAX_QUERIES, MAX_SEEDS, choose_blend
from app.recommender.choosing_tastes import (
    CAUTIOUS_DISCOVERY,
    CAUTIOUS_TASTE,
    DEFAULT_DISCOVERY,
    DEFAULT_TASTE,
    MAX_CUSTOMERS,
    choose_taste,
)
from app.recommender.tasks import basket_queries, customer_queries, split_by_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.recommender.interactions import Catalogue, History
    from app.recommender.model import Model
    from app.recommender.personal import Taste

# Orders the choice is judged on: the newest tenth, and more where that proves nothing.
VALIDATION_SHARES = (0.10, 0.20, 0.30)
N_VALIDATION_ORDERS = 150
# Questions of a part from which on a larger one is not asked: it would tell no more.
ENOUGH = {"blend": MAX_SEEDS, "taste": MAX_CUSTOMERS, "discovery": MAX_CUSTOMERS}
# Questions below which nothing can be told, not even that a setting loses: what is cautious stands.
MIN_QUERIES = 30
DEFAULT_BLEND = Blend()


@dataclass(frozen=True)
class Choice:
    """The parameters of a shop, and how many queries decided them (0: nothing could be asked)."""

    blend: Blend = DEFAULT_BLEND
    taste: Taste = DEFAULT_TASTE
    discovery: Taste = DEFAULT_DISCOVERY
    n_product_queries: int = 0
    n_customer_queries: int = 0


def choose(
    catalogue: Catalogue, history: History, fit_inner: Callable[[Catalogue, History], Model], seed: int
) -> Choice:
    """Split the past by time, learn its older part, and keep what predicts its newer part best.

    What is not proven to hold up against simple methods there is asked again of a larger part.

    Parameters
    ----------
    catalogue, history
        All that may be known.
    fit_inner : callable
        Fits a model, EASE included, with default parameters.
    seed : int
    """
    least = float(np.clip(N_VALIDATION_ORDERS / max(1, history.n_orders), *VALIDATION_SHARES[::2]))
    # What stands where nothing can be asked.
    choice = Choice(taste=CAUTIOUS_TASTE, discovery=CAUTIOUS_DISCOVERY)
    open_parts = {"blend", "taste", "discovery"}
    for share in sorted({least, *(share for share in VALIDATION_SHARES if share > least)}):
        choice, open_parts = _chosen_on(share, choice, open_parts, catalogue, history, fit_inner, seed)
        if not open_parts:
            break
    return choice


def _chosen_on(
    share: float,
    choice: Choice,
    open_parts: set[str],
    catalogue: Catalogue,
    history: History,
    fit_inner: Callable[[Catalogue, History], Model],
    seed: int,
) -> tuple[Choice, set[str]]:
    """Choose what is open on the newest `share` of the orders; return it with what is open still."""
    split = split_by_time(catalogue, history, share)
    # Asking more costs little as long as it is about the same few products.
    n_queries = MAX_QUERIES if split.catalogue.n_items <= MAX_SEEDS else MAX_SEEDS
    queries = basket_queries(split, seed, n_queries)
    customers = {
        "taste": customer_queries(split, only_new=False),
        "discovery": customer_queries(split, only_new=True),
    }
    n_asked = {"blend": len(queries.item), **{part: len(asked.user) for part, asked in customers.items()}}
    askable = {part for part in open_parts if n_asked[part] >= MIN_QUERIES}
    if not askable:
        return choice, open_parts
    model, proven = fit_inner(split.catalogue, split.train), set()
    if "blend" in askable:
        blend, is_proven = choose_blend(model, queries)
        choice = replace(choice, blend=blend, n_product_queries=n_asked["blend"])
        proven |= {"blend"} if is_proven else set()
    model = replace(model, blend=choice.blend)
    if "taste" in askable:
        taste, is_proven = choose_taste(model, customers["taste"], seed, is_new=False)
        choice = replace(choice, taste=taste, n_customer_queries=n_asked["taste"])
        proven |= {"taste"} if is_proven else set()
    if "discovery" in askable:
        discovery, is_proven = choose_taste(model, customers["discovery"], seed, is_new=True)
        choice = replace(choice, discovery=discovery)
        proven |= {"discovery"} if is_proven else set()
    return choice, {part for part in open_parts - proven if n_asked[part] < ENOUGH[part]}
