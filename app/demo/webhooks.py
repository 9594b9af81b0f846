"""The shop's post: who subscribed to what, signed deliveries, retries, and faults on demand."""

from __future__ import annotations

import heapq
import itertools
import json
import random
import threading
import uuid
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from app.demo import protected
from app.demo.amounts import utc_ns
from app.demo.config import COMPLIANCE_TOPICS, AppConfig
from app.demo.courier import Attempt, Courier
from app.demo.live import DemoStoreError, Event
from app.demo.signing import body_signature
from app.demo.store import DemoStore

# Eight retries over four hours, exponential (shopify.dev, changelog 2024-09-10). Seconds of the shop's time.
RETRY_SECONDS = (60, 120, 240, 480, 960, 1920, 3840, 6780)
# However fast the shop's clock runs, an app that is restarted gets a minute of real time before the last retry.
MAX_RETRY_SPEED = 240.0
# What a person can look back on; older ones are only counted.
N_LOGGED = 2000
N_COURIERS = 8
# Sent although the app is not installed (any more).
_SENT_AFTER_UNINSTALL = (*COMPLIANCE_TOPICS, "app/uninstalled")


class SubscriptionRefusedError(DemoStoreError):
    """This subscription can't be made."""


@dataclass(slots=True)
class Subscription:
    id: int
    topic: str
    uri: str
    api_version: str
    created_at: datetime
    updated_at: datetime
    # Declared in the app's toml rather than made through the API; such a one is never removed.
    is_declared: bool = False
    include_fields: tuple[str, ...] = ()
    name: str | None = None
    last_success_seconds: float = 0.0


@dataclass(slots=True)
class Delivery:
    webhook_id: str
    subscription_id: int
    topic: str
    uri: str
    raw: bytes
    headers: dict[str, str]
    triggered_at: datetime
    created_seconds: float
    state: str = "pending"  # pending | scheduled | delivered | failed | dropped
    attempts: list[Attempt] = field(default_factory=list)
    is_double: bool = False


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong on purpose. Shares are of deliveries, 0 to 1; durations are the shop's time."""

    drop_share: float = 0.0
    double_share: float = 0.0
    # Each delivery waits up to this long, at random: they overtake one another.
    shuffle_seconds: float = 0.0
    delay_seconds: float = 0.0
    late_share: float = 0.0
    late_seconds: float = 72_000.0
    # Share of API calls whose connection is cut instead of answered.
    reset_share: float = 0.0
    seed: int = 7


class Post:
    """Hears of events, and delivers each to whoever subscribed. `start` and `stop` its couriers."""

    def __init__(
        self,
        store: DemoStore,
        config: AppConfig,
        is_installed: Callable[[], bool] = lambda: True,
        courier: Callable[[], Courier] = Courier,
        retry_speed: float | None = None,
    ) -> None:
        self.store, self.config, self.is_installed = store, config, is_installed
        self.approved_level = protected.LEVEL_2
        self.retry_speed = retry_speed or min(store.clock.speed, MAX_RETRY_SPEED)
        self.subscriptions: dict[int, Subscription] = {}
        self.log: deque[Delivery] = deque(maxlen=N_LOGGED)
        self.counts: Counter[str] = Counter()
        self._new_courier = courier
        self._queue: list[tuple[float, int, Delivery]] = []
        self._order = itertools.count()
        self._wake = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._n_under_way = 0
        self._is_stopping = False
        self.set_faults(Faults())
        for topic, uri in config.subscriptions:
            self._add(topic, uri, config.api_version, is_declared=True)
        store.listeners.append(self.hear)

    # -- subscriptions -----------------------------------------------------------------------------------

    def subscribe(
        self,
        topic: str,
        uri: str,
        api_version: str,
        *,
        include_fields: tuple[str, ...] = (),
        name: str | None = None,
    ) -> Subscription:
        """Made through the API; the messages of the refusals are Shopify's."""
        if topic in COMPLIANCE_TOPICS:
            raise SubscriptionRefusedError(
                "Mandatory compliance topics are declared in the app's configuration"
            )
        if not protected.is_seen(topic, self.approved_level):
            raise SubscriptionRefusedError(
                "This app is not approved to subscribe to webhook topics containing protected customer data. "
                f"See {protected.DOCUMENTATION} for more details."
            )
        self._require_address(uri)
        if any(s.topic == topic and s.uri == uri for s in self.subscriptions.values()):
            raise SubscriptionRefusedError("Address for this topic has already been taken")
        return self._add(topic, uri, api_version, include_fields=include_fields, name=name)

    def move(self, subscription: Subscription, uri: str) -> None:
        self._require_address(uri)
        subscription.uri, subscription.updated_at = uri, self.store.now()

    def remove_api_made(self) -> None:
        """What an uninstall does."""
        self.subscriptions = {k: s for k, s in self.subscriptions.items() if s.is_declared}

    @staticmethod
    def _require_address(uri: str) -> None:
        is_local = uri.startswith(("http://127.0.0.1", "http://localhost"))
        if not uri.startswith("https://") and not is_local:
            raise SubscriptionRefusedError("Address protocol http:// is not supported")

    def _add(
        self,
        topic: str,
        uri: str,
        api_version: str,
        *,
        is_declared: bool = False,
        include_fields: tuple[str, ...] = (),
        name: str | None = None,
    ) -> Subscription:
        now = self.store.now()
        made = Subscription(
            self.store.world.new_id(), topic, uri, api_version, now, now, is_declared, include_fields, name
        )
        self.subscriptions[made.id] = made
        return made

    # -- hearing and queueing ----------------------------------------------------------------------------

    def set_faults(self, faults: Faults) -> None:
        self.faults = faults
        self._random = random.Random(faults.seed)

    def is_unlucky(self, share: float) -> bool:
        return share > 0 and self._random.random() < share

    def hear(self, event: Event) -> None:
        """Called with the shop locked: only writes the letters and queues them."""
        if not self.is_installed() and event.topic not in _SENT_AFTER_UNINSTALL:
            return
        if not protected.is_seen(event.topic, self.approved_level):
            return
        for subscription in list(self.subscriptions.values()):
            if subscription.topic == event.topic:
                self._send_off(self._letter(subscription, event), event)

    def _letter(self, subscription: Subscription, event: Event) -> Delivery:
        body = protected.without_level_2(event.topic, event.body, self.approved_level)
        if subscription.include_fields:
            body = {k: v for k, v in body.items() if k in subscription.include_fields}
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        webhook_id = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Shopify-Captain-Hook",
            "X-Shopify-Topic": event.topic,
            "X-Shopify-Hmac-Sha256": body_signature(self.config.client_secret, raw),
            "X-Shopify-Shop-Domain": self.store.world.shop_domain,
            "X-Shopify-API-Version": subscription.api_version,
            "X-Shopify-Webhook-Id": webhook_id,
            "X-Shopify-Triggered-At": utc_ns(event.triggered_at),
            "X-Shopify-Event-Id": event.event_id,
        }
        if subscription.name:
            headers["X-Shopify-Name"] = subscription.name
        return Delivery(
            webhook_id,
            subscription.id,
            event.topic,
            subscription.uri,
            raw,
            headers,
            event.triggered_at,
            self._seconds(),
        )

    def _send_off(self, delivery: Delivery, event: Event) -> None:
        faults, chance = self.faults, self._random.random
        wait_seconds = faults.delay_seconds + faults.shuffle_seconds * chance()
        if event.due_at is not None:
            delivery.state = "scheduled"
            wait_seconds += (event.due_at - event.triggered_at).total_seconds()
        is_late = chance() < faults.late_share
        if is_late:
            wait_seconds += faults.late_seconds
        with self._wake:
            self.log.append(delivery)
            if chance() < faults.drop_share:
                self._settle(delivery, "dropped")
                return
            self.counts["late"] += is_late
            self._queue_for(delivery, wait_seconds / self.store.clock.speed)
            if chance() < faults.double_share:
                self.counts["doubled"] += 1
                double = replace(delivery, attempts=[], is_double=True)
                self.log.append(double)
                self._queue_for(
                    double, (wait_seconds + faults.shuffle_seconds * chance()) / self.store.clock.speed
                )

    def _queue_for(self, delivery: Delivery, real_seconds: float) -> None:
        heapq.heappush(self._queue, (self._seconds() + real_seconds, next(self._order), delivery))
        self._wake.notify()

    def _settle(self, delivery: Delivery, state: str) -> None:
        delivery.state = state
        self.counts[state] += 1
        self.counts[f"{state} {delivery.topic}"] += 1

    # -- delivering --------------------------------------------------------------------------------------

    def start(self, n_couriers: int = N_COURIERS) -> None:
        for number in range(n_couriers):
            thread = threading.Thread(target=self._work, name=f"courier-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        with self._wake:
            self._is_stopping = True
            self._wake.notify_all()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def deliver_due(self) -> int:
        """Deliver what is due by the clock, here and now; for whoever moves the clock and starts no couriers."""
        courier, n_attempts = self._new_courier(), 0
        while (delivery := self._due()) is not None:
            attempt = courier.deliver(delivery.uri, delivery.headers, delivery.raw)
            with self._wake:
                self._note(delivery, attempt)
            n_attempts += 1
        courier.close()
        return n_attempts

    def seconds_to_next(self) -> float | None:
        """Real seconds until the next delivery is due; None when nothing is queued."""
        with self._wake:
            return max(0.0, self._queue[0][0] - self._seconds()) if self._queue else None

    def _due(self) -> Delivery | None:
        with self._wake:
            is_due = self._queue and self._queue[0][0] <= self._seconds()
            return heapq.heappop(self._queue)[2] if is_due else None

    def _seconds(self) -> float:
        """Of the clock that the shop's time is made from."""
        return self.store.clock.real()

    def n_waiting(self) -> int:
        """Deliveries not settled yet, but for those that are to wait for days."""
        with self._wake:
            return sum(d.state == "pending" for _, _, d in self._queue) + self._n_under_way

    def _work(self) -> None:
        courier = self._new_courier()
        while (delivery := self._next()) is not None:
            attempt = courier.deliver(delivery.uri, delivery.headers, delivery.raw)
            with self._wake:
                self._n_under_way -= 1
                self._note(delivery, attempt)
        courier.close()

    def _next(self) -> Delivery | None:
        with self._wake:
            while not self._is_stopping:
                wait_seconds = self._queue[0][0] - self._seconds() if self._queue else None
                if wait_seconds is not None and wait_seconds <= 0:
                    self._n_under_way += 1
                    return heapq.heappop(self._queue)[2]
                self._wake.wait(wait_seconds)
        return None

    def _note(self, delivery: Delivery, attempt: Attempt) -> None:
        """After an answer: done, once more later, or given up."""
        delivery.attempts.append(attempt)
        self.counts["attempts"] += 1
        subscription = self.subscriptions.get(delivery.subscription_id)
        if attempt.is_success:
            self._settle(delivery, "delivered")
            if subscription is not None:
                subscription.last_success_seconds = self._seconds()
            return
        n_retries = len(delivery.attempts) - 1
        if n_retries < len(RETRY_SECONDS):
            self._queue_for(delivery, RETRY_SECONDS[n_retries] / self.retry_speed)
            return
        self._settle(delivery, "failed")
        self._give_up_on(subscription, delivery)

    def _give_up_on(self, subscription: Subscription | None, delivery: Delivery) -> None:
        """A delivery that failed to its last retry, and nothing got through meanwhile: the subscription goes."""
        if subscription is None or subscription.is_declared:
            return
        if subscription.last_success_seconds < delivery.created_seconds:
            self.subscriptions.pop(subscription.id, None)
            self.counts["subscriptions removed"] += 1
