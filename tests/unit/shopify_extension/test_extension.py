"""What the extension's files must be: fresh, within Shopify's rules for names, and translated to the last key."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest

from app.platforms.shopify.theme import BLOCK_HANDLE
from tests.unit.shopify_extension.rendering import (
    EXTENSION,
    LANGUAGES,
    REPOSITORY,
    block_schema,
    strings,
    texts,
    word,
)

WIDGET = REPOSITORY / "static" / "widget"
BLOCKS = sorted(path.stem for path in (EXTENSION / "blocks").iterdir())
KINDS = ("", ".schema")

# Characters of a block's name in the theme editor, from Shopify's "Configure theme app extensions".
MAX_NAME_LENGTH = 25

STALE = "run `node storefront/shopify/build.mjs` and commit what it writes"


def test_the_script_is_the_built_widget() -> None:
    built = json.loads((WIDGET / "manifest.json").read_text())["regulars.js"]
    assert (EXTENSION / "assets" / "regulars.js").read_bytes() == (WIDGET / built).read_bytes(), STALE


def test_the_skeletons_style_is_the_built_style_sheet() -> None:
    snippet = (EXTENSION / "snippets" / "skeleton-style.liquid").read_text()
    found = re.search(r"{%- raw -%}(.*){%- endraw -%}", snippet, re.DOTALL)
    assert found is not None
    assert found[1] == (WIDGET / "skeleton.css").read_text().strip(), STALE


def test_there_is_nothing_in_the_extension_but_what_shopify_takes() -> None:
    folders = {path.name for path in EXTENSION.iterdir()}
    assert folders == {"assets", "blocks", "snippets", "locales", "shopify.extension.toml"}
    assert tomllib.loads((EXTENSION / "shopify.extension.toml").read_text())["type"] == "theme"


def test_the_app_is_deployed_with_the_extension() -> None:
    (pattern,) = tomllib.loads((REPOSITORY / "shopify.app.toml").read_text())["extension_directories"]
    assert EXTENSION in REPOSITORY.glob(pattern)


def test_the_block_the_admin_links_to_exists_and_may_stand_where_the_link_leads() -> None:
    schema = block_schema(BLOCK_HANDLE)
    assert schema["target"] == "section"
    assert schema["enabled_on"] == {"templates": ["product", "cart", "index"]}


def test_the_embed_stands_in_the_body() -> None:
    assert block_schema("regulars-embed")["target"] == "body"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_text(language: str, kind: str) -> None:
    translated = dict(texts(strings(language, kind)))
    assert translated.keys() == dict(texts(strings("en", kind))).keys()
    assert [key for key, text in translated.items() if text.strip() != text or not text] == []


def test_there_are_no_other_languages() -> None:
    n_files = len(list((EXTENSION / "locales").iterdir()))
    assert n_files == len(LANGUAGES) * len(KINDS)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_text_of_a_schema_is_translated_and_every_translation_used(block: str) -> None:
    used = set(_keys(block_schema(block)))
    beginning = next(iter(used)).split(".")[0]
    assert used == {key for key, _ in texts(strings("en", ".schema")) if key.startswith(f"{beginning}.")}


def _keys(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [key for part in value.values() for key in _keys(part)]
    if isinstance(value, list):
        return [key for part in value for key in _keys(part)]
    return [value.removeprefix("t:")] if isinstance(value, str) and value.startswith("t:") else []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("block", BLOCKS)
def test_a_blocks_name_fits_the_editor_and_is_not_the_apps(block: str, language: str) -> None:
    name = word(language, block_schema(block)["name"].removeprefix("t:"), ".schema")
    assert len(name) < MAX_NAME_LENGTH
    assert "regulars" not in name.casefold()


def test_shoppers_never_read_the_apps_name() -> None:
    for language in LANGUAGES:
        shown = {key: text for key, text in texts(strings(language)) if ".note_" not in key}
        assert [key for key, text in shown.items() if "regulars" in text.casefold()] == []


def test_the_lock_file_names_no_registry() -> None:
    assert "resolved" not in (REPOSITORY / "storefront" / "shopify" / "package-lock.json").read_text()
