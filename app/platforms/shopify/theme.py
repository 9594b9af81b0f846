"""Reads from the live theme's files whether a shelf of ours stands in it; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

# The block's file in the theme app extension (storefront/shopify).
BLOCK_HANDLE: Final = "shelf"
# Where merchants place blocks: templates, section groups, and the settings. 50 names may be asked for at once.
FILENAMES: Final = ("config/settings_data.json", "templates/*.json", "sections/*.json")
# Shopify writes a warning into generated files, before the JSON.
_COMMENT: Final = re.compile(r"\A\s*/\*.*?\*/", re.DOTALL)
# Themes nest sections and blocks eight deep at most.
_MAX_DEPTH: Final = 20


def is_embedded(app_handle: str, files: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a shelf of the app stands in these files and is not disabled.

    A block's type is `shopify://apps/{app}/blocks/{block}/{extension}`. The embed doesn't count: it loads the
    script, and shows nothing.
    """
    prefix = f"shopify://apps/{app_handle}/blocks/{BLOCK_HANDLE}/"
    return any(
        str(block.get("type", "")).startswith(prefix) and block.get("disabled") is not True
        for file in files
        for block in _blocks(_content(file), 0)
    )


def _content(file: Mapping[str, Any]) -> Any:
    body = file.get("body")
    text = body.get("content") if isinstance(body, dict) else None
    if not isinstance(text, str):
        return None
    try:
        content = json.loads(_COMMENT.sub("", text))
    except (ValueError, RecursionError):
        return None
    return _current(content) if file.get("filename") == "config/settings_data.json" else content


def _current(settings: Any) -> Any:
    """The settings in use: `current` holds them, or names the preset that does."""
    if not isinstance(settings, dict):
        return None
    current = settings.get("current")
    if isinstance(current, str):
        presets = settings.get("presets")
        return presets.get(current) if isinstance(presets, dict) else None
    return current


def _blocks(value: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    """Every object with a type; a disabled section or block hides all that is in it."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, dict):
        if value.get("disabled") is True:
            return
        if isinstance(value.get("type"), str):
            yield value
        for child in value.values():
            yield from _blocks(child, depth + 1)
    elif isinstance(value, list):
        for child in value:
            yield from _blocks(child, depth + 1)
