"""Owns the strategies: from a model's scores to ranked lists with evidence; it must not learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from app.recommender.blend import MIN_WORD_SIMILARITY, rows_of
from app.recommender.counted import LINES_DAYS
from app.recommender.diversity import diversify
from app.recommender.fallback import DAY_SECONDS, OrderLines, bestseller_scores, order_lines, rising_scores
from app.recommender.lists import NO_ITEM, Lists, Source, top_n, top_of_rows
from app.recommender.owned import due_scores, runs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from app.recommender.interactions import FloatArray, IntArray
    from app.recommender.model import Model
    from app.recommender.owned import Owned
    from app.recommender.personal import Taste, TasteScorer

    Found = tuple[IntArray, FloatArray]
    Seeds = Sequence[int] | IntArray | None

# Products looked at per place when a list is made diverse.
POOL_PER_PLACE = 4
# Dense customer rows alive at once weigh about this many float32 matrices.
CUSTOMER_BLOCK_BYTES = 4 * 2**20
# Pairs of a listed and an owned product looked up at once.
N_PAIRS_AT_ONCE = 500_000


# Half-life of an order among the bestsellers: it beat all-time counts on both shops for customers (reference, 4).
BESTSELLER_HALF_LIFE_DAYS = 30.0
# Places within which companions go before bestsellers: what a shelf shows at most, about.
N_ARRANGED = 10
# A companion is in the baskets at least this often, this many times as often as chance, and so many standard
# deviations more often.
COMPANION_ORDERS, COMPANION_LIFT, COMPANION_DEVIATIONS = 3, 2.0, 5.0


def blocks(seeds: IntArray, n_rows: int) -> list[IntArray]:
    """Cut seeds into runs of at most `n_rows`."""
    return [seeds[start : start + n_rows] for start in range(0, len(seeds), n_rows)]


def also_bought(model: Model, n: int, items: Seeds) -> Lists:
    """See `Model.also_bought`."""
    return _beside(
        model,
        n,
        items,
        model.scorer.scores,
        is_diverse=model.options.diversity > 0,
        is_arranged=model.blend.is_arranged,
    )


def complements(model: Model, n: int, items: Seeds) -> Lists:
    """See `Model.complements`. One order less than the count, so that two are twice as much as none."""
    scorer = model.scorer

    def scores(seeds: IntArray) -> FloatArray:
        words = scorer.word_similarity(seeds)
        together = scorer.together(seeds, words)
        row, column = rows_of(together), together.indices
        unlike = 1.0 - np.clip(scorer.similarity(seeds, words)[row, column], 0.0, 1.0)
        is_proven = together.data >= model.options.n_orders_min
        result = np.full(words.shape, -np.inf, np.float32)
        result[row, column] = np.where(is_proven, (together.data - 1.0) * unlike, -np.inf)
        return result

    return _beside(model, n, items, scores)


def similar(model: Model, n: int, items: Seeds) -> Lists:
    """See `Model.similar`."""
    scorer = model.scorer

    def scores(seeds: IntArray) -> FloatArray:
        similarity = scorer.similarity(seeds)
        return np.where(similarity > 0, similarity, -np.inf).astype(np.float32)

    return _beside(model, n, items, scores)


def for_cart(model: Model, items: Sequence[int] | IntArray, n: int) -> Lists:
    """See `Model.for_cart`. Each product of the cart has one vote, however often it sells."""
    cart = np.unique(np.asarray(items, dtype=np.int64))
    if not len(cart):
        return bestsellers(model, n, None)
    scorer = model.scorer
    scores = scorer.scores(cart)
    scores[~np.isfinite(scores)] = 0.0
    votes = scores / np.maximum(scores.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    total = votes.sum(axis=0, keepdims=True).astype(np.float32)
    for item in cart:
        scorer.hide(total, np.array([item]), -np.inf)
    columns, values = _best(total, n, scorer.candidates)
    held = sparse.csr_matrix((np.ones(len(cart)), cart, [0, len(cart)]), shape=(1, model.catalogue.n_items))
    return listed(model, np.array([-1]), columns, values, because=_strongest(model, columns, held))


class ForCustomers(NamedTuple):
    """The three lists of some customers; see `Model.for_you`, `Model.discover` and `Model.buy_again`."""

    for_you: Lists
    discover: Lists
    buy_again: Lists


def for_customers(model: Model, users: Seeds, n: int) -> ForCustomers:
    """See `Model.for_customers`. What they bought is read once, and each opinion asked once."""
    seeds = np.asarray(users, dtype=np.int64).reshape(-1)
    scorer = model.taste_scorer(seeds)
    mine, new = by_taste(model, scorer, seeds, n, ((model.taste, True), (model.discovery, False)))
    return ForCustomers(mine, new, buy_again(model, scorer.owned, seeds, n))


def by_taste(
    model: Model, scorer: TasteScorer, users: IntArray, n: int, tastes: Sequence[tuple[Taste, bool]]
) -> list[Lists]:
    """Lists for customers by one or more tastes, each with what they own or without."""
    held, _ = scorer.owned.held(users)
    return [
        listed(model, users, columns, values, because=_strongest(model, columns, held), is_personal=True)
        for columns, values in customer_places(scorer, users, n, tastes)
    ]


def customer_places(
    scorer: TasteScorer, users: IntArray, n: int, tastes: Sequence[tuple[Taste, bool]]
) -> list[Found]:
    """Rank the candidates, and what each customer bought before, without evidence.

    Returns
    -------
    for each taste items int64 [n_users, n] and scores float32 [n_users, n]
        Padded with `NO_ITEM` and 0.
    """
    listable = scorer.candidates
    found: list[list[Found]] = [[] for _ in tastes]
    for block in blocks(users, max(1, CUSTOMER_BLOCK_BYTES // (4 * max(1, len(listable))))):
        owned, _ = scorer.owned.held(block)
        columns = np.append(listable, np.setdiff1d(owned.indices, listable))
        place = np.zeros(owned.shape[1], np.int64)
        place[columns] = np.arange(len(columns))
        theirs = rows_of(owned), place[owned.indices]
        scored = None if len(listable) == owned.shape[1] else columns
        opinions = scorer.opinions(block, [taste for taste, _ in tastes], scored)
        for (taste, with_owned), parts in zip(tastes, found, strict=True):
            scores = scorer.voted(opinions, taste, len(block), scored)
            own = scores[theirs] if with_owned else -np.inf
            # What others of the block bought is none of a customer's business.
            scores[:, len(listable) :] = -np.inf
            scores[theirs] = own
            parts.append(_best(scores, n, columns))
    return [_stacked(parts, n) for parts in found]


def buy_again(model: Model, owned: Owned, users: IntArray, n: int) -> Lists:
    """See `Model.buy_again`; `owned` is what they bought, at least."""
    columns, values = top_of_rows(due_scores(owned, users, model.counted.newest_at), n)
    return listed(model, users, columns, values, because=columns, source=Source.OWN)


def bestsellers(model: Model, n: int, window_days: float | None) -> Lists:
    """See `Model.bestsellers`."""
    counted = model.counted
    if window_days is None:
        now = counted.recent[BESTSELLER_HALF_LIFE_DAYS]
    else:
        start_at, stop_at = (
            counted.newest_at - window_days * DAY_SECONDS,
            np.nextafter(counted.newest_at, np.inf),
        )
        now = _lines(model, window_days).orders_between(model.catalogue.n_items, start_at, stop_at)
    return _whole_shop(model, bestseller_scores(now, counted.n_orders), n)


def rising(model: Model, n: int, window_days: float) -> Lists:
    """See `Model.rising`."""
    lines, n_items = _lines(model, 5 * window_days), model.catalogue.n_items
    return _whole_shop(model, rising_scores(lines, model.counted.newest_at, n_items, window_days), n)


def _lines(model: Model, n_days: float) -> OrderLines:
    """The order lines of so many days: those at hand, or, for longer, the whole history's."""
    return model.counted.lines if n_days <= LINES_DAYS else order_lines(model.history)


def _whole_shop(model: Model, scores: npt.NDArray[np.float64], n: int) -> Lists:
    sold = np.where(scores > 0, scores, -np.inf).astype(np.float32)[None, :]
    columns, values = _stacked([_best(sold, n, np.arange(len(scores)))], n)
    nothing = np.full(columns.shape, NO_ITEM, np.int64)
    return listed(model, np.array([-1]), columns, values, because=nothing, source=Source.POPULAR)


def _beside(
    model: Model,
    n: int,
    items: Seeds,
    scores: Callable[[IntArray], FloatArray],
    *,
    is_diverse: bool = False,
    is_arranged: bool = False,
) -> Lists:
    seeds = np.arange(model.catalogue.n_items) if items is None else np.asarray(items, np.int64).reshape(-1)
    scorer = model.scorer
    n_found = n * POOL_PER_PLACE if is_diverse else n
    found = [_best(scores(block), n_found, scorer.candidates) for block in blocks(seeds, scorer.block_rows)]
    columns, values = _stacked(found, n_found)
    if is_diverse:
        columns, values = _diverse(model, columns, values, n)
    if is_arranged:
        columns = companions_first(model, seeds, columns)
    return listed(model, seeds, columns, values, because=np.repeat(seeds[:, None], n, axis=1))


def _diverse(model: Model, columns: IntArray, values: FloatArray, n: int) -> Found:
    chosen, scores = np.full((len(columns), n), NO_ITEM, np.int64), np.zeros((len(columns), n), np.float32)
    for row in range(len(columns)):
        pool = columns[row][columns[row] >= 0]
        vectors, words = model.vectors[pool], model.tfidf[pool]
        alike = model.blend.w * (words @ words.T).toarray() + (1 - model.blend.w) * (vectors @ vectors.T)
        order = diversify(
            values[row][: len(pool)],
            alike,
            n,
            strength=model.options.diversity,
            categories=[model.catalogue.categories[item] for item in pool],
            max_per_category=model.options.max_per_category,
        )
        chosen[row, : len(order)] = pool[order]
        # Scores never rise along a list: a diverse one shows those of the plain ranking.
        scores[row, : len(order)] = np.sort(values[row][order])[::-1]
    return chosen, scores


def companions_first(model: Model, seeds: IntArray, columns: IntArray) -> IntArray:
    """Put what is bought with the seed about as often as chance has it behind what clearly belongs to it.

    A bestseller may be the better guess and still say nothing about the product. Only the order of the first
    `N_ARRANGED` places changes, so what they hold, and HR@10, stay; places keep their scores.
    """
    head = columns[:, :N_ARRANGED]
    is_place = head >= 0
    first = np.repeat(seeds[:, None], head.shape[1], axis=1)[is_place]
    second = head[is_place]
    together, chance = np.zeros(head.shape), np.zeros(head.shape)
    together[is_place] = model.pairs.between(first, second)
    chance[is_place] = model.n_orders[first] * model.n_orders[second] / max(1, model.counted.n_orders_in_all)
    words = np.zeros(head.shape)
    words[is_place] = np.asarray(model.tfidf[first].multiply(model.tfidf[second]).sum(axis=1)).ravel()
    is_companion = (
        (together >= np.maximum(COMPANION_ORDERS, COMPANION_LIFT * chance))
        & (together - chance >= COMPANION_DEVIATIONS * np.sqrt(chance))
        & is_place
    )
    is_bystander = (together <= chance + np.sqrt(chance)) & (words <= MIN_WORD_SIMILARITY) & is_place
    place = np.arange(head.shape[1])
    last = np.where(is_companion, place, -1).max(axis=1, initial=-1)[:, None]
    order = np.argsort(np.where(is_bystander, np.maximum(place, last + 0.5), place), axis=1, kind="stable")
    return np.concatenate([np.take_along_axis(head, order, axis=1), columns[:, N_ARRANGED:]], axis=1)


def _best(scores: FloatArray, n: int, candidates: IntArray) -> Found:
    columns, values = top_n(scores, n)
    return (np.where(columns >= 0, candidates[columns], NO_ITEM) if len(candidates) else columns), values


def _stacked(found: list[Found], n: int) -> Found:
    values = [np.pad(part[1], ((0, 0), (0, n - part[1].shape[1]))) for part in found]
    empty = np.empty((0, n), np.float32)
    return _padded([part[0] for part in found], n), np.concatenate([empty, *values])


def _padded(columns: list[IntArray], n: int) -> IntArray:
    parts = [np.pad(c, ((0, 0), (0, n - c.shape[1])), constant_values=NO_ITEM) for c in columns]
    return np.concatenate([np.empty((0, n), np.int64), *parts])


def _strongest(model: Model, columns: IntArray, owned: sparse.csr_matrix) -> IntArray:
    """For each listed item the product of the row's cart it was bought with most; `NO_ITEM` if none.

    `owned` is csr [n_lists, n_items]: what each row's cart or customer holds.
    """
    strongest = np.full(columns.shape, NO_ITEM, np.int64)
    starts, lengths = owned.indptr[:-1].astype(np.int64), np.diff(owned.indptr).astype(np.int64)
    row, place = np.nonzero((columns >= 0) & (lengths > 0)[:, None])
    part = np.cumsum(lengths[row]) // N_PAIRS_AT_ONCE
    for rows, places in zip(_cut(row, part), _cut(place, part), strict=True):
        size = lengths[rows]
        held = owned.indices[runs(starts[rows], size)].astype(np.int64)
        together = model.pairs.between(np.repeat(columns[rows, places], size), held)
        first = np.cumsum(size) - size
        most = np.maximum.reduceat(together, first)
        # Where it is reached first: the lowest product number among equals.
        at = np.where(together == np.repeat(most, size), np.arange(len(together)), len(together))
        strongest[rows, places] = np.where(most > 0, held[np.minimum.reduceat(at, first)], NO_ITEM)
    return strongest


def _cut(values: IntArray, part: IntArray) -> list[IntArray]:
    """Cut values where the number of their part changes; nothing has no parts."""
    return np.split(values, np.flatnonzero(np.diff(part)) + 1) if len(values) else []


def listed(
    model: Model,
    seeds: IntArray,
    columns: IntArray,
    values: FloatArray,
    *,
    because: IntArray,
    source: Source | None = None,
    is_personal: bool = False,
) -> Lists:
    """Put evidence beside each place and return the lists."""
    n_together, n_shared = np.zeros(columns.shape, np.int32), np.zeros(columns.shape, np.int16)
    n_baskets = np.zeros(columns.shape, np.int32)
    backed = (columns >= 0) & (because >= 0)
    first, second = because[backed], columns[backed]
    if len(first):
        n_together[backed] = model.pairs.between(first, second)
        presence = model.words.presence
        n_shared[backed] = np.asarray(presence[first].multiply(presence[second]).sum(axis=1)).ravel()
        n_baskets[backed] = model.n_orders[first]
    sources = _sources(model, columns, n_together, n_shared, is_personal=is_personal)
    if source is not None:
        sources = np.where(columns >= 0, int(source), int(Source.NONE))
    return Lists(
        seeds.astype(np.int64),
        columns.astype(np.int32),
        values.astype(np.float32),
        n_together,
        n_baskets,
        n_shared,
        np.where(columns >= 0, because, NO_ITEM).astype(np.int32),
        sources.astype(np.int8),
    )


def _sources(
    model: Model,
    columns: IntArray,
    n_together: npt.NDArray[np.int32],
    n_shared: npt.NDArray[np.int16],
    *,
    is_personal: bool,
) -> npt.NDArray[np.int64]:
    if not model.catalogue.n_items:
        return np.full(columns.shape, int(Source.NONE))
    is_sold = model.n_orders[np.maximum(columns, 0)] > 0
    chain = np.where(is_sold, int(Source.TASTE if is_personal else Source.POPULAR), int(Source.NEW))
    chain = np.where(n_shared > 0, int(Source.SIMILAR), chain)
    chain = np.where(n_together >= model.options.n_orders_min, int(Source.TOGETHER), chain)
    return np.where(columns >= 0, chain, int(Source.NONE))
