"""The files of the demo shop's theme that tell which app parts are placed in it. Pure."""

from __future__ import annotations

import json
import uuid

from app.demo.config import AppConfig
from app.demo.live import Theme

TEMPLATES = ("index", "product", "cart")


def extension_id(config: AppConfig) -> str:
    """The id a theme extension's blocks are named by; the same for the same app."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"theme-extension/{config.client_id}"))


def theme_files(theme: Theme, config: AppConfig) -> dict[str, str]:
    """`config/settings_data.json` with the embeds, `templates/*.json` with the blocks, as the theme editor saves."""

    def kind(handle: str) -> str:
        return f"shopify://apps/{config.handle}/blocks/{handle}/{extension_id(config)}"

    embeds = {
        _number(handle): {"type": kind(handle), "disabled": False, "settings": {}}
        for handle in sorted(theme.embeds)
    }
    files = {
        "config/settings_data.json": json.dumps({"current": {"blocks": embeds}, "presets": {}}, indent=2)
    }
    for template in TEMPLATES:
        blocks = {_number(h): {"type": kind(h), "settings": {}} for h in theme.blocks.get(template, ())}
        sections: dict[str, object] = {"main": {"type": f"main-{template}", "settings": {}}}
        if blocks:
            sections["apps"] = {"type": "apps", "blocks": blocks, "block_order": list(blocks), "settings": {}}
        files[f"templates/{template}.json"] = json.dumps(
            {"sections": sections, "order": list(sections)}, indent=2
        )
    return files


def _number(handle: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, handle).int % 10**19)
