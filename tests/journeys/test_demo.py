"""The whole product, walked from outside as `make demo ARGS="--once"` walks it, from install to recovered cart."""

import os
import subprocess
import sys
import uuid
from contextlib import suppress
from pathlib import Path

import pytest

from app.tour.scenes import SCENES
from tests.conftest import ROOT
from tests.faults.harness import wait_until

pytestmark = pytest.mark.journey


# What the demo's processes inherit; it tells them from those of any other demo on this machine.
MARK = f"REGULARS_JOURNEY={uuid.uuid4()}"


def run_demo(*arguments):
    environment = {
        key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "REDIS_URL"}
    }
    return subprocess.run(
        [sys.executable, "-m", "app", "demo", "--once", *arguments],
        cwd=ROOT,
        env=environment | {"COLUMNS": "200", "REGULARS_JOURNEY": MARK.partition("=")[2]},
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )


def left_running():
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if MARK.encode() in path.read_bytes():
                found.append((path.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def test_the_demo_sees_everything_it_promises_and_leaves_nothing_running():
    done = run_demo()
    assert done.returncode == 0, done.stdout + done.stderr
    for scene in SCENES:
        assert f"✓ {scene.__doc__}" in done.stdout
    assert "\n\n" not in done.stdout  # a pipe has no use for what progress bars leave behind
    # One that was killed takes a moment to be gone.
    wait_until("the end of all it started", lambda: left_running() == [], lambda: str(left_running()))


def test_a_file_that_is_no_order_history_ends_the_demo_with_one_clear_line(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("name,colour\nmug,blue\n")
    done = run_demo("--orders", str(path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: The header (name, colour) is none we know")
    assert done.stderr.count("\n") == 1


def test_a_file_that_is_not_there_ends_the_demo_with_one_clear_line(tmp_path):
    done = run_demo("--orders", str(tmp_path / "gone.csv"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: gone.csv can't be read: No such file or directory.\n"
