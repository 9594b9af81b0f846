"""What the shop lets this app do, for features that need a permission of their own; it never asks for one itself."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from sqlalchemy import select, update

from app.db.models import Credential
from app.platforms.base import PlatformError
from app.platforms.extras import ExtrasClient, ExtrasPlatform, Feature
from app.services.connecting import client_for
from app.services.context import Context
from app.services.shops import ShopRecord

log = structlog.get_logger()


def extras(context: Context, shop: ShopRecord) -> ExtrasPlatform | None:
    """The shop's platform, where it has features to permit."""
    platform = context.platforms[shop.platform]
    return platform if isinstance(platform, ExtrasPlatform) else None


def extras_client(context: Context, shop_id: int) -> ExtrasClient:
    """A client that knows the extras.

    Raises:
        PlatformError: the shop's platform has none.
    """
    client = client_for(context, shop_id)
    if not isinstance(client, ExtrasClient):
        raise PlatformError("this platform has no such feature", permanent=True)
    return client


def lacking(context: Context, shop: ShopRecord, features: Sequence[Feature]) -> tuple[Feature, ...]:
    """Which of these features the merchant still has to permit, by what the shop said last; it is not asked."""
    platform = extras(context, shop)
    if platform is None or not features:
        return ()
    with context.db.shop(shop.shop_id) as connection:
        known = connection.execute(select(Credential.scopes)).scalar() or ""
    return platform.lacking(known.split(","), features)


def missing(context: Context, shop: ShopRecord, features: Sequence[Feature]) -> tuple[Feature, ...]:
    """Which of these features the merchant still has to permit.

    The shop is asked only where what it said last is not enough; its answer is remembered. A shop that does not
    answer now counts as it stood.
    """
    platform, found = extras(context, shop), lacking(context, shop, features)
    if platform is None or not found:
        return ()
    try:
        granted = extras_client(context, shop.shop_id).granted_scopes()
    except PlatformError as error:
        log.warning("scopes_not_told", shop_id=shop.shop_id, reason=str(error))
        return found
    with context.db.shop(shop.shop_id) as connection:
        connection.execute(
            update(Credential).where(Credential.shop_id == shop.shop_id).values(scopes=",".join(granted))
        )
    return platform.lacking(granted, features)
