"""The holdout is a stable draw of the right size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.domain.experiments import Arm, arm

PEOPLE = [n.to_bytes(32, "big") for n in range(20_000)]


def test_a_tenth_of_the_people_is_held_out() -> None:
    n_held_out = sum(arm(b"salt-of-ada", person, 0.1) is Arm.HOLDOUT for person in PEOPLE)
    # 2,000 ± 4 standard deviations of a fair draw (σ = 42).
    assert 1_830 < n_held_out < 2_170


def test_the_arms_of_two_shops_have_nothing_to_do_with_each_other() -> None:
    both = sum(arm(b"salt-of-ada", person, 0.5) is arm(b"salt-of-ben", person, 0.5) for person in PEOPLE)
    # 10,000 ± 4 standard deviations (σ = 71).
    assert 9_716 < both < 10_284


def test_the_same_person_is_always_in_the_same_arm() -> None:
    assert arm(b"s", b"cleo", 0.1) is arm(b"s", b"cleo", 0.1)
    # Pinned: a changed draw would move people between arms in the middle of a comparison.
    drawn = [arm(b"salt", bytes([n]), 0.5).value for n in range(6)]
    assert drawn == ["mailed", "mailed", "holdout", "holdout", "mailed", "mailed"]


@given(st.binary(max_size=100), st.binary(max_size=64), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_only_adds_people_to_the_holdout(
    salt: bytes, person: bytes, one: float, other: float
) -> None:
    smaller, larger = sorted((one, other))
    if arm(salt, person, smaller) is Arm.HOLDOUT:
        assert arm(salt, person, larger) is Arm.HOLDOUT


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_a_share_of_nothing_holds_nobody_out_and_a_share_of_one_everybody(salt: bytes, person: bytes) -> None:
    assert arm(salt, person, 0.0) is Arm.MAILED
    assert arm(salt, person, 1.0) is Arm.HOLDOUT
