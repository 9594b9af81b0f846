"""Long work with a lease: one worker at a time, from where the last one stopped."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from app.clock import real_now
from app.db.models import Job
from app.services.context import Context

log = structlog.get_logger()

# Short enough that a job whose worker was killed goes on soon. A living worker renews it, because one fit of a large
# shop says nothing for minutes; but not for ever, in case it hangs.
LEASE = timedelta(seconds=120)
RENEWED_EVERY_SECONDS = 30.0
MAX_RENEWALS = 6 * 120

# A job that went wrong this often is not tried again by itself.
MAX_ATTEMPTS = 5
# Nor one begun this often without a word of its end, as where there is too little memory for it. A worker that is
# stopped for an update takes its job along, so this is far more than the updates within one import.
MAX_STARTS = 20


class LeaseLostError(Exception):
    """Another worker took this job over; this one must stop without writing."""


class NotYetError(Exception):
    """The job can't go on now, for a reason that passes: it is taken up again after `pause`, as often as need be."""

    def __init__(self, reason: str, *, pause: timedelta) -> None:
        super().__init__(reason)
        self.pause = pause


@dataclass(slots=True)
class RunningJob:
    """A job this process holds the lease of. `progress` is what the next holder would go on from."""

    context: Context
    shop_id: int
    job_id: int
    kind: str
    lease: str
    progress: dict[str, Any] = field(default_factory=dict)

    def save(self, connection: Connection, **changes: Any) -> None:
        """Renew the lease and store progress with the work it stands for, in one transaction.

        Raises:
            LeaseLostError: the lease ran out and somebody else took it.
        """
        self.progress |= changes
        done = connection.execute(
            update(Job)
            .where(Job.shop_id == self.shop_id, Job.job_id == self.job_id, Job.lease == self.lease)
            .values(progress=self.progress, leased_until=real_now() + LEASE)
        )
        if done.rowcount == 0:
            raise LeaseLostError

    def report(self, **changes: Any) -> None:
        with self.context.db.shop(self.shop_id) as connection:
            self.save(connection, **changes)

    def renew(self) -> bool:
        """Hold on to the lease; returns whether it is still ours."""
        with self.context.db.shop(self.shop_id) as connection:
            done = connection.execute(
                update(Job)
                .where(Job.shop_id == self.shop_id, Job.job_id == self.job_id, Job.lease == self.lease)
                .values(leased_until=real_now() + LEASE)
            )
        return done.rowcount > 0


def enqueue_job(connection: Connection, shop_id: int, kind: str, now: datetime) -> None:
    """Ask for a job of this kind; does nothing while one is unfinished."""
    connection.execute(
        insert(Job)
        .values(shop_id=shop_id, kind=kind, state="queued", created_at=now)
        .on_conflict_do_nothing(index_elements=["shop_id", "kind"], index_where=_UNFINISHED)
    )


def open_jobs(context: Context) -> list[tuple[int, int, str]]:
    """(shop, job, kind) of every job that waits, or whose worker is gone."""
    with context.db.nobody() as connection:
        rows = connection.execute(text("SELECT * FROM open_jobs(:now)"), {"now": real_now()})
        return [(int(shop_id), int(job_id), str(kind)) for shop_id, job_id, kind in rows]


@contextmanager
def lease(context: Context, shop_id: int, job_id: int) -> Iterator[RunningJob | None]:
    """Hold a job for the time of the block; None when another worker holds it.

    A block that ends well finishes the job; one that raises fails it after MAX_ATTEMPTS, before that it
    waits to be taken up again. NotYetError counts as no attempt. A job whose workers kept dying ends as failed.
    """
    job = _take(context, shop_id, job_id)
    if job is None:
        yield None
        return
    try:
        with _renewed(job):
            yield job
    except LeaseLostError:
        return
    except NotYetError as wait:
        _put_off(job, wait)
        return
    except Exception as error:
        _give_back(job, error)
        raise
    _finish(job)


@contextmanager
def _renewed(job: RunningJob) -> Iterator[None]:
    """Renew the lease now and then from a thread of its own for the time of the block."""
    is_over = threading.Event()

    def renew() -> None:
        for _ in range(MAX_RENEWALS):
            if is_over.wait(RENEWED_EVERY_SECONDS):
                return
            try:
                if not job.renew():
                    return
            except SQLAlchemyError as error:
                log.warning("lease_not_renewed", job_id=job.job_id, reason=type(error).__name__)

    thread = threading.Thread(target=renew, name=f"lease of job {job.job_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _take(context: Context, shop_id: int, job_id: int) -> RunningJob | None:
    token, now = secrets.token_hex(8), real_now()
    is_free = (
        Job.shop_id == shop_id,
        Job.job_id == job_id,
        (Job.state == "queued") | ((Job.state == "running") & (Job.leased_until <= now)),
    )
    with context.db.shop(shop_id) as connection:
        given_up = connection.execute(
            update(Job)
            .where(*is_free, Job.n_attempts >= MAX_STARTS)
            .values(state="failed", error=_KEPT_DYING, finished_at=context.clock.now())
        )
        if given_up.rowcount:
            log.error("job_given_up", shop_id=shop_id, job_id=job_id)
        row = connection.execute(
            update(Job)
            .where(*is_free)
            .values(
                state="running",
                lease=token,
                leased_until=now + LEASE,
                n_attempts=Job.n_attempts + 1,
                started_at=context.clock.now(),
            )
            .returning(Job.kind, Job.progress)
        ).one_or_none()
    return RunningJob(context, shop_id, job_id, row.kind, token, dict(row.progress)) if row else None


def _finish(job: RunningJob) -> None:
    with job.context.db.shop(job.shop_id) as connection:
        connection.execute(
            update(Job)
            .where(Job.shop_id == job.shop_id, Job.job_id == job.job_id, Job.lease == job.lease)
            .values(state="done", error=None, finished_at=job.context.clock.now())
        )


def _put_off(job: RunningJob, wait: NotYetError) -> None:
    with job.context.db.shop(job.shop_id) as connection:
        connection.execute(
            update(Job)
            .where(Job.shop_id == job.shop_id, Job.job_id == job.job_id, Job.lease == job.lease)
            .values(n_attempts=0, error=str(wait)[:500], leased_until=real_now() + wait.pause)
        )


def _give_back(job: RunningJob, error: Exception) -> None:
    """Leave the job for another try, or fail it; the lease's end is the pause before the next try."""
    with job.context.db.shop(job.shop_id) as connection:
        row = connection.execute(
            select(Job.n_attempts).where(Job.shop_id == job.shop_id, Job.job_id == job.job_id)
        ).one()
        is_over = row.n_attempts >= MAX_ATTEMPTS or getattr(error, "permanent", False)
        connection.execute(
            update(Job)
            .where(Job.shop_id == job.shop_id, Job.job_id == job.job_id, Job.lease == job.lease)
            .values(
                state="failed" if is_over else "running",
                error=f"{type(error).__name__}: {error}"[:500],
                leased_until=real_now() + timedelta(seconds=2**row.n_attempts),
                finished_at=job.context.clock.now() if is_over else None,
            )
        )


_KEPT_DYING = f"its worker was stopped in the middle of it {MAX_STARTS} times; most often memory runs short"

_UNFINISHED = text("state IN ('queued', 'running')")
