"""Connects a shop, disconnects it, and connects it again without losing what it chose."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, text, update
from sqlalchemy.dialects.postgresql import insert

from app.clock import real_now
from app.db.models import Flow, Shop
from app.platforms.asked import GuestClient
from app.platforms.base import (
    ConnectedShop,
    Credentials,
    MerchantSession,
    NeedsReconnectError,
    PlatformError,
    ShopProfile,
    StorefrontSetup,
)
from app.services import leaving, permissions
from app.services.connecting import client_for, save_credentials
from app.services.context import Context
from app.services.jobs import enqueue_job
from app.services.messaging import FLOW_KINDS
from app.services.moving import follow_move
from app.services.recommending import forget_shelves
from app.services.shops import find_shop_id, get_shop

log = structlog.get_logger()


def connect(
    context: Context,
    platform_name: str,
    credentials: Credentials,
    *,
    has_moved: bool = False,
    confirmed_shop_id: int | None = None,
) -> int:
    """Install, or install again, and start the import.

    In this order: ask the shop who it is; store the shop with its (inactive) flows; store both tokens in one
    statement, which commits; register webhooks; enqueue the import. Returns the shop's id.

    Raises:
        PlatformError: the shop did not answer; nothing was stored.
        InstallRefusedError: it is a copy of a shop that is connected; `has_moved` says that it is that shop.
        MoveUnconfirmedError: its owner has to be asked; `confirmed_shop_id` says that they have confirmed it.
    """
    platform = context.platforms[platform_name]
    visitor = ConnectedShop(0, credentials.shop_domain, lambda: credentials.access_token)
    profile = replace(platform.client(visitor).profile(), domain=credentials.shop_domain)
    follow_move(context, platform_name, profile, has_moved=has_moved, confirmed_shop_id=confirmed_shop_id)
    shop_id = store_shop(context, platform_name, profile)
    with context.db.shop(shop_id) as connection:
        save_credentials(context, connection, shop_id, credentials, real_now())
        shop = get_shop(connection, shop_id)
    log.info("shop_connected", shop_id=shop_id, platform=platform_name)
    forget_shelves(context, shop)  # a shop that comes back had been answered with empty ones
    repair_connection(context, shop_id)
    start_import(context, shop_id)
    return shop_id


def store_shop(context: Context, platform_name: str, profile: ShopProfile) -> int:
    """Store the shop as connected, keeping what an earlier install chose; returns its id."""
    shop_id = _claim_shop_id(context, platform_name, profile)
    with context.db.shop(shop_id) as connection:
        _save_shop(connection, shop_id, profile, context.clock.now())
        leaving.call_off(connection, shop_id)
        for kind in FLOW_KINDS:
            connection.execute(
                insert(Flow).values(shop_id=shop_id, kind=kind, is_active=False).on_conflict_do_nothing()
            )
    return shop_id


def open_session(context: Context, platform_name: str, session: MerchantSession) -> int:
    """The shop behind a verified session; connects it by token exchange when it isn't connected.

    Raises:
        PlatformError: the exchange failed.
    """
    shop_id = connected_shop_id(context, platform_name, session.shop_domain)
    if shop_id is not None:
        return shop_id
    credentials = context.platforms[platform_name].exchange_session(session, real_now())
    return connect(context, platform_name, credentials)


def connected_shop_id(context: Context, platform_name: str, domain: str) -> int | None:
    """The shop's id when it is connected; None when it is unknown, uninstalled or needs to be reconnected."""
    with context.db.nobody() as connection:
        shop_id = find_shop_id(connection, platform_name, domain)
    if shop_id is None:
        return None
    with context.db.shop(shop_id) as connection:
        state = connection.execute(text("SELECT state FROM shops")).scalar_one()
    return shop_id if state == "connected" else None


def repair_connection(context: Context, shop_id: int) -> Mapping[str, str]:
    """List and repair the shop's subscriptions and what its storefront knows; returns the topics it refused.

    Nothing is put into a shop that is leaving: a round may have begun before it did.
    """
    if not _is_connected(context, shop_id):
        return {}
    try:
        health = client_for(context, shop_id).ensure_webhooks()
        look_for_senders(context, shop_id)
        publish_setup(context, shop_id)
    except PlatformError as error:
        log.warning("webhooks_not_registered", shop_id=shop_id, reason=str(error))
        if error.permanent and not isinstance(error, NeedsReconnectError):  # that one has a state of its own
            _note_trouble(context, shop_id, str(error))
        return {}
    _note_trouble(context, shop_id, None)
    if health.repaired or health.refused:
        log.info(
            "webhooks_registered", shop_id=shop_id, repaired=health.repaired, refused=dict(health.refused)
        )
    return health.refused


def _is_connected(context: Context, shop_id: int) -> bool:
    with context.db.shop(shop_id) as connection:
        return get_shop(connection, shop_id).state == "connected"


def _note_trouble(context: Context, shop_id: int, trouble: str | None) -> None:
    with context.db.shop(shop_id) as connection:
        connection.execute(update(Shop).where(Shop.shop_id == shop_id).values(connection_trouble=trouble))


def look_for_senders(context: Context, shop_id: int) -> None:
    """Note what else in the shop mails about carts. One that does not answer about it keeps what was known."""
    client = client_for(context, shop_id)
    if not isinstance(client, GuestClient):
        return
    try:
        found = client.other_senders()
    except PlatformError as error:
        log.warning("senders_not_found", shop_id=shop_id, reason=str(error))
        return
    with context.db.shop(shop_id) as connection:
        connection.execute(update(Shop).where(Shop.shop_id == shop_id).values(other_senders=list(found)))


def publish_setup(context: Context, shop_id: int) -> None:
    """Let our part of the shop's storefront know what it has to; nothing, while the shop is not connected.

    Raises:
        PlatformError: the shop did not answer, or did not take it.
    """
    with context.db.shop(shop_id) as connection:
        shop = get_shop(connection, shop_id)
    if shop.state != "connected":
        return
    is_permitted = not permissions.lacking(context, shop, ["visits"])
    setup = StorefrontSetup(
        public_key=shop.public_key,
        shop_name=shop.name,
        takes_typed_addresses=shop.policy.cart.takes_typed_addresses,
        is_conflicted=bool(shop.conflicts),
        counts_visits=shop.policy.counts_visits if is_permitted else None,
    )
    client_for(context, shop_id).publish_setup(setup)


def start_import(context: Context, shop_id: int) -> None:
    with context.db.shop(shop_id) as connection:
        enqueue_job(connection, shop_id, "import", context.clock.now())
    context.queue.nudge("upkeep.run_jobs")


def _claim_shop_id(context: Context, platform_name: str, profile: ShopProfile) -> int:
    """Find the shop's row, or make it. Its id is drawn first: row security lets a shop write only its own."""
    with context.db.nobody() as connection:
        shop_id = find_shop_id(connection, platform_name, profile.domain)
        if shop_id is not None:
            return shop_id
        drawn = int(
            connection.execute(
                text("SELECT nextval(pg_get_serial_sequence('shops', 'shop_id'))")
            ).scalar_one()
        )
    now = context.clock.now()
    with context.db.shop(drawn) as connection:
        connection.execute(
            _INSERT_SHOP,
            {
                "shop_id": drawn,
                "platform": platform_name,
                "domain": profile.domain,
                "public_key": secrets.token_urlsafe(12),
                "salt": secrets.token_bytes(16),
                "now": now,
                **_profile_values(profile),
            },
        )
    with context.db.nobody() as connection:
        found = find_shop_id(connection, platform_name, profile.domain)
    if found is None:
        raise RuntimeError(f"the shop {profile.domain} was stored but can't be found")
    return found


# Two installs of one shop at the same moment: the second insert does nothing and both use the first row.
_INSERT_SHOP = text(
    "INSERT INTO shops (shop_id, platform, domain, public_key, holdout_salt, name, public_url, email, currency,"
    " timezone, country, locale, store_id, state, installed_at) OVERRIDING SYSTEM VALUE VALUES (:shop_id,"
    " :platform, :domain, :public_key, :salt, :name, :public_url, :email, :currency, :timezone, :country,"
    " :locale, :store_id, 'connected', :now) ON CONFLICT (platform, domain) DO NOTHING"
)


def _save_shop(connection: Connection, shop_id: int, profile: ShopProfile, now: datetime) -> None:
    connection.execute(
        update(Shop)
        .where(Shop.shop_id == shop_id)
        .values(
            state="connected",
            installed_at=now,
            uninstalled_at=None,
            access_lost_at=None,
            silent_since=None,
            n_access_notices=0,
            **_profile_values(profile),
        )
    )


def _profile_values(profile: ShopProfile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "public_url": profile.public_url,
        "email": profile.email,
        "currency": profile.currency,
        "timezone": profile.timezone,
        "country": profile.country,
        "locale": profile.locale,
        "store_id": profile.store_id,
    }
