"""Takes out of a shop what is ours in it, as far as the shop answers; what is stored here is somebody else's affair."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from app.db.session import DatabaseAwayError
from app.platforms.asked import GuestClient
from app.platforms.base import PlatformError
from app.services import offers, themelists
from app.services.connecting import client_for
from app.services.context import Context

log = structlog.get_logger()


def take_out(context: Context, shop_id: int) -> bool:
    """Leave nothing of ours in the shop; False when something of it may still be there.

    In this order: the lists in its theme go back to what they were; the discounts of reminders end; then its
    webhooks and what our plugin knows. A step that fails holds up no other. Of a platform that cleans up by itself
    nothing is taken out.
    """
    client = client_for(context, shop_id)
    if not isinstance(client, GuestClient):
        return True
    steps: dict[str, Callable[[], object]] = {
        "lists": lambda: themelists.take_away(context, shop_id),
        "discounts": lambda: offers.clean_up(context, shop_id, is_leaving=True),
        "webhooks": client.part,
    }
    outcomes = [_is_done(shop_id, name, step) for name, step in steps.items()]
    return all(outcomes)


def _is_done(shop_id: int, name: str, step: Callable[[], object]) -> bool:
    try:
        step()
    except PlatformError as error:
        log.warning("left_in_the_shop", shop_id=shop_id, what=name, reason=str(error))
        return False
    except Exception as error:
        if isinstance(error, DatabaseAwayError):
            raise
        # An answer that we break on keeps no shop connected. The class only: a text may quote what is stored.
        log.error("left_in_the_shop", shop_id=shop_id, what=name, error=type(error).__name__)
        return False
    return True
