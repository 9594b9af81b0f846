"""The last click within five days before the order gets the credit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.attribution import (
    BoughtLine,
    Click,
    content_of,
    credited_list,
    credited_message,
    landed_message,
)

ORDERED = datetime(2026, 11, 20, 12, tzinfo=UTC)


def clicked(message_id: int, **before: float) -> Click:
    return Click(message_id, ORDERED - timedelta(**before))


def test_the_last_click_before_the_order_wins() -> None:
    assert credited_message([clicked(1, days=1), clicked(2, hours=1), clicked(3, days=3)], ORDERED) == 2


def test_a_click_after_the_order_earns_nothing() -> None:
    assert credited_message([clicked(1, seconds=-1)], ORDERED) is None


def test_a_click_counts_for_five_days_and_not_a_second_longer() -> None:
    assert credited_message([clicked(1, days=5)], ORDERED) == 1
    assert credited_message([clicked(1, days=5, seconds=1)], ORDERED) is None


def test_no_click_no_credit() -> None:
    assert credited_message([], ORDERED) is None


def test_the_shelf_that_most_of_the_money_came_through_is_credited() -> None:
    lines = [BoughtLine("a", 500), BoughtLine("b", 900), BoughtLine("a", 600), BoughtLine(None, 9_000)]
    assert credited_list(lines) == "a"


def test_of_two_equal_shelves_the_one_bought_from_first_is_credited() -> None:
    assert credited_list([BoughtLine("late", 5), BoughtLine("b", 5)]) == "late"


def test_an_order_without_a_shelf_line_is_credited_to_none() -> None:
    assert credited_list([BoughtLine(None, 500)]) is None
    assert credited_list([]) is None


def test_a_visit_that_began_with_a_mails_link_names_the_mail() -> None:
    assert landed_message(f"/checkout/?utm_source=regulars&utm_content={content_of(7)}") == 7


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "/",
        "/?utm_source=regulars",
        "/?utm_content=mail-7",
        "/?utm_source=ads&utm_content=mail-7",
        "/?utm_source=regulars&utm_content=7",
        "/?utm_source=regulars&utm_content=mail-",
        "/?utm_source=regulars&utm_content=mail-7x",
        "/?utm_source=regulars&utm_content=mail-٧",
        "/?utm_source=regulars&utm_content=mail-9999999999999999999",
        "//[/?utm_source=regulars&utm_content=mail-7",
    ],
)
def test_any_other_visit_names_none(path: str | None) -> None:
    assert landed_message(path) is None
