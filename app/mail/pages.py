"""The words of the pages behind a mail's links, in the reader's language; routes and effects are web's affair.

`templates/recipient/*.html` take `t` (from `page_texts`), `shop_url` (or "" when the shop isn't known), and:

- `unsubscribe.html`: `state` (`ask`, `done`, `undone`). Its forms POST to the page's own address with `action`
  = `unsubscribe` or `resubscribe`. A mail program's one click POSTs `List-Unsubscribe=One-Click` there instead;
  a GET must change nothing, for scanners open every link.
- `preferences.html`: `topics` (from `topics`) and `is_saved`. Its form POSTs `topic`, once for each box that is
  ticked, and `action` = `save` or `stop_all`.
- `resume_gone.html`, `bad_link.html`: nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.mail.strings import language_for

# The flows a reader may choose between; each has its `topic_…` text in every language.
TOPIC_KEYS = ("abandoned_cart", "win_back")


@dataclass(frozen=True, slots=True)
class Topic:
    """A kind of mail with its box to tick."""

    key: str
    label: str
    is_on: bool


def page_texts(locale: str | None, shop_name: str = "") -> dict[str, str]:
    """Return the texts of the pages by name, and `lang` for the page's language.

    They hold the shop's name as it is: the template escapes it.
    """
    language = language_for(locale)
    texts = {key: str(text).replace("{shop}", shop_name) for key, text in language.tables["page"].items()}
    return texts | {"lang": "sr-Latn" if language.code == "sr" else language.code}


def topics(texts: Mapping[str, str], choices: Mapping[str, bool]) -> tuple[Topic, ...]:
    """Return the boxes of the preference page; a kind that `choices` doesn't name is on."""
    return tuple(Topic(key, texts[f"topic_{key}"], choices.get(key, True)) for key in TOPIC_KEYS)
