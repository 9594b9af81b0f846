"""Takes verified webhooks in, and later carries out what they say; between the two lies only the inbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import RowMapping, text, update

from app.db.models import Delivery
from app.domain import events
from app.platforms.base import Envelope, UnreadableError
from app.services import recording
from app.services.applying import APPLY, Scene
from app.services.asking import Asking
from app.services.context import Context
from app.services.shops import ShopRecord, get_shop

log = structlog.get_logger()

# Attempt n is followed by a pause of 10 s × 4^(n-1), at most 6 h; after the last the delivery is dead
# (reliability.md §1: 8 attempts, backoff 10 s … 6 h).
MAX_ATTEMPTS = 8
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(hours=6)

# Few enough that a killed worker repeats little, enough that a burst is drained quickly.
BATCH = 50


@dataclass(frozen=True, slots=True)
class Drained:
    n_done: int = 0
    n_failed: int = 0


def accept(context: Context, shop_id: int, envelope: Envelope) -> None:
    """Store a verified webhook, once: one statement, one round trip, durable when this returns."""
    now = context.clock.now()
    context.db.at_once(
        _ACCEPT,
        {
            "shop": str(shop_id),
            "shop_id": shop_id,
            "topic": envelope.topic,
            "dedupe_key": envelope.dedupe_key,
            "event_id": envelope.event_id,
            "api_version": envelope.api_version,
            "triggered_at": envelope.triggered_at,
            "raw": envelope.raw,
            "now": now,
        },
    )


def due_shops(context: Context) -> list[int]:
    """Every shop that has a delivery waiting."""
    with context.db.nobody() as connection:
        rows = connection.execute(
            text("SELECT shops_with_due_deliveries(:now)"), {"now": context.clock.now()}
        )
        return [int(row[0]) for row in rows]


def process_shop(context: Context, shop_id: int) -> Drained:
    """Carry out everything that waits in one shop's inbox, oldest first, one transaction a delivery.

    Deliveries are claimed, and the attempt is counted, in a transaction that commits before the work: one
    that brings its worker down is not tried for ever. What was tried before comes last and one by one, so
    that such a delivery takes no neighbour with it a second time.
    """
    total, asking = Drained(), Asking(context, shop_id)
    while True:
        claimed = _claim(context, shop_id) or _claim(context, shop_id, is_retry=True)
        if not claimed:
            return total
        results = [_process(context, shop_id, row, asking) for row in claimed]
        total = Drained(total.n_done + sum(results), total.n_failed + len(results) - sum(results))


def replay(context: Context, shop_id: int, delivery_id: int) -> bool:
    """Give a dead delivery a fresh set of attempts; False when there is none of that id."""
    with context.db.shop(shop_id) as connection:
        changed = connection.execute(
            update(Delivery)
            .where(Delivery.shop_id == shop_id, Delivery.delivery_id == delivery_id, Delivery.state == "dead")
            .values(state="received", n_attempts=0, next_attempt_at=context.clock.now())
        )
    if changed.rowcount:
        context.queue.nudge("ingest.process_shop", shop_id)
    return bool(changed.rowcount)


def _claim(context: Context, shop_id: int, *, is_retry: bool = False) -> list[RowMapping]:
    with context.db.shop(shop_id) as connection:
        rows = connection.execute(
            _CLAIM,
            {
                "shop_id": shop_id,
                "now": context.clock.now(),
                "is_retry": is_retry,
                "batch": 1 if is_retry else BATCH,
                "first": FIRST_PAUSE.total_seconds(),
                "longest": LONGEST_PAUSE.total_seconds(),
            },
        )
        return sorted(rows.mappings().all(), key=lambda row: int(row["delivery_id"]))


def _process(context: Context, shop_id: int, row: RowMapping, asking: Asking) -> bool:
    """Carry one delivery out; whatever goes wrong is stored with it and disturbs no other.

    What the delivery only points at is asked of the shop first, outside the transaction.
    """
    if row["n_attempts"] > MAX_ATTEMPTS:
        fatal = UnreadableError(f"none of {MAX_ATTEMPTS} attempts came to an end; their workers were stopped")
        _store_failure(context, shop_id, row, fatal, is_over=True)
        return False
    facts: Sequence[events.CommerceEvent] = ()
    try:
        asked: Sequence[events.CommerceEvent] | None = None
        with context.db.shop(shop_id) as connection:
            scene = Scene(context, connection, get_shop(connection, shop_id))
            facts = context.platforms[scene.shop.platform].read(_envelope(scene.shop, row))
            if asking.is_needed(facts):
                asked = facts
            else:
                _carry_out(scene, row, facts)
        if asked is not None:
            facts = asking.complete(asked, row["received_at"])
            with context.db.shop(shop_id) as connection:
                scene = Scene(context, connection, get_shop(connection, shop_id))
                _carry_out(scene, row, facts)
        for effect in scene.after_commit:
            effect()
    except Exception as error:  # noqa: BLE001  the inbox must survive anything a delivery can do
        is_over = isinstance(error, UnreadableError) or row["n_attempts"] >= MAX_ATTEMPTS
        _store_failure(context, shop_id, row, error, is_over=is_over, facts=facts)
        return False
    return True


def _carry_out(scene: Scene, row: RowMapping, facts: Sequence[events.CommerceEvent]) -> None:
    for fact in facts:
        APPLY[type(fact)](scene, fact)
    is_request = any(isinstance(fact, _NAMES_THE_FORGOTTEN) for fact in facts)
    _mark_done(scene, row, is_emptied=is_request or _is_of_erased(scene, facts))


def _is_of_erased(scene: Scene, facts: Sequence[events.CommerceEvent]) -> bool:
    """Whether the delivery came, or was carried out at last, after its person had been forgotten."""
    return recording.names_erased(scene.connection, scene.context.hasher, scene.shop.shop_id, facts)


def _mark_done(scene: Scene, row: RowMapping, *, is_emptied: bool) -> None:
    """File the delivery. One that names a person who is to be forgotten must not keep their name itself."""
    connection, shop_id = scene.connection, scene.shop.shop_id
    connection.execute(
        update(Delivery)
        .where(Delivery.shop_id == shop_id, Delivery.delivery_id == row["delivery_id"])
        .values(state="done", error=None, processed_at=scene.now, **({"raw": b""} if is_emptied else {}))
    )


def _store_failure(
    context: Context,
    shop_id: int,
    row: RowMapping,
    error: Exception,
    *,
    is_over: bool,
    facts: Sequence[events.CommerceEvent] = (),
) -> None:
    # A database error's text quotes the statement and with it the person; its class says enough.
    reason = str(error) if isinstance(error, UnreadableError) else type(error).__name__
    log.warning("delivery_failed", shop_id=shop_id, topic=row["topic"], n=row["n_attempts"], reason=reason)
    with context.db.shop(shop_id) as connection:
        values: dict[str, object] = {"error": reason[:500]}
        if is_over:
            values["state"] = "dead"
            if recording.names_erased(connection, context.hasher, shop_id, facts):
                values["raw"] = b""
        connection.execute(
            update(Delivery)
            .where(Delivery.shop_id == shop_id, Delivery.delivery_id == row["delivery_id"])
            .values(**values)
        )


def _envelope(shop: ShopRecord, row: RowMapping) -> Envelope:
    return Envelope(
        platform=shop.platform,
        shop_domain=shop.domain,
        topic=row["topic"],
        dedupe_key=row["dedupe_key"],
        raw=bytes(row["raw"]),
        event_id=row["event_id"],
        api_version=row["api_version"],
        triggered_at=row["triggered_at"],
        currency=shop.currency,
    )


_NAMES_THE_FORGOTTEN = (events.ErasureRequested, events.ShopErasureRequested)

_ACCEPT = """
    SELECT set_config('app.shop_id', %(shop)s, true);
    INSERT INTO deliveries (shop_id, topic, dedupe_key, event_id, api_version, triggered_at, raw,
                            next_attempt_at, received_at)
    VALUES (%(shop_id)s, %(topic)s, %(dedupe_key)s, %(event_id)s, %(api_version)s, %(triggered_at)s, %(raw)s,
            %(now)s, %(now)s)
    ON CONFLICT DO NOTHING"""

# As an array, the inner query runs once; under IN it may run once a row, and its limit holds for none of them.
_CLAIM = text("""
    UPDATE deliveries
    SET n_attempts = n_attempts + 1,
        next_attempt_at = :now + make_interval(secs => least(:first * power(4, n_attempts), :longest))
    WHERE shop_id = :shop_id AND delivery_id = ANY(ARRAY(
        SELECT delivery_id FROM deliveries
        WHERE shop_id = :shop_id AND state = 'received' AND next_attempt_at <= :now
          AND (n_attempts > 0) = :is_retry
        ORDER BY delivery_id LIMIT :batch FOR UPDATE SKIP LOCKED))
    RETURNING delivery_id, topic, dedupe_key, event_id, api_version, triggered_at, raw, n_attempts,
              received_at""")
