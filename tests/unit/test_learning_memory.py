"""What a worker process keeps between deltas stays within its bound, oldest first."""

from __future__ import annotations

import numpy as np
import pytest

from app.recommender import fit
from app.services import learning
from app.services.learning import Known, Memory
from app.services.training.evidence import Index
from tests.unit.recommender.shops import FIXED, random_shop


@pytest.fixture(scope="module")
def known() -> Known:
    """A small shop's model."""
    model = fit(*random_shop(n_orders=50), options=FIXED)
    nothing = np.empty(0, np.int64)
    return Known(1, model, Index(nothing, nothing, nothing, 0))


def test_the_models_used_longest_ago_are_forgotten_when_there_are_too_many_interactions(
    known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory()
    memory.keep(1, known)
    monkeypatch.setattr(learning, "MAX_REMEMBERED_ROWS", 2 * memory.n_rows)
    for shop_id in (1, 2, 1, 3):
        memory.keep(shop_id, known)
    assert sorted(memory.known) == [1, 3]
    assert memory.recall(1, 1) is known
    assert memory.recall(2, 1) is None
    assert memory.recall(1, 99) is None


def test_a_model_larger_than_the_bound_is_kept_alone(known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "MAX_REMEMBERED_ROWS", 1)
    memory = Memory()
    memory.keep(1, known)
    memory.keep(2, known)
    assert list(memory.known) == [2]


def test_a_shop_of_many_products_and_few_orders_weighs_what_its_products_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nothing = np.empty(0, np.int64)
    large = Known(
        1, fit(*random_shop(n_items=300, n_orders=10), options=FIXED), Index(nothing, nothing, nothing, 0)
    )
    monkeypatch.setattr(learning, "MAX_REMEMBERED_ROWS", 10 * large.model.log.n_rows)
    memory = Memory()
    memory.keep(1, large)
    memory.keep(2, large)
    assert list(memory.known) == [2]
