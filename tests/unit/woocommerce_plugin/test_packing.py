"""Owns the zip: what is in it, the same every time, what it says of itself, and that its texts are translated."""

from __future__ import annotations

import json
import re
import tomllib
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from click.testing import CliRunner

from app.cli import main
from app.services.pluginzip import pack_plugin
from app.settings import ROOT
from tools import plugintexts

from .conftest import PLUGIN

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def header(name: str) -> str:
    found = re.search(rf"^ \* {name}:\s+(.+)$", (PLUGIN / "regulars.php").read_text(), re.M)
    assert found, name
    return found[1]


def readme(name: str) -> str:
    found = re.search(rf"^{name}: (.+)$", (PLUGIN / "readme.txt").read_text(), re.M)
    assert found, name
    return found[1]


def test_the_zip_is_one_folder_with_all_that_the_plugin_needs() -> None:
    packed = zipfile.ZipFile(BytesIO(pack_plugin("https://app.example").content))
    names = packed.namelist()
    assert {name.split("/")[0] for name in names} == {"regulars"}
    assert names == sorted(names)
    for wanted in (
        "regulars.php",
        "uninstall.php",
        "readme.txt",
        "LICENSE",
        "assets/regulars.js",
        "assets/skeleton.css",
        "blocks/shelf/block.json",
        "languages/regulars-sr_RS.mo",
    ):
        assert f"regulars/{wanted}" in names
    manifest = json.loads((ROOT / "static/widget/manifest.json").read_text())
    widget = (ROOT / "static/widget" / manifest["regulars-woocommerce.js"]).read_bytes()
    assert packed.read("regulars/assets/regulars.js") == widget


def test_the_same_files_give_the_same_bytes() -> None:
    first = pack_plugin("https://app.example")
    pack_plugin.cache_clear()
    assert pack_plugin("https://app.example") == first


def test_the_app_writes_its_address_into_the_zip_where_nothing_can_break_out_of_it() -> None:
    packed = zipfile.ZipFile(BytesIO(pack_plugin("https://app.example/it's").content))
    assert rb"define( 'REGULARS_APP_URL', 'https://app.example/it\'s' );" in packed.read(
        "regulars/regulars-app.php"
    )


def test_the_command_packs_it_without_an_address(tmp_path: Path) -> None:
    wanted = tmp_path / "regulars.zip"
    told = CliRunner().invoke(main, ["plugin", "--out", str(wanted)])
    assert told.exit_code == 0, told.output
    names = zipfile.ZipFile(wanted).namelist()
    assert "regulars/regulars.php" in names
    assert "regulars/regulars-app.php" not in names


def test_a_place_where_no_zip_can_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    told = CliRunner().invoke(main, ["plugin", "--out", str(tmp_path / "nowhere" / "regulars.zip")])
    assert told.exit_code == 1
    assert "nowhere" in told.output
    assert "Traceback" not in told.output


def test_headers_and_readme_say_the_same() -> None:
    assert header("Version") == readme("Stable tag") == VERSION
    assert f"define( 'REGULARS_VERSION', '{VERSION}' );" in (PLUGIN / "regulars.php").read_text()
    assert f"= {VERSION} =" in (PLUGIN / "readme.txt").read_text()
    assert header("Requires at least") == readme("Requires at least")
    assert header("Requires PHP") == readme("Requires PHP") == "7.4"
    assert header("License") == readme("License") == "GPL-2.0-or-later"
    assert header("Requires Plugins") == "woocommerce"
    assert header("Text Domain") == PLUGIN.name
    for name in ("blocks/shelf/block.json", "blocks/shelf/editor.asset.php"):
        assert VERSION in (PLUGIN / name).read_text()


def test_the_readme_has_the_directorys_form() -> None:
    text = (PLUGIN / "readme.txt").read_text()
    sections = re.findall(r"^== (.+) ==$", text, re.M)
    assert sections == [
        "Description",
        "Installation",
        "External services",
        "Frequently Asked Questions",
        "Screenshots",
        "Changelog",
    ]
    short = text.split("\n\n")[1]
    assert len(short) <= 150
    assert len(readme("Tags").split(", ")) <= 5
    assert "machine-made" in text


@pytest.mark.parametrize("locale", plugintexts.LOCALES)
def test_every_text_is_translated_and_keeps_its_places(locale: str) -> None:
    catalog = plugintexts.read_catalog(locale)
    texts = plugintexts.texts()
    assert len(texts) > 80
    for text, context in texts:
        message = catalog.get(text, context)
        assert message is not None, f"{locale}: {text}; run python -m tools.plugintexts"
        assert message.string, f"{locale}: {text} is not translated"
        assert re.findall(r"%(?:\d\$)?s", text) == re.findall(r"%(?:\d\$)?s", str(message.string))
    assert {(message.id, message.context) for message in catalog if message.id} == set(texts)


@pytest.mark.parametrize("locale", plugintexts.LOCALES)
def test_what_wordpress_reads_is_made_from_what_translators_write(locale: str) -> None:
    catalog = plugintexts.read_catalog(locale)
    compiled = plugintexts.LANGUAGES / f"regulars-{locale}.mo"
    editor = plugintexts.LANGUAGES / f"regulars-{locale}-{plugintexts.EDITOR_HANDLE}.json"
    assert compiled.read_bytes() == plugintexts.compiled(catalog), "run python -m tools.plugintexts"
    assert editor.read_text() == plugintexts.editor_json(catalog), "run python -m tools.plugintexts"


def test_the_template_has_every_text() -> None:
    with (plugintexts.LANGUAGES / "regulars.pot").open("rb") as file:
        found = {(message.id, message.context) for message in read_po(file) if message.id}
    assert found == set(plugintexts.texts())
