"""From due to fate: every way a mail can go, over a real database and a mail server that misbehaves."""

from __future__ import annotations

import email
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from email import policy

import pytest
import redis

from app.clock import real_now
from app.domain.consent import Scope
from app.domain.events import ConsentState
from app.domain.policy import MailPolicy, SenderPolicy
from app.domain.reasons import Reason
from app.platforms.base import NeedsReconnectError, PlatformError
from app.services import consenting, messaging
from app.services.context import Context
from app.services.messaging import ledger
from tests.conftest import NOW, MovableClock, Shop
from tests.db.messaging_stage import CLEO, DAN, Stage, line, set_stage, smtp_to
from tests.fixtures.smtp_server import PATIENCE_SECONDS, Fault, SmtpServerDouble


@pytest.fixture
def server() -> Iterator[SmtpServerDouble]:
    with SmtpServerDouble() as running:
        yield running


@pytest.fixture
def stage(context: Context, ada: Shop, server: SmtpServerDouble) -> Iterator[Stage]:
    transport = smtp_to(server.url)
    yield set_stage(replace(context, transport=transport), ada.shop_id)
    transport.close()


@pytest.fixture
def due(stage: Stage) -> Stage:
    """Cleo's cart went cold and its message is due."""
    stage.cart()
    assert stage.plan() == 1
    return stage


def the_mail(server: SmtpServerDouble) -> email.message.EmailMessage:
    (taken,) = server.mails
    found = email.message_from_bytes(taken.raw, policy=policy.default)
    assert isinstance(found, email.message.EmailMessage)
    return found


def part(mail: email.message.EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content())


# -- what goes out ---------------------------------------------------------------------------------------------


def test_a_cold_cart_gets_its_mail_once(due: Stage, server: SmtpServerDouble) -> None:
    assert due.send() == messaging.Tally(n_sent=1)
    assert due.send() == messaging.Tally()
    mail = the_mail(server)
    assert (mail["To"], mail["Subject"]) == (CLEO, "Still thinking about “Blue mug”?")
    assert mail["From"].addresses[0].display_name == "Ada's Tea"
    row = due.message()
    assert (row["state"], row["reason"], row["arm"], row["sent_at"]) == ("sent", None, "mailed", NOW)
    assert (row["decided_at"], row["handed_over_at"]) == (NOW, NOW)
    assert mail["Message-ID"] == f"<{row['rfc_message_id']}@localhost>"
    assert due.fetch("SELECT state FROM enrolments")[0]["state"] == "ended"


def test_the_mail_shows_the_cart_and_the_way_out(due: Stage, server: SmtpServerDouble) -> None:
    due.product("p1", "Blue mug")
    due.send()
    mail = the_mail(server)
    text = part(mail, "plain")
    assert "Blue mug" in text
    assert "€25.80" in text
    assert "1 Harbour Street" in text
    assert "https://cdn.example/p1.png" in part(mail, "html")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert str(mail["List-Unsubscribe"]).startswith(f"<{due.context.settings.app_url}/u/")


@pytest.mark.parametrize(
    ("forms", "title", "is_named"),
    [
        (("Moss green", "Sand"), "Blue mug", True),
        (("Moss green", "Sand"), "Blue mug - Moss Green", False),
        (("Default Title",), "Blue mug", False),
    ],
)
def test_the_mail_names_the_form_that_was_chosen_where_there_is_a_choice(
    stage: Stage, server: SmtpServerDouble, forms: tuple[str, ...], title: str, is_named: bool
) -> None:
    stage.product("p1", "Blue mug", forms=forms)
    stage.cart(lines=[line(title=title)])
    stage.plan()
    stage.send()
    lines = part(the_mail(server), "plain").splitlines()
    assert f"- {title}{f' ({forms[0]})' if is_named else ''}" in lines


def test_a_recommendation_with_several_prices_is_shown_from_its_lowest(
    due: Stage, server: SmtpServerDouble
) -> None:
    for number, forms in enumerate((("Default Title",), ("Small", "Large")), start=2):
        due.product(f"p{number}", f"Tea {number}", forms=forms)
    due.send()
    lines = part(the_mail(server), "plain").splitlines()
    assert "- Tea 2, €12.90" in lines
    assert "- Tea 3, From €12.90" in lines


def test_the_ledger_keeps_what_the_decision_saw_and_no_address(due: Stage) -> None:
    due.send()
    row = due.message()
    assert row["facts"]["consent"] == "subscribed"
    assert row["facts"]["basis"] == "agreed in the shop"
    assert row["facts"]["platform_says_ordered"] is False
    assert 0 <= row["facts"]["order_check_age_seconds"] <= 60
    assert row["facts"]["local_time"] == "12:00"
    assert row["facts"]["zone"] == "Europe/Athens"
    assert row["facts"]["lines"] == ["p1"]
    assert "@" not in str(row["facts"])


def test_a_lapsed_customer_gets_a_mail_about_their_last_order(stage: Stage, server: SmtpServerDouble) -> None:
    stage.customer("cleo", CLEO)
    stage.product("p1", "Blue mug")
    stage.order("1", customer="cleo", placed_at=NOW - timedelta(days=121))
    assert messaging.plan_win_backs(stage.context, stage.shop_id, NOW) == 1
    assert stage.send() == messaging.Tally(n_sent=1)
    mail = the_mail(server)
    assert mail["Subject"] == "Cleo, it has been a while"
    assert "July 22, 2026" in part(mail, "plain")
    assert "Blue mug" in part(mail, "plain")
    # The platform is asked from the day after the last order on.
    assert stage.platform.questions[0][1] == datetime(2026, 7, 23, tzinfo=UTC)


def test_the_merchants_own_words_are_used(due: Stage, server: SmtpServerDouble) -> None:
    with due.context.db.shop(due.shop_id) as connection:
        messaging.save_texts(
            connection, due.shop_id, "abandoned_cart", {"subject": "Your {{ lines.first.title }} waits"}
        )
    due.set_policy(
        sender=SenderPolicy(name="Ada", postal_address="1 Harbour Street", reply_to="help@example.com")
    )
    due.send()
    mail = the_mail(server)
    assert mail["Subject"] == "Your Blue mug waits"
    assert mail["From"].addresses[0].display_name == "Ada"
    assert mail["Reply-To"] == "help@example.com"


def test_words_that_can_not_be_rendered_fail_the_mail_and_say_so(
    due: Stage, server: SmtpServerDouble
) -> None:
    with due.context.db.shop(due.shop_id) as connection:
        messaging.save_texts(connection, due.shop_id, "abandoned_cart", {"subject": "{{ lines.first. }}"})
    assert due.send() == messaging.Tally(n_failed=1)
    row = due.message()
    assert (row["state"], row["reason"]) == ("failed", "cannot_render")
    assert row["facts"]["error"].startswith("BadTemplateError: ")
    assert server.mails == []


def test_the_address_the_cart_has_now_is_the_one_written_to(due: Stage, server: SmtpServerDouble) -> None:
    due.consent(DAN, ConsentState.SUBSCRIBED, days=1)
    due.cart(email=DAN, updated_at=NOW - timedelta(minutes=61))
    due.send()
    assert server.mails[0].recipients == (DAN,)
    assert bytes(due.message()["email_hash"]) == due.hash_of(DAN)


def test_only_so_many_are_sent_in_one_run_oldest_first(stage: Stage, server: SmtpServerDouble) -> None:
    for number in range(5):
        address = f"buyer{number}@example.com"
        stage.consent(address, ConsentState.SUBSCRIBED, days=1)
        stage.cart(f"cart-{number}", address, updated_at=NOW - timedelta(minutes=120 - number))
    assert stage.plan() == 5
    assert stage.send(limit=2) == messaging.Tally(n_sent=2)
    assert [taken.recipients[0] for taken in server.mails] == ["buyer0@example.com", "buyer1@example.com"]
    assert stage.states() == {"sent": 2, "planned": 3}


# -- what is held back -----------------------------------------------------------------------------------------


def test_an_order_that_only_the_platform_knows_of_stops_the_mail(
    due: Stage, server: SmtpServerDouble
) -> None:
    due.platform.has_ordered_now = True
    assert due.send() == messaging.Tally(n_skipped=1)
    row = due.message()
    assert (row["state"], row["reason"], row["decided_at"]) == ("skipped", "ordered", NOW)
    assert row["facts"]["platform_says_ordered"] is True
    assert server.commands == []
    cart, since = due.platform.questions[0]
    assert (cart.cart_token, cart.checkout_token, cart.email) == ("cart-1", "checkout-of-cart-1", CLEO)
    assert since == NOW - timedelta(hours=2)


@pytest.mark.parametrize("known_by", ["cart", "email", "customer"])
def test_an_order_stops_the_mail_whatever_it_is_known_by(due: Stage, known_by: str) -> None:
    due.run("UPDATE carts SET platform_customer_id = 'cleo'")
    due.order(
        email=CLEO if known_by == "email" else None,
        customer="cleo" if known_by == "customer" else None,
        cart_token="cart-1" if known_by == "cart" else None,
    )
    assert due.message()["reason"] == "ordered"
    assert due.send() == messaging.Tally()
    assert due.platform.questions == []


def test_an_old_order_told_late_stops_nothing(due: Stage) -> None:
    due.order(placed_at=NOW - timedelta(days=3))
    assert due.message()["state"] == "planned"
    assert due.send() == messaging.Tally(n_sent=1)


def test_an_order_stops_both_flows_of_its_buyer_and_nobody_elses(stage: Stage) -> None:
    stage.customer("cleo", CLEO)
    stage.order("1", customer="cleo", placed_at=NOW - timedelta(days=121))
    messaging.plan_win_backs(stage.context, stage.shop_id, NOW)
    stage.cart()
    stage.cart("dans", DAN)
    stage.plan()
    stage.order("2", email=CLEO)
    found = stage.fetch("SELECT flow, state, reason FROM messages ORDER BY message_id")
    assert [tuple(row.values()) for row in found] == [
        ("win_back", "skipped", "ordered"),
        ("abandoned_cart", "skipped", "ordered"),
        ("abandoned_cart", "planned", None),
    ]


def test_without_permission_nothing_goes_out_and_nobody_is_asked(stage: Stage) -> None:
    stage.cart("dans", DAN)
    stage.plan()
    assert stage.send() == messaging.Tally(n_skipped=1)
    assert stage.message()["reason"] == "no_consent"
    assert stage.platform.questions == []


def test_the_latest_word_on_permission_holds(due: Stage) -> None:
    due.consent(CLEO, ConsentState.UNSUBSCRIBED, hours=1)
    due.consent(CLEO, ConsentState.SUBSCRIBED, hours=2)
    assert due.send() == messaging.Tally(n_skipped=1)
    assert due.message()["reason"] == "consent_withdrawn"


def test_an_opt_out_skips_what_is_planned_at_once(due: Stage) -> None:
    with due.context.db.shop(due.shop_id) as connection:
        messaging.unsubscribe(connection, due.shop_id, due.message()["message_id"], NOW)
    assert due.message()["reason"] == "suppressed"
    assert due.send() == messaging.Tally()


def test_an_opt_out_of_one_flow_leaves_the_other(due: Stage) -> None:
    with due.context.db.shop(due.shop_id) as connection:
        consenting.suppress(connection, due.shop_id, due.hash_of(CLEO), Scope.WIN_BACK, "unsubscribed", NOW)
    assert due.send() == messaging.Tally(n_sent=1)


def test_a_second_mail_within_a_day_waits_for_its_turn(due: Stage, clock: MovableClock) -> None:
    due.send()
    due.cart("cart-2", updated_at=NOW + timedelta(minutes=1))
    clock.advance(hours=2)
    assert due.plan() == 1
    assert due.send() == messaging.Tally(n_put_off=1)
    row = due.fetch("SELECT state, reason, due_at, n_attempts FROM messages ORDER BY message_id")[1]
    assert tuple(row.values()) == ("planned", "cap", NOW + timedelta(days=1), 0)
    clock.advance(hours=22)
    assert due.send() == messaging.Tally(n_sent=1)


def test_at_night_the_mail_waits_for_eight_oclock(due: Stage, clock: MovableClock) -> None:
    clock.at = datetime(2026, 11, 20, 19, 30, tzinfo=UTC)  # 21:30 in Athens
    due.cart(updated_at=clock.at - timedelta(hours=1))
    assert due.send() == messaging.Tally(n_put_off=1)
    row = due.message()
    assert (row["reason"], row["due_at"]) == ("quiet_hours", datetime(2026, 11, 21, 6, tzinfo=UTC))
    clock.at = row["due_at"]
    assert due.send() == messaging.Tally(n_sent=1)


def test_the_night_is_the_persons_not_the_shops(due: Stage) -> None:
    due.customer("cleo", CLEO, country="JP")  # 19:00 in Tokyo at NOW
    due.set_policy(mail=MailPolicy(holdout_share=0.0, quiet_from=time(18)))
    assert due.send() == messaging.Tally(n_put_off=1)
    assert due.message()["due_at"] == datetime(2026, 11, 20, 23, tzinfo=UTC)


def test_somebody_held_out_is_asked_about_but_not_written_to(due: Stage, server: SmtpServerDouble) -> None:
    due.set_policy(mail=MailPolicy(holdout_share=1.0))
    assert due.send() == messaging.Tally(n_skipped=1)
    row = due.message()
    assert (row["reason"], row["arm"]) == ("holdout", "holdout")
    assert len(due.platform.questions) == 1
    assert server.commands == []


def test_a_cart_used_again_waits_and_an_emptied_one_ends(due: Stage, clock: MovableClock) -> None:
    due.cart(updated_at=NOW - timedelta(minutes=5))
    assert due.send() == messaging.Tally(n_put_off=1)
    assert due.message()["due_at"] == NOW + timedelta(minutes=55)
    clock.advance(minutes=55)
    due.cart(updated_at=clock.at, lines=[])
    assert due.send() == messaging.Tally(n_skipped=1)
    assert due.message()["reason"] == "cart_empty"


def test_of_two_carts_of_one_person_only_the_newer_is_mentioned(stage: Stage) -> None:
    stage.cart("old", updated_at=NOW - timedelta(hours=3))
    stage.cart("new", updated_at=NOW - timedelta(hours=2))
    stage.plan()
    assert stage.send() == messaging.Tally(n_sent=1, n_skipped=1)
    found = stage.fetch("SELECT state, reason FROM messages ORDER BY message_id")
    assert [tuple(row.values()) for row in found] == [("skipped", "newer_cart"), ("sent", None)]


def test_an_uninstalled_shop_sends_nothing_more(due: Stage) -> None:
    with due.context.db.shop(due.shop_id) as connection:
        assert messaging.stop_everything(connection, due.shop_id, NOW) == 1
    assert due.message()["reason"] == "shop_disconnected"
    assert due.send() == messaging.Tally()


def test_an_address_that_is_none_is_not_tried(stage: Stage, server: SmtpServerDouble) -> None:
    stage.consent("not an address", ConsentState.SUBSCRIBED, days=1)
    stage.cart(email="not an address")
    stage.plan()
    assert stage.send() == messaging.Tally(n_skipped=1)
    assert stage.message()["reason"] == "no_address"
    assert server.n_connections == 0


# -- the platform does not answer ------------------------------------------------------------------------------


def test_when_the_platform_does_not_answer_nothing_is_sent_unchecked(due: Stage, clock: MovableClock) -> None:
    due.platform.error = PlatformError("the shop is busy")
    for attempt, minutes in enumerate((1, 2, 4, 8), start=1):
        assert due.send() == messaging.Tally(n_put_off=1)
        row = due.message()
        assert (row["state"], row["reason"], row["n_attempts"]) == ("planned", "order_check_missing", attempt)
        assert row["due_at"] == clock.at + timedelta(minutes=minutes)
        clock.at = row["due_at"]
    due.platform.error = None
    assert due.send() == messaging.Tally(n_sent=1)


def test_an_answer_that_never_comes_ends_with_too_old_and_not_with_a_mail(
    due: Stage, clock: MovableClock
) -> None:
    due.platform.error = NeedsReconnectError()
    while due.message()["state"] == "planned":
        clock.at = due.message()["due_at"]
        due.send()
    row = due.message()
    assert (row["state"], row["reason"]) == ("skipped", "too_old")
    assert clock.at >= NOW + timedelta(hours=70)


def test_a_platform_that_asks_for_a_pause_gets_it(due: Stage) -> None:
    due.consent(DAN, ConsentState.SUBSCRIBED, days=1)
    due.cart("dans", DAN)
    due.plan()
    due.platform.error = PlatformError("slow down", retry_after_seconds=30)
    assert due.send() == messaging.Tally(n_put_off=1)
    assert due.send() == messaging.Tally()
    assert len(due.platform.questions) == 1


# -- the mail server misbehaves --------------------------------------------------------------------------------

PUT_OFF = ("planned", "deferred")
FAILED = ("failed", "refused")
BOUNCED = ("failed", "bounced")
UNKNOWN = ("unknown", "outcome_unknown")
TABLE = {
    Fault.BANNER_421: PUT_OFF,
    Fault.BANNER_554: PUT_OFF,
    Fault.BANNER_STALL: PUT_OFF,
    Fault.BANNER_DROP: PUT_OFF,
    Fault.BANNER_NOISE: PUT_OFF,
    Fault.SENDER_451: PUT_OFF,
    Fault.SENDER_550: FAILED,
    Fault.GREYLIST_451: PUT_OFF,
    Fault.RECIPIENT_421: PUT_OFF,
    Fault.RECIPIENT_452: PUT_OFF,
    Fault.RECIPIENT_550: BOUNCED,
    Fault.RECIPIENT_550_POLICY: FAILED,
    Fault.RECIPIENT_554: FAILED,
    Fault.RECIPIENT_DROP: PUT_OFF,
    Fault.DATA_451: PUT_OFF,
    Fault.DATA_554: FAILED,
    Fault.DROP_BEFORE_DATA: PUT_OFF,
    Fault.CONTENT_421: PUT_OFF,
    Fault.CONTENT_451: PUT_OFF,
    Fault.CONTENT_550: FAILED,
    Fault.CONTENT_554: FAILED,
    Fault.CONTENT_NOISE: UNKNOWN,
    Fault.DROP_AFTER_DOT: UNKNOWN,
    Fault.STALL_AFTER_DOT: UNKNOWN,
    Fault.SLOW: ("sent", None),
}


@pytest.mark.parametrize("fault", list(TABLE))
def test_a_misbehaving_server_gets_no_mail_twice(
    due: Stage, server: SmtpServerDouble, clock: MovableClock, fault: Fault
) -> None:
    server.fault = fault
    transport = smtp_to(server.url, fault)
    due = Stage(replace(due.context, transport=transport), due.shop_id, due.platform)
    due.send()
    row = due.message()
    assert (row["state"], row["reason"]) == TABLE[fault]
    server.fault = Fault.NONE
    transport._command_seconds = transport._content_seconds = PATIENCE_SECONDS
    clock.advance(hours=3)
    due.send()
    is_final = TABLE[fault] is not PUT_OFF
    assert due.message()["state"] == (row["state"] if is_final else "sent")
    # What the server took over before it misbehaved counts: never is there a second one.
    n_taken = 0 if TABLE[fault] in (FAILED, BOUNCED) else 1
    assert len(server.wait_for_mails(n_taken)) == n_taken
    transport.close()


def test_only_a_dead_address_is_suppressed(due: Stage, server: SmtpServerDouble) -> None:
    server.fault = Fault.RECIPIENT_550
    due.send()
    assert [tuple(row.values()) for row in due.fetch("SELECT scope, reason FROM suppressions")] == [
        ("all", "hard_bounce")
    ]
    assert "@" not in str(due.message()["facts"])
    assert due.message()["facts"]["server"].startswith("550 5.1.1")


def test_a_greylisted_mail_comes_back_after_five_minutes(
    due: Stage, server: SmtpServerDouble, clock: MovableClock
) -> None:
    server.fault = Fault.GREYLIST_451
    assert due.send() == messaging.Tally(n_put_off=1)
    assert due.message()["due_at"] == NOW + timedelta(minutes=5)
    clock.advance(minutes=4, seconds=59)
    assert due.send() == messaging.Tally()
    clock.advance(seconds=1)
    assert due.send() == messaging.Tally(n_sent=1)
    assert len(server.mails) == 1


def test_a_mail_put_off_eight_times_is_given_up(
    due: Stage, server: SmtpServerDouble, clock: MovableClock
) -> None:
    server.fault = Fault.RECIPIENT_452
    for _ in range(7):
        assert due.send() == messaging.Tally(n_put_off=1)
        clock.at = due.message()["due_at"]
    assert due.send() == messaging.Tally(n_failed=1)
    assert due.message()["reason"] == "gave_up"


def test_a_mail_server_that_is_away_costs_no_mail_and_ends_the_run(
    due: Stage, server: SmtpServerDouble, clock: MovableClock
) -> None:
    never_quiet = MailPolicy(holdout_share=0.0, quiet_from=time(0), quiet_until=time(0))
    due.set_policy(mail=never_quiet)
    due.consent(DAN, ConsentState.SUBSCRIBED, days=1)
    due.cart("dans", DAN)
    due.plan()
    server.fault = Fault.BANNER_DROP
    for _ in range(12):
        assert due.send() == messaging.Tally(n_put_off=1)
        clock.advance(hours=1)
    server.fault = Fault.NONE
    assert due.send().n_sent == 2


# -- workers that are gone -------------------------------------------------------------------------------------


def claim(stage: Stage) -> ledger.Claim:
    found = ledger.claim_next(stage.context, stage.shop_id, NOW)
    assert found is not None
    return found


def end_leases(stage: Stage) -> None:
    stage.run("UPDATE messages SET claimed_until = :past", past=real_now() - timedelta(seconds=1))


def test_a_claimed_message_is_nobody_elses(due: Stage) -> None:
    claim(due)
    assert due.send() == messaging.Tally()
    assert due.message()["state"] == "claimed"


def test_a_claim_whose_worker_is_gone_is_taken_up_again(due: Stage, server: SmtpServerDouble) -> None:
    claim(due)
    end_leases(due)
    assert messaging.due_shops(due.context) == [due.shop_id]
    assert due.send() == messaging.Tally(n_sent=1)
    assert due.message()["n_attempts"] == 2
    assert len(server.mails) == 1


def test_a_hand_over_whose_worker_is_gone_is_unknown_and_never_sent_again(
    due: Stage, server: SmtpServerDouble
) -> None:
    held = claim(due)
    with due.context.db.shop(due.shop_id) as connection:
        ledger.mark_handed_over(connection, held, NOW, fence=real_now(), values={})
    assert messaging.due_shops(due.context) == [due.shop_id]
    assert due.send() == messaging.Tally()
    row = due.message()
    assert (row["state"], row["reason"]) == ("unknown", "outcome_unknown")
    assert server.mails == []


def test_a_message_that_takes_its_worker_down_again_and_again_is_given_up(due: Stage) -> None:
    for _ in range(8):
        claim(due)
        end_leases(due)
        ledger.reclaim_stale(due.context, due.shop_id)
    row = due.message()
    assert (row["state"], row["reason"]) == ("failed", "gave_up")


def test_a_worker_that_slept_through_its_lease_changes_nothing_any_more(due: Stage) -> None:
    late = claim(due)
    end_leases(due)
    assert due.send() == messaging.Tally(n_sent=1)
    with due.context.db.shop(due.shop_id) as connection:
        ledger.put_off(
            connection,
            late,
            ledger.Outcome(reason=Reason.CAP, now=NOW),
            NOW + timedelta(days=1),
            n_attempts=0,
        )
    assert due.message()["state"] == "sent"


def test_a_message_that_breaks_does_not_stop_the_next_one(due: Stage, server: SmtpServerDouble) -> None:
    due.consent(DAN, ConsentState.SUBSCRIBED, days=1)
    due.cart("dans", DAN, updated_at=NOW - timedelta(minutes=90))
    due.plan()
    broken = iter([True])

    def fail_once() -> None:
        if next(broken, False):
            raise RuntimeError("a bug")

    due.platform.meanwhile = fail_once
    assert due.send() == messaging.Tally(n_sent=1, n_put_off=1)
    assert due.states() == {"claimed": 1, "sent": 1}


# -- between the decision and the hand-over --------------------------------------------------------------------


def test_an_order_placed_while_the_platform_is_asked_stops_the_mail(
    due: Stage, server: SmtpServerDouble
) -> None:
    due.platform.meanwhile = lambda: due.order(cart_token="cart-1") and None
    assert due.send() == messaging.Tally(n_skipped=1)
    assert due.message()["reason"] == "ordered"
    assert server.mails == []


def test_an_opt_out_while_the_platform_is_asked_stops_the_mail(due: Stage, server: SmtpServerDouble) -> None:
    due.platform.meanwhile = lambda: due.consent(CLEO, ConsentState.UNSUBSCRIBED)
    assert due.send() == messaging.Tally(n_skipped=1)
    assert due.message()["reason"] == "consent_withdrawn"
    assert server.mails == []


def test_a_cart_changed_after_the_mail_was_written_is_not_sent_as_it_was(
    due: Stage, server: SmtpServerDouble, clock: MovableClock
) -> None:
    changes = iter([lambda: due.cart(updated_at=NOW - timedelta(minutes=70), lines=[line(title="Red mug")])])
    original = due.context.transport

    class Meddling:
        """Changes the cart when the envelope is open: the last moment at which it can."""

        def begin(self, sender: str, recipient: str) -> object:
            next(changes, lambda: None)()
            return original.begin(sender, recipient)

    due.context = replace(due.context, transport=Meddling())  # type: ignore[arg-type]
    assert due.send() == messaging.Tally(n_put_off=1)
    assert server.mails == []
    clock.advance(seconds=5)
    assert due.send() == messaging.Tally(n_sent=1)
    assert "Red mug" in part(the_mail(server), "plain")


def test_two_mails_to_one_person_never_pass_the_cap_together(stage: Stage, server: SmtpServerDouble) -> None:
    """The second message becomes due while the first one is between its decision and its hand-over."""
    stage.customer("cleo", CLEO)
    stage.order("1", customer="cleo", placed_at=NOW - timedelta(days=121))
    stage.cart()
    stage.plan()
    messaging.plan_win_backs(stage.context, stage.shop_id, NOW)
    inner = Stage(replace(stage.context, transport=smtp_to(server.url)), stage.shop_id)
    runs = iter([inner.send])
    stage.platform.meanwhile = lambda: next(runs, lambda: None)() and None
    assert stage.send() == messaging.Tally(n_put_off=1)
    inner.context.transport.close()
    assert len(server.mails) == 1
    assert stage.states() == {"sent": 1, "planned": 1}


# -- helpers of the house are away -----------------------------------------------------------------------------


def test_without_redis_mails_still_go_and_a_pause_is_only_forgotten(due: Stage, clock: MovableClock) -> None:
    away = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.1)
    due.context = replace(due.context, redis=away)
    due.platform.error = PlatformError("slow down", retry_after_seconds=30)
    assert due.send() == messaging.Tally(n_put_off=1)
    due.platform.error = None
    clock.advance(minutes=1)
    assert due.send() == messaging.Tally(n_sent=1)


def test_a_bug_between_envelope_and_hand_over_leaves_the_envelope_closed(
    due: Stage, server: SmtpServerDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_args: object, **_values: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(ledger, "mark_handed_over", break_down)
    assert due.send() == messaging.Tally(n_put_off=1)
    assert due.message()["state"] == "claimed"
    assert (server.commands[-1], server.mails) == ("RSET", [])


def test_a_message_that_was_tried_too_often_is_not_tried_again(due: Stage) -> None:
    due.run("UPDATE messages SET n_attempts = 8")
    assert due.send() == messaging.Tally(n_failed=1)
    assert (due.message()["reason"], due.platform.questions) == ("gave_up", [])
