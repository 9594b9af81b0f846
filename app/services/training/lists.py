"""Turns a model's lists into rows of `recommendations`; whether they may be published is decided elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from sqlalchemy import Connection, text

from app.db.bulk import stage
from app.recommender import Changed, History, Lists, Model, Source
from app.recommender.shelves import blocks
from app.services.recommending import MAX_SHOWN, N_SPARE
from app.services.training.evidence import Ids, Index

Row = tuple[object, ...]

# Longer than a shelf shows, because stock, the cart and unpublished products thin a list out.
LIST_LENGTH = MAX_SHOWN + 2 * N_SPARE

# Lists of the whole shop, whose subject is 0.
SHOP_STRATEGIES = ("bestsellers", "rising")

# Lists turned into Python's numbers at a time: those of a large shop at once would take gigabytes.
ROWS_AT_ONCE = 1_000

# Products or customers whose lists are in memory at once: more are no faster.
SUBJECTS_AT_ONCE = 4_000

# By the number of a source.
_SOURCES = {int(source): source.name.lower() for source in Source}

# Customers silent for longer get no list of their own; their mails use bestsellers.
ACTIVE_DAYS = 730


def every_list(model: Model, index: Index) -> Iterator[Row]:
    """Every list of the model as a row: (strategy, subject, products, scores, evidence)."""
    if model.catalogue.n_items == 0:
        return
    for items in blocks(np.arange(model.catalogue.n_items), SUBJECTS_AT_ONCE):
        yield from _product_lists(model, index, beside=items, items=items)
    yield from _shop_lists(model, index)
    for users in blocks(_active_users(model.history), SUBJECTS_AT_ONCE):
        yield from _customer_lists(model, index, users)


def changed_lists(model: Model, index: Index, changed: Changed, users: Ids) -> Iterator[Row]:
    """The lists that an update may have changed, of products and customers, and the shop's own.

    An empty one too, because it may replace one that was not.
    """
    beside = np.concatenate([changed.items, changed.neighbours])
    yield from _product_lists(model, index, beside=beside, items=changed.items, with_empty=True)
    yield from _shop_lists(model, index, with_empty=True)
    yield from _customer_lists(model, index, users, with_empty=True)


def write_lists(
    connection: Connection, shop_id: int, model_id: int, rows: Iterable[Row], *, revision: int = 0
) -> int:
    """Add lists under a model's revision; returns how many.

    Above the first revision, a list that is as it was shown before is left out, and one that replaces another but
    the first takes its place.
    """
    stage(connection, "new_lists", _COLUMNS, rows)
    values = {"shop_id": shop_id, "model_id": model_id, "revision": revision}
    if revision:
        connection.execute(_LEAVE_OUT_SAME, values)
        connection.execute(_DROP_REPLACED, values)
    return connection.execute(_INSERT, values).rowcount


def _product_lists(
    model: Model, index: Index, *, beside: Ids, items: Ids, with_empty: bool = False
) -> Iterator[Row]:
    """What is also bought beside some products, and all other lists of some."""
    by_product = {
        "also_bought": (model.also_bought(LIST_LENGTH, beside), beside),
        "complements": (model.complements(LIST_LENGTH, items), items),
        "similar": (model.similar(LIST_LENGTH, items), items),
    }
    for strategy, (lists, seeds) in by_product.items():
        yield from _rows(strategy, lists, index.product_ids[seeds], index, with_empty=with_empty)


def _shop_lists(model: Model, index: Index, *, with_empty: bool = False) -> Iterator[Row]:
    of_shop = model.bestsellers(4 * LIST_LENGTH), model.rising(LIST_LENGTH)
    for strategy, lists in zip(SHOP_STRATEGIES, of_shop, strict=True):
        yield from _rows(strategy, lists, np.zeros(1, dtype=np.int64), index, with_empty=with_empty)


def _customer_lists(model: Model, index: Index, users: Ids, *, with_empty: bool = False) -> Iterator[Row]:
    if len(users) == 0:
        return
    by_customer = model.for_customers(users, LIST_LENGTH)
    for strategy, lists in by_customer._asdict().items():
        yield from _rows(strategy, lists, index.customer_ids[users], index, with_empty=with_empty)


def _rows(
    strategy: str, lists: Lists, subject_ids: Ids, index: Index, *, with_empty: bool = False
) -> Iterator[Row]:
    # Padding has the last of these.
    product_ids = np.append(index.product_ids, 0)
    for start in range(0, len(lists), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        n_places = (lists.items[part] >= 0).sum(axis=1).tolist()
        products = product_ids[lists.items[part]].tolist()
        scores = np.round(lists.scores[part].astype(np.float64), 6).tolist()
        columns = (lists.n_together, lists.n_baskets, lists.n_shared_words, lists.source)
        evidence = np.stack([column[part].astype(np.int64) for column in columns], axis=2).tolist()
        for row, subject_id in enumerate(subject_ids[part].tolist()):
            n = n_places[row]  # padding stands behind them
            if n > 0 or with_empty:
                said = ",".join(f'[{a},{b},{c},"{_SOURCES[d]}"]' for a, b, c, d in evidence[row][:n])
                yield strategy, subject_id, products[row][:n], scores[row][:n], f"[{said}]"


def _active_users(history: History) -> Ids:
    """Row numbers of customers who bought something within ACTIVE_DAYS of the newest order."""
    is_recent = history.occurred_at >= history.newest_at - ACTIVE_DAYS * 86400
    return np.unique(history.user[is_recent & (history.user >= 0)])


_COLUMNS = "strategy text, subject_id bigint, product_ids bigint[], scores real[], evidence jsonb"

_LEAVE_OUT_SAME = text("""
    DELETE FROM new_lists n WHERE (n.product_ids, n.evidence) = (
        SELECT r.product_ids, r.evidence FROM recommendations r
        WHERE r.shop_id = :shop_id AND r.model_id = :model_id AND r.strategy = n.strategy
              AND r.subject_id = n.subject_id
        ORDER BY r.revision DESC LIMIT 1)""")

_DROP_REPLACED = text("""
    DELETE FROM recommendations r USING new_lists n
    WHERE r.shop_id = :shop_id AND r.model_id = :model_id AND r.strategy = n.strategy
          AND r.subject_id = n.subject_id AND r.revision > 0 AND r.revision < :revision""")

_INSERT = text("""
    INSERT INTO recommendations
        (shop_id, model_id, strategy, subject_id, revision, product_ids, scores, evidence)
    SELECT :shop_id, :model_id, strategy, subject_id, :revision, product_ids, scores, evidence
    FROM new_lists""")
