"""Learns from a shop's orders, proves what was learned on the latest of them, and publishes only what holds up."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, text, update
from sqlalchemy.dialects.postgresql import insert

from app import recommender
from app.db.models import Model, Shop
from app.recommender.judging import DISCOVER, FOR_YOU
from app.services.context import Context
from app.services.jobs import RunningJob, enqueue_job
from app.services.recommending import forget_shelves
from app.services.shops import ShopRecord, get_shop
from app.services.training.evidence import Evidence, read_evidence
from app.services.training.forgetting import (
    PersonForgottenError,
    hold_models,
    name_model_in_receipts,
    newest_erasure,
)
from app.services.training.lists import every_list, write_lists
from app.services.training.starting import Live, read_live

log = structlog.get_logger()

# Orders are learned as they come; the full pass follows each night, or when this share of the orders is new.
NEW_SHARE = 0.2
NEW_ORDERS_MIN = 20
FULL_PASS = timedelta(hours=24)

# Published models kept, so that the one before can be put back.
N_KEPT = 2


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training came to."""

    model_id: int
    is_published: bool
    n_lists: int
    n_orders: int
    seconds: float
    reason: str


# Beyond this many order lines only the methods that the gate compares with are run; the others take minutes.
LARGE_ROWS = 200_000
NIGHTLY_METHODS = ("popularity", "co-purchase", "regulars")


def plan_training(context: Context, shop_id: int) -> bool:
    """Ask for a training when enough is new; returns whether one was asked for."""
    now = context.clock.now()
    with context.db.shop(shop_id) as connection:
        shop = get_shop(connection, shop_id)
        if not _is_due(connection, shop, now):
            return False
        enqueue_job(connection, shop_id, "training", now)
    return True


def train(context: Context, job: RunningJob) -> Trained:
    """Fit, back-test, and publish if it is good enough.

    In this order: read the evidence; back-test against the simple baselines, and new parameters against those
    in use; fit, going on from the published model or from scratch; store the model with its card; and, where
    the card allows, write all lists and switch to them in one transaction, which commits; then empty the
    finished shelves.

    Raises:
        PersonForgottenError: someone was forgotten meanwhile; nothing was stored.
    """
    started = time.monotonic()
    job.report(phase="training", n_done=0, n_total=4)
    now = context.clock.now()
    with context.db.shop(job.shop_id) as connection:
        shop = get_shop(connection, job.shop_id)
        erasure = newest_erasure(connection, shop.shop_id)
        evidence = read_evidence(connection, shop.shop_id)
        live = read_live(connection, shop.shop_id, evidence, now)
    job.report(n_done=1)
    report, live = _prove(evidence, live)
    job.report(n_done=2)
    model, from_scratch_at = _fit(shop, evidence, live, report, now)
    job.report(n_done=3)
    model_id, n_lists = _publish(context, job, shop, evidence, erasure, model, report, from_scratch_at)
    forget_shelves(context, shop)
    seconds = round(time.monotonic() - started, 2)
    log.info("trained", shop_id=shop.shop_id, model_id=model_id, n_lists=n_lists, seconds=seconds)
    return Trained(
        model_id, report.is_publishable, n_lists, evidence.history.n_orders, seconds, report.reason
    )


def _prove(evidence: Evidence, live: Live | None) -> tuple[recommender.Report, Live | None]:
    """Back-test what might be published: the parameters in use, else new ones, else a simple method as it is.

    Returns:
        The report of the first that holds up, or of the last tried, and `live` as the fit may go on from it.
    """
    if live is not None and live.start is not None:
        model = live.start.model
        options = recommender.Options(blend=model.blend, taste=model.taste, discovery=model.discovery)
        report = _backtest(evidence, live, options)
        if report.is_publishable and not report.losing_tasks():
            return report, live
        live = replace(live, start=None)
    report = chosen = _backtest(evidence, live, None)
    for blend in recommender.SIMPLE_BLENDS:
        if not report.is_below_simple:
            break
        options = recommender.Options(blend=blend, taste=chosen.taste, discovery=chosen.discovery)
        report = replace(
            _backtest(evidence, None, options),
            reason=f"{chosen.reason} So shoppers see what simple counting lists, until learning wins.",
        )
    return _with_simple_tastes(report), live


def _with_simple_tastes(report: recommender.Report) -> recommender.Report:
    """Give customers what the best simple method lists for them where learning is worse beyond chance."""
    losing = report.losing_tasks()
    if not losing:
        return report
    tastes = {task: recommender.SIMPLE_TASTES[report.best_simple(task)] for task in losing}
    return replace(
        report,
        taste=tastes.get(FOR_YOU, report.taste),
        discovery=tastes.get(DISCOVER, report.discovery),
        reason=f"{report.reason} Personal lists follow the best simple method, until learning wins there too.",
    )


def _backtest(
    evidence: Evidence, live: Live | None, options: recommender.Options | None
) -> recommender.Report:
    return recommender.backtest(
        evidence.catalogue,
        evidence.history,
        options=options,
        methods=NIGHTLY_METHODS if evidence.history.n_rows > LARGE_ROWS else None,
        before=None if live is None else live.blend,
    )


def _fit(
    shop: ShopRecord, evidence: Evidence, live: Live | None, report: recommender.Report, now: datetime
) -> tuple[recommender.Model, datetime]:
    """Learn from everything; returns the model and when it, or the one it went on from, began anew."""
    # What the back-test chose on the past holds for the whole: choosing again would cost as much as the fit.
    options = recommender.Options(
        popularity=shop.policy.shelf.leaning,
        blend=report.blend,
        taste=report.taste,
        discovery=report.discovery,
    )
    if live is not None and live.start is not None and live.from_scratch_at is not None:
        try:
            model = recommender.fit(evidence.catalogue, evidence.history, options=options, start=live.start)
            return model, live.from_scratch_at
        except recommender.DivergedError as error:
            log.warning("warm_pass_diverged", shop_id=shop.shop_id, reason=str(error))
    return recommender.fit(evidence.catalogue, evidence.history, options=options), now


def roll_back(context: Context, shop_id: int) -> int | None:
    """Put the previous model's lists back; returns its id, or None when there is none to go back to."""
    with context.db.shop(shop_id) as connection:
        shop = get_shop(connection, shop_id)
        previous = connection.execute(
            text(
                "SELECT max(model_id) FROM models WHERE shop_id = :shop_id AND state = 'retired'"
                " AND EXISTS (SELECT 1 FROM recommendations r WHERE r.shop_id = :shop_id"
                " AND r.model_id = models.model_id)"
            ),
            {"shop_id": shop_id},
        ).scalar()
        if previous is None:
            return None
        connection.execute(_WITHDRAW, {"shop_id": shop_id})
        connection.execute(
            update(Model)
            .where(Model.shop_id == shop_id, Model.model_id == previous)
            .values(state="published", published_at=context.clock.now())
        )
    forget_shelves(context, shop)
    return int(previous)


def _is_due(connection: Connection, shop: ShopRecord, now: datetime) -> bool:
    if not connection.execute(_IS_READY, {"shop_id": shop.shop_id}).scalar():
        return False
    if shop.trained_at is None:
        return True
    if shop.n_orders_since_training == 0:
        return False
    n_orders = connection.execute(
        text("SELECT count(*) FROM orders WHERE shop_id = :shop_id"), {"shop_id": shop.shop_id}
    ).scalar_one()
    is_much = shop.n_orders_since_training >= max(NEW_ORDERS_MIN, NEW_SHARE * n_orders)
    return bool(is_much or now - shop.trained_at >= FULL_PASS)


def _publish(
    context: Context,
    job: RunningJob,
    shop: ShopRecord,
    evidence: Evidence,
    erasure: tuple[object, ...],
    model: recommender.Model,
    report: recommender.Report,
    from_scratch_at: datetime,
) -> tuple[int, int]:
    """Store the model and, if it is publishable, its lists; one transaction, so no shelf sees half of them."""
    now, n_lists = context.clock.now(), 0
    with context.db.shop(shop.shop_id) as connection:
        hold_models(connection, shop.shop_id)
        if newest_erasure(connection, shop.shop_id) != erasure:
            raise PersonForgottenError
        model_id = connection.execute(
            insert(Model)
            .values(
                shop_id=shop.shop_id,
                state="candidate" if report.is_publishable else "refused",
                artifact=recommender.to_npz(model),
                subjects=evidence.index.pack(),
                learned_order_id=evidence.index.last_order_id,
                learned_product_id=int(evidence.index.product_ids.max(initial=0)),
                card=recommender.card(report, evidence.catalogue, evidence.history).as_dict(),
                trained_at=now,
                from_scratch_at=from_scratch_at,
            )
            .returning(Model.model_id)
        ).scalar_one()
        if report.is_publishable:
            rows = every_list(model, evidence.index)
            n_lists = write_lists(connection, shop.shop_id, model_id, rows)
            connection.execute(_WITHDRAW, {"shop_id": shop.shop_id})
            connection.execute(
                update(Model)
                .where(Model.shop_id == shop.shop_id, Model.model_id == model_id)
                .values(state="published", published_at=now)
            )
            connection.execute(_DROP_OLD_LISTS, {"shop_id": shop.shop_id, "kept": N_KEPT})
        name_model_in_receipts(connection, shop.shop_id, model_id)
        connection.execute(_DROP_OLD_MODELS, {"shop_id": shop.shop_id, "kept": N_KEPT})
        connection.execute(
            update(Shop)
            .where(Shop.shop_id == shop.shop_id)
            .values(
                trained_at=now,
                n_orders_since_training=Shop.n_orders_since_training - shop.n_orders_since_training,
            )
        )
        job.save(connection, n_done=4, n_lists=n_lists, model_id=model_id)
    return model_id, n_lists


# Half a history teaches wrong habits: the import asks for the first training itself when it is through.
_IS_READY = text("""
    SELECT EXISTS (SELECT 1 FROM products WHERE shop_id = :shop_id)
       AND NOT EXISTS (SELECT 1 FROM jobs WHERE shop_id = :shop_id AND kind = 'import'
                       AND state IN ('queued', 'running'))""")

_WITHDRAW = text("UPDATE models SET state = 'retired' WHERE shop_id = :shop_id AND state = 'published'")

_DROP_OLD_LISTS = text("""
    DELETE FROM recommendations WHERE shop_id = :shop_id AND model_id NOT IN (
        SELECT model_id FROM models WHERE shop_id = :shop_id AND published_at IS NOT NULL
        ORDER BY published_at DESC LIMIT :kept)""")

_DROP_OLD_MODELS = text("""
    UPDATE models SET artifact = NULL, subjects = NULL
    WHERE shop_id = :shop_id AND artifact IS NOT NULL AND model_id NOT IN (
        SELECT model_id FROM models WHERE shop_id = :shop_id ORDER BY trained_at DESC LIMIT :kept)""")
