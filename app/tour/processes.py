"""Starts the demo's processes, keeps their logs, and notices when one dies; it knows nothing of what they do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from app.settings import ROOT

# Seconds a process may take to end by itself before it is killed.
STOP_SECONDS = 8

# Far above what is needed on a busy machine, so that only a hang fails: learning a large shop's history takes eight
# minutes on a quiet one.
PATIENCE_SECONDS = 3600.0

# What is shown of a process's log when something failed.
LAST_LINES = 25


class ProcessDiedError(Exception):
    """A process of the demo ended by itself."""


@dataclass(slots=True)
class Troupe:
    """The demo's processes; each writes to a log of its own in `folder`."""

    folder: Path
    environment: Mapping[str, str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *arguments: str, **environment: str) -> None:
        """Start `python -m …` under a name."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(  # noqa: S603  our own commands
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env={**os.environ, **self.environment, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, name: str, *arguments: str) -> None:
        """Run `python -m …` to its end.

        Raises:
            ProcessDiedError: it did not end well.
        """
        self.start(name, *arguments)
        if self.running.pop(name).wait() != 0:
            raise ProcessDiedError(self._obituary(name))

    def check(self) -> None:
        """Raise ProcessDiedError when a process has ended."""
        for name, process in self.running.items():
            if process.poll() is not None:
                raise ProcessDiedError(self._obituary(name))

    def wait_until(self, what: str, is_true: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
        """Look again and again, quickly at first.

        Raises:
            TimeoutError: it did not become true in time.
            ProcessDiedError: a process ended meanwhile.
        """
        deadline, pause = time.monotonic() + seconds, 0.05
        while not is_true():
            self.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not happen within {seconds:.0f} s; logs are in {self.folder}")
            time.sleep(pause)
            pause = min(pause * 1.3, 0.5)

    def stop(self) -> None:
        """End every process, the last started first."""
        for process in reversed(self.running.values()):
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in self.running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # whatever it started and left behind
            process.wait()
        self.running.clear()

    def peak_megabytes(self) -> dict[str, float]:
        """The most memory each process, with its children, holds right now at its peak (Linux only)."""
        return {name: _peak(process.pid) for name, process in self.running.items()}

    def last_words(self) -> str:
        """The last lines of every log, so that a cause can be read where only the output is kept."""
        return "\n".join(f"--- {log.name}\n" + _last_lines(log) for log in sorted(self.folder.glob("*.log")))

    def _obituary(self, name: str) -> str:
        log = self.folder / f"{name}.log"
        return f"the process {name} ended; the last lines of its log:\n{_last_lines(log)}"


def _last_lines(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])


def free_port(wanted: int) -> int:
    """The wanted port, or a free one where it is taken.

    Servers that share their port (granian does) would let another in: whoever answers there has it.
    """
    with socket.socket() as probe:
        # What is left of connections that have ended does not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            if _is_answered(wanted):
                raise OSError
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_answered(port: int) -> bool:
    with socket.socket() as caller:
        caller.settimeout(1)
        return caller.connect_ex(("127.0.0.1", port)) == 0


def _peak(pid: int) -> float:
    """VmHWM of a process and its children, in MB."""
    total = 0.0
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rsplit(")", 1)[1].split()
            if int(status.parent.name) != pid and int(fields[2]) != pid:  # its own session's group
                continue
            for line in (status.parent / "status").read_text().splitlines():
                if line.startswith("VmHWM"):
                    total += int(line.split()[1]) / 1024
        except (OSError, IndexError):
            continue
    return total
