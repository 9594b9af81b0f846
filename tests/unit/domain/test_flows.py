"""No mail when anything speaks against it, and every refusal says the first thing that does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.events import Consent, ConsentState
from app.domain.experiments import Arm
from app.domain.flows import (
    MAX_ORDER_CHECK_AGE_SECONDS,
    CartFacts,
    Facts,
    FlowKind,
    Later,
    PlannedMail,
    Send,
    ShopState,
    Skip,
    decide,
    decide_unasked,
    expires_at,
)
from app.domain.policy import CartFlowPolicy, MailPolicy, SenderPolicy, ShopPolicy, WinBackPolicy
from app.domain.quiet import is_quiet
from app.domain.reasons import Reason, describe

ATHENS = ZoneInfo("Europe/Athens")
NOON = datetime(2026, 11, 20, 12, tzinfo=ATHENS)
POLICY = ShopPolicy(sender=SenderPolicy(postal_address="12 Mill Lane, Bristol"))
CART = PlannedMail(flow=FlowKind.ABANDONED_CART, planned_at=NOON - timedelta(hours=1))
WIN_BACK = PlannedMail(flow=FlowKind.WIN_BACK, planned_at=NOON - timedelta(hours=1))
COLD = CartFacts(is_open=True, is_empty=False, last_activity_at=NOON - timedelta(hours=2))
GOOD = Facts(
    flow_is_active=True,
    shop_state=ShopState.CONNECTED,
    has_valid_address=True,
    is_erased=False,
    consent=Consent(state=ConsentState.SUBSCRIBED),
    suppressions=frozenset(),
    has_ordered=False,
    platform_says_ordered=False,
    order_check_age_seconds=1.0,
    cart=COLD,
    sent_at=(),
    arm=Arm.MAILED,
    zone=ATHENS,
)
ZONES = [
    ZoneInfo(name) for name in ("Europe/Athens", "America/St_Johns", "Australia/Lord_Howe", "Asia/Tokyo")
]

# Each entry alone forbids the mail, whatever the other facts are.
BLOCKERS = {
    "erased": {"is_erased": True},
    "suppressed": {"suppressions": frozenset({"all"})},
    "suppressed in this flow": {"suppressions": frozenset({"abandoned_cart", "win_back"})},
    "no consent": {"consent": None},
    "not subscribed": {"consent": Consent(state=ConsentState.NOT_SUBSCRIBED)},
    "pending": {"consent": Consent(state=ConsentState.PENDING)},
    "unsubscribed": {"consent": Consent(state=ConsentState.UNSUBSCRIBED)},
    "bad address": {"has_valid_address": False},
    "uninstalled": {"shop_state": ShopState.UNINSTALLED},
    "leaving": {"shop_state": ShopState.LEAVING},
    "must reconnect": {"shop_state": ShopState.NEEDS_RECONNECT},
    "flow off": {"flow_is_active": False},
    "ordered": {"has_ordered": True},
    "platform says ordered": {"platform_says_ordered": True},
    "not asked": {"platform_says_ordered": None},
    "asked too long ago": {"order_check_age_seconds": MAX_ORDER_CHECK_AGE_SECONDS + 0.001},
    "asked in the future": {"order_check_age_seconds": -0.001},
    "answer without a time": {"order_check_age_seconds": None},
    "had a mail today": {"sent_at": (NOON - timedelta(hours=1),)},
    "held out": {"arm": Arm.HOLDOUT},
}
CART_BLOCKERS = {
    "cart unknown": None,
    "cart removed": replace(COLD, is_open=False),
    "cart emptied": replace(COLD, is_empty=True),
    "newer cart": replace(COLD, has_newer=True),
    "cart in use": replace(COLD, last_activity_at=NOON - timedelta(minutes=59)),
    "cart used in the future": replace(COLD, last_activity_at=NOON + timedelta(days=400)),
    "cart too old": replace(COLD, last_activity_at=NOON - timedelta(hours=72)),
}


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """Facts of every kind, good ones often enough that mails do get sent."""
    mostly = st.sampled_from([True] * 9 + [False])
    long_ago = st.timedeltas(min_value=timedelta(minutes=-10), max_value=timedelta(days=8))
    cart = CartFacts(
        is_open=draw(mostly),
        is_empty=not draw(mostly),
        last_activity_at=NOON - draw(long_ago),
        has_newer=not draw(mostly),
    )
    return Facts(
        flow_is_active=draw(mostly),
        shop_state=draw(st.sampled_from([ShopState.CONNECTED] * 5 + list(ShopState))),
        has_valid_address=draw(mostly),
        is_erased=not draw(mostly),
        consent=draw(st.sampled_from([*[GOOD.consent] * 5, None, *map(_consent, ConsentState)])),
        suppressions=draw(st.sampled_from([frozenset()] * 5 + [frozenset({"all"}), frozenset({"win_back"})])),
        has_ordered=not draw(mostly),
        platform_says_ordered=draw(st.sampled_from([False] * 5 + [True, None])),
        order_check_age_seconds=draw(st.sampled_from([0.0, 1.0, 59.9, 60.0, 60.1, None, -1.0])),
        cart=draw(st.sampled_from([cart] * 5 + [None])),
        sent_at=tuple(NOON - age for age in draw(st.lists(long_ago, max_size=4))),
        arm=draw(st.sampled_from([Arm.MAILED, Arm.MAILED, Arm.HOLDOUT])),
        has_other_sender=not draw(mostly),
        zone=draw(st.sampled_from(ZONES)),
        retry_after=draw(st.timedeltas(min_value=timedelta(hours=-1), max_value=timedelta(hours=6))),
    )


def _consent(state: ConsentState) -> Consent:
    return Consent(state=state)


MAILS = st.sampled_from([CART, WIN_BACK])
MOMENTS = st.datetimes(
    min_value=datetime(2026, 11, 19),  # noqa: DTZ001
    max_value=datetime(2026, 11, 23),  # noqa: DTZ001
    timezones=st.just(UTC),
)
# Both changes of the clocks in every one of ZONES lie within.
A_YEAR = st.datetimes(
    min_value=datetime(2026, 1, 1),  # noqa: DTZ001
    max_value=datetime(2027, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
POLICIES = st.builds(
    lambda start, end, per_day, wait: replace(
        POLICY,
        mail=MailPolicy(quiet_from=start, quiet_until=end, max_per_day=per_day),
        cart=CartFlowPolicy(wait_minutes=wait),
    ),
    st.times(),
    st.times(),
    st.integers(0, 3),
    st.integers(0, 600),
)


def is_forbidden(mail: PlannedMail, found: Facts, policy: ShopPolicy, now: datetime) -> bool:
    """The promise again, said as plainly as possible and in no particular order."""
    one_week = [at for at in found.sent_at if at > now - timedelta(days=7)]
    one_day = [at for at in one_week if at > now - timedelta(days=1)]
    is_cart = mail.flow is FlowKind.ABANDONED_CART
    cart = found.cart
    idle = now - cart.last_activity_at if cart else timedelta()
    is_cart_bad = is_cart and (
        cart is None
        or not cart.is_open
        or cart.is_empty
        or cart.has_newer
        or found.has_other_sender
        or idle < timedelta(minutes=policy.cart.wait_minutes)
        or idle >= timedelta(hours=policy.cart.give_up_after_hours)
    )
    return (
        found.is_erased
        or "all" in found.suppressions
        or mail.flow.value in found.suppressions
        or found.consent is None
        or found.consent.state is not ConsentState.SUBSCRIBED
        or not found.has_valid_address
        or found.shop_state is not ShopState.CONNECTED
        or not found.flow_is_active
        or policy.sender.postal_address.strip() == ""
        or found.has_ordered
        or found.platform_says_ordered is not False
        or found.order_check_age_seconds is None
        or not 0 <= found.order_check_age_seconds <= 60
        or len(one_day) >= policy.mail.max_per_day
        or len(one_week) >= policy.mail.max_per_week
        or is_quiet(now, found.zone, policy.mail.quiet_from, policy.mail.quiet_until)
        or found.arm is Arm.HOLDOUT
        or is_cart_bad
        or (not is_cart and now - mail.planned_at >= timedelta(days=policy.win_back.window_days))
    )


@pytest.mark.parametrize("mail", [CART, WIN_BACK])
def test_a_mail_nothing_speaks_against_is_sent(mail: PlannedMail) -> None:
    assert decide(mail, GOOD, POLICY, NOON) == Send()


@given(MAILS, facts(), POLICIES, MOMENTS)
def test_a_mail_is_sent_exactly_when_nothing_forbids_it(
    mail: PlannedMail, found: Facts, policy: ShopPolicy, now: datetime
) -> None:
    assert isinstance(decide(mail, found, policy, now), Send) is not is_forbidden(mail, found, policy, now)


@given(MAILS, facts(), POLICIES, MOMENTS)
def test_the_same_facts_give_the_same_decision(
    mail: PlannedMail, found: Facts, policy: ShopPolicy, now: datetime
) -> None:
    shuffled = replace(found, sent_at=tuple(reversed(found.sent_at)))
    assert decide(mail, found, policy, now) == decide(mail, shuffled, policy, now)


@given(
    st.sampled_from(
        [
            {"shop_state": ShopState.NEEDS_RECONNECT},
            {"platform_says_ordered": None},
            {"order_check_age_seconds": 61.0},
            {"had_mails": True},
            {"is_in_use": True},
            {},
        ]
    ),
    st.timedeltas(min_value=timedelta(hours=-1), max_value=timedelta(hours=30)),
    st.sampled_from(ZONES),
    st.times(),
    st.times(),
    A_YEAR,
)
def test_later_is_always_in_the_future_and_never_at_night(
    trouble: dict[str, object], retry_after: timedelta, zone: ZoneInfo, start: time, end: time, now: datetime
) -> None:
    idle_since = now - timedelta(minutes=30 if "is_in_use" in trouble else 120)
    found = replace(
        GOOD,
        **{name: value for name, value in trouble.items() if not name.endswith(("mails", "use"))},
        cart=replace(COLD, last_activity_at=idle_since),
        sent_at=(now - timedelta(hours=2),) if "had_mails" in trouble else (),
        retry_after=retry_after,
        zone=zone,
    )
    policy = replace(POLICY, mail=MailPolicy(quiet_from=start, quiet_until=end))
    decision = decide(CART, found, policy, now)
    if trouble or is_quiet(now, zone, start, end):
        assert isinstance(decision, Later)
        assert decision.at > now
        assert not is_quiet(decision.at, zone, start, end)
    else:
        assert decision == Send()


@given(facts(), st.sampled_from(sorted(BLOCKERS)), MAILS)
def test_a_blocker_forbids_the_mail_whatever_else_holds(found: Facts, name: str, mail: PlannedMail) -> None:
    blocked = replace(found, **BLOCKERS[name])  # type: ignore[arg-type]
    assert not isinstance(decide(mail, blocked, POLICY, NOON), Send)


@given(facts(), st.sampled_from(sorted(CART_BLOCKERS)))
def test_a_cart_that_is_in_no_state_for_a_reminder_gets_none(found: Facts, name: str) -> None:
    assert not isinstance(decide(CART, replace(found, cart=CART_BLOCKERS[name]), POLICY, NOON), Send)


@given(facts())
def test_no_cart_is_reminded_of_beside_another_sender(found: Facts) -> None:
    assert not isinstance(decide(CART, replace(found, has_other_sender=True), POLICY, NOON), Send)


@given(facts(), POLICIES, MOMENTS)
def test_another_sender_of_cart_reminders_stops_no_win_back(
    found: Facts, policy: ShopPolicy, now: datetime
) -> None:
    alone = decide(WIN_BACK, replace(found, has_other_sender=False), policy, now)
    assert decide(WIN_BACK, replace(found, has_other_sender=True), policy, now) == alone


def test_a_reminder_beside_another_sender_is_held_back_with_that_reason() -> None:
    assert decide(CART, replace(GOOD, has_other_sender=True), POLICY, NOON) == Skip(Reason.OTHER_SENDER)


@given(st.permutations(sorted(BLOCKERS)), st.integers(1, len(BLOCKERS)), MAILS)
def test_blockers_are_safe_in_any_order_and_number(
    names: list[str], n_blockers: int, mail: PlannedMail
) -> None:
    found = GOOD
    for name in names[:n_blockers]:
        found = replace(found, **BLOCKERS[name])  # type: ignore[arg-type]
    assert not isinstance(decide(mail, found, POLICY, NOON), Send)


@pytest.mark.parametrize(
    ("blocker", "reason"),
    [
        ("erased", Reason.ERASED),
        ("suppressed", Reason.SUPPRESSED),
        ("suppressed in this flow", Reason.SUPPRESSED),
        ("no consent", Reason.NO_CONSENT),
        ("not subscribed", Reason.NO_CONSENT),
        ("pending", Reason.CONSENT_PENDING),
        ("unsubscribed", Reason.CONSENT_WITHDRAWN),
        ("bad address", Reason.NO_ADDRESS),
        ("uninstalled", Reason.SHOP_DISCONNECTED),
        ("leaving", Reason.SHOP_DISCONNECTED),
        ("flow off", Reason.FLOW_OFF),
        ("ordered", Reason.ORDERED),
        ("platform says ordered", Reason.ORDERED),
        ("held out", Reason.HOLDOUT),
    ],
)
def test_what_is_held_back_for_good_says_why(blocker: str, reason: Reason) -> None:
    for mail in (CART, WIN_BACK):
        assert decide(mail, replace(GOOD, **BLOCKERS[blocker]), POLICY, NOON) == Skip(reason)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("blocker", "reason"),
    [
        ("cart unknown", Reason.CART_REMOVED),
        ("cart removed", Reason.CART_REMOVED),
        ("cart emptied", Reason.CART_EMPTY),
        ("newer cart", Reason.NEWER_CART),
        ("cart too old", Reason.TOO_OLD),
    ],
)
def test_a_cart_that_is_gone_is_skipped(blocker: str, reason: Reason) -> None:
    assert decide(CART, replace(GOOD, cart=CART_BLOCKERS[blocker]), POLICY, NOON) == Skip(reason)


def test_a_win_back_does_not_look_at_a_cart() -> None:
    assert decide(WIN_BACK, replace(GOOD, cart=None), POLICY, NOON) == Send()


def test_a_cart_in_use_waits_until_it_has_been_idle_long_enough() -> None:
    used = NOON - timedelta(minutes=20)
    decision = decide(CART, replace(GOOD, cart=replace(COLD, last_activity_at=used)), POLICY, NOON)
    assert decision == Later(used + timedelta(hours=1), Reason.CART_ACTIVE)


def test_a_cart_from_the_future_waits_no_longer_than_one_from_now() -> None:
    decision = decide(CART, replace(GOOD, cart=CART_BLOCKERS["cart used in the future"]), POLICY, NOON)
    assert decision == Later(NOON + timedelta(hours=1), Reason.CART_ACTIVE)


@pytest.mark.parametrize(
    "blocker", ["not asked", "asked too long ago", "asked in the future", "answer without a time"]
)
def test_without_a_fresh_answer_about_orders_the_mail_waits(blocker: str) -> None:
    found = replace(GOOD, **BLOCKERS[blocker], retry_after=timedelta(minutes=4))  # type: ignore[arg-type]
    assert decide(CART, found, POLICY, NOON) == Later(NOON + timedelta(minutes=4), Reason.ORDER_CHECK_MISSING)


def test_an_answer_of_sixty_seconds_still_counts() -> None:
    assert decide(CART, replace(GOOD, order_check_age_seconds=60.0), POLICY, NOON) == Send()


def test_an_order_told_long_ago_is_still_an_order() -> None:
    found = replace(GOOD, platform_says_ordered=True, order_check_age_seconds=9_999.0)
    assert decide(CART, found, POLICY, NOON) == Skip(Reason.ORDERED)


def test_a_shop_that_must_be_reconnected_waits() -> None:
    found = replace(GOOD, shop_state=ShopState.NEEDS_RECONNECT)
    assert decide(CART, found, POLICY, NOON) == Later(NOON + timedelta(minutes=1), Reason.NEEDS_RECONNECT)


def test_a_person_who_had_a_mail_waits_a_day_from_it_and_then_until_morning() -> None:
    found = replace(GOOD, sent_at=(NOON - timedelta(hours=2),))
    assert decide(CART, found, POLICY, NOON) == Later(NOON + timedelta(hours=22), Reason.CAP)
    evening = datetime(2026, 11, 19, 22, 30, tzinfo=ATHENS)
    found = replace(GOOD, sent_at=(evening,))
    next_eight = datetime(2026, 11, 21, 8, tzinfo=ATHENS)
    assert decide(WIN_BACK, found, POLICY, NOON) == Later(next_eight, Reason.CAP)


def test_a_cap_of_zero_is_no_waiting_but_an_end() -> None:
    policy = replace(POLICY, mail=MailPolicy(max_per_day=0))
    assert decide(CART, GOOD, policy, NOON) == Skip(Reason.CAP_IS_ZERO)


def test_at_night_the_mail_waits_for_the_morning_where_the_person_lives() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    night = datetime(2026, 11, 20, 15, tzinfo=ATHENS)  # 22:00 in Tokyo
    found = replace(GOOD, zone=tokyo, cart=replace(COLD, last_activity_at=night - timedelta(hours=2)))
    assert decide(CART, found, POLICY, night) == Later(
        datetime(2026, 11, 21, 8, tzinfo=tokyo), Reason.QUIET_HOURS
    )


@pytest.mark.parametrize("offset_hours", [3, 2])
def test_both_hours_that_autumn_repeats_are_quiet(offset_hours: int) -> None:
    # 03:30 comes twice in Athens on 25 October 2026: at 00:30 and at 01:30 UTC.
    night = datetime(2026, 10, 25, 3 - offset_hours, 30, tzinfo=UTC)
    assert night.astimezone(ATHENS).strftime("%H:%M") == "03:30"
    found = replace(GOOD, cart=replace(COLD, last_activity_at=night - timedelta(hours=2)))
    assert decide(CART, found, POLICY, night) == Later(
        datetime(2026, 10, 25, 8, tzinfo=ATHENS), Reason.QUIET_HOURS
    )


def test_without_a_postal_address_nothing_goes_out() -> None:
    for address in ("", "  \n "):
        policy = replace(POLICY, sender=SenderPolicy(postal_address=address))
        assert decide(CART, GOOD, policy, NOON) == Skip(Reason.NO_POSTAL_ADDRESS)


def test_the_persons_rights_come_before_everything_else() -> None:
    found = replace(
        GOOD, is_erased=True, has_ordered=True, flow_is_active=False, shop_state=ShopState.UNINSTALLED
    )
    assert decide(CART, found, POLICY, NOON) == Skip(Reason.ERASED)


def test_the_holdout_comes_last_so_that_both_arms_passed_the_same_tests() -> None:
    held_out = replace(GOOD, arm=Arm.HOLDOUT)
    assert decide(CART, held_out, POLICY, NOON) == Skip(Reason.HOLDOUT)
    assert decide(CART, replace(held_out, platform_says_ordered=True), POLICY, NOON) == Skip(Reason.ORDERED)
    waiting = replace(held_out, sent_at=(NOON - timedelta(hours=1),))
    assert isinstance(decide(CART, waiting, POLICY, NOON), Later)


def test_a_win_back_planned_two_weeks_ago_is_too_old() -> None:
    mail = replace(WIN_BACK, planned_at=NOON - timedelta(days=14))
    assert decide(mail, GOOD, POLICY, NOON) == Skip(Reason.TOO_OLD)
    assert expires_at(mail, None, POLICY) == NOON
    longer = replace(POLICY, win_back=WinBackPolicy(window_days=15))
    assert decide(mail, GOOD, longer, NOON) == Send()


@given(MAILS, facts(), POLICIES, MOMENTS)
def test_the_platform_is_asked_only_where_its_answer_decides(
    mail: PlannedMail, found: Facts, policy: ShopPolicy, now: datetime
) -> None:
    unasked = replace(found, platform_says_ordered=None, order_check_age_seconds=None)
    answers = [
        decide(mail, replace(found, platform_says_ordered=said, order_check_age_seconds=1.0), policy, now)
        for said in (True, False)
    ]
    early = decide_unasked(mail, unasked, policy, now)
    if early is None:
        assert answers[0] != answers[1]
    else:
        assert early == answers[1]


def test_somebody_in_the_holdout_is_asked_about_like_everybody_else() -> None:
    unasked = replace(GOOD, arm=Arm.HOLDOUT, platform_says_ordered=None, order_check_age_seconds=None)
    assert decide_unasked(CART, unasked, POLICY, NOON) is None


def test_a_quiet_time_without_length_never_holds_anything_back() -> None:
    policy = replace(POLICY, mail=MailPolicy(quiet_from=time(0), quiet_until=time(0)))
    night = datetime(2026, 11, 20, 3, tzinfo=ATHENS)
    found = replace(GOOD, cart=replace(COLD, last_activity_at=night - timedelta(hours=2)))
    assert decide(CART, found, policy, night) == Send()


def test_every_reason_has_words_for_the_merchant() -> None:
    texts = [describe(reason) for reason in Reason]
    assert all(text.endswith(".") and len(text) > 20 for text in texts)
    assert len(set(texts)) == len(texts)
    assert describe("ordered") == "They bought before the mail went out."
    assert describe("something_new") == "Something new."
