"""What came in from the shop and what runs in the background; reads only, replaying is `ingesting`'s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

# Dead deliveries listed at once; each is a fault to look at, so a page of them is an afternoon's work.
N_DEAD_SHOWN = 50
N_JOBS_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadDelivery:
    """A webhook that was given up. `error` names no person."""

    delivery_id: int
    topic: str
    error: str | None
    n_attempts: int
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEntry:
    """One import or training as it ran."""

    job_id: int
    kind: str
    state: str
    error: str | None
    n_attempts: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Activity:
    """Counts of the inbox by state, what is dead, and the latest jobs."""

    counts: Mapping[str, int]
    last_received_at: datetime | None
    dead: tuple[DeadDelivery, ...]
    jobs: tuple[JobEntry, ...]


def activity(connection: Connection, shop_id: int) -> Activity:
    """Read the inbox's state and the latest jobs."""
    counts = connection.execute(_COUNTS, {"shop_id": shop_id}).all()
    dead = connection.execute(_DEAD, {"shop_id": shop_id, "n": N_DEAD_SHOWN}).mappings()
    jobs = connection.execute(_JOBS, {"shop_id": shop_id, "n": N_JOBS_SHOWN}).mappings()
    return Activity(
        {row.state: row.n for row in counts},
        max((row.last_received_at for row in counts), default=None),
        tuple(DeadDelivery(**row) for row in dead),
        tuple(JobEntry(**row) for row in jobs),
    )


_COUNTS = text(
    "SELECT state, count(*) AS n, max(received_at) AS last_received_at"
    " FROM deliveries WHERE shop_id = :shop_id GROUP BY state"
)

_DEAD = text(
    "SELECT delivery_id, topic, error, n_attempts, received_at FROM deliveries"
    " WHERE shop_id = :shop_id AND state = 'dead' ORDER BY delivery_id DESC LIMIT :n"
)

_JOBS = text(
    "SELECT job_id, kind, state, error, n_attempts, created_at, started_at, finished_at FROM jobs"
    " WHERE shop_id = :shop_id ORDER BY job_id DESC LIMIT :n"
)
