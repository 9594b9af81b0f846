"""Owns LightFM's rows of known customers, and moves a few without copying all; it must not fit or rank."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from app.recommender.interactions import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class UserRows:
    """Rows of customers: all of them as a full pass left them, and over them those that moved since.

    A step costs as much as what moved since, not as all customers.

    Attributes
    ----------
    users : int64, shape [n_users]
        User index of each row, ascending.
    arrays : dict of str to float32 array, shape [n_users] or [n_users, n_components]
        LightFM's arrays whose names begin with `user_`.
    moved : UserRows, optional
        Rows that stand in for those of `users`, or beside them; nothing moved in them in turn.
    """

    users: IntArray
    arrays: dict[str, FloatArray]
    moved: UserRows | None = field(default=None)

    @cached_property
    def whole(self) -> UserRows:
        """The same rows in one part: a copy, where any moved."""
        if self.moved is None:
            return self
        everyone = np.union1d(self.users, self.moved.users)
        arrays = {}
        for name, rows in self.arrays.items():
            values = np.empty((len(everyone), *rows.shape[1:]), np.float32)
            values[places(everyone, self.users)] = rows
            values[places(everyone, self.moved.users)] = self.moved.arrays[name]
            arrays[name] = values
        return UserRows(everyone, arrays)

    def of(self, users: IntArray) -> UserRows:
        """Return, in one part, the rows of those of some customers that have any."""
        wanted = np.unique(users)
        found = self._own(wanted)
        return found if self.moved is None else found.moved_by(self.moved._own(wanted)).whole

    def moved_by(self, rows: UserRows) -> UserRows:
        """Return the rows after some, in one part, took their place or joined them."""
        moved = rows if self.moved is None else UserRows(self.moved.users, self.moved.arrays, rows).whole
        return UserRows(self.users, self.arrays, moved)

    def without(self, users: IntArray) -> UserRows:
        """Return the rows, in one part, of everybody but some."""
        whole = self.whole
        stays = ~np.isin(whole.users, users)
        return UserRows(whole.users[stays], {name: rows[stays] for name, rows in whole.arrays.items()})

    def _own(self, users: IntArray) -> UserRows:
        place = places(self.users, users)
        place = place[place >= 0]
        return UserRows(self.users[place], {name: rows[place] for name, rows in self.arrays.items()})


def places(known: IntArray, wanted: IntArray) -> IntArray:
    """Where each of some values stands among known ones, which ascend; -1 for one that does not."""
    if not len(known):
        return np.full(len(wanted), -1, np.int64)
    found = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[found] == wanted, found, -1)
