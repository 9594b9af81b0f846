"""`regulars demo`: a shop with the app in it, on this machine, in a minute."""

from __future__ import annotations

import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import click
import requests
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.embedded import EmbeddedServerError
from app.tour.people import DidNotHappenError, Merchant
from app.tour.processes import ProcessDiedError
from app.tour.scenes import OPENING, SCENES, Scene, Show, import_history, learn
from app.tour.stage import AlreadyOpenError, Options, Stage, set_stage

# With --once nobody watches: an hour of the shop passes in two seconds. Faster, and a reminder that waited for
# a busy machine would be too old to be sent (72 hours).
ONCE_SPEED, WATCHED_SPEED = 1800.0, 600.0

# A large history takes minutes to learn from, each night of the shop anew, beside hundreds of mails a day: faster
# than this, a small machine falls behind the shop's clock and its mails come too late.
MANY_LINES, MANY_LINES_SPEED = 100_000, 300.0

# What ends the show: something was not seen.
NOT_SEEN = (DidNotHappenError, ProcessDiedError, TimeoutError)


@click.command()
@click.option("--once", is_flag=True, help="Walk through everything, print what was seen, and stop.")
@click.option(
    "--orders",
    type=click.Path(path_type=Path),
    help="A real order history (CSV; Shopify's and WooCommerce's exports too) in place of the built-in shop.",
)
@click.option("--speed", type=click.FloatRange(min=1), help="How many times faster the shop's clock runs.")
@click.option("--seed", default=7, show_default=True, help="Of the built-in shop's shoppers.")
def demo(once: bool, orders: Path | None, speed: float | None, seed: int) -> None:
    """Open a demo store, install the app in it, import its history, train, and let shoppers come."""
    usual_speed = ONCE_SPEED if once else WATCHED_SPEED
    if orders is not None and _read(orders) > MANY_LINES:
        usual_speed = MANY_LINES_SPEED
    console = Console(highlight=False)
    options = Options(orders, speed or usual_speed, seed)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with set_stage(options, console) as stage:
            show = Show(stage, Merchant(stage), _progress_of(stage))
            seen = _play(show, SCENES if once else OPENING, console)
            if once:
                _tell(console, seen)
                _memory(console, stage)
            else:
                _stay(console, stage)
    except (AlreadyOpenError, EmbeddedServerError) as error:
        raise click.ClickException(str(error)) from None
    except (*NOT_SEEN, requests.RequestException) as error:
        console.print(f"\n[bold red]This did not happen:[/] {escape(str(error))}", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("\nThe demo is closed.")


def _read(orders: Path) -> int:
    """How many lines the file has.

    Ends with one line when the demo store could not be made of it; nothing has been started yet.
    """
    from app.demo.history import read_history
    from app.services.orderfile import OrderFileError

    try:
        return len(read_history(orders).rows.order)
    except OrderFileError as error:
        raise click.ClickException(str(error)) from None


def _play(show: Show, scenes: tuple[Scene, ...], console: Console) -> list[tuple[str, str, float]]:
    seen = []
    for scene in scenes:
        title, started = str(scene.__doc__).strip(), time.monotonic()
        try:
            if scene in {import_history, learn}:
                with _bars(show, console):
                    outcome = scene(show)
            else:
                with console.status(title):
                    outcome = scene(show)
        except (*NOT_SEEN, requests.RequestException):
            console.print(f"[red]✗[/] [bold]{title}[/]")
            raise
        seconds = time.monotonic() - started
        console.print(f"[green]✓[/] [bold]{title}[/]: {outcome}", soft_wrap=True)
        seen.append((title, outcome, seconds))
    return seen


class _bars:  # noqa: N801  used as a `with` phrase
    """A bar for each phase of the running job."""

    def __init__(self, show: Show, console: Console) -> None:
        self._show, self._stop = show, threading.Event()
        columns = (
            TextColumn("  {task.description:<10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        # Where nobody watches it would leave empty lines behind.
        self._progress = Progress(
            *columns, console=console, transient=True, disable=not console.is_interactive
        )
        self._thread = threading.Thread(target=self._draw, daemon=True)

    def __enter__(self) -> None:
        self._progress.start()
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()
        self._progress.stop()

    def _draw(self) -> None:
        tasks: dict[str, Any] = {}
        while not self._stop.wait(0.2):
            for seen in (self._show.progress(kind) for kind in ("import", "training")):
                phase = seen.get("phase")
                if phase is None or seen["state"] != "running":
                    continue
                if phase not in tasks:
                    tasks[phase] = self._progress.add_task(phase, total=None)
                self._progress.update(
                    tasks[phase], completed=seen.get("n_done", 0), total=seen.get("n_total")
                )


def _progress_of(stage: Stage) -> Any:
    """Looks the newest job up where the admin page does; for the bar only, what counts is seen from outside."""
    from sqlalchemy import create_engine, text

    from app.db.session import normalise_url

    engine = create_engine(normalise_url(stage.database_url), pool_size=2)
    statement = text(
        "SELECT state, progress, error FROM jobs WHERE kind = :kind ORDER BY job_id DESC LIMIT 1"
    )

    def look(kind: str) -> dict[str, Any]:
        with engine.connect() as connection:
            row = connection.execute(statement, {"kind": kind}).one_or_none()
        return {**row.progress, "state": row.state, "error": row.error} if row else {}

    return look


def _tell(console: Console, seen: list[tuple[str, str, float]]) -> None:
    table = Table("what", "seen", "s", title="What the demo saw, from outside")
    for title, outcome, seconds in seen:
        table.add_row(title, outcome, f"{seconds:.1f}")
    console.print(table)


def _memory(console: Console, stage: Stage) -> None:
    peaks = stage.troupe.peak_megabytes()
    console.print(
        "Peak memory: " + ", ".join(f"{name} {megabytes:,.0f} MB" for name, megabytes in peaks.items())
    )


def _stay(console: Console, stage: Stage) -> None:
    speed = stage.options.speed
    console.print(
        f"\n  The shop    {stage.store_url}\n  The admin   {stage.admin_url}\n  The inbox   {stage.inbox_url}\n\n"
        f"An hour of the shop passes in {3600 / speed:.0f} s. To try:\n"
        "  1. Open a product in the shop: the shelf is below it. Put something in the\n"
        "     cart, and sign up for the shop's letters at the foot of the page with any\n"
        "     address. Go to the checkout, type the same address, and leave.\n"
        "  2. Watch the inbox: an hour of the shop later the mail is there, by day where\n"
        "     the shopper lives. Its button brings the cart back.\n"
        "  3. Look at Messages in the admin: every mail, and why it was sent or held\n"
        "     back.\n\n"
        "Ctrl+C closes the demo."
    )
    while True:
        stage.troupe.check()
        time.sleep(1)
