"""Words of every script meet themselves in another case, accent or number."""

from __future__ import annotations

import numpy as np
import pytest

from app.recommender import Catalogue
from app.recommender.words import read_words, words_in


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ΚΑΦΈΣ Ελληνικός", "καφές ελληνικοσ"),
        ("İNCE BELLİ ÇAY BARDAĞI", "ince belli çay bardağı"),
        ("Crème Brûlée", "creme brulee"),
        ("RED MUGS", "red mug"),
        ("🎄 candle", "candle🎄"),
    ],
)
def test_the_same_words_meet(one: str, other: str) -> None:
    assert set(words_in(one)) == set(words_in(other))


def test_unspaced_scripts_are_cut_into_pairs() -> None:
    assert words_in("抹茶茶碗") == ["抹茶", "茶茶", "茶碗"]


def test_short_words_and_double_s_keep_their_end() -> None:
    assert words_in("gas glass bus lamps") == ["gas", "glass", "bus", "lamp"]


def test_a_cosine_is_one_for_the_same_words_and_zero_for_none() -> None:
    words = read_words(Catalogue.of(["a", "b", "c", "d"], ["red mug", "mug red", "oak lamp", ""]))
    cosine = (words.tfidf @ words.tfidf.T).toarray()
    assert cosine[0, 1] == pytest.approx(1.0)
    assert cosine[0, 2] == 0.0
    assert cosine[3].tolist() == [0.0, 0.0, 0.0, 0.0]


def test_rare_shared_words_come_first_and_lose_their_kind() -> None:
    catalogue = Catalogue.of(
        ["a", "b", "c"],
        ["red oak lamp", "red oak mug", "red card"],
        ["Home", "Home", ""],
        tags=[["gift"], ["gift"], []],
    )
    assert read_words(catalogue).shared(0, 1) == ("oak", "home", "gift", "red")


def test_words_grow_without_moving_those_known() -> None:
    known = read_words(Catalogue.of(["a"], ["red mug"]))
    grown = read_words(Catalogue.of(["a", "b"], ["red mug", "red lamp"]), known)
    assert grown.vocabulary == ("red", "mug", "lamp")
    assert (grown.idf[:2] == known.idf).all()
    assert np.array_equal(grown.presence.toarray(), [[1, 1, 0], [1, 0, 1]])
