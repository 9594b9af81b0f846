"""The golden files' flag: `pytest tests/unit/mail --update-golden` writes them anew."""

from __future__ import annotations

import contextlib

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    with contextlib.suppress(ValueError):  # a conftest above may have added it already
        parser.addoption("--update-golden", action="store_true", help="write the golden files anew")
