"""Claim: deltas and the nightly pass are as good as a retrain from scratch, many times faster, and change few lists.

Run `python -m benchmarks updating [--orders FILE]`; without a file, on a synthetic shop. The newest 15 % of the orders
are the test; the last four weeks before them are what the published model has not seen
yet. One thread, as workers train; seconds are those this process ran, so that other work matters little.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np

from app.recommender import Blend, History, Model, Options, Start, Taste, fit
from app.recommender.interactions import order_times
from app.recommender.judging import product_values
from app.recommender.tasks import BasketQueries, basket_queries, split_by_time
from app.services.evaluating import to_history
from app.services.orderfile import read_orders
from benchmarks.training import DAY_SECONDS, synthetic_shop

N_PRODUCTS, N_ORDERS = 3_000, 30_000
N_DAYS, ORDERS_PER_DELTA = 28, 10
# What may be lost against a retrain, as a share of its NDCG@10.
NDCG_ALLOWED = 0.02
OPTIONS = Options(blend=Blend(), taste=Taste(), discovery=Taste())


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="updating", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--orders", metavar="FILE", help="a real order history; without one, a synthetic shop"
    )
    path = parser.parse_args(arguments or []).orders
    if path:
        catalogue, history, _ = to_history(read_orders(path))
    else:
        catalogue, history = synthetic_shop(N_PRODUCTS, N_ORDERS)
    split = split_by_time(catalogue, history, 0.15)
    queries = basket_queries(split, 7)
    orders, times = order_times(split.train)
    fresh = orders[times > times.max() - N_DAYS * DAY_SECONDS]
    is_fresh = np.isin(split.train.order, fresh)
    before = fit(split.catalogue, split.train.take(~is_fresh), options=OPTIONS)
    before_lists = lists_of(before)
    print(
        f"{split.catalogue.n_items:,} products, {split.n_train_orders:,} orders, {len(fresh):,} of the last"
        f" {N_DAYS} days; {len(queries.item):,} questions"
    )
    print("                               seconds   HR@10  NDCG@10   same places as before")
    show("published four weeks ago", 0.0, before_lists, before_lists, queries)
    start = Start(before, np.arange(split.catalogue.n_items), np.arange(split.train.user.max(initial=-1) + 1))
    ways: dict[str, Callable[[], Model]] = {
        "from scratch": lambda: fit(split.catalogue, split.train, options=OPTIONS),
        "from scratch, another seed": lambda: fit(split.catalogue, split.train, options=OPTIONS, seed=8),
        "nightly pass": lambda: fit(split.catalogue, split.train, options=OPTIONS, start=start),
    }
    reached = {}
    for name, way in ways.items():
        started = time.process_time()
        model = way()
        seconds = time.process_time() - started
        reached[name] = show(name, seconds, lists_of(model), before_lists, queries)
    started = time.process_time()
    model, published, n_deltas, n_lists = deltas(before, before_lists, split.train.take(is_fresh))
    seconds = time.process_time() - started
    name = f"{n_deltas} deltas of {ORDERS_PER_DELTA} orders"
    reached["deltas"] = show(name, seconds, published, before_lists, queries)
    show("the same, every list anew", seconds, lists_of(model), before_lists, queries)
    print(f"  one delta: {1000 * seconds / n_deltas:.0f} ms, {n_lists / n_deltas:.0f} lists ranked anew")
    least = min(reached["nightly pass"], reached["deltas"])
    return 0 if least >= reached["from scratch"] * (1 - NDCG_ALLOWED) else 1


def deltas(model: Model, lists: np.ndarray, fresh: History) -> tuple[Model, np.ndarray, int, int]:
    """Take the fresh orders in, some at a time, as they come, and rank again what each may have changed.

    Returns the model, the lists that shoppers see then, how many deltas there were, and how many lists they ranked.
    """
    orders, times = order_times(fresh)
    ranked = orders[np.argsort(times, kind="stable")]
    firsts = range(0, len(ranked), ORDERS_PER_DELTA)
    published, n_lists = lists.copy(), 0
    for first in firsts:
        some = ranked[first : first + ORDERS_PER_DELTA]
        model, changed = model.update(None, fresh.take(np.isin(fresh.order, some)))
        beside = np.concatenate([changed.items, changed.neighbours])
        published[beside] = model.also_bought(10, beside).items
        n_lists += len(beside)
    return model, published, len(firsts), n_lists


def lists_of(model: Model) -> np.ndarray:
    """The first ten of every product, int64 [n_items, 10]."""
    return model.also_bought(10).items.astype(np.int64)


def show(name: str, seconds: float, lists: np.ndarray, before: np.ndarray, queries: BasketQueries) -> float:
    """Print a line; return NDCG@10."""
    values = product_values(lists, queries)
    same = np.mean(
        [len(set(new) & set(old)) / 10 for new, old in zip(lists.tolist(), before.tolist(), strict=True)]
    )
    hr10, ndcg10 = float(values["hr10"].mean()), float(values["ndcg10"].mean())
    print(f"  {name:28s} {seconds:8.2f}  {hr10:.4f}   {ndcg10:.4f}   {same:.1%}", flush=True)
    return ndcg10


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
