"""Packs the WooCommerce plugin as WordPress installs it; the same files give the same bytes, always."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from app.settings import ROOT

_PLUGIN: Final = ROOT / "storefront" / "woocommerce" / "regulars"
_WIDGET: Final = ROOT / "static" / "widget"

# The oldest moment a zip can name: a file's own would make every checkout's zip another one.
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)
# An ordinary file that everybody may read, as Unix writes it into a zip.
_MODE: Final = 0o100644 << 16

# Tells the plugin where it came from, so that the merchant types nothing.
_ADDRESS_FILE: Final = """<?php
/**
 * Written by the app that this plugin was downloaded from: its address.
 *
 * @package Regulars
 */

defined( 'ABSPATH' ) || exit;

define( 'REGULARS_APP_URL', '{}' );
"""


class PluginFilesError(Exception):
    """The plugin's files are not here: the app was installed without storefront/woocommerce."""


@dataclass(frozen=True, slots=True)
class PluginZip:
    """The zip and what it is known by in caches."""

    content: bytes
    etag: str


@cache
def pack_plugin(app_url: str | None) -> PluginZip:
    """Return the plugin's zip: with the widget in it, and with `app_url` unless that is None (for wordpress.org).

    Raises:
        PluginFilesError: the plugin's files are not where they should be.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, content in sorted(_files(app_url)):
            entry = zipfile.ZipInfo(f"regulars/{name}", _MOMENT)
            entry.external_attr, entry.compress_type = _MODE, zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever it is packed
            packed.writestr(entry, content)
    content = buffer.getvalue()
    return PluginZip(content, hashlib.blake2b(content, digest_size=12).hexdigest())


def _files(app_url: str | None) -> Iterator[tuple[str, bytes]]:
    if not (_PLUGIN / "regulars.php").is_file():
        raise PluginFilesError(f"{_PLUGIN} is not there; install Regulars from a whole checkout")
    for path in _PLUGIN.rglob("*"):
        if path.is_file():
            yield path.relative_to(_PLUGIN).as_posix(), path.read_bytes()
    yield "assets/regulars.js", _widget("regulars-woocommerce.js").read_bytes()
    yield "assets/skeleton.css", (_WIDGET / "skeleton.css").read_bytes()
    if app_url is not None:
        yield "regulars-app.php", _ADDRESS_FILE.format(_quoted(app_url)).encode()


def _widget(name: str) -> Path:
    manifest: dict[str, str] = json.loads((_WIDGET / "manifest.json").read_text())
    return _WIDGET / manifest[name]


def _quoted(text: str) -> str:
    """As it stands between PHP's single quotes."""
    return text.replace("\\", "\\\\").replace("'", "\\'")
