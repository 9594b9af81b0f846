"""The real parts every test may use: PostgreSQL, Redis, a movable clock, and a named cast.

Ada owns a shop, Ben owns another; Cleo buys at Ada's, Dan unsubscribed there.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from redis import Redis
from sqlalchemy import Engine, create_engine, text

from app.db import session
from app.db.models import Base
from app.db.session import Database, normalise_url
from app.embedded import EmbeddedRedis, start_postgres, start_redis
from app.services.context import Context
from app.settings import Settings, in_clear

ROOT = Path(__file__).resolve().parent.parent
SERVERS = ROOT / ".regulars" / "test"
SHARED = ROOT.parent / "shared"
TEST_KEYS = {
    "secret_key": "a-test-secret-that-is-long-enough-0123456789",
    "encryption_keys": "dGVzdC1rZXktdGVzdC1rZXktdGVzdC1rZXktdGVzdCE=",
    "shopify_api_key": "test-client-id",
    "shopify_api_secret": "test-client-secret-as-long-as-real-ones",
}
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


# No example is wrong for being slow. The gate draws the same examples every time: a new one that fails is found
# where somebody can look at it, on a developer's machine, where they are drawn anew.
settings.register_profile(
    "regulars",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("regulars")

# Seconds a page may take before a test calls it broken: far above what any takes, so that only a hang fails.
PAGE_PATIENCE_SECONDS = 90.0

# And a database or Redis, which the app gives up on sooner, before a test takes it to be away.
SERVER_PATIENCE_SECONDS = 120


def pytest_configure(config: pytest.Config) -> None:
    """Keep settings of the machine out of the tests."""
    for name in Settings.model_fields:
        os.environ.pop(name.upper(), None)
    # On a machine that is busy with a browser a server is slow, not away; tests of one that is away name a dead port.
    session.CONNECT_TIMEOUT_SECONDS = SERVER_PATIENCE_SECONDS
    del config


@pytest.fixture(autouse=True)
def _no_outside_world(request: pytest.FixtureRequest) -> None:
    """Sockets reach this machine only."""
    import pytest_socket

    if "browser" not in request.keywords:
        pytest_socket.socket_allow_hosts(["127.0.0.1", "localhost", "::1"], allow_unix_socket=True)


CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A real browser (a playwright `Browser`); without one its tests are left out, and in CI are an error."""
    if not CHROMIUM.exists():
        reason = f"{CHROMIUM} is not installed: no page can be looked at"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PAGE_PATIENCE_SECONDS * 1000)
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    quiet += ["--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        patience = PAGE_PATIENCE_SECONDS * 1000
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet, timeout=patience)
        yield browser
        browser.close()


@dataclass(slots=True)
class MovableClock:
    """A clock that stands still until a test moves it."""

    at: datetime = NOW
    speed: float = 1.0

    def now(self) -> datetime:
        return self.at

    def advance(self, **step: float) -> datetime:
        self.at += timedelta(**step)
        return self.at


@dataclass(slots=True)
class RecordingQueue:
    """Remembers nudges instead of sending them; keeps the contract of `app.queue.Queue`."""

    nudges: list[tuple[Any, ...]] = field(default_factory=list)
    is_away: bool = False

    def nudge(self, task: str, *arguments: int) -> bool:
        if self.is_away:
            return False
        self.nudges.append((task, *arguments))
        return True


@pytest.fixture(scope="session")
def admin_engine() -> Iterator[Engine]:
    """The embedded server as its superuser; for making databases only."""
    SERVERS.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        normalise_url(start_postgres(SERVERS / "postgres", "postgres")), isolation_level="AUTOCOMMIT"
    )
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def template(admin_engine: Engine) -> str:
    """A migrated database to copy from, made once per state of the migrations."""
    from app.db.migrate import upgrade

    digest = hashlib.sha256()
    for path in sorted((ROOT / "app" / "db").rglob("*.py")):
        digest.update(path.read_bytes())
    name = f"template_{digest.hexdigest()[:16]}"
    with locked(SERVERS / "template.lock"), admin_engine.connect() as connection:
        known = connection.execute(
            text("SELECT datistemplate FROM pg_database WHERE datname = :n"), {"n": name}
        ).scalar()
        if known is None or not known:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}"'))
            connection.execute(text(f'CREATE DATABASE "{name}"'))
            upgrade(url_of(admin_engine, name))
            # Tests ask what is stored, not whether the disk is honest; the fault tests turn this back on.
            connection.execute(text(f'ALTER DATABASE "{name}" IS_TEMPLATE true'))
    return name


@pytest.fixture(scope="session")
def make_database(admin_engine: Engine, template: str) -> Any:
    """Make a fresh migrated database of its own and return its address."""
    made: list[str] = []

    def make(label: str) -> str:
        name = f"test_{os.getpid()}_{label}_{len(made)}"
        with locked(SERVERS / "template.lock"), admin_engine.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
        made.append(name)
        return url_of(admin_engine, name)

    yield make
    with admin_engine.connect() as connection:
        for name in made:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


@pytest.fixture(scope="session")
def database_url(make_database: Any, admin_engine: Engine) -> str:
    url = make_database("suite")
    with admin_engine.connect() as connection:
        name = url.split("/")[-1].split("?")[0]
        connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
    return url


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    server = start_redis(tmp_path_factory.mktemp("redis"))
    with Redis.from_url(server.url) as client:
        # As for the database: a write must not wait for a disk.
        client.config_set("appendonly", "no")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _session_settings(database_url: str, redis_server: EmbeddedRedis) -> Settings:
    return Settings(database_url=database_url, redis_url=redis_server.url, **TEST_KEYS)


@pytest.fixture(scope="session")
def _session_context(_session_settings: Settings) -> Iterator[Context]:
    from app.wiring import build_context

    context = build_context(_session_settings, queue=RecordingQueue())
    context.redis.close()
    patient = Redis.from_url(in_clear(_session_settings.redis_url), socket_timeout=SERVER_PATIENCE_SECONDS)
    context = replace(context, redis=patient)
    yield context
    context.db.close()
    context.redis.close()


@pytest.fixture(scope="session")
def _owner(database_url: str) -> Iterator[Engine]:
    engine = create_engine(normalise_url(database_url), isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def queue() -> RecordingQueue:
    return RecordingQueue()


@pytest.fixture
def context(_session_context: Context, _owner: Engine, clock: MovableClock, queue: RecordingQueue) -> Context:
    """Everything real and empty: a truncated database, a flushed Redis, a clock standing at NOW."""
    tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
    with _owner.connect() as connection:
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
    _session_context.redis.flushall()
    return replace(_session_context, clock=clock, queue=queue)  # type: ignore[arg-type]


@pytest.fixture
def settings(context: Context) -> Settings:
    return context.settings


@pytest.fixture
def db(context: Context) -> Database:
    return context.db


@pytest.fixture
def owner(context: Context, _owner: Engine) -> Engine:
    """The database's owner, who sees every shop: for looking, never for acting."""
    del context
    return _owner


@dataclass(frozen=True, slots=True)
class Shop:
    """A connected shop of the cast."""

    shop_id: int
    domain: str
    public_key: str


@pytest.fixture
def ada(context: Context) -> Shop:
    """Ada's shop, connected; her customers pay in euro."""
    return make_shop(context, "ada-tea.myshopify.com", "Ada's Tea")


@pytest.fixture
def ben(context: Context) -> Shop:
    """Ben's shop, which must never see Ada's."""
    return make_shop(context, "ben-bikes.myshopify.com", "Ben's Bikes")


def make_shop(
    context: Context,
    domain: str,
    name: str,
    *,
    currency: str = "EUR",
    platform: str = "shopify",
    email: str = "owner@example.com",
) -> Shop:
    """Store a connected shop with a token that lives a day."""
    from app.clock import real_now
    from app.platforms.base import Credentials, ShopProfile
    from app.services.connecting import save_credentials
    from app.services.installing import store_shop

    profile = ShopProfile(
        name=name,
        domain=domain,
        public_url=f"https://{domain.split('.', maxsplit=1)[0]}.example",
        email=email,
        currency=currency,
        timezone="Europe/Athens",
        country="GR",
        locale="en",
    )
    credentials = Credentials(
        shop_domain=domain,
        access_token="shpat_test",
        refresh_token="shprt_test",
        scopes=("read_products",),
        expires_at=real_now() + timedelta(days=1),
    )
    shop_id = store_shop(context, platform, profile)
    with context.db.shop(shop_id) as connection:
        save_credentials(context, connection, shop_id, credentials, real_now())
        key = connection.execute(text("SELECT public_key FROM shops")).scalar_one()
    return Shop(shop_id, domain, key)


def url_of(engine: Engine, database: str) -> str:
    return engine.url.set(database=database, drivername="postgresql").render_as_string(hide_password=False)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One test process at a time."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
