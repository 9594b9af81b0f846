"""Does one thing for one shop after the other, so that what goes wrong in one holds up no other; decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog

from app.platforms.base import PlatformError
from app.services.context import Context
from app.services.outages import is_database_away

log = structlog.get_logger()


def each_shop(
    context: Context, shop_ids: Iterable[int], do: Callable[[Context, int], object], otherwise: str
) -> None:
    """Do it for each of the shops; `otherwise` is what is logged of one where it can't be done.

    What a shop answers is its own affair, also where it is such that we break on it. A database that is away is
    away for all: that ends the round.
    """
    for shop_id in shop_ids:
        try:
            do(context, shop_id)
        except PlatformError as error:
            log.warning(otherwise, shop_id=shop_id, reason=str(error))
        except Exception as error:
            if is_database_away(error):
                raise
            # The class only: the text of a database's error quotes what was to be stored.
            log.error(otherwise, shop_id=shop_id, error=type(error).__name__)
