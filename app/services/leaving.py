"""Disconnects a shop because its merchant asked for it here: takes out of it what is ours, then forgets its keys."""

from __future__ import annotations

import structlog

from app.services import parting
from app.services.context import Context
from app.services.installing import disconnect
from app.services.recommending import forget_shelves
from app.services.shops import get_shop

log = structlog.get_logger()


def leave(context: Context, shop_id: int) -> bool:
    """Disconnect the shop; False when something of ours may still be in it.

    In this order: take out of the shop what is ours, as far as it answers; then, in one transaction, forget its
    keys, stop planned mail and mark it disconnected; empty its shelves. What was imported and learned stays, so
    that connecting it again goes on from there.
    """
    is_clean = parting.take_out(context, shop_id)
    now = context.clock.now()
    with context.db.shop(shop_id) as connection:
        disconnect(connection, shop_id, now, now)
        shop = get_shop(connection, shop_id)
    forget_shelves(context, shop)
    log.info("shop_disconnected", shop_id=shop_id, is_clean=is_clean)
    return is_clean
