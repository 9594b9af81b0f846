"""The strict decoder that stands before every reader."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.platforms.base import UnreadableError
from app.platforms.strictjson import MAX_BYTES, MAX_DEPTH, decode_object

POISON = {
    "a NUL": (b'{"title":"a\\u0000b"}', "title: a NUL"),
    "a NUL in a name": (b'{"a\\u0000b":1}', "a name in the body: a NUL"),
    "a raw NUL": (b'{"title":"a\x00b"}', "not JSON"),
    "half a surrogate pair": (b'{"lines":[{"title":"\\ud800"}]}', "lines.0.title: half of a surrogate"),
    "NaN": (b'{"price":NaN}', "NaN is not JSON"),
    "infinity": (b'{"price":-Infinity}', "-Infinity is not JSON"),
    "beyond a double": (b'{"price":1e999}', "1e999 is beyond"),
    "an endless exponent": (b'{"price":0e9999999999999999999999}', "the number 0e99999999999999999999"),
    "5000 digits": (b'{"id":' + b"9" * 5000 + b"}", "more digits"),
    "5000 objects deep": (b'{"a":' * 5000 + b"1" + b"}" * 5000, "nested deeper"),
    "100,000 lists deep": (b'{"a":' + b"[" * 100_000, "nested deeper"),
    "just too deep": (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), "nested deeper"),
    "bad UTF-8": (b'{"title":"\xff"}', "byte 10: not UTF-8"),
    "Latin-1": ('{"title":"é"}'.encode("latin-1"), "not UTF-8"),
    "UTF-16": ('{"title":"e"}'.encode("utf-16"), "not UTF-8"),
    "a byte-order mark": (b"\xef\xbb\xbf{}", "byte-order mark"),
    "a name twice": (b'{"id":1,"id":2}', "the name id occurs twice"),
    "null": (b"null", "null, not an object"),
    "a list": (b"[]", "a list, not an object"),
    "a text": (b'"x"', "a string, not an object"),
    "a number": (b"7", "a number, not an object"),
    "nothing": (b"", "not JSON"),
    "half a body": (b'{"id":1', "not JSON"),
    "two bodies": (b"{}{}", "not JSON"),
}


@pytest.mark.parametrize(("raw", "reason"), POISON.values(), ids=POISON.keys())
def test_poison_is_refused_with_its_reason(raw, reason):
    with pytest.raises(UnreadableError) as refusal:
        decode_object(raw)
    assert reason in str(refusal.value)


def test_a_name_that_occurs_twice_among_very_many_is_found_at_once():
    names = ",".join(f'"k{number}":1' for number in range(200_000))
    with pytest.raises(UnreadableError, match="the name k199999 occurs twice"):
        decode_object(f'{{{names},"k199999":2}}'.encode())


def test_a_very_long_name_with_very_many_children_is_read_at_once():
    children = ",".join(f'"{number}":[]' for number in range(200_000))
    found = decode_object(f'{{"{"a" * 1_000_000}":{{{children}}}}}'.encode())
    assert len(found["a" * 1_000_000]) == 200_000


def test_a_body_beyond_the_limit_is_refused_before_it_is_decoded():
    with pytest.raises(UnreadableError, match="16,777,217 bytes; the limit is 16,777,216"):
        decode_object(b" " * (MAX_BYTES + 1))


def test_numbers_stay_exact():
    found = decode_object(b'{"id":788032119674292922,"price":0.1,"big":1234567890.123456789}')
    assert found == {
        "id": 788032119674292922,
        "price": Decimal("0.1"),
        "big": Decimal("1234567890.123456789"),
    }


def test_real_text_is_kept_as_it_is():
    found = decode_object(
        b'{"title":"Caf\xc3\xa9 \\u0026 \\ud83e\\uded6","deep":' + b"[" * 38 + b"]" * 38 + b"}"
    )
    assert found["title"] == "Café & 🫖"


def test_no_reason_repeats_an_address():
    with pytest.raises(UnreadableError) as refusal:
        decode_object(b'{"cleo@example.com":1,"cleo@example.com":2}')
    assert "cleo" not in str(refusal.value)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(ANY_JSON.map(lambda tree: json.dumps(tree).encode()) | st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_and_nothing_else(raw):
    with contextlib.suppress(UnreadableError):
        found = decode_object(raw)
        assert json.dumps(found, default=str, ensure_ascii=False).encode("utf-8")
