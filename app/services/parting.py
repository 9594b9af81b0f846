"""Takes out of a shop what is ours in it, as far as the shop answers; the work of the job that `leaving` asks for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy import text

from app.platforms.asked import GuestClient
from app.platforms.base import PlatformError
from app.services import leaving, offers, themelists
from app.services.connecting import client_for
from app.services.context import Context
from app.services.installing import repair_connection
from app.services.jobs import LeaseLostError, NotYetError, RunningJob, lease
from app.services.outages import is_database_away
from app.services.shops import ShopRecord, get_shop

log = structlog.get_logger()

# A shop that does not answer is asked again for so long; then it is gone with what is in it.
PATIENCE = timedelta(days=1)
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=15)


def run(context: Context, job: RunningJob) -> None:
    """Leave nothing of ours in the shop, then forget its keys.

    In this order: the lists in its theme go back to what they were; the discounts of reminders end; then its
    webhooks and what our plugin knows; then the keys. A step that fails holds up no other; what is done is not done
    again by whoever takes the job over. Of a platform that cleans up by itself nothing is taken out.

    Raises:
        NotYetError: the shop does not answer now; what is left is tried again.
        LeaseLostError: another worker has taken over, or the shop was connected again.
    """
    shop = _shop(context, job.shop_id)
    if shop.state != "leaving":
        return
    client = client_for(context, job.shop_id)
    if isinstance(client, GuestClient):
        try:
            _take_out(context, job, shop, client)
        except LeaseLostError:
            # Connected again while something was being taken out: what it needs is put back.
            if _shop(context, job.shop_id).state == "connected":
                repair_connection(context, job.shop_id)
            raise
    leaving.finish(context, job.shop_id)


def run_now(context: Context, shop_id: int) -> bool:
    """Carry the job out here, unless a worker has it; returns whether the shop is gone."""
    with context.db.shop(shop_id) as connection:
        job_id = connection.execute(_OPEN_JOB, {"shop_id": shop_id, "kind": leaving.JOB}).scalar()
    if job_id is not None:
        with lease(context, shop_id, int(job_id)) as job:
            if job is not None:
                run(context, job)
    return _shop(context, shop_id).state == "uninstalled"


def _take_out(context: Context, job: RunningJob, shop: ShopRecord, client: GuestClient) -> None:
    steps: dict[str, Callable[[], object]] = {
        "lists": lambda: themelists.take_away(context, job.shop_id),
        "discounts": lambda: offers.clean_up(context, job.shop_id, is_leaving=True),
        "webhooks": client.part,
    }
    left_at = shop.uninstalled_at or context.clock.now()
    may_wait = context.clock.now() < left_at + PATIENCE
    waits: list[PlatformError] = []
    for name, step in steps.items():
        if name in job.progress.get("over", []):
            continue
        problem = _carry_out(job.shop_id, name, step)
        if problem is not None and not problem.permanent and may_wait:
            waits.append(problem)
            continue
        told = {name: str(problem)} if problem else {}
        job.report(over=[*job.progress.get("over", []), name], left=job.progress.get("left", {}) | told)
    if waits:
        n_rounds = int(job.progress.get("n_rounds", 0))
        job.report(n_rounds=n_rounds + 1)
        asked = timedelta(seconds=max(wait.retry_after_seconds or 0 for wait in waits))
        pause = min(max(FIRST_PAUSE * 2 ** min(n_rounds, 10), asked), LONGEST_PAUSE)
        raise NotYetError(str(waits[0]), pause=pause)


def _carry_out(shop_id: int, name: str, step: Callable[[], object]) -> PlatformError | None:
    """Do it; or what stands in the way of it."""
    try:
        step()
    except PlatformError as error:
        log.warning("left_in_the_shop", shop_id=shop_id, what=name, reason=str(error))
        return error
    except Exception as error:
        if is_database_away(error):
            raise
        # An answer that we break on keeps no shop connected. The class only: a text may quote what is stored.
        log.error("left_in_the_shop", shop_id=shop_id, what=name, error=type(error).__name__)
        return PlatformError("the shop's answer makes no sense", permanent=True)
    return None


def _shop(context: Context, shop_id: int) -> ShopRecord:
    with context.db.shop(shop_id) as connection:
        return get_shop(connection, shop_id)


_OPEN_JOB = text(
    "SELECT job_id FROM jobs WHERE shop_id = :shop_id AND kind = :kind AND state IN ('queued', 'running')"
)
