"""The pages behind a mail's links: whole in every language, harmless with any shop's name."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.mail.pages import Topic, page_texts, topics
from app.mail.strings import LANGUAGES

PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parents[3] / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
)
PAGES.globals["url_for"] = lambda endpoint, filename: f"/{endpoint}/{filename}"
SHOP = "Larkspur & <b>Co</b>"
SITUATIONS: list[tuple[str, dict[str, object]]] = [
    ("unsubscribe", {"state": "ask"}),
    ("unsubscribe", {"state": "done"}),
    ("unsubscribe", {"state": "undone"}),
    ("preferences", {"is_saved": False}),
    ("preferences", {"is_saved": True}),
    ("resume_gone", {}),
    ("bad_link", {}),
]


def page(name: str, locale: str, shop_name: str = SHOP, **values: object) -> str:
    t = page_texts(locale, shop_name)
    boxes = topics(t, {"win_back": False})
    url = "https://shop.example.com" if shop_name else ""
    return PAGES.get_template(f"recipient/{name}.html").render(t=t, shop_url=url, topics=boxes, **values)


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize(("name", "values"), SITUATIONS)
def test_a_page_is_whole_in_its_language(name: str, values: dict[str, object], locale: str) -> None:
    html = page(name, locale, **values)
    assert f'<html lang="{"sr-Latn" if locale == "sr" else locale}">' in html
    assert "{" not in html
    assert "Larkspur &amp; &lt;b&gt;Co" in html
    assert "<b>" not in html
    assert html.count("<h1>") == 1
    # Nothing but our own style sheet is fetched: no script, no picture, no font.
    assert html.count("src=") == 0
    assert html.count("<link ") == 1


def test_unsubscribing_takes_a_post_and_can_be_undone() -> None:
    assert '<form method="post">\n<button name="action" value="unsubscribe">' in page(
        "unsubscribe", "en", state="ask"
    )
    assert 'value="resubscribe"' in page("unsubscribe", "en", state="done")
    assert "<form" not in page("unsubscribe", "en", state="undone")


def test_the_preferences_show_what_was_chosen() -> None:
    html = page("preferences", "en", is_saved=False)
    assert '<input type="checkbox" name="topic" value="abandoned_cart" checked>' in html
    assert '<input type="checkbox" name="topic" value="win_back">' in html
    assert "Your choice is saved" not in html
    assert '<p role="status" class="saved">Your choice is saved.</p>' in page(
        "preferences", "en", is_saved=True
    )


def test_a_kind_of_mail_that_was_never_chosen_is_on() -> None:
    assert topics(page_texts("en"), {}) == (
        Topic("abandoned_cart", "Reminders of a cart you left behind", True),
        Topic("win_back", "News and ideas when you have been away for a while", True),
    )


def test_a_link_that_nobody_can_read_leads_to_no_shop() -> None:
    assert "<a " not in page("bad_link", "en", shop_name="")


def test_an_unknown_language_is_answered_in_english() -> None:
    assert page_texts("xx")["lang"] == "en"
    assert page_texts(None)["lang"] == "en"
