"""Whose a list in the theme is, and what becomes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.themelists import Found, LastTime, Published, Step, Written, is_due, step_for

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
NOTHING, EMPTY = Found(None), Found(())
UNREADABLE = Found(None, is_foreign=True)


@pytest.mark.parametrize(
    ("wanted", "found", "written", "step"),
    [
        (("1", "2"), NOTHING, None, Step.WRITE),
        (("1", "2"), EMPTY, None, Step.WRITE),
        (("1", "2"), Found(("9",)), None, Step.THEIRS),
        # The same by chance is theirs all the same: we did not write it.
        (("1", "2"), Found(("1", "2")), None, Step.THEIRS),
        (("1", "2"), UNREADABLE, None, Step.THEIRS),
        ((), NOTHING, None, Step.KEEP),
        (("1", "2"), Found(("1", "2")), Written(("1", "2")), Step.KEEP),
        (("1", "3"), Found(("1", "2")), Written(("1", "2")), Step.WRITE),
        (("1", "3"), Found(("2", "1")), Written(("1", "2")), Step.TAKEN),
        # Emptied by the merchant: it is not filled again.
        (("1", "3"), NOTHING, Written(("1", "2")), Step.TAKEN),
        (("1", "3"), UNREADABLE, Written(("1", "2")), Step.TAKEN),
        ((), Found(("1", "2")), Written(("1", "2")), Step.RESTORE),
        ((), Found(("9",)), Written(("1", "2")), Step.TAKEN),
    ],
)
def test_what_becomes_of_a_list(wanted, found, written, step):
    assert step_for(wanted, found, written) is step


@pytest.mark.parametrize("found", [Found(("1",)), Found(("2",))])
def test_after_a_call_that_was_cut_off_either_version_is_ours(found):
    assert Written(("1",), pending=("2",)).is_ours(found)
    assert step_for(("3",), found, Written(("1",), pending=("2",))) is Step.WRITE


def test_a_first_write_and_a_taking_away_that_were_cut_off_are_gone_on_with():
    assert step_for(("1",), NOTHING, Written((), pending=("1",))) is Step.WRITE
    assert step_for((), NOTHING, Written(("1",), pending=())) is Step.RESTORE


IDS = st.lists(st.sampled_from("1234"), max_size=3, unique=True).map(tuple)


@given(wanted=IDS, found=IDS, written=st.none() | st.builds(Written, IDS, st.none() | IDS))
def test_nothing_but_an_empty_list_or_ours_is_ever_written_over(wanted, found, written):
    step = step_for(wanted, Found(found or None), written)
    if step in (Step.WRITE, Step.RESTORE):
        ours = set() if written is None else {written.product_ids, written.pending}
        assert found == () if written is None else found in ours


ONE, MOVED, NEXT = Published(1, 0), Published(1, 3), Published(2, 0)


@pytest.mark.parametrize(
    ("published", "last", "due"),
    [
        (ONE, None, True),
        (ONE, LastTime(ONE, False, NOW), False),
        (MOVED, LastTime(ONE, False, NOW - timedelta(minutes=59)), False),
        (MOVED, LastTime(ONE, False, NOW - timedelta(minutes=60)), True),
        (NEXT, LastTime(ONE, False, NOW), True),
        (NEXT, LastTime(ONE, True, NOW - timedelta(minutes=59)), False),
        (ONE, LastTime(ONE, True, NOW - timedelta(minutes=60)), True),
        (ONE, LastTime(None, False, NOW), True),
        (None, LastTime(ONE, False, NOW), True),
    ],
)
def test_a_new_model_is_carried_over_at_once_and_small_moves_once_an_hour(published, last, due):
    assert is_due(published, last, NOW) is due
