"""Small shops whose right answers are known, for the recommender's tests."""

from __future__ import annotations

import numpy as np

from app.recommender import Blend, Catalogue, History, Options, Taste

DAY = 86_400.0
# Parameters fixed, so that a test is about the method and not about the choice of parameters.
FIXED = Options(
    n_components=8,
    n_epochs=5,
    blend=Blend(),
    taste=Taste(ease=1.0, own=0.5, half_life_days=30.0, recency=0.2),
    discovery=Taste(ease=1.0),
)


def random_shop(
    n_items: int = 30, n_orders: int = 200, n_users: int = 40, seed: int = 1, guest_share: float = 0.2
) -> tuple[Catalogue, History]:
    """Orders of one to five products, some from guests, titles of two words out of ten."""
    random = np.random.default_rng(seed)
    words = ["red", "blue", "mug", "plate", "soap", "lamp", "card", "oak", "tea", "bag"]
    titles = [" ".join(random.choice(words, 2, replace=False)) for _ in range(n_items)]
    popularity = 1.0 / np.arange(1, n_items + 1)
    order, user, item, at = [], [], [], []
    for number in range(n_orders):
        buyer = -1 if random.random() < guest_share else int(random.integers(n_users))
        size = int(random.integers(1, min(5, n_items) + 1))
        for held in random.choice(n_items, size, replace=False, p=popularity / popularity.sum()):
            order.append(number)
            user.append(buyer)
            item.append(int(held))
            at.append(1.6e9 + number * DAY / 4)
    catalogue = Catalogue.of([f"p{i}" for i in range(n_items)], titles)
    return catalogue, History.of(order, user, item, occurred_at=at)


def checkerboard(n_items: int = 20, n_orders: int = 400, seed: int = 3) -> tuple[Catalogue, History]:
    """Customers buy even products together or odd products together, never across."""
    random = np.random.default_rng(seed)
    order, user, item, at = [], [], [], []
    for number in range(n_orders):
        side = number % 2
        for held in random.choice(n_items // 2, 3, replace=False):
            order.append(number)
            user.append(number % 50 * 2 + side)
            item.append(int(held) * 2 + side)
            at.append(1.6e9 + number * DAY)
    return Catalogue.of([f"p{i}" for i in range(n_items)]), History.of(order, user, item, occurred_at=at)


def planted(n_pairs: int = 30, n_orders_per_pair: int = 12, seed: int = 5) -> tuple[Catalogue, History]:
    """Products 2k and 2k + 1 are companions: most orders of one hold the other, beside a bestseller."""
    random = np.random.default_rng(seed)
    n_items = 2 * n_pairs + 4
    bestsellers = np.arange(2 * n_pairs, n_items)
    order, user, item, at = [], [], [], []
    for number in range(n_pairs * n_orders_per_pair):
        pair = number % n_pairs
        held = {2 * pair, int(random.choice(bestsellers))}
        if random.random() < 0.7:
            held.add(2 * pair + 1)
        if random.random() < 0.3:
            held.add(int(random.integers(2 * n_pairs)))
        for product in sorted(held):
            order.append(number)
            user.append(number % 90)
            item.append(product)
            at.append(1.6e9 + number * DAY / 8)
    return Catalogue.of([f"p{i}" for i in range(n_items)]), History.of(order, user, item, occurred_at=at)


def arrays_of(model: object) -> dict[str, np.ndarray]:
    """Every array a model is made of, by name, in the order users and items are stored."""
    return {
        **{f"factor {name}": values for name, values in model.factors.arrays.items()},  # type: ignore[attr-defined]
        **{f"factor {name}": values for name, values in model.user_rows.whole.arrays.items()},  # type: ignore[attr-defined]
        "ease": model.ease.toarray(),  # type: ignore[attr-defined]
        "pairs": model.pairs.total().toarray(),  # type: ignore[attr-defined]
        "n_orders": model.n_orders,  # type: ignore[attr-defined]
        "also bought": model.also_bought(5).items,  # type: ignore[attr-defined]
        "scores": model.also_bought(5).scores,  # type: ignore[attr-defined]
    }
