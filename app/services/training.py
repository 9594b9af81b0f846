"""Learns from a shop's orders, proves what was learned on the latest of them, and publishes only what holds up."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import structlog
from sqlalchemy import Connection, text, update
from sqlalchemy.dialects.postgresql import insert

from app import recommender
from app.db.bulk import stage
from app.db.models import Model, Shop
from app.recommender import Catalogue, History, Lists, Source
from app.services.context import Context
from app.services.jobs import RunningJob, enqueue_job
from app.services.recommending import MAX_SHOWN, N_SPARE, forget_shelves
from app.services.shops import ShopRecord, get_shop

log = structlog.get_logger()

# Longer than a shelf shows, because stock, the cart and unpublished products thin a list out.
LIST_LENGTH = MAX_SHOWN + 2 * N_SPARE

# Customers silent for longer get no list of their own; their mails use bestsellers.
ACTIVE_DAYS = 730

# A shop is due again when this share of its orders, or a day, is new.
NEW_SHARE = 0.02
NEW_ORDERS_MIN = 20
FULL_PASS = timedelta(hours=24)

# Published models kept, so that the one before can be put back.
N_KEPT = 2


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a training learns from: arrays for the recommender and our ids behind its row numbers."""

    catalogue: Catalogue
    history: History
    product_ids: npt.NDArray[np.int64]
    customer_ids: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training came to."""

    model_id: int
    is_published: bool
    n_lists: int
    n_orders: int
    seconds: float
    reason: str


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

    In this order: read the evidence; fit; back-test against the simple baselines; store the model with its
    card; and, where the card allows, write all lists and switch to them in one transaction, which commits;
    then empty the finished shelves.
    """
    started = time.monotonic()
    job.report(phase="training", n_done=0, n_total=4)
    with context.db.shop(job.shop_id) as connection:
        shop = get_shop(connection, job.shop_id)
        evidence = read_evidence(connection, shop.shop_id)
    job.report(n_done=1)
    report = recommender.backtest(evidence.catalogue, evidence.history)
    job.report(n_done=2)
    options = recommender.Options(popularity=shop.policy.shelf.leaning)
    model = recommender.fit(evidence.catalogue, evidence.history, options=options)
    job.report(n_done=3)
    card = _card(report, evidence)
    trained = _publish(context, job, shop, evidence, model, card, report)
    forget_shelves(context, shop)
    seconds = round(time.monotonic() - started, 2)
    log.info("trained", shop_id=shop.shop_id, model_id=trained[0], n_lists=trained[1], seconds=seconds)
    return Trained(
        trained[0], report.is_publishable, trained[1], evidence.history.n_orders, seconds, report.reason
    )


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


def read_evidence(connection: Connection, shop_id: int) -> Evidence:
    """Read the shop's catalogue and orders as arrays; cancelled, test and deleted orders speak for nothing."""
    products = connection.execute(
        text(
            "SELECT product_id, platform_product_id, title, category, vendor, tags FROM products"
            " WHERE shop_id = :shop_id AND NOT is_gift_card AND title <> '' ORDER BY product_id"
        ),
        {"shop_id": shop_id},
    ).all()
    catalogue = Catalogue.of(
        [row.platform_product_id for row in products],
        titles=[row.title for row in products],
        categories=[row.category for row in products],
        vendors=[row.vendor for row in products],
        tags=[row.tags for row in products],
    )
    product_ids = np.array([row.product_id for row in products], dtype=np.int64)
    rows = _copy_numbers(connection, _INTERACTIONS.format(shop_id=int(shop_id)), n_columns=5)
    orders, customers, bought, quantity, placed_at = rows.T
    customer_ids = np.unique(customers[customers > 0]).astype(np.int64)
    users = np.where(customers > 0, np.searchsorted(customer_ids, customers), -1)
    history = History.of(
        np.unique(orders, return_inverse=True)[1] if len(orders) else [],
        users,
        np.searchsorted(product_ids, bought),
        occurred_at=placed_at,
        quantity=quantity,
    )
    return Evidence(catalogue, history, product_ids, customer_ids)


def _is_due(connection: Connection, shop: ShopRecord, now: datetime) -> bool:
    if not connection.execute(_IS_IMPORTED, {"shop_id": shop.shop_id}).scalar():
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


def _card(report: recommender.Report, evidence: Evidence) -> dict[str, Any]:
    """The model card as the admin reads it: sentences, and the numbers behind them."""
    return recommender.card(report, evidence.catalogue, evidence.history).as_dict()


def _publish(
    context: Context,
    job: RunningJob,
    shop: ShopRecord,
    evidence: Evidence,
    model: recommender.Model,
    card: dict[str, Any],
    report: recommender.Report,
) -> tuple[int, int]:
    """Store the model and, if it is publishable, its lists; one transaction, so no shelf sees half of them."""
    now, n_lists = context.clock.now(), 0
    with context.db.shop(shop.shop_id) as connection:
        model_id = connection.execute(
            insert(Model)
            .values(
                shop_id=shop.shop_id,
                state="candidate" if report.is_publishable else "refused",
                artifact=recommender.to_npz(model),
                card=card,
                trained_at=now,
            )
            .returning(Model.model_id)
        ).scalar_one()
        if report.is_publishable:
            n_lists = _write_lists(connection, shop.shop_id, model_id, evidence, model)
            connection.execute(_WITHDRAW, {"shop_id": shop.shop_id})
            connection.execute(
                update(Model)
                .where(Model.shop_id == shop.shop_id, Model.model_id == model_id)
                .values(state="published", published_at=now)
            )
            connection.execute(_DROP_OLD_LISTS, {"shop_id": shop.shop_id, "kept": N_KEPT})
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


def _write_lists(
    connection: Connection, shop_id: int, model_id: int, evidence: Evidence, model: recommender.Model
) -> int:
    stage(connection, "new_lists", _LIST_COLUMNS, _list_rows(evidence, model))
    return connection.execute(_INSERT_LISTS, {"shop_id": shop_id, "model_id": model_id}).rowcount


def _list_rows(evidence: Evidence, model: recommender.Model) -> Iterator[tuple[object, ...]]:
    """Every list of the model as a row: (strategy, subject, products, scores, evidence)."""
    nobody = np.zeros(1, dtype=np.int64)
    if model.catalogue.n_items == 0:
        return
    by_product = {
        "also_bought": model.also_bought(LIST_LENGTH),
        "complements": model.complements(LIST_LENGTH),
        "similar": model.similar(LIST_LENGTH),
    }
    for strategy, lists in by_product.items():
        yield from _rows(strategy, lists, evidence.product_ids, evidence)
    yield from _rows("bestsellers", model.bestsellers(4 * LIST_LENGTH), nobody, evidence)
    yield from _rows("rising", model.rising(LIST_LENGTH), nobody, evidence)
    users = _active_users(evidence)
    if len(users) == 0:
        return
    by_customer = {
        "for_you": model.for_you(users, LIST_LENGTH),
        "discover": model.discover(users, LIST_LENGTH),
        "buy_again": model.buy_again(users, LIST_LENGTH),
    }
    for strategy, lists in by_customer.items():
        yield from _rows(strategy, lists, evidence.customer_ids[users], evidence)


def _rows(
    strategy: str, lists: Lists, subject_ids: npt.NDArray[np.int64], evidence: Evidence
) -> Iterator[tuple[object, ...]]:
    for index, subject_id in enumerate(subject_ids.tolist()):
        is_place = lists.items[index] >= 0
        items = lists.items[index][is_place]
        if len(items) == 0:
            continue
        columns = (lists.n_together, lists.n_baskets, lists.n_shared_words)
        counts = [column[index][is_place].tolist() for column in columns]
        sources = [Source(source).name.lower() for source in lists.source[index][is_place].tolist()]
        places = zip(*counts, sources, strict=True)
        yield (
            strategy,
            subject_id,
            evidence.product_ids[items].tolist(),
            [round(score, 6) for score in lists.scores[index][is_place].tolist()],
            "[" + ",".join(f'[{a},{b},{c},"{source}"]' for a, b, c, source in places) + "]",
        )


def _active_users(evidence: Evidence) -> npt.NDArray[np.int64]:
    """Row numbers of customers who bought something within ACTIVE_DAYS of the newest order."""
    history = evidence.history
    is_recent = history.occurred_at >= history.newest_at - ACTIVE_DAYS * 86400
    return np.unique(history.user[is_recent & (history.user >= 0)])


def _copy_numbers(connection: Connection, query: str, n_columns: int) -> npt.NDArray[np.float64]:
    """Run a query of numbers and return them, float64 [n_rows, n_columns]; ids are exact below 2^53."""
    buffer = io.BytesIO()
    cursor: Any = connection.connection.cursor()
    try:
        cursor.copy_expert(f"COPY ({query}) TO STDOUT", buffer)
    finally:
        cursor.close()
    numbers = np.fromstring(buffer.getvalue().decode("ascii"), dtype=np.float64, sep=" ")
    return numbers.reshape(-1, n_columns)


# Our own ids are below 2^53; theirs never come this way.
_INTERACTIONS = """
    SELECT o.order_id, coalesce(c.customer_id, 0), p.product_id, l.quantity,
           extract(epoch FROM o.placed_at)
    FROM orders o
    JOIN order_lines l ON l.shop_id = o.shop_id AND l.order_id = o.order_id
    JOIN products p ON p.shop_id = l.shop_id AND p.platform_product_id = l.platform_product_id
                       AND NOT p.is_gift_card AND p.title <> ''
    LEFT JOIN customers c ON c.shop_id = o.shop_id AND c.platform_customer_id = o.platform_customer_id
    WHERE o.shop_id = {shop_id} AND o.cancelled_at IS NULL AND o.removed_at IS NULL AND NOT o.is_test
          AND l.quantity > 0
    ORDER BY o.placed_at, o.order_id, l.position"""

# Half a history teaches wrong habits: the import asks for the first training itself when it is through.
_IS_IMPORTED = text("""
    SELECT NOT EXISTS (SELECT 1 FROM jobs WHERE shop_id = :shop_id AND kind = 'import'
                       AND state IN ('queued', 'running'))""")

_LIST_COLUMNS = "strategy text, subject_id bigint, product_ids bigint[], scores real[], evidence jsonb"

_INSERT_LISTS = text("""
    INSERT INTO recommendations (shop_id, model_id, strategy, subject_id, product_ids, scores, evidence)
    SELECT :shop_id, :model_id, strategy, subject_id, product_ids, scores, evidence FROM new_lists""")

_WITHDRAW = text("UPDATE models SET state = 'retired' WHERE shop_id = :shop_id AND state = 'published'")

_DROP_OLD_LISTS = text("""
    DELETE FROM recommendations WHERE shop_id = :shop_id AND model_id NOT IN (
        SELECT model_id FROM models WHERE shop_id = :shop_id AND published_at IS NOT NULL
        ORDER BY published_at DESC LIMIT :kept)""")

_DROP_OLD_MODELS = text("""
    UPDATE models SET artifact = NULL WHERE shop_id = :shop_id AND artifact IS NOT NULL AND model_id NOT IN (
        SELECT model_id FROM models WHERE shop_id = :shop_id ORDER BY trained_at DESC LIMIT :kept)""")
