"""Two thousand webhooks while what takes them in is killed again and again: what was acknowledged is stored, once.

And carried out, once: the rows are those of an undisturbed shop.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine, create_engine, text

from app.db.migrate import upgrade
from app.db.session import normalise_url
from app.embedded import start_postgres
from app.settings import Settings
from app.tour.processes import free_port
from app.wiring import build_context
from tests.conftest import NOW, SERVERS, TEST_KEYS, RecordingQueue, locked, make_shop
from tests.faults.harness import House, Postgres, Redis, Senders
from tests.faults.traffic import Hook, make_traffic, stored_truth

pytestmark = pytest.mark.faults

DOMAIN = "ada-tea.myshopify.com"
SEED = 20261120

# The shop's seconds in a real one: the sweep of every 30 s comes each 1.5 s, a killed attempt's pause lasts 0.5 s.
SPEED = 20


@dataclass
class Scene:
    postgres: Postgres
    redis: Redis
    house: House
    owner: Engine

    def count(self, statement: str) -> int:
        with self.owner.connect() as connection:
            return int(connection.execute(text(statement)).scalar_one())

    def stored(self) -> set[str]:
        with self.owner.connect() as connection:
            rows = connection.execute(text("SELECT topic, dedupe_key FROM deliveries")).all()
        assert all(row.dedupe_key.startswith(row.topic) for row in rows)
        return {row.dedupe_key for row in rows}

    def is_drained(self) -> bool:
        return self.count("SELECT count(*) FROM deliveries WHERE state = 'received'") == 0

    def n_done(self) -> int:
        return self.count("SELECT count(*) FROM deliveries WHERE state = 'done'")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Servers of their own, because they die here; a fresh database, durable as in production."""
    runner = os.environ.get("PYTEST_XDIST_WORKER", "main")
    with ExitStack() as stack:
        stack.enter_context(locked(SERVERS / f"faults-{runner}.lock"))
        postgres = Postgres(SERVERS / f"faults-{runner}")
        url = fresh_database(SERVERS / f"faults-{runner}")
        owner = create_engine(normalise_url(url), isolation_level="AUTOCOMMIT", pool_pre_ping=True)
        stack.callback(owner.dispose)
        redis = Redis(tmp_path_factory.mktemp("redis"))
        stack.callback(redis.stop)
        context = build_context(
            Settings(database_url=url, redis_url=redis.url, **TEST_KEYS), queue=RecordingQueue()
        )
        make_shop(context, DOMAIN, "Ada's Tea")
        context.db.close()
        context.redis.close()
        house = House(tmp_path_factory.mktemp("logs"), environment(url, redis.url), free_port(5400))
        stack.callback(house.stop)
        house.wait_until("the web's answer", house.serves)
        yield Scene(postgres, redis, house, owner)


def fresh_database(folder: object) -> str:
    server = create_engine(normalise_url(start_postgres(folder, "postgres")), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS faults WITH (FORCE)"))
        durability = [
            connection.execute(text(f"SHOW {name}")).scalar() for name in ("fsync", "synchronous_commit")
        ]
    server.dispose()
    assert durability == ["on", "on"]
    url = start_postgres(folder, "faults")
    upgrade(url)
    return url


def environment(database_url: str, redis_url: str) -> dict[str, str]:
    return {
        **{name.upper(): value for name, value in TEST_KEYS.items()},
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        # Nobody answers there: this shop has nothing to say beside its webhooks.
        "SHOPIFY_BASE_URL": "http://127.0.0.1:1",
        "REGULARS_CLOCK": f"{NOW.isoformat()}|{time.time()}|{SPEED}",
        "LOG_LEVEL": "WARNING",
    }


class Killer:
    """Strikes at web, worker and Redis in a drawn order, at a drawn moment of each part of the traffic.

    A strike sends the part's `rest` itself: a fast machine has taken everything in before a blow could fall.
    """

    def __init__(self, scene: Scene, senders: Senders, drawn: random.Random) -> None:
        self.scene, self.senders, self.drawn = scene, senders, drawn
        self.strikes = {"web": self.strike_web, "worker": self.strike_worker, "redis": self.strike_redis}
        self._n_done_at_last_start = 0

    def strike_web(self, rest: list[Hook]) -> None:
        """Between its answers: the other web worker takes what this one does not."""
        self.scene.house.wait_until("both web workers' return", self.scene.house.serves)
        self.senders.send(rest)
        os.kill(self.drawn.choice(self.scene.house.web_workers()), 9)

    def strike_worker(self, rest: list[Hook]) -> None:
        """Not before it has begun to work: to kill one that is only starting would prove nothing."""
        self.scene.house.wait_until("the worker's work", self._works)
        self.senders.send(rest)
        self.scene.house.kill_worker()
        self._n_done_at_last_start = self.scene.n_done()

    def strike_redis(self, rest: list[Hook]) -> None:
        """Half of the time it comes back having forgotten everything; the web goes on meanwhile."""
        self.scene.redis.kill(is_wiped=self.drawn.random() < 0.5)
        n_before = len(self.senders.acknowledged)
        self.senders.send(rest)
        self.scene.house.wait_until(
            "webhooks being taken without Redis", lambda: len(self.senders.acknowledged) > n_before
        )
        self.scene.redis.start()

    def _works(self) -> bool:
        return self.scene.n_done() > self._n_done_at_last_start


def test_killing_web_worker_and_redis_loses_and_repeats_nothing(scene: Scene) -> None:
    drawn = random.Random(SEED)
    hooks, truth = make_traffic(DOMAIN, "kills", 2000, drawn)
    order = ["web"] * 4 + ["worker"] * 3 + ["redis"] * 3
    drawn.shuffle(order)
    senders = Senders(scene.house.port)
    try:
        killer, size = Killer(scene, senders, drawn), len(hooks) // len(order)
        for number, victim in enumerate(order):
            part = hooks[number * size : (number + 1) * size]
            senders.send(part[: size // 2])
            moment = number * size + drawn.randrange(size // 2)
            scene.house.wait_until("traffic", lambda n=moment: len(senders.acknowledged) >= n)
            # A tenth is sent twice, as by a platform that missed our answer.
            killer.strikes[victim](part[size // 2 :] + drawn.sample(part, len(part) // 10))
        scene.house.wait_until("the last acknowledgement", lambda: len(senders.acknowledged) == 2000)
    finally:
        senders.stop()
    # A database that a slow machine reaches too late is a 503, and the webhook comes again.
    assert set(senders.statuses) <= {200, 503}
    assert senders.acknowledged == scene.stored()
    scene.house.wait_until("an empty inbox", scene.is_drained)
    assert scene.n_done() == scene.count("SELECT count(*) FROM deliveries") == 2000
    assert stored_truth(scene.owner, "kills") == truth
    # A counter has no version to guard it: it tells whether an order was carried out twice.
    assert scene.count("SELECT n_orders_since_training FROM shops") == len(truth.orders)


def test_postgresql_stopping_at_once_makes_senders_wait_and_loses_nothing(scene: Scene) -> None:
    drawn = random.Random(SEED + 1)
    hooks, truth = make_traffic(DOMAIN, "stops", 300, drawn)
    scene.house.wait_until("both web workers' return", scene.house.serves)
    n_orders_before = scene.count("SELECT n_orders_since_training FROM shops")
    senders = Senders(scene.house.port)
    try:
        for number in range(2):
            part = hooks[number * 150 : (number + 1) * 150]
            senders.send(part[:75])
            moment = number * 150 + drawn.randrange(50)
            scene.house.wait_until("traffic", lambda n=moment: len(senders.acknowledged) >= n)
            scene.postgres.stop_at_once()
            # Sent only now: a fast machine has taken in everything there was before the blow fell.
            senders.send(part[75:])
            n_refused = senders.statuses[503]
            scene.house.wait_until("refusals", lambda n=n_refused: senders.statuses[503] >= n + 20)
            scene.postgres.start()
            assert set(senders.acknowledged) <= scene.stored()
        scene.house.wait_until("the last acknowledgement", lambda: len(senders.acknowledged) == 300)
    finally:
        senders.stop()
    assert set(senders.statuses) == {200, 503}
    assert senders.acknowledged <= scene.stored()
    scene.house.wait_until("an empty inbox", scene.is_drained)
    assert scene.n_done() == scene.count("SELECT count(*) FROM deliveries")
    assert stored_truth(scene.owner, "stops") == truth
    assert scene.count("SELECT n_orders_since_training FROM shops") == n_orders_before + len(truth.orders)
