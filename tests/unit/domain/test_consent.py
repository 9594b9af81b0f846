"""Only an explicit yes counts, and the newest word holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.consent import Scope, basis, is_suppressed, may_mail, newest
from app.domain.events import Consent, ConsentState

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
YES, NO = ConsentState.SUBSCRIBED, ConsentState.UNSUBSCRIBED


@pytest.mark.parametrize("state", list(ConsentState))
def test_only_subscribed_may_be_mailed(state: ConsentState) -> None:
    assert may_mail(Consent(state=state)) is (state is ConsentState.SUBSCRIBED)


def test_silence_is_no_permission() -> None:
    assert not may_mail(None)


def test_the_basis_says_how_the_permission_was_given() -> None:
    assert basis(Consent(state=YES, opt_in_level="CONFIRMED_OPT_IN")) == (
        "agreed, and confirmed it by e-mail (double opt-in)"
    )
    assert basis(Consent(state=YES, opt_in_level="single_opt_in")) == "agreed in the shop (single opt-in)"
    assert basis(Consent(state=YES)) == "agreed in the shop"
    assert basis(Consent(state=NO)) is None
    assert basis(None) is None


def test_the_newest_change_holds_whatever_order_the_entries_come_in() -> None:
    old = Consent(state=YES, changed_at=NOW - timedelta(days=1))
    new = Consent(state=NO, changed_at=NOW)
    assert newest([old, new]) == newest([new, old]) == new
    assert newest([]) is None


def test_of_two_changes_at_one_moment_the_one_that_forbids_holds() -> None:
    yes, no = Consent(state=YES, changed_at=NOW), Consent(state=NO, changed_at=NOW)
    assert newest([yes, no]) == newest([no, yes]) == no


def test_an_entry_without_a_time_is_older_than_any_with_one() -> None:
    dated, undated = Consent(state=NO, changed_at=NOW), Consent(state=YES)
    assert newest([undated, dated]) == dated


def test_a_suppression_of_everything_covers_every_flow_and_one_of_a_flow_only_that() -> None:
    assert is_suppressed({"all"}, "win_back")
    assert is_suppressed({Scope.WIN_BACK}, "win_back")
    assert not is_suppressed({"abandoned_cart"}, "win_back")
    assert not is_suppressed(set(), "win_back")
