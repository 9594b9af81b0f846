"""Owns a history that grows without copying or searching through its large part; it must not count or rank."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from app.recommender.interactions import History, IntArray


@dataclass(frozen=True, eq=False)
class Lookup:
    """Where each value of an index column stands.

    Attributes
    ----------
    starts : int64, shape [n_values + 1]
        Value v stands at `rows[starts[v]:starts[v + 1]]`.
    rows : int32 or int64, shape [n_rows with a value of at least 0]
        Row numbers, by value, then ascending.
    """

    starts: IntArray
    rows: np.ndarray

    @classmethod
    def of(cls, column: IntArray) -> Lookup:
        """Read a column of values of at least -1, which stands for none."""
        ranked = np.argsort(column, kind="stable")
        starts = np.searchsorted(column[ranked], np.arange(int(column.max(initial=-1)) + 2))
        n_none = int(starts[0])
        is_small = len(column) < 2**31
        return cls(starts - n_none, ranked[n_none:].astype(np.int32 if is_small else np.int64))

    def find(self, values: IntArray) -> IntArray:
        """Return the rows that hold one of some values, ascending."""
        wanted = np.unique(values)
        wanted = wanted[(wanted >= 0) & (wanted < len(self.starts) - 1)]
        found = [self.rows[self.starts[value] : self.starts[value + 1]] for value in wanted]
        return np.sort(np.concatenate([np.empty(0, np.int64), *found]).astype(np.int64))


@dataclass(frozen=True, eq=False)
class Indexed:
    """A history whose rows are found by customer and by order; each index is made when first asked for."""

    history: History

    @cached_property
    def by_user(self) -> Lookup:
        """Rows of each customer."""
        return Lookup.of(self.history.user)

    @cached_property
    def by_order(self) -> Lookup:
        """Rows of each order."""
        return Lookup.of(self.history.order)


@dataclass(frozen=True, eq=False)
class Log:
    """A history in two parts: a large one, indexed once and shared by all that grow from it, and what came since.

    A step costs as much as what came since, not as the whole. Row numbers run through `base`, then `since`.

    Attributes
    ----------
    base : Indexed
    since : History
    """

    base: Indexed
    since: History

    @classmethod
    def of(cls, history: History) -> Log:
        """Begin with a whole history."""
        return cls(Indexed(history), History.empty())

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.base.history.n_rows + self.since.n_rows

    @cached_property
    def whole(self) -> History:
        """Both parts as one history: a copy, where anything came since."""
        return self.base.history.extend(self.since) if self.since.n_rows else self.base.history

    def extend(self, more: History) -> Log:
        """Return this log with the rows of `more` appended."""
        return Log(self.base, self.since.extend(more))

    def of_users(self, users: IntArray) -> IntArray:
        """Return the rows of some customers, ascending."""
        return self._both(self.base.by_user.find(users), rows_with(self.since.user, users))

    def of_orders(self, orders: IntArray) -> IntArray:
        """Return the rows of some orders, ascending."""
        return self._both(self.base.by_order.find(orders), rows_with(self.since.order, orders))

    def take(self, rows: IntArray) -> History:
        """Return some rows, ascending, as a history."""
        n_base = self.base.history.n_rows
        n_first = int(np.searchsorted(rows, n_base))
        first, last = self.base.history.take(rows[:n_first]), self.since.take(rows[n_first:] - n_base)
        return first.extend(last)

    def _both(self, in_base: IntArray, in_since: IntArray) -> IntArray:
        return np.concatenate([in_base, in_since + self.base.history.n_rows])


def rows_with(column: IntArray, values: IntArray) -> IntArray:
    """Return the rows of a short index column (at least -1) that hold one of some values, ascending."""
    wanted = np.unique(values)
    return np.flatnonzero(np.isin(column, wanted[wanted >= 0]))
