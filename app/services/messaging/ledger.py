"""The states a message goes through, each change one guarded statement; it decides nothing.

planned → claimed → handed_over → sent | failed | unknown, and from planned or claimed → skipped. A claim has a
lease in real time, and the lease's end is its fence: whoever claims a message again gets another one, so a
worker that slept through its own lease can change nothing any more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, text, update
from sqlalchemy.dialects.postgresql import insert

from app.clock import real_now
from app.db.models import Enrolment, Message
from app.domain.flows import FlowKind
from app.domain.reasons import Reason
from app.services.context import Context

# Longer than all time limits of one mail together (order check 20 s, greeting to RCPT 30 s each, the mail
# itself 120 s), so that a lease that is over means a worker that is gone.
LEASE = timedelta(seconds=300)

# A mail that its server put off, or that took its worker down, this often is given up (reliability.md §1).
MAX_ATTEMPTS = 8

# Seconds. Wait before attempt n + 1: this × 2^(n-1), at most an hour.
_FIRST_WAIT_SECONDS = 60.0
_LONGEST_WAIT_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Claim:
    """A message this worker holds. `fence` is the end of the lease as the row has it."""

    shop_id: int
    message_id: int
    n_attempts: int
    fence: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """Somebody to be mailed because of `subject`; see `Enrolment.subject`."""

    flow: FlowKind
    subject: str
    email: str
    email_hash: bytes
    due_at: datetime
    cart_id: int | None = None
    customer_id: int | None = None


def plan(connection: Connection, shop_id: int, planned: Planned, now: datetime) -> int | None:
    """Enrol and plan step 1, once per subject; the message's id, or None when the subject is known."""
    enrolment_id = connection.execute(
        insert(Enrolment)
        .values(
            shop_id=shop_id,
            flow=planned.flow.value,
            subject=planned.subject,
            cart_id=planned.cart_id,
            customer_id=planned.customer_id,
            email_hash=planned.email_hash,
            state="active",
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["shop_id", "flow", "subject"])
        .returning(Enrolment.enrolment_id)
    ).scalar_one_or_none()
    if enrolment_id is None:
        return None
    message_id: int = connection.execute(
        insert(Message)
        .values(
            shop_id=shop_id,
            enrolment_id=enrolment_id,
            flow=planned.flow.value,
            step=1,
            email_hash=planned.email_hash,
            recipient=planned.email,
            rfc_message_id=uuid4(),
            due_at=planned.due_at,
            created_at=now,
        )
        .returning(Message.message_id)
    ).scalar_one()
    return message_id


def claim_next(context: Context, shop_id: int, now: datetime, lease: timedelta = LEASE) -> Claim | None:
    """Take the message that has been due longest, count the attempt and commit; None when nothing is due."""
    with context.db.shop(shop_id) as connection:
        row = connection.execute(
            _CLAIM, {"shop_id": shop_id, "now": now, "fence": real_now() + lease}
        ).one_or_none()
    return Claim(shop_id, row.message_id, row.n_attempts, row.claimed_until) if row else None


def reclaim_stale(context: Context, shop_id: int) -> int:
    """Take back what gone workers held; returns how many messages that were.

    A claimed mail had not left: it is planned again, or given up when this keeps happening to it. A mail
    that was handed over may have left: its outcome is unknown, and it is never sent again.
    """
    values = {
        "shop_id": shop_id,
        "real_now": real_now(),
        "now": context.clock.now(),
        "max_attempts": MAX_ATTEMPTS,
        "lease_over": Reason.LEASE_OVER.value,
        "gave_up": Reason.GAVE_UP.value,
        "unknown": Reason.OUTCOME_UNKNOWN.value,
    }
    with context.db.shop(shop_id) as connection:
        return connection.execute(_RECLAIM, values).rowcount


def wait_before_retry(context: Context, n_attempts: int, at_least: timedelta | None = None) -> timedelta:
    """How long to wait after attempt `n_attempts`, in the shop's time.

    Mail servers and platforms live in real time, so a faster clock makes the wait longer by as much.
    """
    seconds = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2 ** min(max(n_attempts - 1, 0), 10))
    return max(timedelta(seconds=seconds), at_least or timedelta()) * context.clock.speed


def mark_handed_over(
    connection: Connection, claim: Claim, now: datetime, *, fence: datetime, values: dict[str, Any]
) -> None:
    """From here on the mail counts as gone; the row must be locked by this transaction."""
    _change(
        connection,
        claim,
        "claimed",
        state="handed_over",
        reason=None,
        claimed_until=fence,
        handed_over_at=now,
        decided_at=now,
        **values,
    )


def mark_sent(connection: Connection, claim: Claim, now: datetime) -> None:
    """The server has taken the mail. A sweeper that came too early may have called it unknown."""
    _change(connection, claim, "handed_over", "unknown", state="sent", reason=None, sent_at=now)
    _end_enrolment(connection, claim)


def mark_unknown(connection: Connection, claim: Claim) -> None:
    _change(connection, claim, "handed_over", state="unknown", reason=Reason.OUTCOME_UNKNOWN.value)
    _end_enrolment(connection, claim)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a message ended without a mail, or why it waits. `facts` holds no address."""

    reason: Reason
    now: datetime
    facts: dict[str, Any] = field(default_factory=dict)
    arm: str | None = None


def mark_skipped(connection: Connection, claim: Claim, outcome: Outcome) -> None:
    _change(connection, claim, "claimed", state="skipped", **_told(outcome))
    _end_enrolment(connection, claim)


def mark_failed(connection: Connection, claim: Claim, outcome: Outcome) -> None:
    _change(connection, claim, "claimed", "handed_over", state="failed", **_told(outcome))
    _end_enrolment(connection, claim)


def put_off(
    connection: Connection, claim: Claim, outcome: Outcome, due_at: datetime, *, n_attempts: int
) -> None:
    """Plan it again for `due_at`, with the attempts that still count against it."""
    told = _told(outcome) | {"decided_at": None}
    _change(
        connection,
        claim,
        "claimed",
        "handed_over",
        state="planned",
        due_at=due_at,
        claimed_until=None,
        handed_over_at=None,
        n_attempts=n_attempts,
        **told,
    )


def _told(outcome: Outcome) -> dict[str, Any]:
    told: dict[str, Any] = {"reason": outcome.reason.value, "decided_at": outcome.now}
    if outcome.facts:
        told["facts"] = outcome.facts
    if outcome.arm:
        told["arm"] = outcome.arm
    return told


def _change(connection: Connection, claim: Claim, *states: str, **values: Any) -> None:
    """Change the row if it is still this worker's; if not, somebody stopped it and their word holds."""
    connection.execute(
        update(Message)
        .where(
            Message.shop_id == claim.shop_id,
            Message.message_id == claim.message_id,
            Message.state.in_(states),
            Message.claimed_until == claim.fence,
        )
        .values(**values)
    )


def _end_enrolment(connection: Connection, claim: Claim) -> None:
    connection.execute(_END_ENROLMENT, {"shop_id": claim.shop_id, "message_id": claim.message_id})


_CLAIM = text("""
    UPDATE messages SET state = 'claimed', claimed_until = :fence, n_attempts = n_attempts + 1
    WHERE shop_id = :shop_id AND message_id = (
        SELECT message_id FROM messages
        WHERE shop_id = :shop_id AND state = 'planned' AND due_at <= :now
        ORDER BY due_at, message_id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING message_id, n_attempts, claimed_until""")

_RECLAIM = text("""
    UPDATE messages SET
        state = CASE WHEN state = 'handed_over' THEN 'unknown'
                     WHEN n_attempts >= :max_attempts THEN 'failed' ELSE 'planned' END,
        reason = CASE WHEN state = 'handed_over' THEN :unknown
                      WHEN n_attempts >= :max_attempts THEN :gave_up ELSE :lease_over END,
        decided_at = CASE WHEN state = 'claimed' AND n_attempts >= :max_attempts THEN :now ELSE decided_at END
    WHERE shop_id = :shop_id AND state IN ('claimed', 'handed_over') AND claimed_until <= :real_now""")

# Every flow has one step, so a message that ended ends its enrolment.
_END_ENROLMENT = text("""
    UPDATE enrolments SET state = 'ended' FROM messages m
    WHERE enrolments.shop_id = :shop_id AND m.shop_id = :shop_id AND m.message_id = :message_id
      AND enrolments.enrolment_id = m.enrolment_id AND enrolments.state = 'active'
      AND m.state NOT IN ('planned', 'claimed', 'handed_over')""")
