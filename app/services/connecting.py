"""Hands out clients for connected shops; refreshes a shop's token once, however many ask at the same moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import structlog
from redis.exceptions import RedisError
from sqlalchemy import Connection, RowMapping, select, update
from sqlalchemy.dialects.postgresql import insert

from app.clock import real_now
from app.db.models import Credential
from app.platforms.base import (
    ConnectedShop,
    Credentials,
    NeedsApprovalError,
    NeedsReconnectError,
    PlatformError,
    ShopClient,
)
from app.services.context import Context
from app.services.hooks import hook_of
from app.services.shops import every_shop, get_shop, mark_access_lost

log = structlog.get_logger()

# A turn outlives the longest answer a shop may take.
TURN_SECONDS = 130.0

# Shopify's own library refreshes this long before the end (shopify-app-js, WITHIN_MILLISECONDS_OF_EXPIRY).
REFRESH_BEFORE = timedelta(minutes=5)
# Of a token that lives shorter than usual, the last part of its life: five minutes might be all of it.
REFRESH_SHARE = 0.2


def client_for(context: Context, shop_id: int) -> ShopClient:
    """A client for one shop, whose token is looked up, and refreshed if need be, at each call.

    Raises:
        UnknownShopError: no such shop.
    """
    with context.db.shop(shop_id) as connection:
        shop = get_shop(connection, shop_id)
    return context.platforms[shop.platform].client(
        ConnectedShop(
            shop_id,
            shop.domain,
            lambda: access_token(context, shop_id),
            lambda refused: renew_token(context, shop_id, refused),
            lambda: hook_of(context, shop),
            lambda: turn(context, shop_id),
        )
    )


def is_token_alive(context: Context, shop_id: int) -> bool:
    """Whether the shop still answers us. Nothing is changed but what renewing the token changes.

    Raises:
        PlatformError: it can't be told now; ask again.
    """
    try:
        client_for(context, shop_id).profile()
    except NeedsApprovalError:
        return True
    except PlatformError as error:
        if not error.permanent:
            raise
        return False
    return True


@contextmanager
def turn(context: Context, shop_id: int) -> Iterator[None]:
    """Hold the shop's turn: platforms without limits of their own are asked one thing at a time, by all processes.

    Without Redis, or after a minute of waiting, the call goes ahead: it is about politeness, not about truth.
    """
    lock = context.redis.lock(f"turn:{shop_id}", timeout=TURN_SECONDS, blocking_timeout=TURN_SECONDS / 2)
    try:
        is_held = bool(lock.acquire())
    except RedisError:
        is_held = False
    try:
        yield
    finally:
        if is_held:
            with suppress(RedisError):  # it may have run out meanwhile
                lock.release()


def access_token(context: Context, shop_id: int, *, now: datetime | None = None) -> str:
    """A valid access token for the shop.

    Refreshing happens under a row lock, so that of many callers one refreshes and the others read its
    result; both new tokens are saved in one statement before either is used.

    Raises:
        NeedsReconnectError: there is no token, or the pair is dead; the merchant has to open the app.
    """
    now = now or real_now()
    with context.db.shop(shop_id) as connection:
        row = connection.execute(_CREDENTIALS).mappings().one_or_none()
    if row is not None and _is_fresh(row, now):
        return context.vault.open(row["access_token"])
    return _refresh(context, shop_id, now)


def renew_token(context: Context, shop_id: int, refused: str, *, now: datetime | None = None) -> str:
    """Another token in place of one the shop refused before its time; the one another caller got meanwhile, if any.

    Raises:
        NeedsReconnectError: as `access_token`.
    """
    return _refresh(context, shop_id, now or real_now(), refused)


def save_credentials(
    context: Context, connection: Connection, shop_id: int, credentials: Credentials, now: datetime
) -> None:
    """Store both tokens, encrypted, in one statement."""
    refresh_token = credentials.refresh_token
    values: dict[str, Any] = {
        "key_id": context.vault.key_id,
        "access_token": context.vault.seal(credentials.access_token),
        "refresh_token": context.vault.seal(refresh_token) if refresh_token else None,
        "scopes": ",".join(credentials.scopes),
        "expires_at": credentials.expires_at,
        "refresh_expires_at": credentials.refresh_expires_at,
        "updated_at": now,
    }
    connection.execute(
        insert(Credential)
        .values(shop_id=shop_id, **values)
        .on_conflict_do_update(index_elements=["shop_id"], set_=values)
    )


def reseal_all(context: Context) -> int:
    """Encrypt every shop's tokens again under the newest key; returns the number of shops.

    Those of shops that wait for their merchant as well: the older keys are thrown away after this.
    """
    n_resealed = 0
    for shop_id in every_shop(context.db):
        with context.db.shop(shop_id) as connection:
            row = connection.execute(_CREDENTIALS.with_for_update()).mappings().one_or_none()
            if row is None:
                continue
            refresh = row["refresh_token"]
            connection.execute(
                update(Credential)
                .where(Credential.shop_id == shop_id)
                .values(
                    key_id=context.vault.key_id,
                    access_token=context.vault.reseal(row["access_token"]),
                    refresh_token=context.vault.reseal(refresh) if refresh else None,
                )
            )
            n_resealed += 1
    return n_resealed


def _refresh(context: Context, shop_id: int, now: datetime, refused: str | None = None) -> str:
    try:
        return _refresh_once(context, shop_id, now, refused)
    except NeedsReconnectError:
        _mark_needs_reconnect(context, shop_id)
        raise


def _refresh_once(context: Context, shop_id: int, now: datetime, refused: str | None) -> str:
    with context.db.shop(shop_id) as connection:
        row = connection.execute(_CREDENTIALS.with_for_update()).mappings().one_or_none()
        if row is None:
            raise NeedsReconnectError
        held = context.vault.open(row["access_token"])
        if (
            _is_fresh(row, now) and held != refused
        ):  # another caller refreshed while this one waited for the row
            return held
        shop, sealed = get_shop(connection, shop_id), row["refresh_token"]
        fresh = context.platforms[shop.platform].refresh(
            shop.domain, context.vault.open(sealed) if sealed else None, now
        )
        save_credentials(context, connection, shop_id, fresh, now)
    log.info("token_refreshed", shop_id=shop_id)
    return fresh.access_token


def _mark_needs_reconnect(context: Context, shop_id: int) -> None:
    with context.db.shop(shop_id) as connection:
        is_news = mark_access_lost(connection, shop_id, context.clock.now())
    if is_news:
        log.warning("shop_needs_reconnect", shop_id=shop_id)


def _is_fresh(row: RowMapping, now: datetime) -> bool:
    ends_at: datetime | None = row["expires_at"]
    if ends_at is None:
        return True
    issued_at: datetime = row["updated_at"]
    return ends_at - min(REFRESH_BEFORE, (ends_at - issued_at) * REFRESH_SHARE) > now


_CREDENTIALS = select(Credential.__table__)
