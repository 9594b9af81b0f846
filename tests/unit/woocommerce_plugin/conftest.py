"""Owns running pieces of the plugin's own PHP beside doubles of WordPress's functions; judges nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from app.services.pluginzip import pack_plugin
from app.settings import ROOT

HERE = Path(__file__).parent
PLUGIN = ROOT / "storefront" / "woocommerce" / "regulars"

Run = Callable[[str], Any]


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin as WordPress unpacks it."""
    folder = tmp_path_factory.mktemp("plugins")
    with zipfile.ZipFile(BytesIO(pack_plugin("https://app.example").content)) as packed:
        packed.extractall(folder)
    return folder / "regulars"


@pytest.fixture(scope="session")
def php(unpacked: Path) -> Run:
    """Runs a piece of PHP and gives what it shows, which is JSON."""
    found = shutil.which("php")
    if found is None:
        reason = "php is not installed: the WooCommerce plugin can't be run (on Debian and Ubuntu: apt install php-cli)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    environment = os.environ | {"PLUGIN": str(PLUGIN), "UNPACKED": str(unpacked)}

    def run(code: str) -> Any:
        whole = f"require '{HERE / 'wordpress.php'}'; {code}"
        told = subprocess.run(
            [found, "-d", "display_errors=stderr", "-d", "zend.assertions=-1", "-r", whole],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == 0, told.stderr
        return json.loads(told.stdout)

    return run
