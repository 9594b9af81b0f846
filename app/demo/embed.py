"""What the app's theme block prints into the storefront; it knows the widget's contract, nothing else of the app."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# Where the built widget lies in the repository; on Shopify the extension carries these files itself.
WIDGET = Path(__file__).parents[2] / "static" / "widget"


@dataclass(frozen=True, slots=True)
class AppEmbed:
    """What the block knows of the installed app, as its settings and metafields tell it."""

    shop_key: str
    # Origin (and path prefix, if any) of the app, without a slash at the end.
    app_url: str
    # Templates in which the merchant placed the block: index, product, cart.
    templates: frozenset[str] = frozenset({"index", "product", "cart"})


@dataclass(frozen=True, slots=True)
class Widget:
    """The built script's file name, its integrity, and the style sheet of the skeleton."""

    script: str
    integrity: str | None
    skeleton_css: str


@cache
def built_widget(folder: Path = WIDGET) -> Widget:
    """The hashed script where there is a build, else the short alias without integrity or skeleton."""
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        return Widget("regulars.js", None, "")
    told = json.loads(manifest.read_text("utf-8"))
    return Widget(told["regulars.js"], told["integrity"], (folder / "skeleton.css").read_text("utf-8"))
