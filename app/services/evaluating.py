"""Judges and applies the recommender on an order file, without a database; it must not touch shops."""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from app.recommender import Catalogue, History, Options, backtest, card, fit
from app.recommender.evaluation import TEST_SHARE
from app.recommender.judging import ALSO_BOUGHT, FOR_YOU, OURS
from app.services.orderfile import OrderFile, OrderFileError, read_orders

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from app.recommender import Lists, Model, ModelCard, Report

# Customers and products ranked at once when lists are written: bounds memory, not speed.
CUSTOMERS_AT_ONCE = 2000
PRODUCTS_AT_ONCE = 10_000
LINES_PER_TELLING = 500
# Products per shelf in a written file when nothing else is asked.
N_LISTED = 10

# Hears what is being done, how much of it is done, and of how much, where that is known.
Tell = Callable[[str, int, int | None], None]


def _say_nothing(_what: str, _n_done: int, _n_all: int | None) -> None:
    """Nobody asked to hear."""


@dataclass(frozen=True)
class Evaluation:
    """A back-test of an order file and what it cost."""

    report: Report
    card: ModelCard
    notes: tuple[str, ...]
    peak_mb: float
    read_seconds: float


def to_history(order_file: OrderFile) -> tuple[Catalogue, History, list[str]]:
    """Return an order file as the recommender takes it, with the customer id of each user index."""
    rows = order_file.rows
    catalogue = Catalogue.of(
        order_file.product_ids, order_file.titles, order_file.categories, order_file.vendors
    )
    history = History.of(
        rows.order, rows.customer, rows.product, occurred_at=rows.ordered_at, quantity=rows.quantity
    )
    return catalogue, history, order_file.customer_ids


def evaluate_file(
    path: str | Path,
    *,
    task: str | None = None,
    test_share: float = TEST_SHARE,
    seed: int = 7,
    tell: Tell = _say_nothing,
) -> Evaluation:
    """Back-test an order file: train on its past, judge on its newest orders.

    Args:
        path: the order file.
        task: "also-bought" or "for-you"; None judges both.
        test_share: newest share of orders held back.
        seed: of everything drawn.
        tell: called as the work goes on.

    Raises:
        OrderFileError: the file can't be read.
    """
    tell("reading", 0, None)
    started = time.perf_counter()
    order_file = read_orders(path)
    catalogue, history, _ = to_history(order_file)
    read_seconds = time.perf_counter() - started
    tell("learning from the past and judging", 0, None)
    report = backtest(
        catalogue,
        history,
        test_share=test_share,
        seed=seed,
        tasks=(ALSO_BOUGHT, FOR_YOU) if task is None else (task,),
        stopwatch=time.perf_counter,
    )
    written = card(report, catalogue, history)
    return Evaluation(report, written, tuple(file_notes(order_file)), peak_mb(), read_seconds)


def line_notes(order_file: OrderFile) -> list[str]:
    """Say which lines were left out or taken in part, one sentence each."""
    notes = []
    if order_file.n_rejected:
        n = order_file.n_rejected
        notes.append(f"{n:,} lines were left out." if n > 1 else "1 line was left out.")
        notes += [f"line {reject.line}: {reject.reason}" for reject in order_file.rejects[:5]]
    if order_file.remarks:
        n = len(order_file.remarks)
        notes.append(f"{n:,} lines were taken in part." if n > 1 else "1 line was taken in part.")
        notes += [f"line {remark.line}: {remark.reason}" for remark in order_file.remarks[:5]]
    if order_file.n_cancelled:
        notes.append(f"{order_file.n_cancelled:,} lines of cancelled orders were left out.")
    return notes


def file_notes(order_file: OrderFile) -> list[str]:
    """Say what was left out and what the file lacks, one sentence each."""
    notes = line_notes(order_file)
    if not any(order_file.titles):
        notes.append("No titles: products are compared by who buys them only, new ones get bestsellers.")
    if not any(order_file.categories):
        notes.append("No categories: titles and co-purchase speak alone.")
    if not order_file.customer_ids:
        notes.append(
            "No customers: there is nobody to make personal lists for; each order is its own shopper."
        )
    return notes


def peak_mb() -> float:
    """Return the most memory this process has held, in MB (2**20 bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in kB, macOS in bytes.
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def method_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return one plain object per method and task; ours carries the parameters and the card beside.

    `train_seconds` of "regulars" hold the choice of parameters; those of "LightFM alone" one fit. `peak_mb` is
    the peak of the whole process, the same for all.
    """
    rows = []
    for score in evaluation.report.scores:
        row: dict[str, Any] = {**asdict(score), "peak_mb": round(evaluation.peak_mb, 1)}
        row["lists_per_second"] = score.n_lists / score.rank_seconds if score.rank_seconds > 0 else None
        if score.method == OURS:
            report = evaluation.report
            row["parameters"] = {
                name: asdict(getattr(report, name)) for name in ("blend", "taste", "discovery")
            }
            row["against_simple"] = report.against
            row["card"] = evaluation.card.as_dict() | {"numbers": None}
        rows.append(row)
    return rows


def recommend_file(
    path: str | Path, out: str | Path, *, n: int = N_LISTED, seed: int = 7, tell: Tell = _say_nothing
) -> tuple[int, int, list[str]]:
    """Learn from a whole order file and write one JSON line per product, then one per customer.

    The file appears whole or not at all.

    Args:
        path: the order file.
        out: the file to write.
        n: places of a list.
        seed: of everything drawn.
        tell: called as the work goes on.

    Returns:
        How many products and customers were written, and what is to be said of the file's lines.

    Raises:
        OrderFileError: the file can't be read, or holds no order.
        OSError: `out` can't be written.
    """
    tell("reading", 0, None)
    order_file = read_orders(path)
    notes = line_notes(order_file)
    if not len(order_file.rows):
        raise OrderFileError(" ".join([f"There are no orders in {Path(path).name}.", *notes]))
    catalogue, history, customer_ids = to_history(order_file)
    target = Path(out)
    # Before the long work: a folder that can't be written to is told at once.
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=target.name, suffix=".part")
    try:
        tell("learning", 0, None)
        model = fit(catalogue, history, options=Options(), seed=seed)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            n_products = _write_all(
                stream, product_lines(model, n), "products' lists", catalogue.n_items, tell
            )
            n_all = len(model.owned.users)
            n_customers = _write_all(
                stream, customer_lines(model, customer_ids, n), "customers' lists", n_all, tell
            )
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return n_products, n_customers, notes


def _write_all(stream: IO[str], lines: Iterator[dict[str, Any]], what: str, n_all: int, tell: Tell) -> int:
    n_lines = 0
    tell(what, 0, n_all)
    for line in lines:
        stream.write(json.dumps(line, ensure_ascii=False) + "\n")
        n_lines += 1
        if n_lines % LINES_PER_TELLING == 0 or n_lines == n_all:
            tell(what, n_lines, n_all)
    return n_lines


def product_lines(model: Model, n: int) -> Iterator[dict[str, Any]]:
    """Yield ``{"product_id", "also_bought": [[product_id, score], …]}`` for every product."""
    ids = model.catalogue.item_ids
    for start in range(0, len(ids), PRODUCTS_AT_ONCE):
        lists = model.also_bought(n, range(start, min(start + PRODUCTS_AT_ONCE, len(ids))))
        for row, seed in enumerate(lists.seeds.tolist()):
            yield {"product_id": ids[seed], "also_bought": _places(lists, row, ids)}


def customer_lines(model: Model, customer_ids: list[str], n: int) -> Iterator[dict[str, Any]]:
    """Yield ``{"customer_id", "for_you", "discover", "buy_again"}``, each ``[[product_id, score], …]``."""
    ids, users = model.catalogue.item_ids, model.owned.users
    for start in range(0, len(users), CUSTOMERS_AT_ONCE):
        block: np.ndarray[Any, Any] = users[start : start + CUSTOMERS_AT_ONCE]
        shelves = model.for_customers(block, n)._asdict()
        for row, user in enumerate(block.tolist()):
            places = {name: _places(lists, row, ids) for name, lists in shelves.items()}
            yield {"customer_id": customer_ids[user], **places}


def _places(lists: Lists, row: int, ids: tuple[str, ...]) -> list[list[Any]]:
    items, scores = lists.items[row].tolist(), lists.scores[row].tolist()
    return [[ids[item], score] for item, score in zip(items, scores, strict=True) if item >= 0]
