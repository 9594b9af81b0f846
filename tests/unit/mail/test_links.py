"""Signed links: what they carry, what they withstand, how long they live."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from app.mail.links import BadLinkError, ExpiredLinkError, Link, LinkSigner, Purpose, Target

KEY = "k" * 32
SIGNER = LinkSigner([KEY])
NOW = datetime(2026, 3, 1, tzinfo=UTC)
IDS = st.integers(min_value=1, max_value=2**63 - 1)


def token_for(signer: LinkSigner, purpose: Purpose, shop_id: int = 7, message_id: int = 42) -> str:
    if purpose is Purpose.CLICK:
        return signer.click(shop_id, message_id, Target.RECOMMENDATION, 3)
    sign = {
        Purpose.RESUME: signer.resume,
        Purpose.UNSUBSCRIBE: signer.unsubscribe,
        Purpose.PREFERENCES: signer.preferences,
    }
    return sign[purpose](shop_id, message_id)


@given(shop_id=IDS, message_id=IDS, purpose=st.sampled_from(Purpose))
def test_a_link_reads_back_what_was_signed_and_fits_a_header(
    shop_id: int, message_id: int, purpose: Purpose
) -> None:
    token = token_for(SIGNER, purpose, shop_id, message_id)
    link = SIGNER.read(purpose, token)
    assert (link.purpose, link.shop_id, link.message_id) == (purpose, shop_id, message_id)
    assert len(token) < 200


def test_a_click_says_what_was_clicked() -> None:
    token = SIGNER.click(7, 42, Target.RECOMMENDATION, 3)
    assert SIGNER.read("click", token) == Link(Purpose.CLICK, 7, 42, Target.RECOMMENDATION, 3)


@pytest.mark.parametrize("signed_for", Purpose)
@pytest.mark.parametrize("read_as", Purpose)
def test_a_link_serves_no_other_purpose(signed_for: Purpose, read_as: Purpose) -> None:
    token = token_for(SIGNER, signed_for)
    if signed_for is read_as:
        assert SIGNER.read(read_as, token).shop_id == 7
    else:
        with pytest.raises(BadLinkError):
            SIGNER.read(read_as, token)


@given(st.text(max_size=300))
def test_what_was_never_signed_is_refused(token: str) -> None:
    with pytest.raises(BadLinkError):
        SIGNER.read(Purpose.RESUME, token)


def test_no_changed_or_shortened_link_is_read() -> None:
    token = SIGNER.unsubscribe(7, 42)
    for i in range(len(token) - 1):  # the last character holds bits that base64 does not use
        changed = token[:i] + ("A" if token[i] != "A" else "B") + token[i + 1 :]
        for broken in (changed, token[:i]):
            with pytest.raises(BadLinkError) as caught:
                SIGNER.read(Purpose.UNSUBSCRIBE, broken)
            assert token[:12] not in str(caught.value)


def test_keys_rotate_without_breaking_mails_that_are_out() -> None:
    old, new = "old-" * 8, "new-" * 8
    before, during, after = LinkSigner([old]), LinkSigner([new, old]), LinkSigner([new])
    assert during.read(Purpose.RESUME, before.resume(7, 42)).message_id == 42
    assert after.read(Purpose.RESUME, during.resume(7, 42)).message_id == 42
    with pytest.raises(BadLinkError):
        after.read(Purpose.RESUME, before.resume(7, 42))


@pytest.mark.parametrize("keys", [[], [""], [KEY, ""]])
def test_a_signer_needs_keys(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="at least one key"):
        LinkSigner(keys)


@pytest.mark.parametrize("purpose", [Purpose.UNSUBSCRIBE, Purpose.PREFERENCES])
def test_a_way_to_opt_out_never_expires(purpose: Purpose) -> None:
    with time_machine.travel(NOW, tick=False):
        token = token_for(SIGNER, purpose)
    with time_machine.travel(NOW + timedelta(days=3650), tick=False):
        assert SIGNER.read(purpose, token).message_id == 42


@pytest.mark.parametrize("purpose", [Purpose.RESUME, Purpose.CLICK])
def test_other_links_expire_after_90_days(purpose: Purpose) -> None:
    with time_machine.travel(NOW, tick=False):
        token = token_for(SIGNER, purpose)
    with time_machine.travel(NOW + timedelta(days=90), tick=False):
        assert SIGNER.read(purpose, token).message_id == 42
    with (
        time_machine.travel(NOW + timedelta(days=90, seconds=1), tick=False),
        pytest.raises(ExpiredLinkError, match="more than 90 days old"),
    ):
        SIGNER.read(purpose, token)
