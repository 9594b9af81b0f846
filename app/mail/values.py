"""Turns a mail's context into plain values for Liquid: cleaned, harmless, and without any Python behind them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from app.domain.money import Money
from app.mail.context import MailContext
from app.mail.prices import format_date, format_money

# A mail is clipped by Gmail near 102 KB; eight lines with long titles stay well below, the rest is counted.
N_LINES_SHOWN: Final = 8
# Two columns on a phone: an odd or a single one looks broken, more than four is a catalogue.
N_RECOMMENDATIONS_SHOWN: Final = 4
# Titles are cut here so that a supplier's essay can't push the button off the screen or the mail over 102 KB.
_MAX_TITLE_CHARACTERS: Final = 160
# The longest real first names are below 40; shops are abused to send a spammer's text as a "first name".
_MAX_NAME_CHARACTERS: Final = 40
_NOT_A_NAME: Final = re.compile(r"[/@<>{}\\$€£%=_\d]|\.\w{2,}|www|http", re.IGNORECASE)
_COLOR: Final = re.compile(r"#[0-9a-fA-F]{6}")
# The demo's and the docs' green; white on it has a contrast of 7.0 (WCAG 2.2 asks for 4.5).
_HOUSE_COLOR: Final = "#1f5f4a"


class Price:
    """Money that prints itself in the mail's language; Liquid sees text, never the parts."""

    __slots__ = ("_text",)

    def __init__(self, money: Money, locale: str) -> None:
        self._text = format_money(money, locale)

    def __str__(self) -> str:
        return self._text


class Moment:
    """A time that prints its day in the mail's language."""

    __slots__ = ("_at", "_locale")

    def __init__(self, at: datetime, locale: str) -> None:
        self._at, self._locale = at, locale

    def __str__(self) -> str:
        return self.as_date("long")

    def as_date(self, style: str) -> str:
        return format_date(self._at, self._locale, style)


def to_liquid(context: MailContext, locale: str) -> dict[str, Any]:
    """Return the names a template may use, with values that can't do anything but be shown."""
    values: dict[str, Any] = _convert("", context, locale)
    values["person"]["first_name"] = first_name_of(context.person.first_name)
    values["shop"]["accent_color"], values["shop"]["accent_text_color"] = _accent(context.shop.accent_color)
    values["shop"]["address_lines"] = [line for line in values["shop"]["address"].split("\n") if line.strip()]
    n_lines = len(values["lines"])
    values["n_lines"] = n_lines
    values["n_more"] = max(0, n_lines - N_LINES_SHOWN)
    values["lines"] = values["lines"][:N_LINES_SHOWN]
    recommendations = values["recommendations"][:N_RECOMMENDATIONS_SHOWN]
    values["recommendations"] = recommendations if len(recommendations) > 1 else []
    return values


def first_name_of(text: str | None) -> str:
    """Return a first name fit for a greeting, or "" for none and for what is no name."""
    name = one_line(text or "")
    return "" if len(name) > _MAX_NAME_CHARACTERS or _NOT_A_NAME.search(name) else name


def one_line(text: str) -> str:
    """Return `text` without control characters and line breaks of any script, its spaces folded."""
    kept = "".join(" " if _breaks(character) else character for character in text)
    return re.sub(r" {2,}", " ", kept).strip()


def safe_url(text: str | None) -> str:
    """Return an http(s) address, or "": `javascript:` and its kin never reach a mail."""
    cleaned = (text or "").strip()
    try:
        parts = urlsplit(cleaned)
    except ValueError:
        return ""
    has_break = any(_breaks(character) or character.isspace() for character in cleaned)
    return cleaned if parts.scheme in ("http", "https") and parts.netloc and not has_break else ""


def _breaks(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")


def _convert(name: str, value: Any, locale: str) -> Any:
    if isinstance(value, Money):
        return Price(value, locale)
    if is_dataclass(value):
        return {f.name: _convert(f.name, getattr(value, f.name), locale) for f in fields(value)}
    if isinstance(value, tuple):
        return [_convert(name, element, locale) for element in value]
    if isinstance(value, datetime):
        return Moment(value, locale)
    if name.endswith("url"):
        return safe_url(value)
    return _text(name, value) if isinstance(value, str) else value


def _text(name: str, value: str) -> str:
    if name == "address":
        return "\n".join(one_line(line) for line in value.splitlines())
    text = one_line(value)
    if name in ("title", "variant") and len(text) > _MAX_TITLE_CHARACTERS:
        return text[: _MAX_TITLE_CHARACTERS - 1].rstrip() + "…"
    return text


def _accent(color: str | None) -> tuple[str, str]:
    accent = color if color and _COLOR.fullmatch(color) else _HOUSE_COLOR
    # Of black and white, one always reaches 4.5:1; the border is where both give 4.58 (WCAG relative luminance).
    return accent, "#ffffff" if _luminance(accent) < 0.179 else "#000000"


def _luminance(color: str) -> float:
    def linear(channel: int) -> float:
        share = channel / 255
        return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(int(color[i : i + 2], 16)) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
