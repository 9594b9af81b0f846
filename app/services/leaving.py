"""A shop that is disconnected: what holds from that moment on, what remains to be done, and the end of it.

What is ours in the shop is taken out by `parting`, in a job: it may be hundreds of calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog
from sqlalchemy import Connection, delete, text, update

from app.db.models import Credential, Job, Shop
from app.services.context import Context
from app.services.jobs import enqueue_job
from app.services.messaging import stop_everything
from app.services.recommending import forget_shelves
from app.services.shops import get_shop, save_policy

log = structlog.get_logger()

JOB = "leaving"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """What of ours is still in the shop. `left` is what stays there for good, by name, with the reason."""

    n_lists: int = 0
    n_discounts: int = 0
    has_webhooks: bool = False
    error: str | None = None
    left: Mapping[str, str] = field(default_factory=dict)


def leave(context: Context, shop_id: int) -> bool:
    """Have the shop disconnected; returns at once, and False where there is nothing to disconnect."""
    now = context.clock.now()
    with context.db.shop(shop_id) as connection:
        if not begin(connection, shop_id, now, now):
            return False
    begun(context, shop_id)
    return True


def begin(connection: Connection, shop_id: int, happened_at: datetime, now: datetime) -> bool:
    """From this transaction's commit on nobody is mailed, nothing is read, and the shelves are dark.

    The keys stay until what is ours has been taken out. Returns False, and changes nothing, where the shop has left
    already, or was connected again after `happened_at`.
    """
    changed = connection.execute(
        update(Shop)
        .where(
            Shop.shop_id == shop_id,
            Shop.state.in_(["connected", "needs_reconnect"]),
            Shop.installed_at <= happened_at,
        )
        .values(state="leaving", uninstalled_at=happened_at)
    )
    if changed.rowcount == 0:
        return False
    stop_everything(connection, shop_id, now)
    connection.execute(delete(Job).where(Job.shop_id == shop_id, Job.kind.in_(["import", "training"])))
    # A job that carries lists into the theme right now stops at its next step.
    policy = get_shop(connection, shop_id).policy
    save_policy(connection, shop_id, replace(policy, shelf=replace(policy.shelf, is_in_theme=False)))
    enqueue_job(connection, shop_id, JOB, now)
    return True


def begun(context: Context, shop_id: int) -> None:
    """What follows once `begin` has been committed."""
    with context.db.shop(shop_id) as connection:
        shop = get_shop(connection, shop_id)
    forget_shelves(context, shop)
    log.info("shop_leaves", shop_id=shop_id)
    context.queue.nudge("upkeep.run_jobs")


def disconnect(connection: Connection, shop_id: int, happened_at: datetime, now: datetime) -> bool:
    """Carry out an uninstall: tokens go at once, planned mail stops, the shelf goes dark.

    Returns False, and changes nothing, when the shop was installed again after `happened_at`: the platform
    may deliver an uninstall late.
    """
    changed = connection.execute(
        update(Shop)
        .where(Shop.shop_id == shop_id, Shop.installed_at <= happened_at)
        .values(state="uninstalled", uninstalled_at=happened_at)
    )
    if changed.rowcount == 0:
        return False
    connection.execute(delete(Credential).where(Credential.shop_id == shop_id))
    stop_everything(connection, shop_id, now)
    return True


def go_on(context: Context, shop_id: int) -> None:
    """Ask again for the job of a shop that is leaving, should it have been lost; run daily."""
    with context.db.shop(shop_id) as connection:
        if get_shop(connection, shop_id).state == "leaving":
            enqueue_job(connection, shop_id, JOB, context.clock.now())


def call_off(connection: Connection, shop_id: int) -> None:
    """The shop is connected again: whoever takes things out of it loses the job, and stops."""
    connection.execute(delete(Job).where(Job.shop_id == shop_id, Job.kind == JOB))


def finish(context: Context, shop_id: int) -> bool:
    """Forget the shop's keys, and let it be gone; False where it was connected again meanwhile.

    What was imported and learned stays, so that connecting it again goes on from there.
    """
    with context.db.shop(shop_id) as connection:
        gone = connection.execute(
            update(Shop).where(Shop.shop_id == shop_id, Shop.state == "leaving").values(state="uninstalled")
        )
        if gone.rowcount == 0:
            return False
        connection.execute(delete(Credential).where(Credential.shop_id == shop_id))
    log.info("shop_disconnected", shop_id=shop_id)
    return True


def remaining(connection: Connection, shop_id: int) -> Remaining:
    """How far it is, for the merchant who looks on."""
    row = connection.execute(_REMAINING, {"shop_id": shop_id, "kind": JOB}).mappings().one()
    progress = row["progress"] or {}
    return Remaining(
        n_lists=row["n_lists"],
        n_discounts=row["n_discounts"],
        has_webhooks="webhooks" not in progress.get("over", []),
        error=row["error"],
        left=progress.get("left", {}),
    )


_REMAINING = text("""
    SELECT (SELECT count(*) FROM theme_lists WHERE shop_id = :shop_id AND state = 'ours') AS n_lists,
           (SELECT count(*) FROM offers WHERE shop_id = :shop_id) AS n_discounts,
           (SELECT progress FROM jobs WHERE shop_id = :shop_id AND kind = :kind
            ORDER BY job_id DESC LIMIT 1) AS progress,
           (SELECT error FROM jobs WHERE shop_id = :shop_id AND kind = :kind
            ORDER BY job_id DESC LIMIT 1) AS error""")
