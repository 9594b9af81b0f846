"""A reminder with a discount says how much, which code and until when, in every language; without one, nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.mail.context import CartMail, OfferView
from app.mail.render import render
from app.mail.samples import sample_mail
from app.mail.strings import LANGUAGES

OFFER = OfferView(code="K7QM-2XHD-94TR", percent=15, last_day=datetime(2026, 11, 28, 23, 59, tzinfo=UTC))


def cart_mail(offer: OfferView | None) -> CartMail:
    mail = sample_mail("abandoned_cart")
    assert isinstance(mail, CartMail)
    return replace(mail, offer=offer)


@pytest.mark.parametrize("locale", LANGUAGES)
def test_the_offer_is_whole_in_every_language(locale: str) -> None:
    rendered = render("abandoned_cart", cart_mail(OFFER), locale)
    for body in (rendered.html, rendered.text):
        assert "K7QM-2XHD-94TR" in body
        assert "15" in body
        assert "28" in body
        assert "2026" in body
    assert rendered.text.index("K7QM") > rendered.text.index("https://regulars.example.com/r/sample")


def test_it_says_what_it_is_in_words() -> None:
    text = render("abandoned_cart", cart_mail(OFFER), "en").text
    assert (
        "15% off your order\nThe button applies the code K7QM-2XHD-94TR."
        " It works once, until November 28, 2026.\n\nIn your cart\n" in text
    )


@pytest.mark.parametrize("locale", LANGUAGES)
def test_without_an_offer_there_is_no_trace_of_one(locale: str) -> None:
    plain = render("abandoned_cart", cart_mail(None), locale)
    offered = render("abandoned_cart", cart_mail(OFFER), locale)
    assert "%" not in plain.text
    assert len(offered.html) > len(plain.html)
    assert "\n\n\n" not in plain.text + offered.text
