"""Keeps finished shelves in Redis, which may be away or emptied at any time: that costs time, never the answer."""

from __future__ import annotations

import uuid

import structlog
from redis.exceptions import RedisError

from app.services.context import Context
from app.services.recommending.shelves import (
    SHELF_SECONDS,
    Shelf,
    ShelfRequest,
    build_shelf,
    empty_shelf,
)
from app.services.shops import ShopRecord

log = structlog.get_logger()

# About 100 MB of shelves for one shop; 300,000 products are never all looked at within SHELF_SECONDS.
MAX_KEPT = 50_000


def get_shelf(context: Context, request: ShelfRequest) -> Shelf:
    """The shelf for one placement: from Redis in one read, else from PostgreSQL, filling Redis."""
    return recall_shelf(context, request) or make_shelf(context, request)


def recall_shelf(context: Context, request: ShelfRequest) -> Shelf | None:
    """A shelf that lies finished in Redis, or None."""
    try:
        stored = context.redis.hget(_shelves_key(request.public_key), _field(request))
    except RedisError:
        return None
    return _unpack(stored) if isinstance(stored, bytes) else None


def make_shelf(context: Context, request: ShelfRequest) -> Shelf:
    """Build a shelf and keep it, without looking first whether one is kept already.

    Whoever asks for nonsense must not fill the memory that the queue needs as well: what is no shop's shelf is
    not kept.
    """
    try:
        generation = context.redis.get(_generation_key(request.public_key))
    except RedisError:
        return build_shelf(context, request) or empty_shelf()
    shelf = build_shelf(context, request)
    if shelf is None:
        return empty_shelf()
    _keep(context, request, shelf, generation if isinstance(generation, bytes) else b"")
    return shelf


def forget_shelves(context: Context, shop: ShopRecord) -> None:
    """Empty the shop's finished shelves; called after the change that makes them wrong has been committed.

    One that is being built meanwhile, from what was there before the change, will not be kept.
    """
    try:
        with context.redis.pipeline() as pipeline:
            pipeline.set(_generation_key(shop.public_key), uuid.uuid4().bytes, ex=SHELF_SECONDS)
            pipeline.delete(_shelves_key(shop.public_key))
            pipeline.execute()
    except RedisError as error:
        log.warning("shelves_not_forgotten", shop_id=shop.shop_id, reason=type(error).__name__)


def _keep(context: Context, request: ShelfRequest, shelf: Shelf, generation: bytes) -> None:
    keys = [_shelves_key(request.public_key), _generation_key(request.public_key)]
    arguments: list[bytes | str | int] = [
        generation,
        _field(request),
        _packed(shelf),
        shelf.max_age_seconds,
        MAX_KEPT,
    ]
    try:
        context.redis.register_script(_KEEP)(keys, arguments)
    except RedisError as error:
        log.warning("shelf_not_remembered", reason=type(error).__name__)


# Nothing may come between looking at the generation and writing. The shop's shelves are forgotten together,
# SHELF_SECONDS after the first of them was kept, and begin afresh when there are absurdly many.
_KEEP = """
local shelves, generation = KEYS[1], redis.call('GET', KEYS[2]) or ''
if generation ~= ARGV[1] then return end
redis.call('HSET', shelves, ARGV[2], ARGV[3])
if redis.call('TTL', shelves) < 0 then redis.call('EXPIRE', shelves, ARGV[4]) end
if redis.call('HLEN', shelves) > tonumber(ARGV[5]) then redis.call('DEL', shelves) end
"""


def _packed(shelf: Shelf) -> bytes:
    return b"\n".join((shelf.etag.encode(), str(shelf.max_age_seconds).encode(), shelf.body))


def _unpack(stored: bytes) -> Shelf | None:
    """None for what we did not write: the shelf is built again and kept in its place."""
    try:
        etag, max_age, body = stored.split(b"\n", 2)
        return Shelf(body, etag.decode("ascii"), int(max_age))
    except ValueError:
        return None


def _shelves_key(public_key: str) -> str:
    return f"shelf:{public_key}"


def _generation_key(public_key: str) -> str:
    """Holds another value after each time the shop's shelves were forgotten; nothing when that is long ago."""
    return f"shelf-generation:{public_key}"


def _field(request: ShelfRequest) -> str:
    ids = (request.seeds, request.left_out, request.seen)
    return "|".join((request.placement, str(request.limit), *map(",".join, ids)))
