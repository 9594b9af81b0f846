"""Counts what may happen only so often in a while; without Redis it may not."""

from __future__ import annotations

from app.services.context import Context


def may_again(context: Context, what: str, *, most: int, seconds: int) -> bool:
    """Count one more; whether that is still within `most` since the first of them, `seconds` ago at most.

    Raises:
        RedisError: it can't be told.
    """
    key = f"limit:{what}"
    with context.redis.pipeline() as pipeline:
        pipeline.set(key, 0, ex=seconds, nx=True)
        pipeline.incr(key)
        _, n_counted = pipeline.execute()
    return int(n_counted) <= most


def take_back(context: Context, what: str) -> None:
    """It did not happen after all."""
    context.redis.decr(f"limit:{what}")
