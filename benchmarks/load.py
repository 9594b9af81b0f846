"""A cheap load generator: keep-alive connections in one loop; it knows nothing of what the answers mean."""

from __future__ import annotations

import math
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

# Bytes of one read; an answer is smaller.
READ_BYTES = 65_536

# Seconds without any answer after which the server counts as hung.
HUNG_SECONDS = 30.0


@dataclass(slots=True)
class Load:
    """What came back: answers by status, and how long each took."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)  # seconds
    cpu_seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return self.statuses[200] / self.seconds

    @property
    def cpu_microseconds(self) -> float:
        """Of the server, for one answer."""
        return self.cpu_seconds / self.statuses.total() * 1e6

    def percentile(self, share: float) -> float:
        """Milliseconds that `share` of the answers did not take longer than."""
        ordered = sorted(self.latencies)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)] * 1000


class Connection:
    """One keep-alive connection with one request under way at a time."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=HUNG_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = b""
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> int | None:
        """The status, once the answer is complete."""
        chunk = self.socket.recv(READ_BYTES)
        if not chunk:
            raise ConnectionError("the server closed a keep-alive connection")
        self._read += chunk
        head, found, body = self._read.partition(b"\r\n\r\n")
        if not found or len(body) < _content_length(head):
            return None
        self._read = b""
        return int(head[9:12])


def measure(used: Callable[[], float], *arguments: Any) -> Load:
    """`run`, with what the server used meanwhile; `used` tells the CPU seconds up to now."""
    before = used()
    load = run(*arguments)
    load.cpu_seconds = used() - before
    return load


def run(port: int, n_connections: int, seconds: float, next_request: Callable[[], bytes]) -> Load:
    """Keep every connection busy for `seconds`, then wait for the answers still under way."""
    load, selector = Load(), selectors.DefaultSelector()
    for _ in range(n_connections):
        connection = Connection(port)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send(next_request())
    started, n_open = time.perf_counter(), n_connections
    while n_open:
        ready = selector.select(HUNG_SECONDS)
        if not ready:
            raise TimeoutError(f"no answer for {HUNG_SECONDS:.0f} s")
        for key, _ in ready:
            connection = key.data
            status = connection.receive()
            if status is None:
                continue
            now = time.perf_counter()
            load.statuses[status] += 1
            load.latencies.append(now - connection.sent_at)
            load.seconds = now - started
            if load.seconds < seconds:
                connection.send(next_request())
            else:
                selector.unregister(connection.socket)
                connection.socket.close()
                n_open -= 1
    return load


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            return int(line[15:])
    return 0
