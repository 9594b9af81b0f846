"""Keeps the WooCommerce plugin's translations: texts from its sources into a .pot, .po, .mo and the editor's .json."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
PLUGIN = ROOT / "storefront" / "woocommerce" / "regulars"
LANGUAGES = PLUGIN / "languages"
LOCALES = ("el", "sr_RS", "ru_RU", "ro_RO", "tr_TR")

# The script whose texts WordPress hands to the browser, by the name it gives the block's editor script.
EDITOR = "blocks/shelf/editor.js"
EDITOR_HANDLE = "regulars-shelf-editor-script"

# What WordPress itself looks for in block.json, and in what context; the plugin's header has none.
BLOCK_CONTEXTS = {"title": "block title", "description": "block description", "keywords": "block keyword"}

# A text and the context WordPress looks it up in.
Text = tuple[str, str | None]

_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)

_CALL = re.compile(
    r"\b(?:__|_e|esc_html__|esc_attr__|esc_html_e|esc_attr_e)\(\s*'((?:[^'\\]|\\.)*)',\s*'regulars'", re.S
)
_HEADER = re.compile(r"^ \* Description:\s+(.+)$", re.M)


def texts() -> dict[Text, list[str]]:
    """Every text to translate, with the files it stands in."""
    found: dict[Text, list[str]] = {}
    for name, text in _texts():
        places = found.setdefault(text, [])
        if name not in places:
            places.append(name)
    return found


def _texts() -> Iterator[tuple[str, Text]]:
    for path in sorted([*PLUGIN.rglob("*.php"), PLUGIN / EDITOR]):
        name, source = path.relative_to(PLUGIN).as_posix(), path.read_text()
        for text in _CALL.findall(source):
            yield name, (re.sub(r"\\(.)", r"\1", text), None)
        if name == "regulars.php":
            for text in _HEADER.findall(source):
                yield name, (text, None)
    block = json.loads((PLUGIN / "blocks" / "shelf" / "block.json").read_text())
    for key, context in BLOCK_CONTEXTS.items():
        for text in [block[key]] if isinstance(block[key], str) else block[key]:
            yield "blocks/shelf/block.json", (text, context)


def template() -> Catalog:
    """The catalogue without a language."""
    catalog = Catalog(project="Regulars", version="0.1.0", charset="utf-8", fuzzy=False)
    for (text, context), places in texts().items():
        catalog.add(text, context=context, locations=[(place, 0) for place in places])
    return catalog


def read_catalog(locale: str) -> Catalog:
    with (LANGUAGES / f"regulars-{locale}.po").open("rb") as file:
        catalog = read_po(file, locale=locale)
    # Compiled files carry them: the same texts give the same bytes.
    catalog.creation_date = catalog.revision_date = _MOMENT
    return catalog


def compiled(catalog: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def editor_json(catalog: Catalog) -> str:
    """The editor's texts as WordPress hands them to wp.i18n."""
    messages: dict[str, object] = {
        "": {
            "domain": "messages",
            "lang": str(catalog.locale_identifier),
            "plural-forms": catalog.plural_forms,
        }
    }
    for (text, _context), places in texts().items():
        if EDITOR in places:
            messages[text] = [str(catalog[text].string)]  # type: ignore[union-attr]
    told = {"domain": "messages", "locale_data": {"messages": messages}}
    return json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def main() -> int:
    """Bring the catalogues up to date with the sources; say what is untranslated."""
    (LANGUAGES / "regulars.pot").write_bytes(_po(template()))
    missing = 0
    for locale in LOCALES:
        path = LANGUAGES / f"regulars-{locale}.po"
        catalog = read_catalog(locale) if path.exists() else Catalog(locale=locale, fuzzy=False)
        # No guesses: a text that changed is untranslated until somebody looks at it.
        catalog.update(template(), no_fuzzy_matching=True)
        catalog.obsolete.clear()
        catalog.creation_date = catalog.revision_date = _MOMENT
        path.write_bytes(_po(catalog))
        (LANGUAGES / f"regulars-{locale}.mo").write_bytes(compiled(catalog))
        (LANGUAGES / f"regulars-{locale}-{EDITOR_HANDLE}.json").write_text(editor_json(catalog))
        for message in catalog:
            if message.id and not message.string:
                missing += 1
                print(f"{locale}: {message.id}")
    return 1 if missing else 0


def _po(catalog: Catalog) -> bytes:
    buffer = io.BytesIO()
    # Without line numbers and dates, which change with every edit and say nothing.
    catalog.header_comment = "# The texts of Regulars for WooCommerce. GPL-2.0-or-later."
    write_po(buffer, catalog, width=0, include_lineno=False, sort_output=True)
    return re.sub(
        rb'"(POT-Creation-Date|PO-Revision-Date|Last-Translator|Report-Msgid-Bugs-To|Generated-By):[^\n]*\n',
        b"",
        buffer.getvalue(),
    )


if __name__ == "__main__":
    sys.exit(main())
