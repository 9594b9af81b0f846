"""The whole product, walked from outside as `make demo ARGS="--once"` walks it, from install to recovered cart."""

import os
import subprocess
import sys

import pytest

from app.tour.scenes import SCENES
from tests.conftest import ROOT

pytestmark = pytest.mark.journey


def run_demo(*arguments):
    environment = {
        key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "REDIS_URL"}
    }
    return subprocess.run(
        [sys.executable, "-m", "app", "demo", "--once", *arguments],
        cwd=ROOT,
        env=environment | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_the_demo_sees_everything_it_promises_and_leaves_nothing_running():
    done = run_demo()
    assert done.returncode == 0, done.stdout + done.stderr
    for scene in SCENES:
        assert f"✓ {scene.__doc__}" in done.stdout
    left = subprocess.run(["pgrep", "-f", "app.demo.serve"], capture_output=True, text=True, check=False)
    assert left.stdout == ""


def test_a_file_that_is_no_order_history_ends_the_demo_with_one_clear_line(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("name,colour\nmug,blue\n")
    done = run_demo("--orders", str(path))
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert "This did not happen" in done.stdout
