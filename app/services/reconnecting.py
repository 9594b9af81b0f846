"""Shops that don't let us in any more: tried again, and their owners told; how to erase what is stored is privacy's."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from babel.dates import format_date
from sqlalchemy import text, update

from app.db.models import Shop
from app.domain.quiet import zone_named
from app.mail.addresses import BadAddressError
from app.mail.transports import Retry
from app.platforms.asked import KeyDropPlatform
from app.platforms.base import PlatformError
from app.services.connecting import client_for, is_token_alive
from app.services.context import Context
from app.services.notices import Handed, name_in_mail, send_notice
from app.services.privacy import WARN_BEFORE, erase_if_left, erased_at
from app.services.shops import ShopRecord, get_shop, mark_access_lost

log = structlog.get_logger()

# A merchant who is at the shop just now sees it in the app; nobody is written to about a hiccup.
TELL_AFTER = timedelta(hours=1)
# A shop that answers nothing for so long has gone without saying so.
SILENT_FOR = timedelta(days=7)


def shops_without_access(context: Context) -> list[int]:
    """The ids of the shops that don't let us in any more, and have not left."""
    with context.db.nobody() as connection:
        return [int(row[0]) for row in connection.execute(text("SELECT shops_without_access()"))]


def listen(context: Context, shop_id: int) -> bool:
    """Whether a shop answers that should; one that is silent for a week does not let us in any more. Run daily.

    Only where we ask: of a platform that tells of an uninstall by itself, silence says nothing about a shop.
    """
    shop = _shop(context, shop_id)
    if shop.state != "connected" or context.platforms[shop.platform].asks_erasure:
        return True
    now, is_heard = context.clock.now(), _is_back(context, shop_id)
    with context.db.shop(shop_id) as connection:
        since = connection.execute(
            _NOTE_SILENCE, {"shop_id": shop_id, "since": None if is_heard else now}
        ).scalar()
        if since is not None and now >= since + SILENT_FOR:
            mark_access_lost(connection, shop_id, now)
            log.warning("shop_is_silent", shop_id=shop_id)
    return is_heard


def look_after(context: Context, shop_id: int) -> None:
    """Try whether the shop lets us in again; else tell its owner, once when it is lost and once before the end.

    The mail is noted before it goes out, so that two workers don't write twice; a server that says later takes the
    note back.
    """
    now = context.clock.now()
    shop = _shop(context, shop_id)
    if (
        shop.state != "needs_reconnect"
        or shop.access_lost_at is None
        or now < shop.access_lost_at + TELL_AFTER
    ):
        return
    if _is_back(context, shop_id):
        _note_return(context, shop_id)
        return
    n_told = shop.n_access_notices
    if shop.email and _is_due(context, shop, now) and _count(context, shop_id, n_told, n_told + 1):
        outcome = _tell(context, shop, shop.email, now)
        log.info("owner_told_of_lost_access", shop_id=shop_id, outcome=type(outcome).__name__)
        if isinstance(outcome, Retry):
            _count(context, shop_id, n_told + 1, n_told)


def let_go(context: Context, shop_id: int) -> bool:
    """Have everything of a shop erased that left, or does not let us in, since long; run daily.

    One that lets us in again stays, also where the round that looks for that has not run for long.
    """
    look_after(context, shop_id)
    return erase_if_left(context, shop_id)


def _is_back(context: Context, shop_id: int) -> bool:
    """Whether it answers and takes our keys, as after a security plugin that was in the way for an afternoon.

    What says who it is is WooCommerce's heaviest page, and some hosts break on it or keep it closed: a shop that
    tells how many products it has is asked no more.
    """
    with suppress(PlatformError):
        client_for(context, shop_id).count("products")
        return True
    try:
        return is_token_alive(context, shop_id)
    except PlatformError:
        return False


def _note_return(context: Context, shop_id: int) -> None:
    with context.db.shop(shop_id) as connection:
        connection.execute(
            update(Shop)
            .where(Shop.shop_id == shop_id, Shop.state == "needs_reconnect")
            .values(state="connected", access_lost_at=None, silent_since=None, n_access_notices=0)
        )
    log.info("shop_is_back", shop_id=shop_id)


def _is_due(context: Context, shop: ShopRecord, now: datetime) -> bool:
    if shop.n_access_notices == 0:
        return True
    end = erased_at(context, shop, now)
    return shop.n_access_notices == 1 and end is not None and now >= end - WARN_BEFORE


def _count(context: Context, shop_id: int, before: int, after: int) -> bool:
    """Write down how often the owner has been told; False when another worker did so first."""
    with context.db.shop(shop_id) as connection:
        noted = connection.execute(
            update(Shop)
            .where(Shop.shop_id == shop_id, Shop.state == "needs_reconnect", Shop.n_access_notices == before)
            .values(n_access_notices=after, access_told_at=context.clock.now())
        )
    return noted.rowcount == 1


def _tell(context: Context, shop: ShopRecord, email: str, now: datetime) -> Handed | None:
    end, lost_at = erased_at(context, shop, now), shop.access_lost_at or now
    platform = context.platforms[shop.platform]
    is_connected_again_here = isinstance(platform, KeyDropPlatform)
    connect_url = f"{context.settings.app_url}/connect/{shop.platform}?store={shop.domain}"
    values = {
        "preheader": "Mails are held back until it is renewed.",
        "shop": name_in_mail(shop.name or shop.domain),
        "domain": shop.domain,
        "lost_on": _day(lost_at, shop),
        "erased_on": _day(end, shop) if end else None,
        "is_last": shop.n_access_notices > 0,
        "is_connected_again_here": is_connected_again_here,
        "url": connect_url if is_connected_again_here else platform.admin_url(shop.domain),
    }
    try:
        return send_notice(context, "access_lost", email, values, now)
    except BadAddressError:
        return None


def _day(at: datetime, shop: ShopRecord) -> str:
    return format_date(at.astimezone(zone_named(shop.timezone)), "d MMMM y", locale="en")


def _shop(context: Context, shop_id: int) -> ShopRecord:
    with context.db.shop(shop_id) as connection:
        return get_shop(connection, shop_id)


_NOTE_SILENCE = text("""
    UPDATE shops SET silent_since = CASE WHEN CAST(:since AS timestamptz) IS NULL THEN NULL
                                         ELSE coalesce(silent_since, CAST(:since AS timestamptz)) END
    WHERE shop_id = :shop_id RETURNING silent_since""")
