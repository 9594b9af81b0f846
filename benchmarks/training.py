"""Claim: a full pass with all lists for 50,000 products and 500,000 orders stays under ten minutes and 2 GB.

Run `python -m benchmarks.training [n_products n_orders]`; it prints one table. One thread, as workers train.
With `pip install implicit` its ALS is measured beside, in the same run and at the same size.
"""

from __future__ import annotations

import importlib.util
import resource
import sys
import time
from collections.abc import Callable

import numpy as np
from lightfm import LightFM
from scipy import sparse

from app.recommender import Catalogue, History, Options, fit
from app.recommender.factors import fit_factors, item_features
from app.recommender.interactions import IntArray
from app.recommender.model import Model
from app.recommender.shelves import blocks
from app.recommender.shoppers import shopper_rows
from app.recommender.words import read_words

N_PRODUCTS, N_ORDERS = 50_000, 500_000
N_FAMILIES_PER_PRODUCT = 1 / 25
DAY_SECONDS = 86_400.0
SECONDS_ALLOWED, MB_ALLOWED = 600, 2048
# As the full pass of a shop has it: `app.services.training.lists`.
N_PLACES, SUBJECTS_AT_ONCE = 28, 4_000


def synthetic_shop(n_products: int, n_orders: int, seed: int = 7) -> tuple[Catalogue, History]:
    """Families of products that share words, are bought together, and sell by a power law."""
    random = np.random.default_rng(seed)
    n_families = max(1, int(n_products * N_FAMILIES_PER_PRODUCT))
    family = random.integers(0, n_families, n_products)
    titles = [f"family{family[i]} kind{i % 97} colour{i % 31} size{i % 7}" for i in range(n_products)]
    popularity = 1.0 / (np.arange(n_products) + 10.0) ** 0.8
    ranked = random.permutation(n_products)
    share = np.empty(n_products)
    share[ranked] = popularity / popularity.sum()
    sizes = 1 + random.poisson(2.0, n_orders)
    first = random.choice(n_products, n_orders, p=share)
    order = np.repeat(np.arange(n_orders), sizes)
    item = random.choice(n_products, len(order), p=share)
    by_family = np.argsort(family, kind="stable")
    starts = np.searchsorted(family[by_family], np.arange(n_families + 1))
    kin = family[first][order]
    offset = (random.random(len(order)) * (starts[kin + 1] - starts[kin])).astype(np.int64)
    is_kin = random.random(len(order)) < 0.6
    item[is_kin] = by_family[starts[kin] + offset][is_kin]
    buyer = random.integers(0, max(1, n_orders // 3), n_orders)
    buyer[random.random(n_orders) < 0.3] = -1
    at = 1.6e9 + np.sort(random.random(n_orders)) * 700 * DAY_SECONDS
    catalogue = Catalogue.of([str(i) for i in range(n_products)], titles)
    return catalogue, History.of(order, buyer[order], item, occurred_at=at[order])


def timed(work: Callable[[], object]) -> float:
    """Return the seconds some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def loop_speeds(catalogue: Catalogue, history: History) -> list[tuple[str, float]]:
    """Interactions per second and epoch: our loop, plain LightFM's, and implicit's ALS where installed."""
    matrix, _ = shopper_rows(history, catalogue.n_items)
    words = read_words(catalogue)
    coordinates = sparse.coo_matrix(
        (np.ones(matrix.nnz, np.float32), matrix.nonzero()), shape=matrix.shape, dtype=np.float32
    )
    features = item_features(words)
    hybrid = LightFM(no_components=64, loss="warp", random_state=7)
    plain = LightFM(no_components=64, loss="warp", random_state=7)
    speeds = [
        ("ours (id and words)", lambda: fit_factors(matrix, words, n_components=64, n_epochs=1, seed=7)),
        (
            "LightFM.fit (id and words)",
            lambda: hybrid.fit(coordinates, item_features=features, num_threads=1),
        ),
        ("LightFM.fit (id only)", lambda: plain.fit(coordinates, num_threads=1)),
    ]
    if importlib.util.find_spec("implicit"):
        from implicit.als import AlternatingLeastSquares

        als = AlternatingLeastSquares(factors=64, iterations=1, num_threads=1, random_state=7)
        speeds.append(("implicit ALS (id only)", lambda: als.fit(matrix, show_progress=False)))
    else:
        print("  implicit is not installed: pip install -e '.[bench]' measures its ALS beside these")
    return [(name, matrix.nnz / timed(work)) for name, work in speeds]


def all_lists(model: Model) -> list[tuple[str, int, float, float]]:
    """Make every list a shop gets, as a full pass does; returns name, number, seconds and processor time of each."""
    products, customers = np.arange(model.catalogue.n_items), model.owned.users
    makers: list[tuple[str, IntArray, Callable[[IntArray], object]]] = [
        ("also bought", products, lambda some: model.also_bought(N_PLACES, some)),
        ("complements", products, lambda some: model.complements(N_PLACES, some)),
        ("similar", products, lambda some: model.similar(N_PLACES, some)),
        ("a customer's three", customers, lambda some: model.for_customers(some, N_PLACES)),
    ]
    rows = []
    for name, subjects, make in makers:
        started, began = time.perf_counter(), time.process_time()
        for block in blocks(subjects, SUBJECTS_AT_ONCE):
            make(block)
        seconds = time.perf_counter() - started
        rows.append((name, len(subjects), seconds, time.process_time() - began))
    return rows


def main() -> int:
    """Print the table; return 1 when the claim does not hold."""
    n_products, n_orders = (
        (int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 2 else (N_PRODUCTS, N_ORDERS)
    )
    catalogue, history = synthetic_shop(n_products, n_orders)
    started, began = time.perf_counter(), time.process_time()
    model = fit(catalogue, history, options=Options())
    fitted, busy = time.perf_counter() - started, time.process_time() - began
    rows = [("full pass, parameters chosen", 1, fitted, busy), *all_lists(model)]
    seconds, busy = time.perf_counter() - started, time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    print(f"{n_products:,} products, {n_orders:,} orders, {history.n_rows:,} rows, one thread")
    for name, n_made, taken, worked in rows:
        print(f"  {name:30s} {n_made:9,}   {taken:8.1f} s   of which it ran {worked:8.1f} s")
    print(f"  together                       {seconds:9.1f} s   (allowed {SECONDS_ALLOWED} s)")
    print(f"  of which this process ran      {busy:9.1f} s   (the rest it waited for its core)")
    print(f"  peak memory                    {peak:9.0f} MB  (allowed {MB_ALLOWED} MB)")
    for name, speed in loop_speeds(catalogue, history):
        print(f"  {name:30s} {speed:9,.0f} interactions/s and epoch")
    return 0 if seconds <= SECONDS_ALLOWED and peak <= MB_ALLOWED else 1


if __name__ == "__main__":
    raise SystemExit(main())
