"""Shows a running job's progress on a terminal; it only looks."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import text

from app.services.context import Context

# Fast enough to look alive, slow enough to cost nothing.
LOOK_SECONDS = 0.5


def read_progress(context: Context, shop_id: int) -> dict[str, Any] | None:
    """The progress of the shop's newest job, with its kind and state."""
    with context.db.shop(shop_id) as connection:
        row = connection.execute(
            text(
                "SELECT kind, state, progress, error FROM jobs WHERE shop_id = :id ORDER BY job_id DESC LIMIT 1"
            ),
            {"id": shop_id},
        ).one_or_none()
    return {**row.progress, "kind": row.kind, "state": row.state, "error": row.error} if row else None


@contextmanager
def show_progress(context: Context, shop_id: int) -> Iterator[None]:
    """Draw a bar for the shop's job while the block runs."""
    stop = threading.Event()
    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, transient=False, disable=not sys.stdout.isatty()) as bars:

        def draw() -> None:
            tasks: dict[str, Any] = {}
            while not stop.wait(LOOK_SECONDS):
                _draw(bars, tasks, read_progress(context, shop_id) or {})

        thread = threading.Thread(target=draw, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _draw(bars: Progress, tasks: dict[str, Any], progress: dict[str, Any]) -> None:
    phase = progress.get("phase")
    if phase is None:
        return
    if phase not in tasks:
        tasks[phase] = bars.add_task(phase, total=progress.get("n_total"))
    bars.update(tasks[phase], completed=progress.get("n_done", 0), total=progress.get("n_total"))
