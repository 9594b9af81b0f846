"""The shop's clock. Signatures and tokens age in real time; carts, flows and reports live in the shop's."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Clock:
    """Real time by default; in the demo, `starts_at` plus the real time since, `speed` times as fast."""

    starts_at: datetime | None = None
    real_start: float = 0.0  # Unix seconds
    speed: float = 1.0

    def now(self) -> datetime:
        if self.starts_at is None:
            return datetime.now(UTC)
        return self.starts_at + timedelta(seconds=(time.time() - self.real_start) * self.speed)

    @classmethod
    def parse(cls, text: str) -> Clock:
        """Read `<start, ISO 8601 with offset>|<real epoch seconds>|<speed>`.

        Raises:
            ValueError: naming the part that can't be read.
        """
        parts = text.split("|")
        if len(parts) != 3:
            raise ValueError(
                "a clock is start|real epoch|speed, for example 2026-01-01T00:00:00+00:00|1767225600|60"
            )
        starts_at = datetime.fromisoformat(parts[0])
        if starts_at.tzinfo is None:
            raise ValueError(f"the clock's start {parts[0]} has no time zone; add +00:00")
        speed = float(parts[2])
        if speed <= 0:
            raise ValueError(f"the clock's speed {parts[2]} must be above 0")
        return cls(starts_at.astimezone(UTC), float(parts[1]), speed)


def real_now() -> datetime:
    """Real time, aware, in UTC: for signatures, tokens and leases."""
    return datetime.now(UTC)
