"""Takes in what consenting visitors saw, clicked and bought; everything in a beacon is untrusted and bounded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import insert

from app.db.models import VisitEvent
from app.domain.attribution import MAX_LIST_ID_CHARACTERS
from app.services.context import Context
from app.services.shops import ShopRecord, find_shop_id_by_key, get_shop

# One page view with every shelf on it makes a few dozen (storefront/widget/README.md: at most 200).
MAX_EVENTS = 200


class BadBeaconError(ValueError):
    """The beacon can't be read."""


class _ShelfEvent(BaseModel):
    """Something on one of our shelves, told by the widget."""

    model_config = ConfigDict(extra="ignore", strict=True)

    type: Literal["impression", "click", "add"]
    list_id: Annotated[str, Field(max_length=MAX_LIST_ID_CHARACTERS)]
    product: Annotated[str, Field(max_length=64)]
    position: Annotated[int, Field(ge=0, le=100)]


class _ShopEvent(BaseModel):
    """Something anywhere in the shop, told by the web pixel."""

    model_config = ConfigDict(extra="ignore", strict=True)

    type: Literal["view", "cart", "checkout", "purchase"]
    product: Annotated[str, Field(max_length=64)]


class _Beacon(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    shop: Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")]
    visit: Annotated[str, Field(pattern=r"^[0-9a-f-]{16,64}$")]
    events: Annotated[
        list[Annotated[_ShelfEvent | _ShopEvent, Field(discriminator="type")]], Field(max_length=MAX_EVENTS)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Visits by how far they went, as far as visitors agreed to be counted."""

    n_viewed: int
    n_put_in_cart: int
    n_began_checkout: int
    n_bought: int


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
        if not _is_own_page(origin, get_shop(connection, shop_id)):
            return 0
        connection.execute(insert(VisitEvent), _rows(shop_id, beacon, context.clock.now()))
    return len(beacon.events)


def _rows(shop_id: int, beacon: _Beacon, now: datetime) -> list[dict[str, object]]:
    return [
        {
            "shop_id": shop_id,
            "visit": beacon.visit,
            "kind": event.type,
            "list_id": event.list_id.replace("\0", "") if isinstance(event, _ShelfEvent) else None,
            "platform_product_id": event.product.replace("\0", ""),
            "position": event.position if isinstance(event, _ShelfEvent) else None,
            "happened_at": now,
        }
        for event in beacon.events
    ]


def _is_own_page(origin: str | None, shop: ShopRecord) -> bool:
    """Weak, since only browsers tell the truth here; it keeps one shop's snippet off another's figures.

    A sandbox, such as Shopify may run its web pixels in, has no address to tell.
    """
    if origin is None or origin == "null":
        return True
    try:
        ours, theirs = urlsplit(shop.public_url).hostname or "", urlsplit(origin).hostname or ""
    except ValueError:
        return False
    return theirs.removeprefix("www.") in (ours.removeprefix("www."), shop.domain)


def counted(connection: Connection, shop_id: int, since: datetime) -> Counted:
    """How many visits did what the web pixel tells of; a visit counts once in each."""
    row = connection.execute(_COUNTED, {"shop_id": shop_id, "since": since}).mappings().one()
    return Counted(**row)


_COUNTED = text("""
    SELECT count(DISTINCT visit) FILTER (WHERE kind = 'view') AS n_viewed,
           count(DISTINCT visit) FILTER (WHERE kind = 'cart') AS n_put_in_cart,
           count(DISTINCT visit) FILTER (WHERE kind = 'checkout') AS n_began_checkout,
           count(DISTINCT visit) FILTER (WHERE kind = 'purchase') AS n_bought
    FROM visits WHERE shop_id = :shop_id AND happened_at >= :since
    AND kind IN ('view', 'cart', 'checkout', 'purchase')""")
