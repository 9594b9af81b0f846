"""The words of our mails and recipient pages, one small file per language; no markup and no merchant text."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from app.mail.prices import babel_locale

EMAIL_TEMPLATES: Final = Path(__file__).resolve().parents[2] / "templates" / "emails"
LANGUAGES: Final = ("en", "el", "sr", "ru", "ro", "tr")
# Babel's plain `sr` is Cyrillic; our Serbian is written in Latin letters.
_FORMAT_LOCALES: Final = {"sr": "sr-Latn"}

Text = str | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Language:
    """A language we speak: its code, the locale for prices, dates and plurals, and its tables of texts."""

    code: str
    locale: str
    tables: Mapping[str, Mapping[str, Text]]

    def text(self, table: str, key: str, counts: Mapping[str, Any]) -> str:
        """Return a text; of a text with plural forms the one its count (`by`) asks for."""
        text = self.tables[table][key]
        if isinstance(text, str):
            return text
        form = babel_locale(self.locale).plural_form(counts[text["by"]])
        return text.get(form) or text["other"]


def language_for(*tags: str | None) -> Language:
    """Return the first of `tags` (`en-GB`, `pt_BR`) whose language we speak, else English.

    The region is kept for prices and dates: `en-GB` reads our English with British dates.
    """
    for tag in tags:
        code = (tag or "").replace("_", "-").split("-")[0].lower()
        if code in LANGUAGES:
            locale = _FORMAT_LOCALES.get(code) or str(babel_locale(tag or code)).replace("_", "-")
            return Language(code, locale, load_tables(code))
    return Language("en", "en", load_tables("en"))


@cache
def load_tables(code: str) -> Mapping[str, Mapping[str, Text]]:
    """Read the texts of a language, once per process."""
    return tomllib.loads((EMAIL_TEMPLATES / "strings" / f"{code}.toml").read_text(encoding="utf-8"))
