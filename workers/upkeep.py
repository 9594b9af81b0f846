"""Tasks that keep shops whole: imports, reconciliation, subscriptions, tokens, retention."""

from __future__ import annotations

import structlog
from celery import shared_task

from app.platforms.base import PlatformError
from app.services import (
    connecting,
    importing,
    installing,
    jobs,
    keydrop,
    leaving,
    offers,
    parting,
    polling,
    privacy,
    reconciling,
    reconnecting,
    signin,
    themelists,
)
from app.services.context import Context
from app.services.shops import connected_shops, every_shop
from workers.celery_app import context
from workers.rounds import each_shop
from workers.slots import long_work

log = structlog.get_logger()

_TASKS = {
    "import": "upkeep.import_shop",
    "training": "training.run",
    "theme_lists": "upkeep.carry_theme_lists",
    "leaving": "upkeep.take_out",
}


@shared_task(name="upkeep.run_jobs")
def run_jobs() -> None:
    for shop_id, job_id, kind in jobs.open_jobs(context()):
        context().queue.nudge(_TASKS[kind], shop_id, job_id)


@shared_task(name="upkeep.import_shop")
def import_shop(shop_id: int, job_id: int) -> None:
    with long_work() as is_free:
        if not is_free:
            return
        with jobs.lease(context(), shop_id, job_id) as job:
            if job is not None:
                importing.run_import(context(), job)


@shared_task(name="upkeep.plan_theme_lists")
def plan_theme_lists() -> None:
    if [shop_id for shop_id in connected_shops(context().db) if themelists.plan(context(), shop_id)]:
        context().queue.nudge("upkeep.run_jobs")


@shared_task(name="upkeep.carry_theme_lists")
def carry_theme_lists(shop_id: int, job_id: int) -> None:
    with jobs.lease(context(), shop_id, job_id) as job:
        if job is not None:
            themelists.run(context(), job)


@shared_task(name="upkeep.take_out")
def take_out(shop_id: int, job_id: int) -> None:
    """What is ours, out of a shop that is leaving."""
    with jobs.lease(context(), shop_id, job_id) as job:
        if job is not None:
            parting.run(context(), job)


@shared_task(name="upkeep.reconcile")
def reconcile() -> None:
    each_shop(context(), connected_shops(context().db), reconciling.reconcile, "not_reconciled")


@shared_task(name="upkeep.take_keys")
def take_keys() -> None:
    keydrop.take_keys(context())


@shared_task(name="upkeep.publish_setup")
def publish_setup(shop_id: int) -> None:
    """At once where it can be; the hourly round of `check_webhooks` does it again."""
    try:
        installing.publish_setup(context(), shop_id)
    except PlatformError as error:
        log.warning("setup_not_published", shop_id=shop_id, reason=str(error))


@shared_task(name="upkeep.poll")
def poll() -> None:
    each_shop(context(), connected_shops(context().db), polling.poll, "not_polled")


@shared_task(name="upkeep.check_webhooks")
def check_webhooks() -> None:
    each_shop(context(), connected_shops(context().db), polling.check_webhooks, "webhooks_not_checked")


@shared_task(name="upkeep.tell_of_lost_access")
def tell_of_lost_access() -> None:
    shop_ids = reconnecting.shops_without_access(context())
    each_shop(context(), shop_ids, reconnecting.look_after, "owner_not_told")


@shared_task(name="upkeep.sweep")
def sweep() -> None:
    each_shop(context(), connected_shops(context().db), polling.sweep, "not_swept")


@shared_task(name="upkeep.daily")
def daily() -> None:
    signin.forget_old(context())
    each_shop(context(), every_shop(context().db), _throw_away, "not_purged")
    signin.forget_strangers(context())
    each_shop(context(), connected_shops(context().db), _look_after, "daily_round_incomplete")


def _throw_away(context: Context, shop_id: int) -> None:
    leaving.go_on(context, shop_id)
    privacy.purge(context, shop_id)
    reconnecting.let_go(context, shop_id)


def _look_after(context: Context, shop_id: int) -> None:
    reconnecting.listen(context, shop_id)
    installing.repair_connection(context, shop_id)
    reconciling.reconcile(context, shop_id, reconciling.DEEP)
    offers.clean_up(context, shop_id)


@shared_task(name="upkeep.refresh_tokens")
def refresh_tokens() -> None:
    each_shop(context(), connected_shops(context().db), connecting.access_token, "token_not_refreshed")
