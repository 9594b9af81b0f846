"""Connects shops whose server hands its keys to ours: from the typed address to a shop that is connected.

What is under way lives in Redis for an hour: should it be lost, the merchant begins again and nothing is stored
that should not be. The keys lie there encrypted, until they are proven.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, replace
from typing import Any, cast

import structlog
from sqlalchemy import text

from app.clock import real_now
from app.platforms.asked import KeyDropPlatform
from app.platforms.base import (
    ForgedError,
    InstallCallback,
    InstallRefusedError,
    InstallRequest,
    PlatformError,
    UnreadableError,
)
from app.platforms.strictjson import decode_object
from app.services import moving, signin
from app.services.context import Context
from app.services.installing import connect
from app.services.moving import MoveUnconfirmedError
from app.services.shops import get_shop, save_policy
from app.services.vault import VaultError

log = structlog.get_logger()

# Approving takes a minute; an hour allows for finding the password.
LIFE_SECONDS = 3600
# Longer than a shop may take to answer everything that connecting asks of it.
BUSY_SECONDS = 300
# wc-auth's answer is some 200 bytes.
MAX_KEYS_BYTES = 4_096

_WAITING = "keydrop-waiting"

# From asking the owner on, a link of theirs leads to this connection.
_MOVING = ("owner_asked", "keys_received", "verified", "connected")


class UnknownKeyDropError(Exception):
    """Nobody is waiting for these keys: the token is unknown, used up, or older than an hour."""


@dataclass(frozen=True, slots=True)
class KeyDrop:
    """How far a connection is; `problem` is in a merchant's words.

    `state`: pending, keys_received, verified (the shop accepted them), owner_asked (whether it has moved), connected
    (with its webhooks), or failed. `confirmed_shop_id`: the shop whose owner has said that it moved here.
    """

    state: str
    platform: str
    domain: str
    takes_typed_addresses: bool = False
    has_moved: bool = False
    problem: str | None = None
    shop_id: int | None = None
    confirmed_shop_id: int | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the merchant goes next, and the token that comes back with the keys."""

    url: str
    token: str


def begin(
    context: Context,
    platform_name: str,
    typed: str,
    *,
    takes_typed_addresses: bool,
    has_moved: bool,
    return_uri: str,
    keys_uri: str,
) -> Begun:
    """Look at the typed shop and make the address of its own consent page, with a token that works once.

    Raises:
        InstallRefusedError: in a merchant's words, what stands in the way and what to do.
        RedisError: the token can't be kept.
    """
    platform = context.platforms[platform_name]
    if not isinstance(platform, KeyDropPlatform):
        raise InstallRefusedError("Shops of this platform are connected from their own admin.")
    domain = platform.probe(typed)
    token = secrets.token_urlsafe(24)
    drop = KeyDrop("pending", platform_name, domain, takes_typed_addresses, has_moved)
    _save(context, _name_of(token), drop)
    context.redis.set(_open_key(_name_of(token)), b"1", ex=LIFE_SECONDS)
    request = InstallRequest({"store": [domain]}, return_uri, token, real_now(), keys_uri)
    return Begun(platform.begin_install(request).url, token)


def receive_keys(context: Context, raw: bytes) -> None:
    """Keep what a shop's server posted; nothing is asked of it before it has its answer.

    A host with one worker would wait for itself. The keys are believed once they have been used.

    Raises:
        UnknownKeyDropError: nobody waits for them; the shop throws such keys away when it is told so.
        RedisError: they can't be kept; the same.
    """
    try:
        token = decode_object(raw).get("user_id")
    except UnreadableError:
        raise UnknownKeyDropError from None
    name = _name_of(token) if isinstance(token, str) else ""
    drop = _find(context, name)
    if drop is None or context.redis.getdel(_open_key(name)) is None:
        raise UnknownKeyDropError
    context.redis.set(_keys_key(name), context.vault.seal(raw.decode()), ex=LIFE_SECONDS)
    _save(context, name, replace(drop, state="keys_received"))
    context.redis.sadd(_WAITING, name)
    context.queue.nudge("upkeep.take_keys")


def take_keys(context: Context) -> int:
    """Prove and take all keys that wait; returns how many shops that connected."""
    names = cast("set[bytes]", context.redis.smembers(_WAITING))
    n_connected = 0
    for name in names:
        try:
            n_connected += _take(context, name.decode())
        except Exception as error:  # noqa: BLE001  one shop's keys hold up no other's, and are tried again
            log.error("keys_not_taken_yet", error=type(error).__name__)
    return n_connected


def progress(context: Context, token: str) -> KeyDrop | None:
    """How far it is, by the token the merchant's browser holds; None when there is nothing (any more)."""
    return _find(context, _name_of(token))


def look_at_move(context: Context, token: str) -> KeyDrop | None:
    """The connection that a mailed link would confirm; nothing is confirmed by looking. None: it is over."""
    read = moving.read_confirmation(context, token)
    drop = _find(context, read[0]) if read else None
    return drop if drop and drop.state in _MOVING else None


def confirm_move(context: Context, token: str) -> KeyDrop | None:
    """The owner says that the shop has moved: its keys are taken now. None: the link works no more."""
    drop, read = look_at_move(context, token), moving.read_confirmation(context, token)
    if drop is None or read is None:
        return None
    name, shop_id = read
    if drop.state == "owner_asked":
        if not context.redis.expire(_keys_key(name), LIFE_SECONDS):
            return None
        _save(context, name, replace(drop, state="keys_received", confirmed_shop_id=shop_id))
        context.redis.sadd(_WAITING, name)
        context.queue.nudge("upkeep.take_keys")
    return drop


def import_state(context: Context, shop_id: int) -> str:
    """How the shop's first import stands: queued, running, done or failed."""
    with context.db.shop(shop_id) as connection:
        found = connection.execute(
            text(
                "SELECT state FROM jobs WHERE shop_id = :id AND kind = 'import' ORDER BY job_id DESC LIMIT 1"
            ),
            {"id": shop_id},
        ).scalar()
    return str(found or "queued")


def _take(context: Context, name: str) -> bool:
    """Prove one shop's keys and connect it; what may pass is tried again until the hour is over.

    What goes wrong on our side (PostgreSQL away) may pass too: the shop hands its keys over only once.
    """
    if not context.redis.set(f"keydrop-busy:{name}", b"1", nx=True, ex=BUSY_SECONDS):
        return False
    is_over = False
    try:
        drop, sealed = _find(context, name), cast("bytes | None", context.redis.get(_keys_key(name)))
        if drop is None or sealed is None:
            is_over = True
            return False
        try:
            shop_id = _connect(context, name, drop, decode_object(context.vault.open(sealed).encode()))
        except MoveUnconfirmedError as move:
            is_over = not _ask_owner(context, name, drop, move)
            return False
        except (InstallRefusedError, ForgedError, VaultError, UnreadableError) as error:
            _save(context, name, replace(drop, state="failed", problem=str(error)))
            is_over = True
            return False
        except PlatformError as error:
            is_over = error.permanent
            state = "failed" if is_over else drop.state
            _save(
                context,
                name,
                replace(drop, state=state, problem=f"{str(error)[:1].upper()}{str(error)[1:]}."),
            )
            log.info("keys_not_taken", platform=drop.platform, reason=str(error))
            return False
        _save(context, name, replace(drop, state="connected", shop_id=shop_id, problem=None))
        is_over = True
        signin.mail_owner(context, shop_id)
        return True
    finally:
        if is_over:
            context.redis.srem(_WAITING, name)
            context.redis.delete(_keys_key(name))
        context.redis.delete(f"keydrop-busy:{name}")


def _ask_owner(context: Context, name: str, drop: KeyDrop, move: MoveUnconfirmedError) -> bool:
    """Have the owner asked; the keys wait for the answer. False: they won't be asked, and it is over."""
    try:
        is_asked = moving.ask_owner(context, move.shop, drop.domain, name, real_now())
    except InstallRefusedError as error:
        _save(context, name, replace(drop, state="failed", problem=str(error)))
        return False
    if is_asked:
        # As long as the link in the mail works.
        context.redis.expire(_keys_key(name), LIFE_SECONDS)
        _save(context, name, replace(drop, state="owner_asked", problem=None))
        context.redis.srem(_WAITING, name)
    return True


def _connect(context: Context, name: str, drop: KeyDrop, keys: dict[str, Any]) -> int:
    """Prove the keys by using them, then connect the shop as any other; its import is under way when this returns."""
    query = {key: [str(value)] for key, value in keys.items()}
    callback = InstallCallback(query, str(keys.get("user_id")), "", real_now(), shop_domain=drop.domain)
    credentials = context.platforms[drop.platform].complete_install(callback)
    _save(context, name, replace(drop, state="verified"))
    shop_id = connect(
        context,
        drop.platform,
        credentials,
        has_moved=drop.has_moved,
        confirmed_shop_id=drop.confirmed_shop_id,
    )
    with context.db.shop(shop_id) as connection:
        policy = get_shop(connection, shop_id).policy
        cart = replace(policy.cart, takes_typed_addresses=drop.takes_typed_addresses)
        save_policy(connection, shop_id, replace(policy, cart=cart))
    if drop.takes_typed_addresses != policy.cart.takes_typed_addresses:
        context.queue.nudge("upkeep.publish_setup", shop_id)
    return shop_id


def _name_of(token: str) -> str:
    """Under which name a token's connection is kept: who can read Redis can't use it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _find(context: Context, name: str) -> KeyDrop | None:
    stored = context.redis.get(f"keydrop:{name}")
    return KeyDrop(**json.loads(stored)) if stored else None


def _save(context: Context, name: str, drop: KeyDrop) -> None:
    values = {field: getattr(drop, field) for field in KeyDrop.__dataclass_fields__}
    context.redis.set(f"keydrop:{name}", json.dumps(values), ex=LIFE_SECONDS)


def _open_key(name: str) -> str:
    return f"keydrop-open:{name}"


def _keys_key(name: str) -> str:
    return f"keydrop-keys:{name}"
