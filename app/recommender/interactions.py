"""Owns the two inputs of the recommender, the catalogue and the history; it must not read files or clocks."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]
TimeArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

GUEST = -1  # the user index of an order without a customer
NO_ORDER = -1  # the order index of an interaction that is not a purchase (a cart, a view)


class CatalogueError(ValueError):
    """The catalogue's columns do not fit together."""


class HistoryError(ValueError):
    """The history's columns do not fit together or point outside the catalogue."""


@dataclass(frozen=True)
class Catalogue:
    """What a shop sells. Row numbers are item indices; they are only ever appended to.

    Attributes
    ----------
    item_ids : tuple of str, shape [n_items]
        The platform's product ids, unique.
    titles, categories, vendors : tuple of str, shape [n_items]
        Any language; the empty string where unknown.
    tags : tuple of tuple of str, shape [n_items]
    """

    item_ids: tuple[str, ...]
    titles: tuple[str, ...]
    categories: tuple[str, ...]
    vendors: tuple[str, ...]
    tags: tuple[tuple[str, ...], ...]

    @classmethod
    def of(
        cls,
        item_ids: Iterable[str],
        titles: Iterable[str] | None = None,
        categories: Iterable[str] | None = None,
        vendors: Iterable[str] | None = None,
        tags: Iterable[Iterable[str]] | None = None,
    ) -> Catalogue:
        """Build a validated catalogue; a column left out is filled with empty values."""
        ids = tuple(item_ids)
        blank = ("",) * len(ids)
        made = cls(
            ids,
            blank if titles is None else tuple(titles),
            blank if categories is None else tuple(categories),
            blank if vendors is None else tuple(vendors),
            ((),) * len(ids) if tags is None else tuple(tuple(row) for row in tags),
        )
        return made.validate()

    @property
    def n_items(self) -> int:
        """Number of products."""
        return len(self.item_ids)

    def validate(self) -> Catalogue:
        """Return the catalogue itself, or raise `CatalogueError` naming the column that does not fit."""
        for field in fields(self):
            n_rows = len(getattr(self, field.name))
            if n_rows != self.n_items:
                raise CatalogueError(
                    f"Column {field.name} has {n_rows} rows but item_ids has {self.n_items}: give every "
                    "product one value, empty where unknown."
                )
        n_distinct = len(set(self.item_ids))
        if n_distinct != self.n_items:
            raise CatalogueError(
                f"{self.n_items} item_ids hold only {n_distinct} different ones: give each product one row."
            )
        return self

    def take(self, rows: Iterable[int]) -> Catalogue:
        """Return the catalogue of some rows, in the order given."""
        chosen = [int(row) for row in rows]
        columns = (getattr(self, field.name) for field in fields(self))
        return Catalogue(*(tuple(column[row] for row in chosen) for column in columns))

    def grow(self, more: Catalogue) -> Catalogue:
        """Return this catalogue with the rows of `more` appended (its ids must be new)."""
        return Catalogue(
            self.item_ids + more.item_ids,
            self.titles + more.titles,
            self.categories + more.categories,
            self.vendors + more.vendors,
            self.tags + more.tags,
        ).validate()


@dataclass(frozen=True, eq=False)
class History:
    """What happened in a shop, one row per product of an order (or of a cart or a view).

    Attributes
    ----------
    order : int64, shape [n_rows]
        Which order the row belongs to; `NO_ORDER` (-1) for interactions that are not purchases: they
        speak of a customer's taste but are no co-purchase evidence.
    user : int64, shape [n_rows]
        Which customer; `GUEST` (-1) when unknown.
    item : int64, shape [n_rows]
        Row number in the catalogue.
    weight : float32, shape [n_rows]
        Strength of the interaction, above 0 (order 1, cart 0.3 to 0.5).
    occurred_at : float64, shape [n_rows]
        Unix seconds, UTC. NaN where the date is unknown: taken as older than every known one.
    quantity : float32, shape [n_rows]
        Units in the line, at least 0.
    """

    order: IntArray
    user: IntArray
    item: IntArray
    weight: FloatArray
    occurred_at: TimeArray
    quantity: FloatArray

    @classmethod
    def of(
        cls,
        order: npt.ArrayLike,
        user: npt.ArrayLike,
        item: npt.ArrayLike,
        *,
        occurred_at: npt.ArrayLike | None = None,
        weight: npt.ArrayLike | None = None,
        quantity: npt.ArrayLike | None = None,
    ) -> History:
        """Build a history from anything array-like; weights and quantities default to 1, dates to unknown."""
        items = np.ascontiguousarray(item, dtype=np.int64)
        n_rows = len(items)
        return cls(
            np.ascontiguousarray(order, dtype=np.int64),
            np.ascontiguousarray(user, dtype=np.int64),
            items,
            np.ones(n_rows, np.float32) if weight is None else np.ascontiguousarray(weight, dtype=np.float32),
            np.full(n_rows, np.nan) if occurred_at is None else np.ascontiguousarray(occurred_at, np.float64),
            np.ones(n_rows, np.float32) if quantity is None else np.ascontiguousarray(quantity, np.float32),
        )

    @classmethod
    def empty(cls) -> History:
        """Return a history of nothing."""
        return cls.of([], [], [])

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.item)

    @property
    def n_orders(self) -> int:
        """Number of different orders."""
        return len(np.unique(self.order[self.order >= 0]))

    @property
    def n_users(self) -> int:
        """Number of different known customers."""
        return len(np.unique(self.user[self.user >= 0]))

    @property
    def newest_at(self) -> float:
        """Unix seconds of the newest known row; 0.0 when no date is known. The library's only `now`."""
        known = self.occurred_at[np.isfinite(self.occurred_at)]
        return float(known.max()) if len(known) else 0.0

    def validate(self, catalogue: Catalogue) -> History:
        """Return the history itself, or raise `HistoryError` saying which column is wrong and how."""
        for field in fields(self):
            n_rows = len(getattr(self, field.name))
            if n_rows != self.n_rows:
                raise HistoryError(f"Column {field.name} has {n_rows} rows but item has {self.n_rows}.")
        if self.n_rows == 0:
            return self
        lowest, highest = int(self.item.min()), int(self.item.max())
        if lowest < 0 or highest >= catalogue.n_items:
            raise HistoryError(
                f"Item indices run from {lowest} to {highest} but the catalogue has {catalogue.n_items} "
                "products: grow the catalogue first."
            )
        if int(min(self.order.min(), self.user.min())) < -1:
            raise HistoryError("Order and user indices start at 0; only -1 may stand for none.")
        if not (np.isfinite(self.weight).all() and (self.weight > 0).all()):
            raise HistoryError("Every weight must be a finite number above 0.")
        if not (np.isfinite(self.quantity).all() and (self.quantity >= 0).all()):
            raise HistoryError("Every quantity must be a finite number of at least 0.")
        if np.isinf(self.occurred_at).any():
            raise HistoryError("occurred_at must be unix seconds, or NaN where the date is unknown.")
        return self

    def take(self, rows: npt.NDArray[np.bool_] | IntArray) -> History:
        """Return the rows that a mask or an index array selects, in order."""
        return History(*(getattr(self, field.name)[rows] for field in fields(self)))

    def purchases(self) -> History:
        """Return only the rows that belong to an order."""
        return self.take(self.order >= 0)

    def extend(self, more: History) -> History:
        """Return this history with the rows of `more` appended."""
        columns = (field.name for field in fields(self))
        return History(*(np.concatenate([getattr(self, name), getattr(more, name)]) for name in columns))


def order_times(history: History) -> tuple[IntArray, TimeArray]:
    """Return the different orders and when each happened (its latest row), oldest first, ties by index.

    Returns
    -------
    orders : int64, shape [n_orders]
    occurred_at : float64, shape [n_orders]
        -inf where the date is unknown, so that such orders sort as the oldest.
    """
    bought = history.purchases()
    orders, inverse = np.unique(bought.order, return_inverse=True)
    times = np.full(len(orders), -np.inf)
    np.maximum.at(times, inverse, np.nan_to_num(bought.occurred_at, nan=-np.inf))
    ranked = np.lexsort((orders, times))
    return orders[ranked], times[ranked]
