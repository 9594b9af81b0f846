"""Owns the size and the freshness of the committed storefront widgets; their behaviour is tests/browser/widget's."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "static" / "widget"
SOURCES = ROOT / "storefront" / "widget"

# For Shopify and the demo, and for WooCommerce.
SCRIPTS = ("regulars", "regulars-woocommerce")

# Bytes of the script as it travels: half of what Shopify's theme check allows an app block (10,000).
MAX_GZIPPED_BYTES = 5120


def manifest() -> dict[str, str]:
    read: dict[str, str] = json.loads((BUILT / "manifest.json").read_text())
    return read


def script(name: str = "regulars") -> bytes:
    return (BUILT / manifest()[f"{name}.js"]).read_bytes()


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_script_is_at_most_5120_bytes_gzipped(name: str) -> None:
    assert len(gzip.compress(script(name), 9, mtime=0)) <= MAX_GZIPPED_BYTES


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_scripts_name_carries_its_own_hash(name: str) -> None:
    assert manifest()[f"{name}.js"] == f"{name}.{hashlib.sha256(script(name)).hexdigest()[:12]}.js"


def test_the_manifests_integrity_is_that_of_the_script() -> None:
    digest = base64.b64encode(hashlib.sha384(script()).digest()).decode()
    assert manifest()["integrity"] == f"sha384-{digest}"


def test_the_script_was_built_from_the_sources_beside_it() -> None:
    digest = hashlib.sha256()
    names = sorted(path.name for path in (SOURCES / "src").iterdir())
    for path in [
        *(SOURCES / "src" / name for name in names),
        SOURCES / "build.mjs",
        SOURCES / "package-lock.json",
    ]:
        digest.update(path.read_bytes())
    assert manifest()["sources"] == digest.hexdigest(), (
        "run storefront/widget/build.sh and commit what it writes"
    )


def test_nothing_else_lies_beside_the_built_files() -> None:
    assert {path.name for path in BUILT.iterdir()} == {
        *(manifest()[f"{name}.js"] for name in SCRIPTS),
        "manifest.json",
        "skeleton.css",
    }


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_script_parses_no_markup_and_evaluates_nothing(name: str) -> None:
    text = script(name).decode()
    sinks = (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "DOMParser",
        "document.write",
        "eval(",
        "Function(",
    )
    assert [sink for sink in sinks if sink in text] == []


def test_the_lock_file_names_no_registry() -> None:
    assert "resolved" not in (SOURCES / "package-lock.json").read_text()
