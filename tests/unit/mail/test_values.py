"""What reaches a template: cleaned text, harmless addresses, a first name only where there is one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.money import Money
from app.mail.context import CartMail, PersonView
from app.mail.samples import sample_mail
from app.mail.values import first_name_of, one_line, safe_url, to_liquid

CART = sample_mail("abandoned_cart")
assert isinstance(CART, CartMail)


@pytest.mark.parametrize("name", ["Cleo", "Κλειώ", "Анна-Мария", "J. R.", "O'Neil", "Mary Jane", "李"])
def test_a_first_name_is_a_first_name(name: str) -> None:
    assert first_name_of(f" {name} ") == name


@pytest.mark.parametrize(
    "name",
    [
        None,
        "",
        "  ",
        "Win $1000",
        "http://evil.example",
        "see evil.example now",
        "www evil",
        "a@b.example",
        "{{ shop.name }}",
        "<b>Bob</b>",
        "x" * 41,
        "call 555",
    ],
)
def test_what_is_no_name_is_not_greeted(name: str | None) -> None:
    assert first_name_of(name) == ""


@pytest.mark.parametrize("url", ["https://a.example/x?y=1&z=%20", "http://127.0.0.1:5100/r/abc"])
def test_a_web_address_passes(url: str) -> None:
    assert safe_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "//a.example",
        "/relative",
        "https://",
        "https://a.example/\r\nBcc: x",
        "https://a.example/ b",
        "https://[bad",
    ],
)
def test_any_other_address_is_dropped(url: str | None) -> None:
    assert safe_url(url) == ""


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert line == one_line(line)
    assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in line)


def test_a_large_cart_is_cut_and_counted() -> None:
    values = to_liquid(replace(CART, lines=CART.lines * 4), "en")
    assert (len(values["lines"]), values["n_lines"], values["n_more"]) == (8, 12, 4)


@pytest.mark.parametrize(("n_given", "n_shown"), [(0, 0), (1, 0), (2, 2), (3, 3), (4, 4), (8, 4)])
def test_two_to_four_recommendations_are_shown(n_given: int, n_shown: int) -> None:
    assert isinstance(CART, CartMail)
    recommendations = (CART.recommendations * 2)[:n_given]
    assert len(to_liquid(replace(CART, recommendations=recommendations), "en")["recommendations"]) == n_shown


def test_a_long_title_is_cut_with_an_ellipsis() -> None:
    line = replace(CART.lines[0], title="long " * 100)
    title = to_liquid(replace(CART, lines=(line,)), "en")["lines"][0]["title"]
    assert len(title) <= 160
    assert title.endswith("long…")


def test_money_prints_itself_in_the_readers_language() -> None:
    assert isinstance(CART, CartMail)
    values = to_liquid(replace(CART, total=Money(123450, "EUR")), "el")
    assert str(values["total"]) == "1.234,50\N{NO-BREAK SPACE}€"


@pytest.mark.parametrize(
    ("color", "accent", "text"),
    [
        ("#ffd400", "#ffd400", "#000000"),
        ("#000000", "#000000", "#ffffff"),
        ("#777777", "#777777", "#000000"),
        (None, "#1f5f4a", "#ffffff"),
        ("red;background:url(x)", "#1f5f4a", "#ffffff"),
    ],
)
def test_the_button_is_readable_in_any_color(color: str | None, accent: str, text: str) -> None:
    values = to_liquid(replace(CART, shop=replace(CART.shop, accent_color=color)), "en")
    assert (values["shop"]["accent_color"], values["shop"]["accent_text_color"]) == (accent, text)


def test_a_person_without_a_name_has_an_empty_one() -> None:
    assert to_liquid(replace(CART, person=PersonView()), "en")["person"] == {"first_name": ""}
