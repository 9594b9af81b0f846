"""Takes in what consenting shoppers saw and clicked; everything in a beacon is untrusted and bounded."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.dialects.postgresql import insert

from app.db.models import VisitEvent
from app.domain.attribution import MAX_LIST_ID_CHARACTERS
from app.services.context import Context
from app.services.shops import find_shop_id_by_key, get_shop

# One page view with every shelf on it makes a few dozen (storefront/widget/README.md: at most 200).
MAX_EVENTS = 200


class BadBeaconError(ValueError):
    """The beacon can't be read."""


class _Event(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    type: Literal["impression", "click", "add"]
    list_id: Annotated[str, Field(max_length=MAX_LIST_ID_CHARACTERS)]
    product: Annotated[str, Field(max_length=64)]
    position: Annotated[int, Field(ge=0, le=100)]


class _Beacon(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    shop: Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")]
    visit: Annotated[str, Field(pattern=r"^[0-9a-f-]{16,64}$")]
    events: Annotated[list[_Event], Field(max_length=MAX_EVENTS)]


def record_visits(context: Context, raw: bytes, origin: str | None, *, public_key: str | None = None) -> int:
    """Store a beacon's events under our own clock; returns how many.

    `public_key` is the shop's where something better than the beacon says whose it is.

    Those of an unknown shop, or sent from a page that is not the shop's, are dropped without a word: the
    sender is a stranger's browser.

    Raises:
        BadBeaconError: naming the first field that is wrong.
    """
    try:
        beacon = _Beacon.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        raise BadBeaconError(f"{where}: {first['msg']}") from None
    with context.db.nobody() as connection:
        shop_id = find_shop_id_by_key(connection, beacon.shop if public_key is None else public_key)
    if shop_id is None or not beacon.events:
        return 0
    with context.db.shop(shop_id) as connection:
        if not _is_own_page(origin, get_shop(connection, shop_id).public_url):
            return 0
        connection.execute(insert(VisitEvent), _rows(shop_id, beacon, context.clock.now()))
    return len(beacon.events)


def _rows(shop_id: int, beacon: _Beacon, now: datetime) -> list[dict[str, object]]:
    return [
        {
            "shop_id": shop_id,
            "visit": beacon.visit,
            "kind": event.type,
            "list_id": event.list_id.replace("\0", ""),
            "platform_product_id": event.product.replace("\0", ""),
            "position": event.position,
            "happened_at": now,
        }
        for event in beacon.events
    ]


def _is_own_page(origin: str | None, public_url: str) -> bool:
    """Weak, since only browsers tell the truth here; it keeps one shop's snippet off another's figures."""
    if origin is None:
        return True
    try:
        ours, theirs = urlsplit(public_url).hostname or "", urlsplit(origin).hostname or ""
    except ValueError:
        return False
    return theirs == ours or theirs.removeprefix("www.") == ours.removeprefix("www.")
