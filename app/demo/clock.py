"""The shop's clock: real time, sped up, counted from the end of the history. It never waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class ShopClock:
    """Shop time = `starts_at` + real time since `started_epoch_seconds` × `speed`."""

    starts_at: datetime
    speed: float = 1.0
    # Seconds since the Unix epoch; handed in so that a test can hold time still.
    real: Callable[[], float] = field(default=time.time, repr=False)
    started_epoch_seconds: float = -1.0

    def __post_init__(self) -> None:
        if self.starts_at.tzinfo is None:
            raise ValueError(f"starts_at {self.starts_at.isoformat()} has no time zone; give an aware time")
        if self.speed <= 0:
            raise ValueError(f"speed is {self.speed}; time must move forward: give a number above 0")
        if self.started_epoch_seconds < 0:
            object.__setattr__(self, "started_epoch_seconds", self.real())

    def now(self) -> datetime:
        return self.starts_at + timedelta(seconds=(self.real() - self.started_epoch_seconds) * self.speed)

    def as_env(self) -> str:
        """The value of REGULARS_CLOCK with which another process reads the same time."""
        return f"{self.starts_at.isoformat()}|{self.started_epoch_seconds!r}|{self.speed!r}"
