"""Turns a model's lists into rows of `recommendations`; whether they may be published is decided elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from sqlalchemy import Connection, text

from app.db.bulk import stage
from app.recommender import History, Lists, Model, Source
from app.services.recommending import MAX_SHOWN, N_SPARE
from app.services.training.evidence import Ids, Index

Row = tuple[object, ...]

# Longer than a shelf shows, because stock, the cart and unpublished products thin a list out.
LIST_LENGTH = MAX_SHOWN + 2 * N_SPARE

# Lists of the whole shop, whose subject is 0.
SHOP_STRATEGIES = ("bestsellers", "rising")

# Customers silent for longer get no list of their own; their mails use bestsellers.
ACTIVE_DAYS = 730


def every_list(model: Model, index: Index) -> Iterator[Row]:
    """Every list of the model as a row: (strategy, subject, products, scores, evidence)."""
    if model.catalogue.n_items == 0:
        return
    yield from _product_lists(model, index, np.arange(model.catalogue.n_items))
    yield from _shop_lists(model, index)
    yield from _customer_lists(model, index, _active_users(model.history))


def changed_lists(model: Model, index: Index, items: Ids, users: Ids) -> Iterator[Row]:
    """The lists of some products and customers, and the shop's own.

    An empty one too, because it may replace one that was not.
    """
    yield from _product_lists(model, index, items, with_empty=True)
    yield from _shop_lists(model, index, with_empty=True)
    yield from _customer_lists(model, index, users, with_empty=True)


def without_shown(connection: Connection, shop_id: int, model_id: int, rows: Iterable[Row]) -> Iterator[Row]:
    """Leave out the shop's own lists that name the same products as those shown now."""
    values = {"shop_id": shop_id, "model_id": model_id, "strategies": list(SHOP_STRATEGIES)}
    shown = {row.strategy: row.product_ids for row in connection.execute(_SHOWN, values)}
    return (row for row in rows if row[0] not in SHOP_STRATEGIES or shown.get(str(row[0]), []) != row[2])


def write_lists(
    connection: Connection, shop_id: int, model_id: int, rows: Iterable[Row], *, revision: int = 0
) -> int:
    """Add lists under a model's revision; returns how many."""
    stage(connection, "new_lists", _COLUMNS, rows)
    values = {"shop_id": shop_id, "model_id": model_id, "revision": revision}
    return connection.execute(_INSERT, values).rowcount


def _product_lists(model: Model, index: Index, items: Ids, *, with_empty: bool = False) -> Iterator[Row]:
    by_product = {
        "also_bought": model.also_bought(LIST_LENGTH, items),
        "complements": model.complements(LIST_LENGTH, items),
        "similar": model.similar(LIST_LENGTH, items),
    }
    for strategy, lists in by_product.items():
        yield from _rows(strategy, lists, index.product_ids[items], index, with_empty=with_empty)


def _shop_lists(model: Model, index: Index, *, with_empty: bool = False) -> Iterator[Row]:
    of_shop = model.bestsellers(4 * LIST_LENGTH), model.rising(LIST_LENGTH)
    for strategy, lists in zip(SHOP_STRATEGIES, of_shop, strict=True):
        yield from _rows(strategy, lists, np.zeros(1, dtype=np.int64), index, with_empty=with_empty)


def _customer_lists(model: Model, index: Index, users: Ids, *, with_empty: bool = False) -> Iterator[Row]:
    if len(users) == 0:
        return
    by_customer = {
        "for_you": model.for_you(users, LIST_LENGTH),
        "discover": model.discover(users, LIST_LENGTH),
        "buy_again": model.buy_again(users, LIST_LENGTH),
    }
    for strategy, lists in by_customer.items():
        yield from _rows(strategy, lists, index.customer_ids[users], index, with_empty=with_empty)


def _rows(
    strategy: str, lists: Lists, subject_ids: Ids, index: Index, *, with_empty: bool = False
) -> Iterator[Row]:
    for row, subject_id in enumerate(subject_ids.tolist()):
        is_place = lists.items[row] >= 0
        items = lists.items[row][is_place]
        if len(items) == 0 and not with_empty:
            continue
        columns = (lists.n_together, lists.n_baskets, lists.n_shared_words)
        counts = [column[row][is_place].tolist() for column in columns]
        sources = [Source(source).name.lower() for source in lists.source[row][is_place].tolist()]
        places = zip(*counts, sources, strict=True)
        yield (
            strategy,
            subject_id,
            index.product_ids[items].tolist(),
            [round(score, 6) for score in lists.scores[row][is_place].tolist()],
            "[" + ",".join(f'[{a},{b},{c},"{source}"]' for a, b, c, source in places) + "]",
        )


def _active_users(history: History) -> Ids:
    """Row numbers of customers who bought something within ACTIVE_DAYS of the newest order."""
    is_recent = history.occurred_at >= history.newest_at - ACTIVE_DAYS * 86400
    return np.unique(history.user[is_recent & (history.user >= 0)])


_SHOWN = text("""
    SELECT DISTINCT ON (strategy) strategy, product_ids FROM recommendations
    WHERE shop_id = :shop_id AND model_id = :model_id AND strategy = ANY(:strategies) AND subject_id = 0
    ORDER BY strategy, revision DESC""")

_COLUMNS = "strategy text, subject_id bigint, product_ids bigint[], scores real[], evidence jsonb"

_INSERT = text("""
    INSERT INTO recommendations
        (shop_id, model_id, strategy, subject_id, revision, product_ids, scores, evidence)
    SELECT :shop_id, :model_id, strategy, subject_id, :revision, product_ids, scores, evidence
    FROM new_lists""")
