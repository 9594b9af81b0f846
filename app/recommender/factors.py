"""Owns the LightFM model of a shop: fitting, growing and delta updates; it must not rank anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from lightfm import LightFM
from scipy import sparse

from app.recommender.user_rows import UserRows

if TYPE_CHECKING:
    import numpy.typing as npt

    from app.recommender.interactions import FloatArray, IntArray
    from app.recommender.words import Words

# More than one OpenMP thread in a pre-forked worker hangs for ever once the parent has used OpenMP,
# and makes the result depend on timing. One thread, always; shops are the unit of parallelism.
NUM_THREADS = 1
# What a LightFM model is between fits. Its momenta belong to another learning schedule and stay zero.
_ARRAYS = (
    "item_embeddings",
    "item_embedding_gradients",
    "item_biases",
    "item_bias_gradients",
    "user_embeddings",
    "user_embedding_gradients",
    "user_biases",
    "user_bias_gradients",
)
_MOMENTA = {
    "item_embedding_momentum": "item_embeddings",
    "item_bias_momentum": "item_biases",
    "user_embedding_momentum": "user_embeddings",
    "user_bias_momentum": "user_biases",
}


class DivergedError(ArithmeticError):
    """The vectors grew beyond every bound while learning: keep the last good model and learn from scratch."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


class _FullHistoryLightFM(LightFM):  # type: ignore[misc]
    """LightFM that takes negatives from the full history, also when it is shown only a part of it.

    `fit_partial(delta)` alone would push away what a customer bought before the delta.
    """

    positives: sparse.csr_matrix | None = None

    def _get_positives_lookup_matrix(self, interactions: sparse.coo_matrix) -> sparse.csr_matrix:
        if self.positives is None:
            return super()._get_positives_lookup_matrix(interactions)
        return self.positives


@dataclass(frozen=True, eq=False)
class Factors:
    """A fitted LightFM model as plain arrays.

    Attributes
    ----------
    arrays : dict of str to float32 array
        LightFM's own arrays: embeddings [n_rows, n_components], biases [n_rows] and their adagrad
        gradients, for item features (identity rows first, then words) and, until they are split off, users.
    n_items : int
        How many of the item feature rows are identities.
    """

    arrays: dict[str, FloatArray]
    n_items: int

    @property
    def n_components(self) -> int:
        """Length of a vector."""
        return int(self.arrays["item_embeddings"].shape[1])

    def split(self, shoppers: IntArray) -> tuple[Factors, UserRows]:
        """Return the item rows, and the user rows of known customers.

        Parameters
        ----------
        shoppers : int64, shape [n_users]
            User index of each user row, ascending; -1 for guests, who follow and are not kept.
        """
        known = shoppers >= 0
        users = {name: rows[known] for name, rows in self.arrays.items() if name.startswith("user_")}
        items = {name: rows for name, rows in self.arrays.items() if name.startswith("item_")}
        return Factors(items, self.n_items), UserRows(shoppers[known], users)

    def item_vectors(self, words: Words) -> tuple[FloatArray, FloatArray]:
        """Return item vectors float32 [n_items, n_components] and biases float32 [n_items]."""
        features = item_features(words)
        return features @ self.arrays["item_embeddings"], features @ self.arrays["item_biases"]

    def proven_item_vectors(
        self, words: Words, is_proven: npt.NDArray[np.bool_], vectors: FloatArray
    ) -> FloatArray:
        """Item vectors in which one order alone can't bring two products near each other.

        Parameters
        ----------
        words : Words
        is_proven : bool, shape [n_items]
            Products of enough orders: their own embedding counts.
        vectors : float32, shape [n_items, n_components]
            As `item_vectors` returns them.

        Returns
        -------
        float32, shape [n_items, n_components]
            A product that is not proven is the sum of its words that at least one proven product has.
        """
        n_items, n_words = words.presence.shape
        unproven = np.flatnonzero(~is_proven)
        counts = np.zeros(n_items + n_words, np.float32)
        counts[n_items + words.presence[is_proven].indices] = 1.0
        spoken = sparse.csr_matrix(item_features(words)[unproven])
        spoken.data *= counts[spoken.indices]
        proven = vectors.copy()
        proven[unproven] = spoken @ self.arrays["item_embeddings"]
        return proven


@dataclass(frozen=True, eq=False)
class Rows:
    """Where rows were before; -1 for one that starts new.

    Attributes
    ----------
    item : int64, shape [n_features]
        Identities first, then words.
    user : int64, shape [n_shoppers]
    """

    item: IntArray
    user: IntArray


def item_features(words: Words) -> sparse.csr_matrix:
    """Return the item feature matrix: identity first, then idf-weighted words, each half of a row summing to 1.

    Returns
    -------
    csr float32, shape [n_items, n_items + n_words]
        The identity column is always there: a row of zeros would become NaN inside LightFM.
    """
    return words.features


def fit_factors(
    interactions: sparse.csr_matrix, words: Words, *, n_components: int, n_epochs: int, seed: int
) -> Factors:
    """Fit LightFM with the WARP loss [1]_ on one thread.

    Parameters
    ----------
    interactions : csr float32, shape [n_users, n_items]
        Values above 0 are used as sample weights.
    words : Words
        Of the same items.
    n_components, n_epochs, seed : int
        The same seed gives bit-equal arrays.

    References
    ----------
    .. [1] Kula: Metadata Embeddings for User and Item Cold-start Recommendations, 2015.
    """
    model = _FullHistoryLightFM(no_components=n_components, loss="warp", random_state=seed)
    coordinates = interactions.tocoo()
    _fit(model, coordinates, item_features(words), n_epochs)
    return Factors(_take_arrays(model), interactions.shape[1])


def _fit(model: Any, coordinates: sparse.coo_matrix, features: sparse.csr_matrix, n_epochs: int) -> None:
    ones = sparse.coo_matrix(
        (np.ones(coordinates.nnz, np.float32), (coordinates.row, coordinates.col)), shape=coordinates.shape
    )
    try:
        # LightFM sums its arrays to see whether they are finite, and an overflow is its answer.
        with np.errstate(over="ignore", invalid="ignore"):
            model.fit_partial(
                ones,
                item_features=features,
                sample_weight=coordinates,
                epochs=n_epochs,
                num_threads=NUM_THREADS,
            )
    except ValueError as error:
        # LightFM's only way to say that its arrays are no longer finite.
        if "finite" in str(error):
            raise DivergedError from error
        raise


def _take_arrays(model: Any) -> dict[str, npt.NDArray[np.float32]]:
    return {name: np.ascontiguousarray(getattr(model, name), np.float32) for name in _ARRAYS}


def continue_fit(
    factors: Factors,
    users: UserRows,
    rows: Rows,
    positives: sparse.csr_matrix,
    touched: sparse.coo_matrix,
    *,
    words: Words,
    n_epochs: int,
    seed: int,
) -> Factors:
    """Grow or reorder a fitted model and pass over some interactions of some shoppers.

    Parameters
    ----------
    factors : Factors
        As last fitted.
    users : UserRows
        Of these shoppers at least, in one part.
    rows : Rows
        Where each feature was in `factors`, and each shopper in `users`.
    positives : csr float32, shape [n_shoppers, n_items]
        Everything these shoppers ever had to do with: never drawn as a negative.
    touched : coo float32, shape [n_shoppers, n_items]
        What to learn, values are weights; duplicates are learned twice.
    words : Words
        Of all items, the new ones included.
    n_epochs, seed : int

    Returns
    -------
    Factors
        With the features and shoppers of `rows`, in that order.
    """
    random = np.random.RandomState(seed)
    model = _FullHistoryLightFM(no_components=factors.n_components, loss="warp", random_state=random)
    before = factors.arrays | users.arrays
    for name in _ARRAYS:
        setattr(model, name, _placed(name, before[name], getattr(rows, name[:4]), random))
    for name, like in _MOMENTA.items():
        setattr(model, name, np.zeros_like(getattr(model, like)))
    model.positives = positives
    if touched.nnz:
        _fit(model, touched, item_features(words), n_epochs)
    return Factors(_take_arrays(model), positives.shape[1])


def feature_rows(factors: Factors, words_before: Words, words: Words, items: IntArray) -> IntArray:
    """Return where each item feature (identities, then words) was before, -1 for a new one.

    Parameters
    ----------
    factors : Factors
        As fitted with `words_before`.
    items : int64, shape [n_items]
        Where each product was, -1 for a new one.
    """
    if words is words_before:
        return np.concatenate([items, factors.n_items + np.arange(len(words.vocabulary))])
    place = {word: factors.n_items + n for n, word in enumerate(words_before.vocabulary)}
    return np.concatenate([items, np.array([place.get(word, -1) for word in words.vocabulary], np.int64)])


def _placed(name: str, old: FloatArray, rows: IntArray, random: np.random.RandomState) -> FloatArray:
    """Return old rows where `rows` names one, and new ones as LightFM itself begins them."""
    fresh = rows < 0
    shape = (len(rows), *old.shape[1:])
    if name.endswith("embeddings"):
        start = np.zeros(shape, np.float32)
        start[fresh] = (random.rand(int(fresh.sum()), shape[1]) - 0.5) / shape[1]
    else:
        start = np.full(shape, 1.0 if name.endswith("gradients") else 0.0, np.float32)
    start[~fresh] = old[rows[~fresh]]
    return start
