"""A thousand purchases and opt-outs race a thousand sends; none that was committed first is followed by a mail."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, text

from app.domain.consent import Scope
from app.domain.events import Consent, ConsentState, Customer
from app.mail.transports import Delivered, Handover
from app.services import consenting, messaging, recording
from app.services.context import Context
from tests.conftest import NOW, Shop
from tests.db.messaging_stage import PlatformSays, Stage, line, set_stage

N_RACES = 1_000
N_SENDERS = 2
# One batch of racers: large enough that both sides are at work at the same moment.
BATCH = 50
# Of each batch, so many are stopped before the senders begin, and so many not before they are through: whoever is
# the faster, both sides win.
N_SURE = 3


@dataclass(slots=True)
class Recorder:
    """A way out that remembers in which order mails left, by a counter it shares with the racers."""

    moments: dict[str, int]
    tick: Callable[[], int]

    def begin(self, sender: str, recipient: str) -> Handover:
        recorder = self

        class Envelope:
            def deliver(self, raw: bytes) -> Delivered:
                assert recipient not in recorder.moments, "a mail went out twice"
                recorder.moments[recipient] = recorder.tick()
                return Delivered("taken")

            def abandon(self) -> None:
                pass

        return Envelope()

    def close(self) -> None:
        pass


@pytest.fixture
def stage(context: Context, ada: Shop) -> Stage:
    return set_stage(context, ada.shop_id)


def fill(stage: Stage, names: list[str]) -> None:
    with stage.context.db.shop(stage.shop_id) as connection:
        for name in names:
            email_hash = stage.hash_of(f"{name}@example.com")
            yes = Consent(state=ConsentState.SUBSCRIBED, changed_at=NOW - timedelta(days=1))
            consenting.record_consent(connection, stage.shop_id, email_hash, yes, NOW)
    for name in names:
        stage.cart(name, f"{name}@example.com", lines=[line()])
    assert stage.plan() == len(names)


def order(stage: Stage, connection: Connection, name: str) -> None:
    email_hash = stage.hash_of(f"{name}@example.com")
    connection.execute(
        text("""INSERT INTO orders (shop_id, platform_order_id, name, email_hash, currency, total, placed_at,
                                    is_test, source_updated_at)
                VALUES (:shop_id, :name, :name, :email_hash, 'EUR', 1, :now, false, :now)"""),
        {"shop_id": stage.shop_id, "name": name, "email_hash": email_hash, "now": NOW},
    )
    messaging.stop_for_order(
        connection,
        stage.shop_id,
        cart_token=None,
        checkout_token=None,
        email_hash=email_hash,
        platform_customer_id=None,
        placed_at=NOW,
        now=NOW,
    )


def withdraw(stage: Stage, connection: Connection, name: str) -> None:
    no = Consent(state=ConsentState.UNSUBSCRIBED, changed_at=NOW)
    email_hash = stage.hash_of(f"{name}@example.com")
    consenting.record_consent(connection, stage.shop_id, email_hash, no, NOW)


def withdraw_with_customer(stage: Stage, connection: Connection, name: str) -> None:
    customer = Customer(
        platform_customer_id=name,
        source_updated_at=NOW,
        email=f"{name}@example.com",
        consent=Consent(state=ConsentState.UNSUBSCRIBED, changed_at=NOW),
    )
    recording.record_customers(connection, stage.context.hasher, stage.shop_id, [customer], NOW)


def unsubscribe(stage: Stage, connection: Connection, name: str) -> None:
    email_hash = stage.hash_of(f"{name}@example.com")
    consenting.suppress(connection, stage.shop_id, email_hash, Scope.ALL, "unsubscribed", NOW)


@contextmanager
def running(*targets: Callable[[], None]) -> Iterator[None]:
    failures: list[BaseException] = []

    def guarded(target: Callable[[], None]) -> None:
        try:
            target()
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=guarded, args=(target,), daemon=True) for target in targets]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join(timeout=600)
    assert failures == []


def test_whatever_was_committed_before_a_hand_over_is_never_followed_by_a_mail(stage: Stage) -> None:
    """What stops a mail and the hand-over meet on the message's row, so their commits have one order.

    The shared counter is read after the stopper's commit and before the mail leaves. A mail whose number is
    higher than its stopper's may still be in order only if the row was handed over first: then the ledger
    says so, for the stopper could not skip the row any more.
    """
    drawn = random.Random(7)
    counter = iter(range(10**9))
    lock = threading.Lock()

    def tick() -> int:
        with lock:
            return next(counter)

    mailed: dict[str, int] = {}
    stopped: dict[str, tuple[int, str]] = {}
    stops = [order, withdraw, withdraw_with_customer, unsubscribe]
    for first in range(0, N_RACES, BATCH):
        names = [f"racer{number}" for number in range(first, first + BATCH)]
        fill(stage, names)
        order_of_stops = drawn.sample(names, len(names))
        start, end = threading.Barrier(N_SENDERS + 1), threading.Barrier(N_SENDERS + 1)

        def stop_all(
            names: list[str] = order_of_stops,
            start: threading.Barrier = start,
            end: threading.Barrier = end,
        ) -> None:
            for place, name in enumerate(names):
                if place == N_SURE:
                    start.wait()
                if place == len(names) - N_SURE:
                    end.wait()
                with stage.context.db.shop(stage.shop_id) as connection:
                    stops[int(name.removeprefix("racer")) % len(stops)](stage, connection, name)
                    state = connection.execute(
                        text("SELECT state FROM messages WHERE email_hash = :hash"),
                        {"hash": stage.hash_of(f"{name}@example.com")},
                    ).scalar_one()
                stopped[f"{name}@example.com"] = (tick(), state)

        def send_all(start: threading.Barrier = start, end: threading.Barrier = end) -> None:
            context = replace(stage.context, transport=Recorder(mailed, tick))
            start.wait()
            while messaging.send_due(
                context, stage.shop_id, NOW, client_for=PlatformSays().client_for
            ).n_messages:
                pass
            end.wait()

        with running(stop_all, *[send_all] * N_SENDERS):
            pass

    assert len(stopped) == N_RACES
    for address in mailed:
        _, state_when_stopped = stopped[address]
        # The stopper held the row's lock and found it gone already: the mail came first.
        assert state_when_stopped in ("handed_over", "sent"), address
    n_mailed, n_stopped = len(mailed), N_RACES - len(mailed)
    assert stage.states() == {"sent": n_mailed, "skipped": n_stopped}
    assert min(n_mailed, n_stopped) >= N_RACES // BATCH * N_SURE


def test_two_runs_at_once_share_the_work_and_repeat_none(stage: Stage) -> None:
    names = [f"buyer{number}" for number in range(100)]
    fill(stage, names)
    mailed: dict[str, int] = {}
    counter = iter(range(10**9))

    def send_all() -> None:
        context = replace(stage.context, transport=Recorder(mailed, lambda: next(counter)))
        messaging.send_due(context, stage.shop_id, NOW, 100, client_for=PlatformSays().client_for)

    with ExitStack() as stack:
        stack.enter_context(running(send_all, send_all, send_all))
    assert sorted(mailed) == sorted(f"{name}@example.com" for name in names)
    assert stage.states() == {"sent": 100}
