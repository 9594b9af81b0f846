"""Owns the size and the freshness of the committed storefront widget; its behaviour is tests/browser/widget's."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "static" / "widget"
SOURCES = ROOT / "storefront" / "widget"

# Bytes of the script as it travels: half of what Shopify's theme check allows an app block (10,000).
MAX_GZIPPED_BYTES = 5120


def manifest() -> dict[str, str]:
    read: dict[str, str] = json.loads((BUILT / "manifest.json").read_text())
    return read


def script() -> bytes:
    return (BUILT / manifest()["regulars.js"]).read_bytes()


def test_the_script_is_at_most_5120_bytes_gzipped() -> None:
    assert len(gzip.compress(script(), 9, mtime=0)) <= MAX_GZIPPED_BYTES


def test_the_scripts_name_carries_its_own_hash() -> None:
    assert manifest()["regulars.js"] == f"regulars.{hashlib.sha256(script()).hexdigest()[:12]}.js"


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
        manifest()["regulars.js"],
        "manifest.json",
        "skeleton.css",
    }


def test_the_script_parses_no_markup_and_evaluates_nothing() -> None:
    text = script().decode()
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
