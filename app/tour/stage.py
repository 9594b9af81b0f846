"""Sets the demo up: servers, database, demo store, app; and takes it down again."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from cryptography.fernet import Fernet
from rich.console import Console
from sqlalchemy import create_engine, text

from app.db.session import normalise_url
from app.embedded import start_postgres, start_redis
from app.settings import ROOT
from app.tour.processes import Troupe, free_port

DATA = ROOT / ".regulars"
STORE_PORT, APP_PORT, SMTP_PORT = 5200, 5100, 5225
CLIENT_ID, APP_HANDLE = "regulars-demo", "regulars"

# Seconds an answer of the demo store or the app may take on a busy machine.
ANSWER_SECONDS = 120


class AlreadyOpenError(Exception):
    """Another demo of this checkout is open; two would take each other's database away."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the demo was asked to be."""

    orders: Path | None = None
    speed: float = 600.0
    seed: int = 7


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs, and where."""

    troupe: Troupe
    store_url: str
    app_url: str
    options: Options
    database_url: str

    @property
    def inbox_url(self) -> str:
        return f"{self.store_url}/inbox"

    @property
    def admin_url(self) -> str:
        return f"{self.store_url}/admin/apps/{APP_HANDLE}"

    def store(self, path: str) -> Any:
        """Read JSON from the demo store."""
        answer = requests.get(self.store_url + path, timeout=ANSWER_SECONDS)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def set_stage(options: Options, console: Console) -> Iterator[Stage]:
    """Start everything, yield, and stop everything, whatever happened.

    When it failed, the last lines of every process's log are printed.

    Raises:
        AlreadyOpenError: another demo of this checkout is open; nothing was started.
    """
    with _only_one() as tell_address:
        ports = [free_port(port) for port in (STORE_PORT, APP_PORT, SMTP_PORT)]
        tell_address(f"http://127.0.0.1:{ports[0]}")
        with _set_up(options, console, ports) as stage:
            yield stage


@contextmanager
def _only_one() -> Iterator[Callable[[str], object]]:
    """Hold the checkout's demo lock; whoever comes next is told where this demo is."""
    DATA.mkdir(exist_ok=True)
    with (DATA / "demo.lock").open("a+") as guard:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            guard.seek(0)
            raise AlreadyOpenError(
                f"a demo of this folder is already open ({guard.read() or 'it is starting'});"
                " close it with Ctrl+C where it runs, then start this one."
            ) from None
        guard.truncate(0)

        def tell(address: str) -> None:
            guard.write(address)
            guard.flush()

        yield tell
        guard.truncate(0)


@contextmanager
def _set_up(options: Options, console: Console, ports: list[int]) -> Iterator[Stage]:
    store_url, app_url = (f"http://127.0.0.1:{port}" for port in ports[:2])
    environment = _servers(console) | _settings(store_url, app_url, ports[2])
    troupe = Troupe(DATA / "demo", environment)
    stage = Stage(troupe, store_url, app_url, options, environment["DATABASE_URL"])
    try:
        with console.status("Opening the demo store …"):
            _start_store(stage, ports)
        clock = stage.store("/demo/state")["clock"]
        with console.status("Migrating the database and starting the app …"):
            troupe.environment = environment | {"REGULARS_CLOCK": clock}
            troupe.run("migrate", "app", "migrate")
            troupe.start("web", "app", "serve", "--port", str(ports[1]), "--workers", "1")
            troupe.start("worker", "app", "worker")
            troupe.start("beat", "app", "beat", "--schedule", str(troupe.folder / "beat"))
            troupe.wait_until("the app's answer", lambda: _answers(f"{app_url}/readyz"))
        yield stage
    except Exception:
        console.print(troupe.last_words(), markup=False, soft_wrap=True)
        raise
    finally:
        troupe.stop()


def _servers(console: Console) -> dict[str, str]:
    """The named servers, or embedded ones with a database that begins empty."""
    database_url, redis_url = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
    if not database_url:
        started = time.monotonic()
        database_url = start_postgres(DATA / "postgres", "regulars_demo")
        _empty(database_url)
        console.print(
            f"[dim]PostgreSQL 18 runs in .regulars/postgres ({time.monotonic() - started:.1f} s)[/]"
        )
    if not redis_url:
        redis_url = start_redis(DATA / "redis").url
        _forget(redis_url)
        console.print("[dim]Redis runs in .regulars/redis[/]")
    return {"DATABASE_URL": database_url, "REDIS_URL": redis_url}


def _empty(url: str) -> None:
    """Each demo begins with a new shop, so its database begins empty."""
    server, _, name = url.partition("/regulars_demo")
    engine = create_engine(normalise_url(f"{server}/postgres{name}"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS regulars_demo WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE regulars_demo"))
    engine.dispose()


def _forget(url: str) -> None:
    import redis

    client = redis.Redis.from_url(url)
    client.flushdb()
    client.close()


def _settings(store_url: str, app_url: str, smtp_port: int) -> dict[str, str]:
    shutil.rmtree(DATA / "demo", ignore_errors=True)
    return {
        "APP_URL": app_url,
        "SECRET_KEY": secrets.token_urlsafe(48),
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "SHOPIFY_API_KEY": CLIENT_ID,
        "SHOPIFY_API_SECRET": secrets.token_hex(32),
        "SHOPIFY_BASE_URL": store_url,
        "APP_BRIDGE_URL": f"{store_url}/shopifycloud/app-bridge.js",
        "SMTP_URL": f"smtp://127.0.0.1:{smtp_port}",
        "MAIL_FROM": "shop@regulars.example",
        "MAIL_DOMAIN": "regulars.example",
        "LOG_LEVEL": "INFO",
        "PYTHONUNBUFFERED": "1",
    }


def _start_store(stage: Stage, ports: list[int]) -> None:
    options = stage.options
    arguments = ["--port", str(ports[0]), "--app-url", stage.app_url, "--smtp-port", str(ports[2])]
    arguments += ["--speed", str(options.speed), "--seed", str(options.seed), "--client-id", CLIENT_ID]
    arguments += ["--app-toml", str(ROOT / "shopify.app.toml")]
    if options.orders is not None:
        arguments += ["--orders", str(options.orders)]
    stage.troupe.start(
        "store",
        "app.demo.serve",
        *arguments,
        DEMO_CLIENT_SECRET=stage.troupe.environment["SHOPIFY_API_SECRET"],
    )
    stage.troupe.wait_until("the demo store's answer", lambda: _answers(f"{stage.store_url}/demo/state"))


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=ANSWER_SECONDS).ok
    except requests.RequestException:
        return False
