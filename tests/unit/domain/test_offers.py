"""How long an offer lasts, and codes that nobody guesses or misreads."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.offers import ALPHABET, N_CODES, Offer, end_of, last_day_of, spell

ATHENS = ZoneInfo("Europe/Athens")


def test_a_code_has_58_bits_and_no_character_that_is_taken_for_another():
    assert math.log2(N_CODES) > 58
    assert not set("01OILUV") & set(ALPHABET)


@given(st.integers(0, N_CODES - 1))
def test_a_code_is_three_groups_of_four(number):
    assert re.fullmatch(rf"([{ALPHABET}]{{4}}-){{2}}[{ALPHABET}]{{4}}", spell(number))


@given(st.integers(0, N_CODES - 1), st.integers(0, N_CODES - 1))
def test_two_numbers_never_share_a_code(one, other):
    assert (spell(one) == spell(other)) is (one == other)


@pytest.mark.parametrize("number", [-1, N_CODES])
def test_other_numbers_are_no_codes(number):
    with pytest.raises(ValueError, match="is not below"):
        spell(number)


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@given(MOMENTS, st.integers(1, 60), st.sampled_from(["Europe/Athens", "Pacific/Apia", "America/New_York"]))
def test_nobody_gets_less_than_was_promised_and_a_day_shares_one_end(now, valid_days, name):
    zone = ZoneInfo(name)
    ends_at = end_of(now, zone, valid_days)
    local = now.astimezone(zone)
    assert last_day_of(ends_at, zone).date() == local.date() + timedelta(days=valid_days)
    assert end_of(local.replace(hour=12, minute=0), zone, valid_days) == ends_at


def test_an_offer_ends_at_the_shops_midnight():
    now = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)  # half past midnight of the 21st in Athens
    ends_at = end_of(now, ATHENS, 7)
    assert ends_at.astimezone(ATHENS) == datetime(2026, 11, 29, tzinfo=ATHENS)
    assert last_day_of(ends_at, ATHENS).date().isoformat() == "2026-11-28"


def test_the_merchant_reads_what_it_is_and_until_when():
    offer = Offer(
        percent=10, starts_at=datetime(2026, 11, 20, tzinfo=UTC), ends_at=datetime(2026, 11, 28, tzinfo=UTC)
    )
    assert offer.title == "Cart reminder: 10 % off, until 2026-11-28"
