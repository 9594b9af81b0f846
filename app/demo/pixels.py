"""The store's web pixel manager: which pixel an app's files declare, and what pages and workers run it with."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, abort, send_file
from flask.typing import ResponseReturnValue


@dataclass(frozen=True, slots=True)
class PixelExtension:
    """A web pixel as its shopify.extension.toml declares it; its sources stand in for the deployed bundle."""

    sources: Path
    # Names of the settings it must be given.
    settings: frozenset[str]
    # Purposes the visitor has to allow before it runs.
    purposes: tuple[str, ...]

    def wrong_with(self, told: object) -> str | None:
        """Why these settings can't be its, in the API's words; None when they can."""
        if not isinstance(told, dict):
            return "Settings must be an object."
        if unknown := sorted(set(told) - self.settings):
            return f"Settings has unknown fields: {', '.join(unknown)}."
        missing = sorted(
            name for name in self.settings if not isinstance(told.get(name), str) or not told[name]
        )
        return f"Settings is missing fields: {', '.join(missing)}." if missing else None


def read_pixel(app_toml: Path, extension_folders: list[str]) -> PixelExtension | None:
    """The first web pixel among the app's extensions."""
    for pattern in extension_folders:
        for path in sorted(app_toml.parent.glob(f"{pattern}/shopify.extension.toml")):
            told = tomllib.loads(path.read_text(encoding="utf-8"))
            if told.get("type") == "web_pixel_extension":
                purposes = tuple(
                    name for name, is_needed in told["customer_privacy"].items() if is_needed is True
                )
                fields = frozenset(told.get("settings", {}).get("fields", {}))
                return PixelExtension(path.parent / "src", fields, purposes)
    return None


def pixels_blueprint(pixel: PixelExtension | None) -> Blueprint:
    """The pixel's modules, for the worker that runs it."""
    blueprint = Blueprint("demo_pixels", __name__)

    @blueprint.get("/wpm/extension/<name>.js")
    def show_module(name: str) -> ResponseReturnValue:
        found = next((p for p in pixel.sources.glob("*.js") if p.stem == name), None) if pixel else None
        return send_file(found, mimetype="text/javascript", max_age=0) if found else abort(404)

    return blueprint
