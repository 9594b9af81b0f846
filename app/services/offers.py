"""Discount codes for cart reminders: made ahead in bulk, given once, cleaned up when they are over.

A discount ends for all its codes at once, so there is one for each day (and percentage), and every mail of that day
takes one of its codes. Whatever breaks in between leaves a code that nobody knows, never two for one message.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from redis.exceptions import RedisError
from sqlalchemy import Connection, insert, text
from sqlalchemy.dialects.postgresql import insert as upsert

from app.db.models import OfferCode, OfferRow
from app.domain.flows import FlowKind
from app.domain.offers import N_CODES, GivenCode, Offer, end_of, spell
from app.domain.quiet import zone_named
from app.platforms.base import PlatformError
from app.platforms.extras import DiscountCodes
from app.services.context import Context
from app.services.permissions import extras_client
from app.services.shops import ShopRecord, get_shop

log = structlog.get_logger()

# Codes are made ahead for the mails of the next hour.
AHEAD = timedelta(hours=1)

# How often a sender makes a code that another one may take before it.
_TRIES = 5

# How long a discount the shop has is believed to be there still.
ASK_AGAIN = timedelta(minutes=1)

# A discount is deleted this long after its end, when no clock can think it live any more.
KEEP = timedelta(days=1)


def code_for(context: Context, codes: DiscountCodes, shop: ShopRecord, message_id: int) -> GivenCode | None:
    """The code of a message: the one it has, or a new one; None when that one is over meanwhile.

    Codes of a discount that the merchant has deleted or ended are dropped, and the message gets one that works.
    The code is the message's, and committed, when this returns.

    Raises:
        PlatformError: the shop could not be asked for codes, or refuses them.
    """
    now = context.clock.now()
    _drop_dead(context, codes, shop, now, message_id)
    for _ in range(_TRIES):
        with context.db.shop(shop.shop_id) as connection:
            connection.execute(_HOLD_MESSAGE, {"shop_id": shop.shop_id, "message_id": message_id})
            given = _given(connection, shop.shop_id, message_id) or _take(connection, shop, message_id, now)
        if given is not None:
            return given if now < given.ends_at else None
        _make(context, codes, shop, now, n_wanted=1)
    raise PlatformError("other senders took every new code", retry_after_seconds=5.0)


def live_code(connection: Connection, shop_id: int, message_id: int, now: datetime) -> str | None:
    """The code a message carries, as long as it works."""
    given = _given(connection, shop_id, message_id)
    return given.code if given is not None and now < given.ends_at else None


def make_ahead(context: Context, shop_id: int) -> int:
    """Make the codes that the mails of the next hour will need; returns how many were made.

    Raises:
        PlatformError: the shop could not be asked for codes, or refuses them.
    """
    now = context.clock.now()
    with context.db.shop(shop_id) as connection:
        shop = get_shop(connection, shop_id)
        if not shop.policy.offer.is_on:
            return 0
        values = _values(shop, now) | {"until": now + AHEAD, "flow": FlowKind.ABANDONED_CART.value}
        n_wanted = int(connection.execute(_N_WANTED, values).scalar_one())
    if not n_wanted:
        return 0
    codes = extras_client(context, shop_id).codes
    _drop_dead(context, codes, shop, now)
    return _make(context, codes, shop, now, n_wanted=n_wanted)


def clean_up(context: Context, shop_id: int, *, is_leaving: bool = False) -> int:
    """Delete the discounts that are over, or all of them of a shop that is left, here and there; returns how many.

    Raises:
        PlatformError: the shop did not answer; what is left is deleted next time.
    """
    with context.db.shop(shop_id) as connection:
        before = "infinity" if is_leaving else context.clock.now() - KEEP
        values = {"shop_id": shop_id, "before": before}
        over = connection.execute(_OVER, values).all()
    if not over:
        return 0
    codes = extras_client(context, shop_id).codes
    for row in over:
        discount = row.platform_discount_id
        if discount is not None:
            codes.close(discount)
        with context.db.shop(shop_id) as connection:
            connection.execute(_FORGET, {"shop_id": shop_id, "offer_id": row.offer_id})
    log.info("offers_cleaned_up", shop_id=shop_id, n_offers=len(over))
    return len(over)


def _drop_dead(
    context: Context, codes: DiscountCodes, shop: ShopRecord, now: datetime, message_id: int | None = None
) -> None:
    """Ask the shop for the discount that is to be given from, and forget its codes where it is gone.

    A sender asks at most once a minute for each discount. Codes that mails have carried stay in the book.
    """
    values = _values(shop, now) | {"message_id": message_id, "now": now}
    with context.db.shop(shop.shop_id) as connection:
        row = connection.execute(_IN_USE, values).one_or_none()
    if row is None:
        return
    key = f"offer:{shop.shop_id}:{row.offer_id}:{row.first_code}"
    with suppress(RedisError):
        if context.redis.exists(key):
            return
    if codes.is_live(row.platform_discount_id, row.code):
        with suppress(RedisError):
            context.redis.set(key, b"1", ex=ASK_AGAIN)
        return
    with context.db.shop(shop.shop_id) as connection:
        values |= {"offer_id": row.offer_id, "first_code": row.first_code, "new_code": _new_code()}
        if connection.execute(_REOPEN, values).rowcount:  # else another sender was first
            connection.execute(_DROP_CODES, values)
            log.info("discount_gone", shop_id=shop.shop_id, offer_id=row.offer_id)


def _make(context: Context, codes: DiscountCodes, shop: ShopRecord, now: datetime, *, n_wanted: int) -> int:
    """See to it that `n_wanted` codes of today's discount are free; returns how many were added.

    One caller at a time, by the discount's row. Its first code is stored before the shop is asked for the
    discount, so that a discount made by a call whose answer was lost is found again.
    """
    values = _values(shop, now)
    with context.db.shop(shop.shop_id) as connection:
        connection.execute(
            upsert(OfferRow)
            .values(
                shop_id=shop.shop_id,
                percent=values["percent"],
                ends_at=values["ends_at"],
                first_code=_new_code(),
                created_at=now,
            )
            .on_conflict_do_nothing(index_elements=["shop_id", "percent", "ends_at"])
        )
    with context.db.shop(shop.shop_id) as connection:
        row = connection.execute(_HOLD, values).one()
        discount = row.platform_discount_id
        if discount is None:
            offer = Offer(percent=row.percent, starts_at=row.created_at, ends_at=row.ends_at)
            discount = codes.open(offer, row.first_code)
            connection.execute(_NOTE_DISCOUNT, values | {"offer_id": row.offer_id, "discount": discount})
    with context.db.shop(shop.shop_id) as connection:
        connection.execute(_HOLD, values)
        n_free = int(connection.execute(_N_FREE, values).scalar_one())
        n_missing = min(n_wanted - n_free, codes.batch_size)
        if n_missing <= 0:
            return 0
        made = codes.add(discount, [_new_code() for _ in range(n_missing)])
        rows = [{"shop_id": shop.shop_id, "code": code, "offer_id": row.offer_id} for code in made]
        if rows:
            connection.execute(insert(OfferCode), rows)
    log.info("codes_made", shop_id=shop.shop_id, n_codes=len(made))
    return len(made)


def _new_code() -> str:
    return spell(secrets.randbelow(N_CODES))


def _values(shop: ShopRecord, now: datetime) -> dict[str, object]:
    offer = shop.policy.offer
    ends_at = end_of(now, zone_named(shop.timezone), offer.valid_days)
    return {"shop_id": shop.shop_id, "percent": offer.percent, "ends_at": ends_at}


def _given(connection: Connection, shop_id: int, message_id: int) -> GivenCode | None:
    row = connection.execute(_GIVEN, {"shop_id": shop_id, "message_id": message_id}).one_or_none()
    return GivenCode(row.code, row.percent, row.ends_at) if row is not None else None


def _take(connection: Connection, shop: ShopRecord, message_id: int, now: datetime) -> GivenCode | None:
    values = _values(shop, now) | {"message_id": message_id, "now": now}
    if connection.execute(_TAKE, values).one_or_none() is None:
        return None
    return _given(connection, shop.shop_id, message_id)


_HOLD_MESSAGE = text(
    "SELECT 1 FROM messages WHERE shop_id = :shop_id AND message_id = :message_id FOR UPDATE"
)

_GIVEN = text("""
    SELECT c.code, o.percent, o.ends_at FROM offer_codes c
    JOIN offers o ON o.shop_id = c.shop_id AND o.offer_id = c.offer_id
    WHERE c.shop_id = :shop_id AND c.message_id = :message_id""")

# The discount of the message's own code, else today's, as long as it has not ended by itself.
_IN_USE = text("""
    SELECT o.offer_id, o.platform_discount_id, o.first_code, coalesce(c.code, o.first_code) AS code
    FROM offers o
    LEFT JOIN LATERAL (
        SELECT code, message_id FROM offer_codes
        WHERE shop_id = o.shop_id AND offer_id = o.offer_id
          AND (message_id = CAST(:message_id AS bigint) OR message_id IS NULL)
        ORDER BY message_id NULLS LAST LIMIT 1) c ON true
    WHERE o.shop_id = :shop_id AND o.platform_discount_id IS NOT NULL AND o.ends_at > :now
      AND (c.message_id IS NOT NULL OR (o.percent = :percent AND o.ends_at = :ends_at))
    ORDER BY c.message_id NULLS LAST LIMIT 1""")

# With another first code: the old one is taken still where the merchant only ended the discount.
_REOPEN = text("""
    UPDATE offers SET platform_discount_id = NULL, first_code = :new_code
    WHERE shop_id = :shop_id AND offer_id = :offer_id AND first_code = :first_code""")

_DROP_CODES = text("""
    DELETE FROM offer_codes WHERE shop_id = :shop_id AND offer_id = :offer_id
      AND (message_id IS NULL OR message_id = CAST(:message_id AS bigint))""")

_TAKE = text("""
    UPDATE offer_codes SET message_id = :message_id, given_at = :now
    WHERE shop_id = :shop_id AND code = (
        SELECT c.code FROM offer_codes c
        JOIN offers o ON o.shop_id = c.shop_id AND o.offer_id = c.offer_id
        WHERE c.shop_id = :shop_id AND c.message_id IS NULL AND o.percent = :percent AND o.ends_at = :ends_at
        LIMIT 1 FOR UPDATE OF c SKIP LOCKED)
    RETURNING code""")

_N_FREE = text("""
    SELECT count(*) FROM offer_codes c
    JOIN offers o ON o.shop_id = c.shop_id AND o.offer_id = c.offer_id
    WHERE c.shop_id = :shop_id AND c.message_id IS NULL AND o.percent = :percent AND o.ends_at = :ends_at""")

_N_WANTED = text("""
    SELECT count(*) FROM messages m
    JOIN flows f ON f.shop_id = m.shop_id AND f.kind = m.flow AND f.is_active
    WHERE m.shop_id = :shop_id AND m.flow = :flow AND m.state IN ('planned', 'claimed') AND m.due_at <= :until
      AND NOT EXISTS (SELECT 1 FROM offer_codes c
                      WHERE c.shop_id = m.shop_id AND c.message_id = m.message_id)""")

_HOLD = text("""
    SELECT offer_id, percent, ends_at, created_at, first_code, platform_discount_id FROM offers
    WHERE shop_id = :shop_id AND percent = :percent AND ends_at = :ends_at FOR UPDATE""")

_NOTE_DISCOUNT = text("""
    UPDATE offers SET platform_discount_id = :discount WHERE shop_id = :shop_id AND offer_id = :offer_id""")

_OVER = text("""
    SELECT offer_id, platform_discount_id FROM offers
    WHERE shop_id = :shop_id AND ends_at < CAST(:before AS timestamptz) ORDER BY offer_id""")

_FORGET = text("DELETE FROM offers WHERE shop_id = :shop_id AND offer_id = :offer_id")
