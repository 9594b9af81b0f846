"""Where the shared samples and vectors are; empty where the folder is not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SHARED = Path(__file__).resolve().parents[4] / "shared"
SAMPLES = SHARED / "payloads" / "shopify"
SCHEMAS = SHARED / "schemas"


def vectors(section: str) -> list[Any]:
    """The vectors of a section; none where the file is missing, so that their tests are not collected."""
    path = SHARED / "vectors" / "shopify.json"
    return json.loads(path.read_text(encoding="utf-8"))[section] if path.exists() else []


def sample_files() -> list[Path]:
    return sorted(
        path
        for path in SAMPLES.rglob("*.json")
        if path.parent.name != SAMPLES.name and "schema" not in path.parent.name
    )


def topics_of(path: Path) -> list[str]:
    """The topics a sample file may be sent as: its own name's, or for anonymised ones every action of its noun."""
    noun, _, action = path.stem.partition("__")
    if path.parent.name.startswith("docs-samples"):
        return [f"{noun}/{action}"]
    return [
        f"{noun}/{verb}"
        for verb in ("create", "update", "updated", "delete", "finish", "cancelled", "edited")
    ]


def sample_manifest() -> list[dict[str, Any]]:
    """What is published of each sampled topic; nothing where the folder is missing."""
    path = SAMPLES / "MANIFEST.json"
    listed = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return [each for each in listed if "access_scopes" in each]
