"""Owns how product texts become words and vectors; it must not know about orders."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    import numpy.typing as npt

    from app.recommender.interactions import Catalogue, FloatArray

# A word is a run of letters and digits of any script; a pictograph is a word of its own, because
# "🎄 mug" and "🎄 card" do belong together.
_TOKEN = re.compile(r"[^\W_]+|[\u2600-\u27bf\U0001f300-\U0001faff]")
# Scripts written without spaces: their runs are cut into pairs of characters.
_UNSPACED = re.compile(r"^[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+$")
# Word characters to keep per product: a title longer than this is a description or an attack.
MAX_TEXT_CHARACTERS = 1000


def fold(text: str) -> str:
    """Return the text without case, accents and dots, so that ΚΑΦΈΣ, καφές and İNCE, ınce, ince meet."""
    decomposed = unicodedata.normalize("NFKD", text[:MAX_TEXT_CHARACTERS].casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c)).replace("ı", "i")


def words_in(text: str) -> list[str]:
    """Return the words of a text in reading order; English plurals lose their s."""
    found: list[str] = []
    for token in _TOKEN.findall(fold(text)):
        if _UNSPACED.match(token) and len(token) > 1:
            found.extend(token[i : i + 2] for i in range(len(token) - 1))
        elif len(token) > 3 and token.endswith("s") and not token.endswith("ss"):
            found.append(token[:-1])
        else:
            found.append(token)
    return found


def _row_tokens(catalogue: Catalogue, row: int) -> list[str]:
    tokens = words_in(catalogue.titles[row])
    if catalogue.categories[row]:
        tokens.append("category:" + fold(catalogue.categories[row]).strip())
    if catalogue.vendors[row]:
        tokens.append("vendor:" + fold(catalogue.vendors[row]).strip())
    tokens.extend("tag:" + fold(tag).strip() for tag in catalogue.tags[row] if tag)
    return list(dict.fromkeys(tokens))


@dataclass(frozen=True, eq=False)
class Words:
    """The words of a catalogue.

    Attributes
    ----------
    vocabulary : tuple of str, shape [n_words]
        Append-only; category, vendor and tag words carry their kind as a prefix.
    idf : float32, shape [n_words]
        log(1 + n_items / n_items_with_word), at least log 2; kept as first computed until the next
        full pass, so that an update moves only what is new.
    presence : csr float32, shape [n_items, n_words]
        1 where the product has the word.
    """

    vocabulary: tuple[str, ...]
    idf: FloatArray
    presence: sparse.csr_matrix

    @cached_property
    def features(self) -> sparse.csr_matrix:
        """What LightFM sees of a product: its identity, then its idf-weighted words, each row summing to 1.

        Kept, as `tfidf` is: a delta without new products asks for the same again.

        Returns
        -------
        csr float32, shape [n_items, n_items + n_words]
        """
        weighted = sparse.csr_matrix(self.presence @ sparse.diags(self.idf), dtype=np.float32)
        identity = sparse.identity(weighted.shape[0], dtype=np.float32, format="csr")
        mean_idf = float(self.idf.mean()) if len(self.idf) else 1.0
        stacked = sparse.csr_matrix(sparse.hstack([identity * mean_idf, weighted], format="csr"))
        return scale_rows(stacked, np.asarray(stacked.sum(axis=1)).ravel())

    @cached_property
    def tfidf(self) -> sparse.csr_matrix:
        """idf-weighted words with L2-normalised rows, so that a product of rows is a cosine [1]_.

        Returns
        -------
        csr float32, shape [n_items, n_words]
            Rows without words stay zero.

        References
        ----------
        .. [1] Salton, Buckley: Term-weighting approaches in automatic text retrieval, 1988.
        """
        weighted = (self.presence @ sparse.diags(self.idf)).tocsr()
        return scale_rows(weighted, np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel()))

    def shared(self, first: int, second: int) -> tuple[str, ...]:
        """Return the words two products share, rarest first, without their kind prefix doubled."""
        common = np.intersect1d(self._columns(first), self._columns(second))
        ranked = common[np.argsort(-self.idf[common], kind="stable")]
        return tuple(
            dict.fromkeys(self.vocabulary[w].partition(":")[2] or self.vocabulary[w] for w in ranked)
        )

    def _columns(self, row: int) -> npt.NDArray[np.int32]:
        start, stop = self.presence.indptr[row], self.presence.indptr[row + 1]
        return np.asarray(self.presence.indices[start:stop])


def scale_rows(matrix: sparse.csr_matrix, divisors: np.ndarray) -> sparse.csr_matrix:
    """Divide each row by its divisor; rows whose divisor is 0 stay as they are."""
    safe = np.where(divisors > 0, divisors, 1.0)
    return sparse.csr_matrix(sparse.diags((1.0 / safe).astype(np.float32)) @ matrix, dtype=np.float32)


def presence_of(indices: np.ndarray, indptr: np.ndarray, n_words: int) -> sparse.csr_matrix:
    """Return the presence matrix, float32 [len(indptr) - 1, n_words], of ones at `indices`."""
    ones = np.ones(len(indices), np.float32)
    return sparse.csr_matrix((ones, indices, indptr), shape=(len(indptr) - 1, n_words))


def read_words(catalogue: Catalogue, known: Words | None = None) -> Words:
    """Read the words of a catalogue.

    Parameters
    ----------
    catalogue : Catalogue
        All products; its first rows are those that `known` has read already.
    known : Words, optional
        What was read before; its words keep their index and idf.
    """
    index = {} if known is None else {word: i for i, word in enumerate(known.vocabulary)}
    first = 0 if known is None else known.presence.shape[0]
    indptr, indices = [0], list[int]()
    for row in range(first, catalogue.n_items):
        indices.extend(index.setdefault(token, len(index)) for token in _row_tokens(catalogue, row))
        indptr.append(len(indices))
    fresh = presence_of(np.array(indices, np.int32), np.array(indptr, np.int32), len(index))
    fresh.sort_indices()
    if known is None:
        return Words(tuple(index), _idf(fresh, catalogue.n_items), fresh)
    old = known.presence.copy()
    old.resize(first, len(index))
    presence = sparse.csr_matrix(sparse.vstack([old, fresh], format="csr"))
    idf = np.concatenate([known.idf, _idf(presence, catalogue.n_items)[len(known.idf) :]])
    return Words(tuple(index), idf.astype(np.float32), presence)


def _idf(presence: sparse.csr_matrix, n_items: int) -> FloatArray:
    n_with_word = np.bincount(presence.indices, minlength=presence.shape[1])
    return np.asarray(np.log1p(n_items / np.maximum(n_with_word, 1)), dtype=np.float32)
