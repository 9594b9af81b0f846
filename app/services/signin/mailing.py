"""Mails a sign-in link to whom a shop knows: asked for by anybody, answered alike to all, looked up by a worker.

The one who asks learns nothing: neither from the answer nor from how long it takes, because nothing is looked up
before the answer. What is asked for waits in Redis, sealed, for minutes; should it be lost, the merchant asks again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import cast

import structlog

from app.clock import real_now
from app.mail.transports import Delivered, Refused, Retry, Unknown
from app.services.context import Context
from app.services.hashing import normalise_email
from app.services.notices import name_in_mail, write_notice
from app.services.shops import get_shop
from app.services.signin.links import MAIL_LIFE, make_link, may_be_mailed
from app.services.signin.people import (
    Known,
    Reachable,
    admit,
    find_person,
    get_person,
    owned_shops,
    reach,
    reachable_shops,
)
from app.services.vault import VaultError

log = structlog.get_logger()

# A mail server that is away for longer than this is tried no more: the merchant has asked again, or gone.
PATIENCE = timedelta(minutes=10)

_ASKED = "sign-in-asked"


@dataclass(frozen=True, slots=True)
class _Asked:
    """Somebody asked for a link to this address; for one shop, or for all of theirs."""

    email: str
    asked_at: float
    shop_id: int | None = None
    is_new: bool = False


def mail_link(context: Context, email: str, *, shop_id: int | None = None, is_new: bool = False) -> None:
    """Note that a link was asked for. It is mailed only if a shop names this address, or its admin sent them.

    `is_new`: the shop was connected a moment ago, and the mail says so.

    Raises:
        RedisError: it can't be noted; nothing will be mailed.
    """
    asked = _Asked(normalise_email(email), real_now().timestamp(), shop_id, is_new)
    context.redis.rpush(_ASKED, context.vault.seal(json.dumps(asdict(asked))))
    context.queue.nudge("messaging.mail_sign_in_links")


def mail_owner(context: Context, shop_id: int) -> None:
    """Mail a link to whom the shop names as its owner, because it has just been connected.

    Whoever connected it is not let in by that: the shop's keys may have been approved by somebody else than
    the one who asked for them.

    Raises:
        RedisError: it can't be noted; nothing will be mailed.
    """
    with context.db.shop(shop_id) as connection:
        email = get_shop(connection, shop_id).email
    if email:
        mail_link(context, email, shop_id=shop_id, is_new=True)


def mail_asked(context: Context) -> int:
    """Mail what was asked for and waits; returns how many links went out."""
    n_waiting, n_sent = context.redis.llen(_ASKED), 0
    for _ in range(n_waiting):
        sealed = cast("bytes | None", context.redis.lpop(_ASKED))
        if sealed is None:
            break
        asked = _opened(context, sealed)
        if asked is None:
            continue
        try:
            outcome = _answer(context, asked)
            n_sent += isinstance(outcome, Delivered | Unknown)
            is_to_repeat = isinstance(outcome, Retry)
        except Exception as error:  # noqa: BLE001  one that goes wrong holds up no other
            log.error("sign_in_link_broke", error=type(error).__name__)
            is_to_repeat = True
        if is_to_repeat and real_now().timestamp() - asked.asked_at < PATIENCE.total_seconds():
            context.redis.rpush(_ASKED, sealed)
    return n_sent


def _opened(context: Context, sealed: bytes) -> _Asked | None:
    """What was asked for; None for what was sealed by a key that is gone."""
    try:
        return _Asked(**json.loads(context.vault.open(sealed)))
    except VaultError:
        log.warning("sign_in_link_not_mailed", reason="it can't be opened any more")
        return None


def _answer(context: Context, asked: _Asked) -> Delivered | Refused | Retry | Unknown | None:
    now = real_now()
    person, shops = _whom(context, asked, now)
    if person is None or not shops:
        return None
    if not may_be_mailed(context, person.person_id, now):
        log.info("sign_in_link_not_mailed", person_id=person.person_id, reason="too many within the hour")
        return None
    envelope = context.transport.begin(context.settings.mail_from, person.email)
    if isinstance(envelope, Retry | Refused):
        log.warning("sign_in_link_not_mailed", person_id=person.person_id, reason=envelope.reason)
        return envelope
    try:
        url = make_link(
            context, person.person_id, kind="mail", life=MAIL_LIFE, now=now, shop_id=asked.shop_id
        )
        raw = _write(context, person, shops, url, now, is_new=asked.is_new)
    except BaseException:
        envelope.abandon()
        raise
    outcome = envelope.deliver(raw)
    log.info("sign_in_link_mailed", person_id=person.person_id, outcome=type(outcome).__name__)
    return outcome


def _whom(context: Context, asked: _Asked, now: datetime) -> tuple[Known | None, tuple[Reachable, ...]]:
    """The person behind an address, if one of our shops knows it, and where they may go."""
    for shop_id in owned_shops(context, asked.email):
        admit(context, shop_id, asked.email, "", now, is_vouched=False)
    person_id = find_person(context, asked.email)
    if person_id is None:
        return None, ()
    person = get_person(context, person_id)
    if asked.shop_id is None:
        return person, tuple(reachable_shops(context, person, now))
    shop = reach(context, person, asked.shop_id, now)
    return person, (shop,) if shop else ()


def _write(
    context: Context, person: Known, shops: tuple[Reachable, ...], url: str, now: datetime, *, is_new: bool
) -> bytes:
    names = ", ".join(name_in_mail(shop.name) for shop in shops[:3])
    values = {
        "preheader": f"Works once, for {int(MAIL_LIFE.total_seconds() // 60)} minutes.",
        "shops": names if len(shops) <= 3 else f"{names} …",
        "url": url,
        "minutes": int(MAIL_LIFE.total_seconds() // 60),
        "is_new": is_new,
    }
    return write_notice(context, "sign_in", person.email, values, now)
