"""What the benchmarks run on: embedded servers, a migrated database with one shop in it, and real server processes."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from cryptography.fernet import Fernet
from sqlalchemy import create_engine, text

from app.db.migrate import upgrade
from app.db.session import normalise_url
from app.embedded import start_postgres, start_redis
from app.platforms.base import ShopProfile
from app.services.context import Context
from app.services.installing import store_shop
from app.settings import ROOT, Settings, in_clear
from app.tour.processes import Troupe, free_port
from app.wiring import build_context

FOLDER = ROOT / ".regulars" / "bench"
SHOP = "bench.myshopify.com"

# Ports looked at first; a free one is taken where it is not.
FIRST_PORT = 5300
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Stage:
    """The servers, the shop, and the processes that are measured."""

    troupe: Troupe
    context: Context
    shop_id: int
    secret: bytes

    @property
    def database_url(self) -> str:
        return in_clear(self.context.settings.database_url)

    def serve(self, name: str, command: list[str], path: str) -> int:
        """Start a web server on a free port and wait until `path` answers; returns the port."""
        port = free_port(FIRST_PORT)
        self.troupe.start(name, *command, "--port", str(port))
        address = f"http://127.0.0.1:{port}{path}"
        self.troupe.wait_until(f"{name}'s answer", lambda: _answers(address), START_SECONDS)
        return port

    def cpu_seconds(self, name: str) -> float:
        """What a process and its children have used so far: unlike a rate, hardly moved by what else runs here.

        Linux only; 0 elsewhere.
        """
        return _cpu_seconds(self.troupe.running[name].pid)


@contextmanager
def set_stage() -> Iterator[Stage]:
    """Start everything over an empty database; stop everything at the end."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    secret = secrets.token_hex(32)
    redis = start_redis(FOLDER / "redis")
    environment = {
        "DATABASE_URL": _empty_database(FOLDER / "postgres"),
        "REDIS_URL": redis.url,
        "SECRET_KEY": secrets.token_urlsafe(48),
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "SHOPIFY_API_KEY": "bench",
        "SHOPIFY_API_SECRET": secret,
        "LOG_LEVEL": "WARNING",
    }
    troupe, context = Troupe(FOLDER / "logs", environment), _context(environment)
    try:
        context.redis.flushall()
        yield Stage(troupe, context, store_shop(context, "shopify", _profile()), secret.encode())
    finally:
        troupe.stop()
        context.db.close()
        context.redis.close()
        redis.stop()


def busyness() -> str:
    """What else the machine does, to judge the figures by."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end"


def _cpu_seconds(group: int) -> float:
    """User and system time of a process group (the troupe starts each process in one of its own)."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:  # it ended meanwhile
            continue
        if int(fields[2]) == group:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _context(environment: Mapping[str, str]) -> Context:
    return build_context(Settings(**{name.lower(): value for name, value in environment.items()}))  # type: ignore[arg-type]


def _empty_database(folder: Path) -> str:
    url = start_postgres(folder, "bench")
    engine = create_engine(normalise_url(start_postgres(folder, "postgres")), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DROP DATABASE bench WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE bench"))
        honest = [
            connection.execute(text(f"SHOW {name}")).scalar() for name in ("fsync", "synchronous_commit")
        ]
    engine.dispose()
    if honest != ["on", "on"]:
        raise RuntimeError(f"fsync and synchronous_commit are {honest}; figures would mean nothing")
    upgrade(url)
    return url


def _profile() -> ShopProfile:
    return ShopProfile(
        name="Bench",
        domain=SHOP,
        public_url=f"https://{SHOP}",
        email="owner@example.com",
        currency="EUR",
        timezone="Europe/Athens",
        country="GR",
        locale="en",
    )


def _answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=5).ok
    except requests.RequestException:
        return False
