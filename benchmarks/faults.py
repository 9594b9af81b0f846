"""Whether Regulars ends up knowing what the shop knows, whatever is lost, doubled, late, cut or refused on the way.

Webhooks are dropped, doubled, shuffled, one action's come 20 h late, answers to some are lost; access tokens live a
minute; the API gives 100 points a second and cuts connections. Orders are imported, then a day of orders is lived
through, then one reconciliation looks back at it.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from app.logs import configure_logs
from app.platforms.base import PlatformError
from app.services.reconciling import DEEP, reconcile
from benchmarks.stage import busyness, set_stage
from benchmarks.store import FaultyShop, open_faulty_shop
from benchmarks.world import make_world

N_ORDERS = 50_000
N_LIVE = 5_000
LIVE_HOURS = 24.0


@dataclass
class Phase:
    """What one part of the run took and came to."""

    name: str
    seconds: float = 0.0
    shop_seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)


@dataclass
class Run:
    """The phases in their order, and by kind how many objects differed before and after the reconciliation."""

    phases: list[Phase]
    n_imported_wrong: dict[str, int]
    n_before: dict[str, int]
    n_after: dict[str, int]
    n_dead: int
    deliveries: Counter[str]


def run(faulty: FaultyShop, n_live: int) -> Run:
    """Install, import, live through a day, reconcile once."""
    phases = [
        _timed(faulty, "install", faulty.install),
        _timed(faulty, "import", faulty.run_import),
    ]
    wrong = _sizes(faulty)
    phases += [
        _timed(faulty, "a day", lambda: _live(faulty, n_live)),
    ]
    before = _sizes(faulty)
    phases.append(_timed(faulty, "reconcile", lambda: _reconcile(faulty)))
    n_dead = faulty.count("SELECT count(*) FROM deliveries WHERE state <> 'done'")
    return Run(phases, wrong, before, _sizes(faulty), n_dead, Counter(faulty.shop.post.counts))


def main(options: Sequence[str] = ()) -> None:
    told = argparse.ArgumentParser(prog="python -m benchmarks faults", description=__doc__)
    told.add_argument("--orders", type=int, default=N_ORDERS, help="how many are imported")
    told.add_argument("--live", type=int, default=N_LIVE, help="how many come by webhook")
    asked = told.parse_args(list(options))
    configure_logs("ERROR")
    with set_stage() as stage, open_faulty_shop(stage.context, make_world(asked.orders)) as faulty:
        show(run(faulty, asked.live), asked.orders, asked.live)


def show(told: Run, n_orders: int, n_live: int) -> None:
    console = Console()
    table = Table("", "s", "its s", "calls", "cut", "throttled", "waited s", "refreshes")
    for phase in told.phases:
        counts = phase.counts
        table.add_row(
            phase.name,
            f"{phase.seconds:,.1f}",
            f"{phase.shop_seconds:,.0f}",
            f"{counts['calls']:,}",
            f"{counts['broken off']:,}",
            f"{counts['throttled']:,}",
            f"{counts['waited']:,}",
            f"{counts['refreshes']:,}",
        )
    console.print(table)
    table = Table("differing", "after the import", "before reconciling", "after it")
    for kind, n_after in told.n_after.items():
        table.add_row(kind, *(f"{n:,}" for n in (told.n_imported_wrong[kind], told.n_before[kind], n_after)))
    console.print(table)
    sent = told.deliveries
    console.print(
        f"{n_orders:,} orders imported, {n_live:,} live. Webhooks: {sent['attempts']:,} attempts,"
        f" {sent['delivered']:,} delivered, {sent['dropped']:,} dropped, {sent['doubled']:,} doubled,"
        f" {sent['late']:,} late, {told.n_dead:,} not carried out; {busyness()}."
    )


def _live(faulty: FaultyShop, n_live: int) -> None:
    faulty.live(n_live, LIVE_HOURS)
    faulty.take_in_all()


def _reconcile(faulty: FaultyShop) -> None:
    """One that comes through: what breaks off is taken up again at the next beat."""
    for _ in range(20):
        try:
            reconcile(faulty.context, faulty.shop_id, DEEP)
        except PlatformError:
            faulty.hour.move(60)
        else:
            return
    raise RuntimeError("the reconciliation came to no end")


def _timed(faulty: FaultyShop, name: str, work: Callable[[], object]) -> Phase:
    began, shop_began, before = time.perf_counter(), time.time(), _counts(faulty)
    work()
    return Phase(name, time.perf_counter() - began, time.time() - shop_began, _counts(faulty) - before)


def _counts(faulty: FaultyShop) -> Counter[str]:
    calls = faulty.session.calls
    return Counter(
        {
            "calls": sum(n for what, n in calls.items() if what != "broken off"),
            "broken off": calls["broken off"],
            "throttled": faulty.shop.bucket.n_throttled,
            "waited": round(faulty.hour.waited["seconds"]),
            "refreshes": faulty.shop.office.n_refreshes,
        }
    )


def _sizes(faulty: FaultyShop) -> dict[str, int]:
    return {kind: len(found) for kind, found in faulty.differences().items()}
