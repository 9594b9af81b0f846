"""Learns from orders as they come, between two full passes; it must not judge a model or publish a new one.

A delta starts from the artifact that the full pass stored, or from what this process made of it before, takes in
the orders and products since, and ranks again only what these may have moved. Neither the artifact nor a list is
ever changed: moved lists get rows under the model's next revision, which readers prefer, and an older revision
that one replaces is dropped, so a list has two rows at most. That costs one column in a key: a new model per delta
would have meant copying, or following, every list it did not move. So going back to an earlier model works as
before, and whatever was lost with a worker follows again from the orders that the artifact has not seen.

One worker at a time learns a shop: it holds the published model's row for the one short transaction, which a dying
worker's connection gives up at once, and which a full pass waits for before it takes that model's place.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
import structlog
from redis.exceptions import RedisError
from sqlalchemy import Connection, Row, text

from app import recommender
from app.services.context import Context
from app.services.recommending import forget_shelves
from app.services.shops import ShopRecord, get_shop
from app.services.training.evidence import Ids, Index, News, read_news
from app.services.training.lists import changed_lists, write_lists

log = structlog.get_logger()

# A shop learns no more often than this: in a rush of orders the next delta takes all that came meanwhile, and the
# shop's finished shelves live at least as long (recommender.md §5 counts on 1 s).
LEAST_PAUSE_SECONDS = 1.0

# A nudge that got lost on its way holds up the next one no longer than this.
NUDGE_MILLISECONDS = 10_000

# News of more than this share of what a model knows, and of more rows than this, waits for a full pass: it costs
# about as much, and the parameters were chosen for another shop.
LARGE_SHARE, LARGE_ROWS = 0.2, 1_000

# Interactions of all models that a worker process keeps ready, about 250 MB; one larger model is kept alone.
MAX_REMEMBERED_ROWS = 1_000_000
# A product weighs as much as so many interactions (vectors, words): 10,000 products with 2,000 interactions took
# 21 MB, 2,000 with 200,000 took 52.
ROWS_A_PRODUCT = 10


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A model as far as this process has brought it."""

    model_id: int
    model: recommender.Model
    index: Index


@dataclass(slots=True)
class Memory:
    """What one worker process keeps between deltas; losing it costs time only."""

    known: OrderedDict[int, Known] = field(default_factory=OrderedDict)
    learned_at: dict[int, float] = field(default_factory=dict)

    def recall(self, shop_id: int, model_id: int) -> Known | None:
        known = self.known.get(shop_id)
        return known if known is not None and known.model_id == model_id else None

    def keep(self, shop_id: int, known: Known) -> None:
        self.known[shop_id] = known
        self.known.move_to_end(shop_id)
        while len(self.known) > 1 and self.n_rows > MAX_REMEMBERED_ROWS:
            self.known.popitem(last=False)

    @property
    def n_rows(self) -> int:
        """Interactions of all models kept, their products weighed in; an empty one counts, too."""
        return sum(map(_weight, self.known.values()))

    def forget(self, shop_id: int) -> None:
        self.known.pop(shop_id, None)

    def pause_seconds(self, shop_id: int) -> float:
        """How long to wait before this shop may learn again: nothing for an order that comes alone."""
        since = time.monotonic() - self.learned_at.get(shop_id, -LEAST_PAUSE_SECONDS)
        return max(0.0, LEAST_PAUSE_SECONDS - since)


def _weight(known: Known) -> int:
    model = known.model
    return max(1, model.log.n_rows + ROWS_A_PRODUCT * model.catalogue.n_items)


@dataclass(frozen=True, slots=True)
class Learned:
    """What a delta came to; computing by the clock, and by the time that this process ran."""

    model_id: int
    revision: int
    n_rows: int
    n_lists: int
    compute_seconds: float
    processor_seconds: float


def ask_to_learn(context: Context, shop_id: int) -> bool:
    """Nudge a worker where there is something new and none has been nudged yet; returns whether it was.

    The worker takes the mark away before it looks for orders, so one that finds the mark is sure to be seen.
    """
    with context.db.shop(shop_id) as connection:
        if not connection.execute(_HAS_NEWS, {"shop_id": shop_id}).scalar():
            return False
    try:
        if not context.redis.set(_mark(shop_id), b"1", nx=True, px=NUDGE_MILLISECONDS):
            return False
    except RedisError as error:
        log.warning("nudge_not_marked", shop_id=shop_id, reason=type(error).__name__)
    return context.queue.nudge("training.learn", shop_id)


def learn(context: Context, shop_id: int, memory: Memory) -> Learned | None:
    """Take in what is new; None when nothing is, when no model can, or when another worker is at it.

    In this order: hold the published model's row; read the orders and products it has not seen; update the
    model; write the lists that moved under its next revision; commit; remember; empty the finished shelves.
    """
    _take_mark(context, shop_id)
    with context.db.shop(shop_id) as connection:
        live = connection.execute(_HOLD_LIVE, {"shop_id": shop_id}).one_or_none()
        if live is None:
            # Another worker is at it, and what this one has at hand will do next time; or nothing is published.
            return None
        if not live.is_teachable:
            memory.forget(shop_id)
            return None
        shop = get_shop(connection, shop_id)
        try:
            taught = _teach(connection, shop, live, memory)
        except (recommender.ArtifactError, recommender.DivergedError) as error:
            # The full pass starts from the orders alone, so it is what helps, and it is due at once.
            log.warning("model_given_up", shop_id=shop_id, model_id=live.model_id, reason=str(error))
            connection.execute(_DROP_ARTIFACT, {"shop_id": shop_id, "model_id": live.model_id})
            connection.execute(_MAKE_DUE, {"shop_id": shop_id})
            taught = None
    if taught is None:
        memory.forget(shop_id)
        return None
    known, learned = taught
    memory.keep(shop_id, known)
    if learned is None:
        return None
    memory.learned_at[shop_id] = time.monotonic()
    forget_shelves(context, shop)
    log.info("learned", shop_id=shop_id, n_rows=learned.n_rows, n_lists=learned.n_lists)
    return learned


def _teach(
    connection: Connection, shop: ShopRecord, live: Row[tuple[int, int, bool]], memory: Memory
) -> tuple[Known, Learned | None]:
    known = memory.recall(shop.shop_id, live.model_id) or _load(connection, shop.shop_id, live.model_id)
    news = read_news(connection, shop.shop_id, known.index)
    revision = live.revision + 1
    if news.is_empty:
        known = Known(known.model_id, known.model, news.index)
        _mark_learned(connection, shop.shop_id, known, live.revision)
        return known, None
    if news.history.n_rows > max(LARGE_ROWS, LARGE_SHARE * known.model.log.n_rows):
        connection.execute(_MAKE_DUE, {"shop_id": shop.shop_id})
        return known, None
    started, began = time.perf_counter(), time.process_time()
    model, changed = known.model.update(news.catalogue, news.history)
    rows = list(changed_lists(model, news.index, changed, _buyers(news)))
    seconds, busy = time.perf_counter() - started, time.process_time() - began
    known = Known(known.model_id, model, news.index)
    n_lists = write_lists(connection, shop.shop_id, known.model_id, rows, revision=revision)
    _mark_learned(connection, shop.shop_id, known, revision)
    return known, Learned(known.model_id, revision, news.history.n_rows, n_lists, seconds, busy)


def _load(connection: Connection, shop_id: int, model_id: int) -> Known:
    stored = connection.execute(_ARTIFACT, {"shop_id": shop_id, "model_id": model_id}).one()
    model = recommender.from_npz(bytes(stored.artifact))
    return Known(model_id, model, Index.unpack(bytes(stored.subjects)))


def _buyers(news: News) -> Ids:
    users = news.history.user
    return np.unique(users[users >= 0])


def _mark_learned(connection: Connection, shop_id: int, known: Known, revision: int) -> None:
    connection.execute(
        _MARK_LEARNED,
        {
            "shop_id": shop_id,
            "model_id": known.model_id,
            "order_id": known.index.last_order_id,
            "product_id": int(known.index.product_ids.max(initial=0)),
            "revision": revision,
        },
    )


def _take_mark(context: Context, shop_id: int) -> None:
    try:
        context.redis.delete(_mark(shop_id))
    except RedisError as error:
        log.warning("mark_not_taken", shop_id=shop_id, reason=type(error).__name__)


def _mark(shop_id: int) -> str:
    return f"learn:{shop_id}"


# While a history is coming in there is nothing but news; the full pass after it learns it at once.
_HAS_NEWS = text("""
    SELECT NOT EXISTS (SELECT 1 FROM jobs WHERE shop_id = :shop_id AND kind = 'import'
                       AND state IN ('queued', 'running')) AND EXISTS (
        SELECT 1 FROM models m WHERE m.shop_id = :shop_id AND m.state = 'published' AND m.subjects IS NOT NULL AND (
            EXISTS (SELECT 1 FROM orders o WHERE o.shop_id = :shop_id AND o.order_id > m.learned_order_id)
            OR EXISTS (SELECT 1 FROM products p WHERE p.shop_id = :shop_id
                       AND p.product_id > m.learned_product_id AND NOT p.is_gift_card AND p.title <> '')))""")

_HOLD_LIVE = text("""
    SELECT model_id, revision, artifact IS NOT NULL AND subjects IS NOT NULL AS is_teachable FROM models
    WHERE shop_id = :shop_id AND state = 'published' FOR UPDATE SKIP LOCKED""")

_ARTIFACT = text("SELECT artifact, subjects FROM models WHERE shop_id = :shop_id AND model_id = :model_id")

_MARK_LEARNED = text("""
    UPDATE models SET learned_order_id = :order_id, learned_product_id = :product_id, revision = :revision
    WHERE shop_id = :shop_id AND model_id = :model_id""")

_DROP_ARTIFACT = text("""
    UPDATE models SET artifact = NULL, subjects = NULL WHERE shop_id = :shop_id AND model_id = :model_id""")

_MAKE_DUE = text("UPDATE shops SET trained_at = NULL WHERE shop_id = :shop_id")
