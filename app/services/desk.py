"""Answers a shop's companion plugin while somebody waits: the merchant's way in, and a person's export and erasure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from app.clock import real_now
from app.domain.events import ErasureRequested
from app.platforms.asked import DeskCall, DeskKind, PluginPlatform
from app.platforms.base import ForgedError
from app.services import privacy, signin
from app.services.context import Context
from app.services.hooks import find_hook
from app.services.shops import ShopRecord, get_shop

log = structlog.get_logger()

# How far the shop's clock may be from ours, before or behind.
FRESH = timedelta(minutes=5)
# Longer than a call can be fresh, whichever clock is ahead.
NONCE_SECONDS = 600


class UnknownDeskError(Exception):
    """No connected shop has this address."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A fresh call of a shop that is connected."""

    shop: ShopRecord
    call: DeskCall


def admit(
    context: Context,
    platform_name: str,
    token: str,
    kind: DeskKind,
    headers: Mapping[str, str],
    raw: bytes,
) -> Caller:
    """Look the shop up by its address, verify the call, and let each pass once.

    Raises:
        UnknownDeskError: nobody is at this address (any more).
        ForgedError: not signed by the shop, for something else, too old, or a second time.
        RedisError: whether it is the first time can't be told.
    """
    known = find_hook(context, token)
    if known is None or known.platform != platform_name:
        raise UnknownDeskError
    platform = context.platforms[platform_name]
    if not isinstance(platform, PluginPlatform):
        raise UnknownDeskError
    with context.db.shop(known.shop_id) as connection:
        shop = get_shop(connection, known.shop_id)
    if shop.state == "uninstalled":
        raise UnknownDeskError
    call = platform.open_call(kind, headers, raw, known.secrets)
    if abs(real_now() - call.at) > FRESH:
        raise ForgedError(f"the call was made at {call.at:%Y-%m-%d %H:%M:%S} UTC, which is too far from now")
    name = hashlib.sha256(f"{shop.shop_id}|{call.nonce}".encode()).hexdigest()
    if not context.redis.set(f"desk-nonce:{name}", b"1", nx=True, ex=NONCE_SECONDS):
        raise ForgedError("the call was made before")
    return Caller(shop, call)


def sign_in(context: Context, caller: Caller) -> str:
    """A link that lets the merchant who asked into the admin, once and for a minute."""
    return signin.one_time_link(context, caller.shop.shop_id, email=caller.call.email, name=caller.call.name)


def export(context: Context, caller: Caller) -> list[dict[str, str]]:
    """Everything stored of the person, as lines that WordPress's own export takes."""
    with context.db.shop(caller.shop.shop_id) as connection:
        found = privacy.export_person(
            context, connection, caller.shop, caller.call.email, actor="the shop's privacy tools"
        )
    return [
        {"group": f"Regulars: {_GROUPS.get(table, table)}", "label": label, "value": value}
        for table, rows in found.items()
        for row in rows
        for label, value in _lines(table, row)
    ]


def erase(context: Context, caller: Caller) -> None:
    """Forget the person for good, as every platform's erasure does."""
    request = ErasureRequested(None, caller.call.email)
    with context.db.shop(caller.shop.shop_id) as connection:
        privacy.erase_person(context, connection, caller.shop, request)


def _lines(table: str, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each field of a row that says something of the person, under the name of its row."""
    named = row.get(_NAMED_BY.get(table, ""))
    prefix = f"{named}: " if named else ""
    for field, value in row.items():
        if field in _INNER or value in (None, "", [], {}):
            continue
        yield f"{prefix}{field.replace('_', ' ')}", _words(value)


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(map(_words, value))
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')}: {_words(each)}" for key, each in value.items())
    return str(value)


_GROUPS = {
    "customers": "customer",
    "consents": "permissions to mail",
    "carts": "carts",
    "orders": "orders",
    "messages": "mails",
    "offer_codes": "discount codes",
}
# By which field a row is told from the others of its kind.
_NAMED_BY = {
    "orders": "name",
    "carts": "created_at",
    "messages": "created_at",
    "consents": "changed_at",
    "offer_codes": "code",
}
# Numbers and marks of our own, which say nothing of anybody.
_INNER = frozenset(
    {"shop_id", "email_hash", "cart_token", "checkout_token", "claimed_until", "rfc_message_id"}
)
