"""Sends what is due, one message after another, so that each leaves at most once and every fate is written down.

claim (committed) → look → ask the platform → decide → take a discount code → write → open the envelope → look
and decide again under the message's lock, and commit "handed over" → hand the mail over → write down what became
of it. Until that second commit nothing has left and everything may be repeated; after it, nothing is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from redis.exceptions import RedisError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from app.clock import real_now
from app.domain.consent import Scope
from app.domain.flows import Decision, FlowKind, Later, Send, Skip, decide, decide_unasked
from app.domain.offers import GivenCode
from app.domain.reasons import Reason
from app.mail.transports import Delivered, Handover, Phase, Refused, Retry
from app.platforms.base import NeedsReconnectError, PlatformError, ShopClient
from app.platforms.extras import ExtrasClient
from app.services import connecting, consenting, offers
from app.services.context import Context
from app.services.messaging import ledger
from app.services.messaging.ledger import LEASE, MAX_ATTEMPTS, Claim, Outcome
from app.services.messaging.locks import follow_address, lock_cart, lock_message, lock_person
from app.services.messaging.scene import Scene, as_json, gather, with_order_check
from app.services.messaging.writing import WrittenMail, write_mail

log = structlog.get_logger()

ClientFor = Callable[[Context, int], ShopClient]

# Phases before the server has been told whom the mail is for: the trouble is with the server, not with the mail.
_SERVER_PHASES = frozenset({Phase.CONNECT, Phase.TLS, Phase.LOGIN})

# What the person, the cart or the hour of day is waiting for says nothing against the message itself.
_HARMLESS = frozenset({Reason.CART_ACTIVE, Reason.CAP, Reason.QUIET_HOURS})


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the messages of one run."""

    n_sent: int = 0
    n_skipped: int = 0
    n_put_off: int = 0
    n_failed: int = 0
    n_unknown: int = 0

    @property
    def n_messages(self) -> int:
        return self.n_sent + self.n_skipped + self.n_put_off + self.n_failed + self.n_unknown

    def plus(self, name: str) -> Tally:
        return replace(self, **{name: getattr(self, name) + 1})


class _StopRunError(Exception):
    """The mail server or the platform is away: the rest of the run would fare no better."""


def due_shops(context: Context) -> list[int]:
    """Every shop with a message that is due, or held by a worker that is gone."""
    with context.db.nobody() as connection:
        rows = connection.execute(_DUE_SHOPS, {"now": context.clock.now(), "real_now": real_now()})
        return [int(row[0]) for row in rows]


def send_due(
    context: Context,
    shop_id: int,
    now: datetime,
    limit: int = 50,
    *,
    client_for: ClientFor = connecting.client_for,
    lease: timedelta = LEASE,
) -> Tally:
    """Work through up to `limit` of the shop's messages that are due by `now`, oldest first.

    Any number of workers may do this at once. Each message is decided at its own moment; one that goes wrong
    stops no other, and a mail server or platform that is away ends the run.
    """
    ledger.reclaim_stale(context, shop_id)
    tally = Tally()
    if _is_paused(context, shop_id):
        return tally
    while tally.n_messages < limit:
        claim = ledger.claim_next(context, shop_id, now, lease)
        if claim is None:
            break
        sending = _Sending(context, claim, client_for, lease)
        try:
            tally = tally.plus(sending.run())
        except _StopRunError:
            tally = tally.plus("n_put_off")
            break
        except Exception as error:  # noqa: BLE001  its lease ends by itself, and it is tried again or given up
            log.error(
                "message_broke", shop_id=shop_id, message_id=claim.message_id, error=type(error).__name__
            )
            tally = tally.plus("n_put_off")
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                break
    return tally


@dataclass(slots=True)
class _Sending:
    """One claimed message on its way."""

    context: Context
    claim: Claim
    client_for: ClientFor
    lease: timedelta

    def run(self) -> str:
        """Carry the message as far as it goes; the name of the count it belongs to."""
        if self.claim.n_attempts > MAX_ATTEMPTS:
            return self._fail(Reason.GAVE_UP)
        with self.context.db.shop(self.claim.shop_id) as connection:
            now = self.context.clock.now()
            scene = self._gather(connection, now)
            follow_address(connection, self.claim, scene)
        decision: Decision | None = decide_unasked(scene.mail, scene.facts, scene.shop.policy, now)
        if decision is not None:
            return self._hold_back(decision, scene, now)
        asked_at = time.monotonic()
        says_ordered = self._ask_platform(scene)
        scene = _with_answer(scene, says_ordered, asked_at)
        now = self.context.clock.now()
        decision = decide(scene.mail, scene.facts, scene.shop.policy, now)
        if not isinstance(decision, Send):
            return self._hold_back(decision, scene, now)
        return self._send(scene, asked_at)

    def _gather(self, connection: Connection, now: datetime) -> Scene:
        scene = gather(connection, self.claim, now)
        wait = ledger.wait_before_retry(self.context, self.claim.n_attempts)
        return replace(scene, facts=replace(scene.facts, retry_after=wait))

    def _ask_platform(self, scene: Scene) -> bool:
        """Has the cart, or the person, become an order? No answer puts the message off and ends the run."""
        try:
            client = self.client_for(self.context, self.claim.shop_id)
            return client.has_ordered(scene.order_ref, scene.ordered_since)
        except PlatformError as error:
            pause = timedelta(seconds=error.retry_after_seconds or 0)
            _pause(self.context, self.claim.shop_id, pause)
            facts = replace(
                scene.facts,
                retry_after=ledger.wait_before_retry(self.context, self.claim.n_attempts, pause),
            )
            now = self.context.clock.now()
            log.warning("order_check_failed", shop_id=self.claim.shop_id, reason=str(error))
            self._hold_back(
                decide(scene.mail, facts, scene.shop.policy, now), replace(scene, facts=facts), now
            )
            raise _StopRunError from None

    def _code(self, scene: Scene) -> GivenCode | None:
        """The mail's discount code, where the merchant offers one.

        A shop that is away puts the mail off and ends the run. One that refuses codes for good, as before the
        merchant has permitted them, gets the mail without; the settings page says so.
        """
        if not scene.shop.policy.offer.is_on or scene.mail.flow is not FlowKind.ABANDONED_CART:
            return None
        client = self.client_for(self.context, self.claim.shop_id)
        if not isinstance(client, ExtrasClient):
            return None
        try:
            return offers.code_for(self.context, client.codes, scene.shop, self.claim.message_id)
        except PlatformError as error:
            log.warning("code_not_made", shop_id=self.claim.shop_id, reason=str(error))
            if error.permanent and not isinstance(error, NeedsReconnectError):
                return None
            now = self.context.clock.now()
            pause = timedelta(seconds=error.retry_after_seconds or 0)
            wait = ledger.wait_before_retry(self.context, self.claim.n_attempts, pause)
            self._hold_back(Later(now + wait, Reason.CODE_MISSING), scene, now)
            raise _StopRunError from None

    def _send(self, scene: Scene, asked_at: float) -> str:
        code = self._code(scene)
        try:
            with self.context.db.shop(self.claim.shop_id) as connection:
                now = self.context.clock.now()
                mail = write_mail(self.context, connection, self.claim, scene, now, code=code)
        except ValueError as error:
            log.warning("mail_not_written", shop_id=self.claim.shop_id, reason=str(error))
            return self._fail(Reason.CANNOT_RENDER, facts={"error": f"{type(error).__name__}: {error}"[:300]})
        envelope = self.context.transport.begin(self.context.settings.mail_from, scene.recipient or "")
        if isinstance(envelope, Retry):
            return self._defer(envelope)
        if isinstance(envelope, Refused):
            return self._refuse(envelope)
        try:
            held_back = self._hand_over(scene, mail, asked_at)
        except BaseException:
            envelope.abandon()
            raise
        if held_back is not None:
            envelope.abandon()
            return held_back
        return self._deliver(envelope, mail)

    def _hand_over(self, scene: Scene, mail: WrittenMail, asked_at: float) -> str | None:
        """Look once more under the lock and commit "handed over"; or the count of what happened instead.

        Whoever stops a mail (an order, an opt-out) takes the message's row lock too: what they committed
        before this lock is seen here, and what they commit after it comes after the hand-over.
        """
        with self.context.db.shop(self.claim.shop_id) as connection:
            lock_person(connection, self.claim.shop_id, scene.email_hash)
            if not lock_message(connection, self.claim):
                return "n_skipped"
            is_cart_free = scene.cart is None or lock_cart(connection, self.claim.shop_id, scene.cart.cart_id)
            now = self.context.clock.now()
            # The platform said no a moment ago, or this mail would not have been written.
            fresh = _with_answer(self._gather(connection, now), says_ordered=False, asked_at=asked_at)
            decision = decide(fresh.mail, fresh.facts, fresh.shop.policy, now)
            if isinstance(decision, Send) and not (is_cart_free and _is_as_written(scene, fresh)):
                decision = Later(now + self.context.clock.speed * timedelta(seconds=5), Reason.CART_ACTIVE)
            if not isinstance(decision, Send):
                return self._note(connection, decision, fresh, now)
            facts = as_json(fresh.facts, now) | {
                "lines": list(mail.line_products),
                "recommended": list(mail.recommended_products),
            }
            if mail.offered_percent is not None:
                facts["offered_percent"] = mail.offered_percent
            fence = real_now() + self.lease
            ledger.mark_handed_over(
                connection,
                self.claim,
                now,
                fence=fence,
                values={
                    "facts": facts,
                    "arm": fresh.facts.arm.value,
                    "subject_line": mail.subject,
                    "model_id": mail.model_id,
                },
            )
        self.claim = replace(self.claim, fence=fence)
        return None

    def _deliver(self, envelope: Handover, mail: WrittenMail) -> str:
        outcome = envelope.deliver(mail.raw)
        if isinstance(outcome, Retry):
            return self._defer(outcome)
        if isinstance(outcome, Refused):
            return self._refuse(outcome)
        with self.context.db.shop(self.claim.shop_id) as connection:
            if isinstance(outcome, Delivered):
                ledger.mark_sent(connection, self.claim, self.context.clock.now())
                return "n_sent"
            ledger.mark_unknown(connection, self.claim)
        log.warning("outcome_unknown", shop_id=self.claim.shop_id, message_id=self.claim.message_id)
        return "n_unknown"

    def _hold_back(self, decision: Decision, scene: Scene, now: datetime) -> str:
        with self.context.db.shop(self.claim.shop_id) as connection:
            return self._note(connection, decision, scene, now)

    def _note(self, connection: Connection, decision: Decision, scene: Scene, now: datetime) -> str:
        """Write a Skip or a Later into the ledger."""
        if isinstance(decision, Send):
            raise TypeError("a mail that may be sent is not held back")
        outcome = Outcome(
            reason=decision.reason, now=now, facts=as_json(scene.facts, now), arm=scene.facts.arm.value
        )
        if isinstance(decision, Skip):
            ledger.mark_skipped(connection, self.claim, outcome)
            return "n_skipped"
        n_attempts = 0 if decision.reason in _HARMLESS else min(self.claim.n_attempts, MAX_ATTEMPTS - 1)
        ledger.put_off(connection, self.claim, outcome, decision.at, n_attempts=n_attempts)
        return "n_put_off"

    def _defer(self, retry: Retry) -> str:
        """The server asked to come back later; trouble of the server itself never uses a mail's attempts up."""
        is_servers = retry.phase in _SERVER_PHASES
        if self.claim.n_attempts >= MAX_ATTEMPTS and not is_servers:
            return self._fail(Reason.GAVE_UP, facts={"server": retry.reason})
        now = self.context.clock.now()
        wait = ledger.wait_before_retry(self.context, self.claim.n_attempts, retry.after)
        n_attempts = min(self.claim.n_attempts, MAX_ATTEMPTS - 1) if is_servers else self.claim.n_attempts
        with self.context.db.shop(self.claim.shop_id) as connection:
            outcome = Outcome(
                reason=Reason.DEFERRED,
                now=now,
                facts={"server": retry.reason, "phase": retry.phase.value},
            )
            ledger.put_off(connection, self.claim, outcome, now + wait, n_attempts=n_attempts)
        if is_servers:
            log.warning("mail_server_away", phase=retry.phase.value, reason=retry.reason)
            raise _StopRunError
        return "n_put_off"

    def _refuse(self, refused: Refused) -> str:
        """The server will never take it; a dead address is never written to again."""
        facts: dict[str, Any] = {"server": refused.reason}
        reason = Reason.BOUNCED if refused.is_hard_bounce else Reason.REFUSED
        return self._fail(reason, facts=facts, is_dead_address=refused.is_hard_bounce)

    def _fail(
        self, reason: Reason, *, facts: dict[str, Any] | None = None, is_dead_address: bool = False
    ) -> str:
        now = self.context.clock.now()
        with self.context.db.shop(self.claim.shop_id) as connection:
            ledger.mark_failed(connection, self.claim, Outcome(reason=reason, now=now, facts=facts or {}))
            if is_dead_address:
                _suppress_dead(connection, self.claim, now)
        return "n_failed"


def _with_answer(scene: Scene, says_ordered: bool, asked_at: float) -> Scene:
    age_seconds = time.monotonic() - asked_at
    return replace(
        scene, facts=with_order_check(scene.facts, says_ordered=says_ordered, age_seconds=age_seconds)
    )


def _is_as_written(written: Scene, fresh: Scene) -> bool:
    """Whether the mail still says what is true: to the same address, of the same cart."""
    return (written.email_hash, written.recipient, written.cart) == (
        fresh.email_hash,
        fresh.recipient,
        fresh.cart,
    )


def _suppress_dead(connection: Connection, claim: Claim, now: datetime) -> None:
    email_hash = connection.execute(
        _EMAIL_HASH, {"shop_id": claim.shop_id, "message_id": claim.message_id}
    ).scalar()
    if email_hash is not None:
        consenting.suppress(
            connection, claim.shop_id, bytes(email_hash), Scope.ALL, consenting.HARD_BOUNCE, now
        )


def _pause(context: Context, shop_id: int, pause: timedelta) -> None:
    """Ask this shop's platform nothing before `pause` is over. A Redis that is away only costs a question."""
    if pause <= timedelta():
        return
    try:
        context.redis.set(f"order-check-pause:{shop_id}", b"1", px=int(pause.total_seconds() * 1000))
    except RedisError as error:
        log.warning("pause_not_kept", shop_id=shop_id, reason=type(error).__name__)


def _is_paused(context: Context, shop_id: int) -> bool:
    try:
        return bool(context.redis.exists(f"order-check-pause:{shop_id}"))
    except RedisError:
        return False


_DUE_SHOPS = text(
    "SELECT shops_with_due_messages(:now) AS shop_id UNION SELECT shops_with_stale_messages(:real_now) ORDER BY 1"
)

_EMAIL_HASH = text("SELECT email_hash FROM messages WHERE shop_id = :shop_id AND message_id = :message_id")
