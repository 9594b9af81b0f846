"""The search syntax and the pages: filters as Shopify documents them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.demo.listing import Listing, page
from app.demo.search import compile_search


@dataclass
class Row:
    id: int
    title: str
    tags: list[str]
    at: datetime
    email: str | None = None


ROWS = [
    Row(1, "Olive oil", ["greek", "staple"], datetime(2026, 1, 10, 23, 30, tzinfo=UTC), "a@example.com"),
    Row(2, "Sea salt", ["staple"], datetime(2026, 1, 11, 12, 0, tzinfo=UTC)),
    Row(3, "Olive wood board", [], datetime(2026, 1, 12, 0, 0, tzinfo=UTC), "b@example.com"),
]
GETTERS = {
    "default": lambda r: r.title,
    "id": lambda r: r.id,
    "title": lambda r: r.title,
    "tag": lambda r: r.tags,
    "updated_at": lambda r: r.at,
    "email": lambda r: r.email,
}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [1, 2, 3]),
        ("id:2", [2]),
        ("id:>=2", [2, 3]),
        ("id:>1 id:<3", [2]),
        ("id:gid://shopify/Product/3", [3]),
        ("tag:staple", [1, 2]),
        ("tag:STAPLE AND NOT tag:greek", [2]),
        ("-tag:staple", [3]),
        ("title:'Sea salt'", [2]),
        ('title:"olive*"', [1, 3]),
        ("olive", [1, 3]),
        ("olive OR tag:staple", [1, 2, 3]),
        ("olive (tag:greek OR id:2)", [1]),
        ("id:1 OR id:2 AND tag:greek", [1]),
        ("email:A@example.com", [1]),
        ("email:'*'", [1, 3]),
        ("updated_at:>'2026-01-11T00:00:00Z'", [2, 3]),
        ("updated_at:>2026-01-11T12:00:00Z", [3]),
        ("updated_at:>='2026-01-11T12:00:00+00:00'", [2, 3]),
        ("updated_at:2026-01-11", [2]),
        ("updated_at:<=2026-01-10", [1]),
        ("updated_at:>2026-01-11", [3]),
        ("updated_at:nonsense", []),
        ("id:nonsense", []),
    ],
)
def test_a_filter_finds_what_it_says(query, found):
    search = compile_search(query, GETTERS)
    assert [r.id for r in ROWS if search.matches(r)] == found
    assert search.unknown == []


def test_a_bare_date_is_that_day_where_the_shop_is():
    search = compile_search("updated_at:2026-01-11", GETTERS, "Europe/Athens")
    assert [r.id for r in ROWS if search.matches(r)] == [1, 2]


def test_an_unknown_field_is_named_and_matches_everything():
    search = compile_search("colour:blue id:2", GETTERS)
    assert search.unknown == ["colour"]
    assert [r.id for r in ROWS if search.matches(r)] == [2]


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(query):
    search = compile_search(query, GETTERS)
    assert {search.matches(r) for r in ROWS} <= {True, False}


@given(
    n_items=st.integers(0, 30),
    size=st.integers(1, 9),
    reverse=st.booleans(),
    new_ids=st.lists(st.integers(1000, 1010), unique=True, max_size=4),
)
def test_paging_by_cursor_shows_each_item_once_whatever_is_added_behind(n_items, size, reverse, new_ids):
    items = [Row(n, str(n), [], ROWS[0].at + timedelta(days=n // 3)) for n in range(n_items)]
    seen, after, has_more = [], None, True
    while has_more:
        rows = items + (
            [Row(n, "", [], ROWS[0].at + timedelta(days=99)) for n in new_ids]
            if after and not reverse
            else []
        )
        listing = Listing(sorted(rows, key=_key), _key)
        shown = page(listing, {"first": size, "after": after, "reverse": reverse})
        seen += [r.id for r in shown["nodes"]]
        after, has_more = shown["pageInfo"]["endCursor"], shown["pageInfo"]["hasNextPage"]
    old = [n for n in seen if n < 1000]
    assert old == sorted(range(n_items), reverse=reverse)
    assert len(seen) == len(set(seen))


def _key(row):
    return int(row.at.timestamp()), row.id
