"""A shop that has moved to another address, told from a copy of it and from a stranger who knows its mark."""

from __future__ import annotations

from datetime import datetime

import structlog
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import select, update

from app.db.models import Shop
from app.mail.addresses import BadAddressError
from app.mail.transports import Refused, Retry
from app.platforms.base import InstallRefusedError, PlatformError, ShopProfile
from app.services import leaving
from app.services.connecting import is_token_alive
from app.services.context import Context
from app.services.limits import may_again, take_back
from app.services.notices import Handed, name_in_mail, send_notice
from app.services.recommending import forget_shelves
from app.services.shops import ShopRecord, find_shop_id, find_shop_id_by_store, get_shop

log = structlog.get_logger()

# As long as the keys of the new address wait.
LIFE_SECONDS = 3600
# Mails to one owner in that time: enough for a slip, too few to fill somebody's inbox.
MOST_ASKED = 3


class MoveUnconfirmedError(Exception):
    """The shop's owner has to say that it has moved."""

    def __init__(self, shop: ShopRecord) -> None:
        super().__init__()
        self.shop = shop


def follow_move(
    context: Context,
    platform_name: str,
    profile: ShopProfile,
    *,
    has_moved: bool,
    confirmed_shop_id: int | None = None,
) -> None:
    """Give a shop its new address, with everything it has: only its own mark tells it from a new shop.

    A staging copy has that mark too, and so has whoever once looked into the store; and what answers at the new
    address may answer anything. So what is stored goes on elsewhere only when the merchant says that the shop has
    moved, the old address no longer answers as the shop, and the owner that the shop named there confirms it.
    Without that word, a copy of a connected shop is refused, and what stands in place of one that is not connected
    is a shop of its own. So is another store at an address that was a shop's before.

    Raises:
        InstallRefusedError: in a merchant's words, why not.
        MoveUnconfirmedError: the owner has to be asked.
    """
    if profile.store_id is None:
        return
    with context.db.nobody() as connection:
        known = find_shop_id(connection, platform_name, profile.domain)
        same = find_shop_id_by_store(connection, platform_name, profile.store_id)
    if known is not None and _is_of(context, known, profile.store_id):
        return
    if same is not None:
        _carry_over(
            context, same, profile.domain, known, has_moved=has_moved, confirmed_shop_id=confirmed_shop_id
        )
    elif known is not None:
        _retire(context, known)


def _carry_over(
    context: Context,
    same: int,
    domain: str,
    known: int | None,
    *,
    has_moved: bool,
    confirmed_shop_id: int | None,
) -> None:
    """Let the shop `same` stand at this address, if that is sure, in place of the one that is `known` there."""
    with context.db.shop(same) as connection:
        shop = get_shop(connection, same)
    _judge(context, shop, domain, has_moved=has_moved)
    is_erased = not shop.public_url
    is_carried = has_moved and not is_erased
    if is_carried and confirmed_shop_id != same:
        if not shop.email:
            raise InstallRefusedError(
                f"We know no address of the owner of {shop.domain} to ask whether it has moved. Begin again without"
                " saying so: then your store is connected as a new shop, which learns from its own history."
            )
        raise MoveUnconfirmedError(shop)
    if known is not None:
        _retire(context, known)
    if is_carried:
        with context.db.shop(same) as connection:
            connection.execute(update(Shop).where(Shop.shop_id == same).values(domain=domain))
        log.info("shop_moved", shop_id=same)


def _is_of(context: Context, shop_id: int, store_id: str) -> bool:
    """Whether this shop is that store. One whose mark we never learned is taken for it."""
    with context.db.shop(shop_id) as connection:
        known = connection.execute(select(Shop.store_id).where(Shop.shop_id == shop_id)).scalar()
    return known is None or known == store_id


def _retire(context: Context, shop_id: int) -> None:
    """Another store stands at this shop's address: a domain that was sold, or a shop that was set up anew.

    Its customers are numbered anew, and may be somebody else's. So nothing of the old shop is shown or mixed in;
    it has left, and is erased in its time.
    """
    now = context.clock.now()
    with context.db.shop(shop_id) as connection:
        shop = get_shop(connection, shop_id)
        leaving.call_off(connection, shop_id)
        leaving.disconnect(connection, shop_id, shop.uninstalled_at or now, now)
        # No address at all, so that nobody who connects is ever taken for it.
        connection.execute(
            update(Shop).where(Shop.shop_id == shop_id).values(domain=f"{shop.domain}#{shop_id}")
        )
    forget_shelves(context, shop)
    log.info("shop_replaced", shop_id=shop_id)


def ask_owner(context: Context, shop: ShopRecord, domain: str, drop: str, now: datetime) -> bool:
    """Mail the owner a link that confirms this one connection; False when the mail server says later.

    Raises:
        InstallRefusedError: in a merchant's words, why the owner is not asked.
        RedisError: how often they were asked can't be told.
    """
    asked = f"moves:{shop.shop_id}"
    if not may_again(context, asked, most=MOST_ASKED, seconds=LIFE_SECONDS):
        raise InstallRefusedError(
            "The owner of the store was asked several times already; try again in an hour."
        )
    token = _signer(context).dumps([drop, shop.shop_id])
    values = {
        "preheader": "Without you, nothing is handed over.",
        "shop": name_in_mail(shop.name or shop.domain),
        "old_domain": shop.domain,
        "domain": domain,
        "url": f"{context.settings.app_url}/connect/{shop.platform}/moved/{token}",
    }
    try:
        outcome: Handed | None = send_notice(context, "store_moved", shop.email or "", values, now)
    except BadAddressError:
        outcome = None
    if isinstance(outcome, Retry):
        take_back(context, asked)
        return False
    if outcome is None or isinstance(outcome, Refused):
        raise InstallRefusedError("The address of the store's owner, as we know it, takes no mail.")
    log.info("owner_asked_about_move", shop_id=shop.shop_id)
    return True


def read_confirmation(context: Context, token: str) -> tuple[str, int] | None:
    """Which connection a mailed link confirms, and for which shop; None for one that is invented or too old."""
    try:
        drop, shop_id = _signer(context).loads(token, max_age=LIFE_SECONDS)
    except BadSignature:
        return None
    return str(drop), int(shop_id)


def _judge(context: Context, shop: ShopRecord, domain: str, *, has_moved: bool) -> None:
    """Refuse what is a copy of a connected shop, as far as can be seen from outside."""
    if shop.state != "connected":
        return
    if not has_moved:
        raise InstallRefusedError(
            f"{domain} is the same store as {shop.domain}, which is connected. If the store has moved,"
            " begin again and say so; a staging copy is better left unconnected, or shoppers get mail twice."
        )
    try:
        is_there = is_token_alive(context, shop.shop_id)
    except PlatformError:  # a shop that moved takes none of our keys there, or is not there
        is_there = False
    if is_there:
        raise InstallRefusedError(
            f"{shop.domain} still answers as this store, so it has not moved to {domain}. Let the old"
            " address lead to the new one, or switch it off, and connect the store again."
        )


def _signer(context: Context) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(context.settings.secret_key.get_secret_value(), salt="regulars-moved")
