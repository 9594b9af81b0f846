"""Decides whether one planned mail goes out, is held back, or waits; everything it looks at is handed in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from app.domain import caps, quiet
from app.domain.consent import is_suppressed, may_mail
from app.domain.events import Consent, ConsentState
from app.domain.experiments import Arm
from app.domain.policy import ShopPolicy
from app.domain.reasons import Reason


class FlowKind(StrEnum):
    """The flows there are."""

    ABANDONED_CART = "abandoned_cart"
    WIN_BACK = "win_back"


class ShopState(StrEnum):
    """Whether the shop can be asked."""

    CONNECTED = "connected"
    NEEDS_RECONNECT = "needs_reconnect"
    LEAVING = "leaving"
    UNINSTALLED = "uninstalled"


# Seconds of real time: what the platform said longer ago does not vouch for "has not bought" (DESIGN §2).
MAX_ORDER_CHECK_AGE_SECONDS = 60.0

# The shortest wait, so that "later" is always later, whatever was handed in.
_MIN_WAIT = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Send:
    """Nothing speaks against it."""


@dataclass(frozen=True, slots=True)
class Skip:
    """Held back for good."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Later:
    """Not now; asked again at `at`."""

    at: datetime
    reason: Reason


Decision = Send | Skip | Later


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMail:
    """The mail in question."""

    flow: FlowKind
    planned_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CartFacts:
    """The cart as it is now. `has_newer` tells that the same person has begun another one since."""

    is_open: bool
    is_empty: bool
    last_activity_at: datetime
    has_newer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything a decision looks at; no address among it.

    `has_ordered` is what our own database says of an order since the cart was begun, or since the absence
    began; `platform_says_ordered` what the platform answered `order_check_age_seconds` of real time ago, or
    None for no answer. `sent_at` are this shop's mails to this person within seven days, those of unknown
    outcome included. `retry_after` is how long to wait for what could not be asked.
    """

    flow_is_active: bool
    shop_state: ShopState
    has_valid_address: bool
    is_erased: bool
    consent: Consent | None
    suppressions: frozenset[str]
    has_ordered: bool
    platform_says_ordered: bool | None
    order_check_age_seconds: float | None
    cart: CartFacts | None
    sent_at: tuple[datetime, ...]
    arm: Arm
    zone: tzinfo = UTC
    # Something else in the shop mails about its carts.
    has_other_sender: bool = False
    retry_after: timedelta = timedelta(minutes=1)


def decide(mail: PlannedMail, facts: Facts, policy: ShopPolicy, now: datetime) -> Decision:
    """Say what becomes of a planned mail. Every combination of facts has an answer.

    Where several things speak against it, the first of these is the reason that is shown:

    1. the person's rights: erased, unsubscribed, no permission, no usable address;
    2. the shop: left or leaving, flow switched off, no postal address, another sender of cart reminders beside us;
    3. the occasion: bought, cart removed, emptied or replaced by a newer one, too long ago, no mails at all;
    4. what passes: the shop must be reconnected, the cart is in use again, the platform could not be asked
       about orders, the person had enough mail, the person sleeps (never told a time when it would be quiet);
    5. the holdout, last of all: it is compared with those who were mailed, so it has to pass all the rest.
    """
    reason = (
        _of_person(mail, facts) or _of_shop(mail, facts, policy) or _of_occasion(mail, facts, policy, now)
    )
    if reason is not None:
        return Skip(reason)
    later = _not_yet(mail, facts, policy, now)
    if later is not None:
        return later
    return Skip(Reason.HOLDOUT) if facts.arm is Arm.HOLDOUT else Send()


def decide_unasked(mail: PlannedMail, facts: Facts, policy: ShopPolicy, now: datetime) -> Skip | Later | None:
    """What becomes of the mail whatever the platform would say; None: it has to be asked about orders first.

    Mails that are held back anyway cost the platform no question. The holdout is asked about like the rest.
    """
    hopeful = replace(facts, platform_says_ordered=False, order_check_age_seconds=0.0)
    decision = decide(mail, hopeful, policy, now)
    return None if isinstance(decision, Send) or decision == Skip(Reason.HOLDOUT) else decision


def expires_at(mail: PlannedMail, cart: CartFacts | None, policy: ShopPolicy) -> datetime:
    """From when on the mail would only surprise."""
    if mail.flow is FlowKind.ABANDONED_CART and cart is not None:
        return cart.last_activity_at + timedelta(hours=policy.cart.give_up_after_hours)
    return mail.planned_at + timedelta(days=policy.win_back.window_days)


def _of_person(mail: PlannedMail, facts: Facts) -> Reason | None:
    if facts.is_erased:
        return Reason.ERASED
    if is_suppressed(facts.suppressions, mail.flow):
        return Reason.SUPPRESSED
    if not may_mail(facts.consent):
        return (
            _CONSENT_REASONS.get(facts.consent.state, Reason.NO_CONSENT)
            if facts.consent
            else Reason.NO_CONSENT
        )
    return None if facts.has_valid_address else Reason.NO_ADDRESS


def _of_shop(mail: PlannedMail, facts: Facts, policy: ShopPolicy) -> Reason | None:
    if facts.shop_state in (ShopState.LEAVING, ShopState.UNINSTALLED):
        return Reason.SHOP_DISCONNECTED
    if not facts.flow_is_active:
        return Reason.FLOW_OFF
    if not has_postal_address(policy):
        return Reason.NO_POSTAL_ADDRESS
    is_doubled = mail.flow is FlowKind.ABANDONED_CART and facts.has_other_sender
    return Reason.OTHER_SENDER if is_doubled else None


def has_postal_address(policy: ShopPolicy) -> bool:
    """Whether mails can name the sender's postal address, as CAN-SPAM asks of every one."""
    return bool(policy.sender.postal_address.strip())


def _of_occasion(mail: PlannedMail, facts: Facts, policy: ShopPolicy, now: datetime) -> Reason | None:
    if facts.has_ordered or facts.platform_says_ordered:
        return Reason.ORDERED
    if mail.flow is FlowKind.ABANDONED_CART:
        if facts.cart is None or not facts.cart.is_open:
            return Reason.CART_REMOVED
        if facts.cart.is_empty:
            return Reason.CART_EMPTY
        if facts.cart.has_newer:
            return Reason.NEWER_CART
    if now >= expires_at(mail, facts.cart, policy):
        return Reason.TOO_OLD
    return Reason.CAP_IS_ZERO if caps.room_at((), policy.mail, now) is None else None


def _not_yet(mail: PlannedMail, facts: Facts, policy: ShopPolicy, now: datetime) -> Later | None:
    retry_at = now + facts.retry_after
    if facts.shop_state is ShopState.NEEDS_RECONNECT:
        return _later(retry_at, Reason.NEEDS_RECONNECT, facts, policy, now)
    if mail.flow is FlowKind.ABANDONED_CART and facts.cart is not None:
        # An activity dated in the future (a sender's clock) counts as one of this moment.
        idle_at = min(facts.cart.last_activity_at, now) + timedelta(minutes=policy.cart.wait_minutes)
        if idle_at > now:
            return _later(idle_at, Reason.CART_ACTIVE, facts, policy, now)
    if not _order_check_holds(facts):
        return _later(retry_at, Reason.ORDER_CHECK_MISSING, facts, policy, now)
    room_at = caps.room_at(facts.sent_at, policy.mail, now)
    if room_at is not None and room_at > now:
        return _later(room_at, Reason.CAP, facts, policy, now)
    if quiet.is_quiet(now, facts.zone, policy.mail.quiet_from, policy.mail.quiet_until):
        return _later(now, Reason.QUIET_HOURS, facts, policy, now)
    return None


def _order_check_holds(facts: Facts) -> bool:
    age = facts.order_check_age_seconds
    return (
        facts.platform_says_ordered is False and age is not None and 0 <= age <= MAX_ORDER_CHECK_AGE_SECONDS
    )


def _later(at: datetime, reason: Reason, facts: Facts, policy: ShopPolicy, now: datetime) -> Later:
    """Put off to `at`, or to the first moment after it when the person is awake."""
    at = max(at, now + _MIN_WAIT)
    return Later(
        quiet.first_waking_moment(at, facts.zone, policy.mail.quiet_from, policy.mail.quiet_until), reason
    )


_CONSENT_REASONS = {
    ConsentState.UNSUBSCRIBED: Reason.CONSENT_WITHDRAWN,
    ConsentState.PENDING: Reason.CONSENT_PENDING,
    ConsentState.REDACTED: Reason.ERASED,
    ConsentState.INVALID: Reason.NO_ADDRESS,
}
