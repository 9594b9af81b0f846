"""Keeps one slot of a worker free for short work: imports and trainings, which take minutes, may hold the others.

A slot that is held is a locked file, opened by the process that holds it: however that process ends, it is free.
"""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from celery.signals import celeryd_init

# The folder of the locks and how many there are; set before the worker forks. None: nothing is held back.
_slots: tuple[Path, int] | None = None


@celeryd_init.connect
def prepare(options: dict[str, Any] | None = None, **_: object) -> None:
    """Count the slots that long work may hold: all but one, or all where there is nothing but training."""
    global _slots  # noqa: PLW0603  the children inherit it
    given = options or {}
    concurrency = int(given.get("concurrency") or 1)
    is_for_training = str(given.get("queues") or "") == "train"
    n_slots = concurrency if is_for_training else max(1, concurrency - 1)
    _slots = (Path(tempfile.mkdtemp(prefix="regulars-slots-")), n_slots)


@contextmanager
def long_work() -> Iterator[bool]:
    """Hold a slot for the time of the block; False when all are held: the job waits until it is asked for again."""
    if _slots is None:
        yield True
        return
    folder, n_slots = _slots
    for number in range(n_slots):
        with (folder / str(number)).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield True
            return
    yield False
