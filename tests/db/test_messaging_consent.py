"""Permissions are appended, suppressions are kept, and each is found again by a keyed hash alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.domain.consent import Scope
from app.domain.events import Consent, ConsentChanged, ConsentState, Customer
from app.services import consenting, messaging, recording
from app.services.context import Context
from tests.conftest import NOW, Shop
from tests.db.messaging_stage import CLEO, DAN, Stage, set_stage

YES, NO = ConsentState.SUBSCRIBED, ConsentState.UNSUBSCRIBED


@pytest.fixture
def stage(context: Context, ada: Shop) -> Stage:
    return set_stage(context, ada.shop_id)


def entries(stage: Stage) -> list[str]:
    return [row["state"] for row in stage.fetch("SELECT state FROM consents ORDER BY consent_id")]


def latest(stage: Stage, email: str) -> ConsentState | None:
    with stage.context.db.shop(stage.shop_id) as connection:
        found = consenting.latest_consent(connection, stage.shop_id, stage.hash_of(email))
    return found.state if found else None


def scopes(stage: Stage, email: str = CLEO) -> set[str]:
    with stage.context.db.shop(stage.shop_id) as connection:
        return set(consenting.suppressed_scopes(connection, stage.shop_id, stage.hash_of(email)))


def test_the_same_word_twice_is_stored_once(stage: Stage) -> None:
    for _ in range(3):
        stage.consent(CLEO, NO, hours=1)
    assert entries(stage) == ["subscribed", "unsubscribed"]


def test_the_latest_change_holds_whatever_order_the_words_arrive_in(stage: Stage) -> None:
    stage.consent(CLEO, NO, days=1)
    stage.consent(CLEO, YES, days=2)
    assert latest(stage, CLEO) is NO
    assert latest(stage, "nobody@example.com") is None


def customer(email: str, state: ConsentState, **before: float) -> Customer:
    """As an import tells of them: somebody who is not subscribed has no date of it."""
    return Customer(
        platform_customer_id="77",
        source_updated_at=NOW - timedelta(**before),
        email=email,
        consent=Consent(state=state),
    )


def test_not_subscribed_without_a_date_ends_an_older_permission_only(stage: Stage) -> None:
    context, shop_id = stage.context, stage.shop_id  # Cleo agreed 30 days ago

    def seen(person: Customer) -> None:
        with context.db.shop(shop_id) as connection:
            recording.record_customers(connection, context.hasher, shop_id, [person], NOW)

    seen(customer(CLEO, ConsentState.NOT_SUBSCRIBED, days=31))
    assert latest(stage, CLEO) is YES
    for _ in range(2):
        seen(customer(CLEO, ConsentState.NOT_SUBSCRIBED, days=2))
    assert latest(stage, CLEO) is ConsentState.NOT_SUBSCRIBED
    stage.consent(CLEO, YES, days=1)
    assert latest(stage, CLEO) is YES
    seen(customer(DAN, ConsentState.NOT_SUBSCRIBED, days=2))
    assert latest(stage, DAN) is None


def test_the_database_and_the_rule_agree_on_what_the_latest_word_is(stage: Stage) -> None:
    """The decision reads the latest entry in SQL; of two at one moment it must be the one that forbids too."""
    for states in ((YES, NO), (NO, YES)):
        stage.run("DELETE FROM consents")
        for state in states:
            stage.consent(CLEO, state, hours=1)
        assert latest(stage, CLEO) is NO
    stage.cart()
    stage.plan()
    assert stage.send() == messaging.Tally(n_skipped=1)


def test_a_change_is_taken_for_the_address_and_for_the_customers_own(stage: Stage) -> None:
    stage.customer("dan", DAN)
    event = ConsentChanged(
        platform_customer_id="dan", email="dan.new@example.com", consent=Consent(state=YES, changed_at=NOW)
    )
    with stage.context.db.shop(stage.shop_id) as connection:
        consenting.record_change(connection, stage.context.hasher, stage.shop_id, event, NOW)
    assert latest(stage, DAN) is YES
    assert latest(stage, "Dan.New@example.com ") is YES


def test_a_change_without_a_time_counts_from_now(stage: Stage) -> None:
    event = ConsentChanged(platform_customer_id=None, email=CLEO, consent=Consent(state=NO))
    with stage.context.db.shop(stage.shop_id) as connection:
        consenting.record_change(connection, stage.context.hasher, stage.shop_id, event, NOW)
    assert latest(stage, CLEO) is NO


def test_a_person_who_was_erased_does_not_come_back_through_a_consent(stage: Stage) -> None:
    stage.run(
        "INSERT INTO erasures (shop_id, subject_hash, erased_at, receipt) VALUES (:shop, :hash, :now, '{}')",
        shop=stage.shop_id,
        hash=stage.hash_of(DAN),
        now=NOW,
    )
    event = ConsentChanged(platform_customer_id=None, email=DAN, consent=Consent(state=YES, changed_at=NOW))
    with stage.context.db.shop(stage.shop_id) as connection:
        consenting.record_change(connection, stage.context.hasher, stage.shop_id, event, NOW)
    assert latest(stage, DAN) is None


def test_a_no_that_was_taken_back_is_gone_but_a_dead_address_stays(stage: Stage) -> None:
    with stage.context.db.shop(stage.shop_id) as connection:
        cleo, dan = stage.hash_of(CLEO), stage.hash_of(DAN)
        consenting.suppress(connection, stage.shop_id, cleo, Scope.ALL, consenting.UNSUBSCRIBED, NOW)
        consenting.suppress(connection, stage.shop_id, dan, Scope.ALL, consenting.UNSUBSCRIBED, NOW)
        consenting.suppress(connection, stage.shop_id, dan, Scope.ALL, consenting.HARD_BOUNCE, NOW)
        consenting.suppress(connection, stage.shop_id, dan, Scope.ALL, consenting.UNSUBSCRIBED, NOW)
        for person in (cleo, dan):
            consenting.lift(connection, stage.shop_id, person, [Scope.ALL])
        assert not consenting.is_suppressed(connection, stage.shop_id, cleo, "win_back")
        assert consenting.is_suppressed(connection, stage.shop_id, dan, "win_back")


def test_a_suppression_of_one_shop_says_nothing_in_another(stage: Stage, ben: Shop) -> None:
    with stage.context.db.shop(stage.shop_id) as connection:
        consenting.suppress(connection, stage.shop_id, stage.hash_of(CLEO), Scope.ALL, "unsubscribed", NOW)
    bens = set_stage(stage.context, ben.shop_id)
    assert scopes(bens) == set()
    bens.cart()
    bens.plan()
    assert bens.send() == messaging.Tally(n_sent=1)


def test_preferences_follow_what_was_ticked(stage: Stage) -> None:
    stage.cart()
    stage.plan()
    message_id = stage.message()["message_id"]

    def choose(*wanted: Scope) -> set[str]:
        with stage.context.db.shop(stage.shop_id) as connection:
            messaging.set_preferences(connection, stage.shop_id, message_id, wanted, NOW)
            assert messaging.preferences(connection, stage.shop_id, message_id) == frozenset(wanted)
        return scopes(stage)

    assert choose(Scope.ABANDONED_CART, Scope.WIN_BACK) == set()
    assert stage.message()["state"] == "planned"
    assert choose(Scope.ABANDONED_CART) == {"win_back"}
    assert stage.message()["state"] == "planned"
    assert choose() == {"all"}
    assert stage.message()["state"] == "skipped"
    assert choose(Scope.WIN_BACK) == {"abandoned_cart"}


def test_a_message_of_somebody_erased_changes_nothing(stage: Stage) -> None:
    stage.cart()
    stage.plan()
    stage.run("UPDATE messages SET email_hash = NULL")
    with stage.context.db.shop(stage.shop_id) as connection:
        messaging.unsubscribe(connection, stage.shop_id, 1, NOW)
        messaging.set_preferences(connection, stage.shop_id, 1, [], NOW)
        messaging.resubscribe(connection, stage.shop_id, 1)
        messaging.unsubscribe(connection, stage.shop_id, 999, NOW)
    assert stage.fetch("SELECT * FROM suppressions") == []


def test_clicks_and_orders_find_each_other(stage: Stage) -> None:
    stage.cart()
    stage.plan()
    stage.send()
    with stage.context.db.shop(stage.shop_id) as connection:
        messaging.record_click(connection, stage.shop_id, 1, NOW)
    stage.order("soon", placed_at=NOW + timedelta(days=5))
    stage.order("late", placed_at=NOW + timedelta(days=5, seconds=1))
    stage.order("before", placed_at=NOW - timedelta(seconds=1))
    stage.order("somebody elses", email=DAN, placed_at=NOW + timedelta(hours=1))
    stage.order("same cart, other address", email=DAN, cart_token="cart-1", placed_at=NOW)
    found = stage.fetch("SELECT name, attributed_message_id FROM orders ORDER BY order_id")
    assert [tuple(row.values()) for row in found] == [
        ("#soon", 1),
        ("#late", None),
        ("#before", None),
        ("#somebody elses", None),
        ("#same cart, other address", 1),
    ]
