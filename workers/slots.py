"""Keeps one slot of a worker free for short work: imports and trainings, which take minutes, may hold the others.

A slot that is held is a byte of a file without a name, locked by the process that holds it: however that process
ends, the slot is free, and nothing is left behind.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from celery.signals import celeryd_init

# The file of the locks and how many there are; set before the worker forks. None: nothing is held back.
_slots: tuple[IO[bytes], int] | None = None
# Those that this process holds: its own locks don't keep it out.
_held: set[int] = set()


@celeryd_init.connect
def prepare(options: dict[str, Any] | None = None, **_: object) -> None:
    """Count the slots that long work may hold: all but one, or all where there is nothing but training."""
    global _slots  # noqa: PLW0603  the children inherit it
    given = options or {}
    concurrency = int(given.get("concurrency") or 1)
    is_for_training = str(given.get("queues") or "") == "train"
    n_slots = concurrency if is_for_training else max(1, concurrency - 1)
    _slots = (tempfile.TemporaryFile(prefix="regulars-slots-"), n_slots)  # noqa: SIM115  open as long as the worker


@contextmanager
def long_work() -> Iterator[bool]:
    """Hold a slot for the time of the block; False when all are held: the job waits until it is asked for again."""
    if _slots is None:
        yield True
        return
    file, n_slots = _slots
    for number in range(n_slots):
        if number in _held or not _lock(file, number):
            continue
        _held.add(number)
        try:
            yield True
        finally:
            _held.discard(number)
            fcntl.lockf(file, fcntl.LOCK_UN, 1, number, os.SEEK_SET)
        return
    yield False


def _lock(file: IO[bytes], number: int) -> bool:
    """Lock one byte for this process; a lock of a file without a name reaches whoever was forked with it."""
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number, os.SEEK_SET)
    except (BlockingIOError, PermissionError):  # POSIX lets a system answer either
        return False
    return True
