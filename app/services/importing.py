"""Brings a shop's products, customers and orders in by bulk export, and goes on where it was interrupted."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar, cast

import structlog
from sqlalchemy import Connection

from app.domain.catalog import Product
from app.domain.events import Customer, Order
from app.platforms.base import ExportKind, ExportState, PlatformError, ShopClient
from app.services import permissions, recording
from app.services.applying import Scene, take_orders
from app.services.connecting import client_for
from app.services.consenting import record_told
from app.services.context import Context
from app.services.jobs import RunningJob, enqueue_job
from app.services.shops import ShopRecord, get_shop

log = structlog.get_logger()

T = TypeVar("T")

PHASES: tuple[ExportKind, ...] = ("products", "customers", "orders")

# Objects a transaction: large enough that its cost per object no longer falls, small enough that little is
# repeated when a worker is killed.
BATCH = 500

# Seconds between looks at an export that is not ready; the platform also tells by webhook.
LOOK_SECONDS = 0.5
LONGEST_LOOK_SECONDS = 10.0

# How often one kind's export may break off before the job gives up for now; each goes on where the last one held.
MAX_BREAKS = 5

# Orders younger than this can still end a flow that is running; older ones are history.
LIVE_ORDER_AGE = timedelta(days=30)


class ExportFailedError(PlatformError):
    """The platform could not produce the export."""


def run_import(context: Context, job: RunningJob) -> None:
    """Import everything, phase by phase, and ask for a training.

    Progress (phase, export handle, objects done) is stored in the same transaction as the objects it counts,
    so a second run repeats nothing and skips nothing.
    """
    client = client_for(context, job.shop_id)
    with context.db.shop(job.shop_id) as connection:
        shop = get_shop(connection, job.shop_id)
    permissions.missing(
        context, shop, ["all_orders"]
    )  # remembered: Home tells what this import could not see
    finished = list(job.progress.get("finished", []))
    for phase in PHASES:
        if phase in finished:
            continue
        _run_phase(context, job, client, phase)
        finished.append(phase)
        job.report(finished=finished, handle=None, after=None, n_done=0, n_total=None)
    with context.db.shop(job.shop_id) as connection:
        recording.refresh_order_counts(connection, job.shop_id)
        enqueue_job(connection, job.shop_id, "training", context.clock.now())
    context.queue.nudge("upkeep.run_jobs")
    log.info("imported", shop_id=job.shop_id, **job.progress.get("totals", {}))


def _run_phase(context: Context, job: RunningJob, client: ShopClient, phase: ExportKind) -> None:
    """Export, wait, read. An export that broke off is used for what it holds, and the rest is asked for again."""
    handle = job.progress.get("handle") if job.progress.get("phase") == phase else None
    if handle is None:
        handle = client.begin_export(phase)
        job.report(phase=phase, handle=handle, n_done=0, n_before=0, n_breaks=0, n_total=client.count(phase))
    while _wait_for(client, handle, job).is_failed:
        _read(context, job, client, phase, handle, is_whole=False)
        handle = _resume(job, client, phase, handle)
    _read(context, job, client, phase, handle, is_whole=True)


def _read(
    context: Context, job: RunningJob, client: ShopClient, phase: ExportKind, handle: str, *, is_whole: bool
) -> None:
    """Record what a file holds and earlier runs have not; `n_done` counts the objects, those of earlier files too."""
    n_done, n_before = int(job.progress.get("n_done", 0)), int(job.progress.get("n_before", 0))
    for batch in batches(client.read_export(phase, handle, n_skip=n_done - n_before), BATCH):
        with context.db.shop(job.shop_id) as connection:
            shop = get_shop(connection, job.shop_id)
            _WRITE[phase](
                context, connection, shop, batch if is_whole else [_outdated(each) for each in batch]
            )
            n_done += len(batch)
            totals = job.progress.get("totals", {}) | {phase: n_done}
            job.save(connection, n_done=n_done, totals=totals)


def _outdated(each: Product | Customer | Order) -> Product | Customer | Order:
    """A version just older than this one: a file that broke off may lack lines, and must not outlive the whole."""
    return replace(each, source_updated_at=each.source_updated_at - timedelta(microseconds=1))


def _resume(job: RunningJob, client: ShopClient, phase: ExportKind, broken: str) -> str:
    """Ask for what comes after the last object the broken file has whole; for everything where it has none.

    Raises:
        ExportFailedError: it broke off too often; a later run begins anew.
    """
    n_breaks = int(job.progress.get("n_breaks", 0)) + 1
    if n_breaks > MAX_BREAKS:
        job.report(handle=None)
        raise ExportFailedError(f"the shop's export of {phase} broke off {n_breaks} times")
    reach, n_whole = client.export_reach(phase, broken)
    after = reach or job.progress.get("after")
    handle = client.begin_export(phase, after)
    n_before = int(job.progress.get("n_before", 0)) + n_whole
    job.report(handle=handle, after=after, n_before=n_before, n_done=n_before, n_breaks=n_breaks)
    log.info("export_resumed", shop_id=job.shop_id, phase=phase, n_held=n_before)
    return handle


def _wait_for(client: ShopClient, handle: str, job: RunningJob) -> ExportState:
    """Wait for an end that leaves something to read.

    Raises:
        ExportFailedError: it left nothing.
    """
    pause = LOOK_SECONDS
    while True:
        state = client.export_state(handle)
        if state.is_ready:
            return state
        if state.is_failed:
            job.report(handle=None)
            raise ExportFailedError(f"the shop's export failed: {state.reason or 'no reason was given'}")
        job.report(n_waiting=state.n_objects)
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_LOOK_SECONDS)


def batches(objects: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(objects)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


def _write_products(
    _context: Context, connection: Connection, shop: ShopRecord, batch: Sequence[Any]
) -> None:
    recording.record_products(
        connection, shop.shop_id, cast("list[Product]", batch), shop.currency, is_complete=True
    )


def _write_customers(
    context: Context, connection: Connection, shop: ShopRecord, batch: Sequence[Any]
) -> None:
    recording.record_customers(
        connection, context.hasher, shop.shop_id, cast("list[Customer]", batch), context.clock.now()
    )


def _write_orders(context: Context, connection: Connection, shop: ShopRecord, batch: Sequence[Any]) -> None:
    orders = cast("list[Order]", batch)
    horizon = context.clock.now() - LIVE_ORDER_AGE
    live = [order for order in orders if order.placed_at >= horizon]
    settled = [order for order in orders if order.placed_at < horizon]
    recorded = recording.record_orders(connection, context.hasher, shop.shop_id, settled)
    told = [entry.order for entry in recorded]
    record_told(connection, context.hasher, shop.shop_id, told, context.clock.now())
    if live:
        take_orders(Scene(context, connection, shop), live)


_WRITE: dict[ExportKind, Callable[[Context, Connection, ShopRecord, Sequence[Any]], None]] = {
    "products": _write_products,
    "customers": _write_customers,
    "orders": _write_orders,
}
