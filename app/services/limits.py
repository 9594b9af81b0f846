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
    context.redis.eval(_TAKE_BACK, 1, f"limit:{what}")


# Of a count that ran out meanwhile nothing is left to take from: made anew by that, it would never run out again.
_TAKE_BACK = "return redis.call('EXISTS', KEYS[1]) == 1 and redis.call('DECR', KEYS[1]) or 0"
