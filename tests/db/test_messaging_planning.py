"""Who gets a message planned, once, and who does not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.domain.events import ConsentState
from app.domain.policy import CartFlowPolicy, SenderPolicy, WinBackPolicy
from app.services import messaging
from app.services.context import Context
from tests.conftest import NOW, MovableClock, Shop
from tests.db.messaging_stage import CLEO, DAN, Stage, line, set_stage


@pytest.fixture
def stage(context: Context, ada: Shop) -> Stage:
    return set_stage(context, ada.shop_id)


def win_backs(stage: Stage) -> int:
    return messaging.plan_win_backs(stage.context, stage.shop_id, stage.now)


def test_a_cart_idle_for_an_hour_gets_one_message_and_never_a_second(stage: Stage) -> None:
    cart_id = stage.cart(updated_at=NOW - timedelta(minutes=60))
    assert stage.plan() == 1
    assert stage.plan() == 0
    row = stage.message()
    assert (row["flow"], row["step"], row["state"], row["recipient"]) == (
        "abandoned_cart",
        1,
        "planned",
        CLEO,
    )
    assert row["due_at"] == NOW
    enrolled = stage.fetch("SELECT subject, cart_id, state FROM enrolments")
    assert [dict(row) for row in enrolled] == [
        {"subject": f"cart:{cart_id}", "cart_id": cart_id, "state": "active"}
    ]


def test_a_cart_that_is_still_warm_is_left_alone(stage: Stage) -> None:
    stage.cart(updated_at=NOW - timedelta(minutes=59))
    assert stage.plan() == 0


def test_a_cart_without_an_address_or_without_lines_is_left_alone(stage: Stage) -> None:
    stage.cart("no-address", email=None)
    stage.cart("no-lines", lines=[])
    assert stage.plan() == 0


def test_carts_from_before_the_last_three_days_are_left_alone(stage: Stage) -> None:
    stage.cart(updated_at=NOW - timedelta(hours=72))
    assert stage.plan() == 0


def test_a_cart_that_was_ordered_is_left_alone(stage: Stage) -> None:
    stage.cart()
    stage.order(cart_token="cart-1")
    assert stage.plan() == 0


def test_a_cart_used_again_moves_its_message_on(stage: Stage, clock: MovableClock) -> None:
    stage.cart()
    stage.plan()
    clock.advance(minutes=10)
    stage.cart(updated_at=clock.at, lines=[line(quantity=3)])
    assert stage.plan() == 0
    assert stage.message()["due_at"] == clock.at + timedelta(hours=1)


def test_the_merchants_own_wait_counts(stage: Stage) -> None:
    stage.set_policy(cart=CartFlowPolicy(wait_minutes=180))
    stage.cart()
    assert stage.plan() == 0
    stage.set_policy(cart=CartFlowPolicy(wait_minutes=30))
    assert stage.plan() == 1


def test_a_flow_that_is_off_plans_nothing(stage: Stage) -> None:
    with stage.context.db.shop(stage.shop_id) as connection:
        messaging.deactivate(connection, stage.shop_id, "abandoned_cart")
    stage.cart()
    assert stage.plan() == 0


def test_a_shop_that_is_not_connected_plans_nothing(stage: Stage) -> None:
    stage.run("UPDATE shops SET state = 'uninstalled'")
    stage.cart()
    assert stage.plan() == 0
    assert win_backs(stage) == 0


def test_the_carts_of_another_shop_are_never_seen(stage: Stage, ben: Shop) -> None:
    bens = set_stage(stage.context, ben.shop_id)
    bens.cart()
    assert stage.plan() == 0
    assert stage.states() == {}
    assert bens.plan() == 1
    assert stage.states() == {}


def test_a_flow_is_not_switched_on_without_a_postal_address(stage: Stage) -> None:
    with stage.context.db.shop(stage.shop_id) as connection:
        messaging.deactivate(connection, stage.shop_id, "win_back")
    stage.set_policy(sender=SenderPolicy(postal_address="  "))
    with (
        pytest.raises(messaging.PostalAddressMissingError, match="Enter your postal address"),
        stage.context.db.shop(stage.shop_id) as connection,
    ):
        messaging.activate(connection, stage.shop_id, "win_back", NOW)
    with stage.context.db.shop(stage.shop_id) as connection:
        states = {view.kind: view.is_active for view in messaging.flows(connection, stage.shop_id)}
    assert states == {"abandoned_cart": True, "win_back": False}


def test_a_flow_nobody_knows_can_not_be_switched_on(stage: Stage) -> None:
    with (
        pytest.raises(messaging.UnknownFlowError, match="'newsletter'"),
        stage.context.db.shop(stage.shop_id) as connection,
    ):
        messaging.activate(connection, stage.shop_id, "newsletter", NOW)


def test_the_merchants_words_are_kept_and_empty_ones_fall_back_to_ours(stage: Stage) -> None:
    with stage.context.db.shop(stage.shop_id) as connection:
        messaging.save_texts(connection, stage.shop_id, "win_back", {"subject": "Hello again", "body": " "})
        views = {view.kind: view for view in messaging.flows(connection, stage.shop_id)}
    assert views["win_back"].texts == {"subject": "Hello again"}
    assert views["win_back"].is_active
    assert views["abandoned_cart"].texts == {}


def regular(stage: Stage, name: str = "cleo", email: str = CLEO, *, last_days_ago: float) -> None:
    """Somebody who bought every 20 days and then stopped: lapses after 40 days."""
    stage.customer(name, email)
    stage.consent(email, ConsentState.SUBSCRIBED, days=200)
    for number, days in enumerate((last_days_ago + 40, last_days_ago + 20, last_days_ago)):
        stage.order(
            f"{name}-{number}", email=email, customer=name, placed_at=stage.now - timedelta(days=days)
        )


def test_somebody_past_their_own_rhythm_is_written_to_once(stage: Stage, clock: MovableClock) -> None:
    regular(stage, last_days_ago=41)
    assert win_backs(stage) == 1
    assert win_backs(stage) == 0
    clock.advance(days=2)
    assert win_backs(stage) == 0
    row = stage.message()
    assert (row["flow"], row["due_at"], row["recipient"]) == ("win_back", NOW, CLEO)


def test_somebody_within_their_rhythm_is_not(stage: Stage) -> None:
    regular(stage, last_days_ago=39)
    assert win_backs(stage) == 0


def test_somebody_who_lapsed_long_before_the_flow_looked_is_not(stage: Stage) -> None:
    regular(stage, last_days_ago=55)
    assert win_backs(stage) == 0


def test_a_new_absence_after_a_new_order_counts_again(stage: Stage, clock: MovableClock) -> None:
    regular(stage, last_days_ago=41)
    assert win_backs(stage) == 1
    stage.order("back", customer="cleo")
    assert stage.message()["state"] == "skipped"
    # Three gaps now, of 20, 20 and 41 days: the rhythm is 20.
    clock.advance(days=41)
    assert win_backs(stage) == 1


def test_somebody_who_gave_no_permission_does_not_use_up_the_allowance(stage: Stage) -> None:
    stage.set_policy(win_back=WinBackPolicy(max_per_day=1))
    regular(stage, "dan", DAN, last_days_ago=45)
    stage.consent(DAN, ConsentState.UNSUBSCRIBED, days=1)
    regular(stage, last_days_ago=41)
    assert win_backs(stage) == 1
    assert stage.message()["recipient"] == CLEO


def test_those_who_lapsed_first_come_first_and_the_rest_another_day(
    stage: Stage, clock: MovableClock
) -> None:
    stage.set_policy(win_back=WinBackPolicy(max_per_day=2))
    for number, days in enumerate((41, 45, 43)):
        regular(stage, f"buyer{number}", f"buyer{number}@example.com", last_days_ago=days)
    assert win_backs(stage) == 2
    planned = stage.fetch("SELECT recipient FROM messages ORDER BY message_id")
    assert [row["recipient"] for row in planned] == ["buyer1@example.com", "buyer2@example.com"]
    assert win_backs(stage) == 0
    clock.advance(days=1, seconds=1)
    assert win_backs(stage) == 1


def test_cancelled_and_test_orders_make_no_rhythm(stage: Stage) -> None:
    regular(stage, last_days_ago=41)
    stage.run("UPDATE orders SET is_test = true")
    assert win_backs(stage) == 0
