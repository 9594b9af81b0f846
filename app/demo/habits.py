"""Fills baskets as the planted habits say: sets, re-bought things, seasons, some chance; it knows no people."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.demo.catalogue import Habits
from app.demo.world import Product, Variant, World

# What is in baskets bought for a set, by the members' places in it, and in how many of each deck of baskets.
# Every pair of members is rarer than every pair of better placed ones, so that the order of a product's
# companions is true by construction, not by luck.
DECKS: dict[int, tuple[tuple[str, int], ...]] = {
    3: (("01", 8), ("012", 6), ("02", 4), ("12", 1)),
    4: (("01", 5), ("012", 5), ("0123", 2), ("013", 2), ("02", 2), ("03", 1), ("023", 1), ("12", 1)),
}

# How likely the second, third and fourth of a set come along when the first is bought again.
REFILL_CHANCES = (0.22, 0.15, 0.1)

# Things up to this price (cents) are bought again by the same customer; a kettle is not.
SMALL_PRICE = 2000

# How much more, or less, a seasonal product sells in and out of its months.
IN_SEASON, OUT_OF_SEASON = 3.5, 0.2

CHANCE_OF_EXTRA = 0.3

# Table settings are bought for as many as sit at it.
SEVERAL = frozenset(
    {"dinner-plate", "side-plate", "pasta-bowl", "breakfast-bowl", "everyday-mug", "stem-vase"}
)


@dataclass(frozen=True, slots=True)
class Pick:
    product: Product
    variant: Variant
    quantity: int


class Baskets:
    """Baskets for a moment in the year. The same random generator gives the same baskets."""

    def __init__(self, world: World, habits: Habits, rng: random.Random) -> None:
        self._rng = rng
        self._habits = habits
        self._months = habits.months
        self._product = {product.handle: product for product in world.products.values()}
        self._set_of = {member: group for group in habits.together for member in group}
        self._decks: dict[tuple[str, ...], list[str]] = {}
        self._loose: dict[int, tuple[list[str], list[float]]] = {}

    def for_a_set(self, at: datetime, without: Collection[str] = ()) -> list[Pick]:
        weights = [self._season(group[0], at) for group in self._habits.together]
        group = self._rng.choices(self._habits.together, weights)[0]
        return self._picks([h for h in self._dealt(group) + self._extra(at) if h not in without])

    def for_a_first_visit(self, handle: str, at: datetime) -> list[Pick]:
        """A re-bought thing, bought for the first time: with what belongs to it."""
        group = self._set_of.get(handle)
        return self._picks([handle, *(self._dealt(group) if group else []), *self._fresh_extra(at)])

    def for_a_refill(self, handle: str, at: datetime, owned: Collection[str]) -> list[Pick]:
        """The thing again, now and then with what is used up beside it or with something new."""
        others = self._set_of.get(handle, (handle,))[1:]
        chances = zip(others, REFILL_CHANCES, strict=False)
        found = [h for h, chance in chances if self._is_small(h) and self._rng.random() < chance]
        found += [h for h in self._fresh_extra(at) if h not in owned or self._is_small(h)]
        return self._picks([handle, *found])

    def loose(self, at: datetime, without: Collection[str] = ()) -> list[Pick]:
        """One to three things by popularity and season alone."""
        n_things = self._rng.choices((1, 2, 3), (0.6, 0.28, 0.12))[0]
        handles = [self._any(at) for _ in range(n_things)]
        return self._picks([h for h in handles if h not in without] or handles[:1])

    def _dealt(self, group: tuple[str, ...]) -> list[str]:
        """The next basket of the set's shuffled deck."""
        deck = self._decks.setdefault(group, [])
        if not deck:
            deck += [places for places, n_baskets in DECKS[len(group)] for _ in range(n_baskets)]
            self._rng.shuffle(deck)
        return [group[int(place)] for place in deck.pop()]

    def _season(self, handle: str, at: datetime) -> float:
        if handle not in self._months:
            return 1.0
        return IN_SEASON if at.month in self._months[handle] else OUT_OF_SEASON

    def _extra(self, at: datetime) -> list[str]:
        return [self._any(at)] if self._rng.random() < CHANCE_OF_EXTRA else []

    def _fresh_extra(self, at: datetime) -> list[str]:
        """Something by chance that is nobody's rhythm, so that chance does not blur the rhythms."""
        return [h for h in self._extra(at) if h not in self._habits.rebuy_days]

    def _any(self, at: datetime) -> str:
        if at.month not in self._loose:
            popularity = self._habits.popularity
            self._loose[at.month] = (
                list(popularity),
                [p * self._season(h, at) for h, p in popularity.items()],
            )
        handles, weights = self._loose[at.month]
        return self._rng.choices(handles, weights)[0]

    def _is_small(self, handle: str) -> bool:
        return self._product[handle].variants[0].price <= SMALL_PRICE

    def _picks(self, handles: Sequence[str]) -> list[Pick]:
        return [self._pick(handle) for handle in dict.fromkeys(handles)]

    def _pick(self, handle: str) -> Pick:
        product = self._product[handle]
        weights = [1 / (1 + position) for position in range(len(product.variants))]
        variant = self._rng.choices(product.variants, weights)[0]
        several = handle in SEVERAL
        quantity = self._rng.choices(
            (2, 4, 6, 1) if several else (1, 2, 3), (4, 3, 1, 2) if several else (16, 3, 1)
        )
        return Pick(product, variant, quantity[0])
