"""Owns how prices read: currencies with other digits, Shopify's money formats, the visitor's own currency."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from .conftest import Visit
from .pages import answer, page, product, shelf
from .servers import Regulars, Reply, Shop

NARROW, WIDE = "\u202f", "\u00a0"


def shown(
    visit: Visit, regulars: Regulars, amount: int, currency: str, exponent: int, **attributes: str
) -> str:
    one = product(1, price={"amount": amount})
    regulars.reply = Reply(answer(one, currency=currency, exponent=exponent))
    visit.open(page(shelf(regulars.origin, **attributes)))
    visit.wait_for_state("ready")
    text = visit.page.locator(".now").text_content() or ""
    return text.replace(NARROW, " ").replace(WIDE, " ")


@pytest.mark.parametrize(
    ("amount", "currency", "exponent", "locale", "text"),
    [
        (1290, "EUR", 2, "en-IE", "€12.90"),
        (1290, "EUR", 2, "de-DE", "12,90 €"),
        (1290, "EUR", 2, "de_AT", "€ 12,90"),
        (8900, "JPY", 0, "ja-JP", "￥8,900"),
        (12500, "KWD", 3, "en-US", "KWD 12.500"),
        (123450, "RSD", 2, "sr-Latn-RS", "1.234,50 RSD"),
        (123456789, "USD", 2, "en-US", "$1,234,567.89"),
        (0, "EUR", 2, "en-IE", "€0.00"),
    ],
)
def test_a_price_is_written_with_its_currencys_digits_in_the_pages_language(
    visit: Visit, regulars: Regulars, amount: int, currency: str, exponent: int, locale: str, text: str
) -> None:
    assert shown(visit, regulars, amount, currency, exponent, locale=locale) == text


@pytest.mark.parametrize(
    ("money_format", "text"),
    [
        ("€{{amount}}", "€1,234.50"),
        ("{{ amount }} EUR", "1,234.50 EUR"),
        ("<span class=money>€{{amount_with_comma_separator}}</span>", "€1.234,50"),
        ("{{amount_no_decimals}} €", "1,235 €"),
        ("€{{amount_no_decimals_with_comma_separator}}", "€1.235"),
        ("{{amount_no_decimals_with_space_separator}} €", "1 235 €"),
        ("{{amount_with_apostrophe_separator}}", "1’234.50"),
        ("{{amount_with_space_separator}}", "1 234,50"),
        ("{{amount_with_period_and_space_separator}}", "1 234.50"),
    ],
)
def test_the_shops_own_money_format_is_followed(
    visit: Visit, regulars: Regulars, money_format: str, text: str
) -> None:
    assert shown(visit, regulars, 123450, "EUR", 2, money_format=money_format) == text


def test_a_money_format_of_another_currency_is_not_used(visit: Visit, regulars: Regulars) -> None:
    assert shown(visit, regulars, 1290, "USD", 2, money_format="€{{amount}}", locale="en-US") == "$12.90"


def test_a_sale_and_a_starting_price_are_said_as_such(visit: Visit, regulars: Regulars) -> None:
    sale = product(1, compare_at={"amount": 1990})
    not_lower = product(2, compare_at={"amount": 100})
    regulars.reply = Reply(answer(sale, not_lower, product(3, price_varies=True)))
    visit.open(page(shelf(regulars.origin)))
    visit.wait_for_state("ready")
    texts = visit.page.locator(".price").evaluate_all("(all) => all.map((one) => one.textContent)")
    assert texts == ["€14.90Was €19.90", "€16.90", "From €18.90"]


@pytest.mark.parametrize("price", [None, {}, {"amount": None}, {"amount": "cheap"}, {"amount": -5}])
def test_a_price_that_is_none_stays_blank(visit: Visit, regulars: Regulars, price: Any) -> None:
    regulars.reply = Reply(answer(product(1, price=price)))
    visit.open(page(shelf(regulars.origin)))
    visit.wait_for_state("ready")
    assert visit.page.locator(".price").text_content() == ""


def test_a_former_price_without_room_is_left_out_whole(new_visit: Any, regulars: Regulars) -> None:
    visit = new_visit(viewport={"width": 320, "height": 900})
    regulars.reply = Reply(
        answer(product(1, price={"amount": 123450}, compare_at={"amount": 150000}), currency="RSD")
    )
    visit.open(page(shelf(regulars.origin, locale="sr-Latn-RS", currency="RSD")))
    visit.wait_for_state("ready")
    place, former = (visit.page.locator(one).bounding_box() for one in (".was", ".was s"))
    assert place is not None
    assert former is not None
    assert former["y"] >= place["y"] + place["height"], "wrapped out of the one line that can be seen"


def test_the_visitors_own_currency_comes_from_the_shop_and_no_wrong_price_is_shown_meanwhile(
    visit: Visit, regulars: Regulars, shop: Shop
) -> None:
    regulars.reply = Reply(answer(product(1), product(2)))
    held: dict[str, Any] = {}
    visit.page.route("**/products/*.js", lambda route: held.update({route.request.url[-5:]: route}))
    currency = "window.Shopify = { routes: { root: '/' }, currency: { active: 'JPY' } }"
    visit.open(page(shelf(regulars.origin, locale="en-US"), script=currency))
    visit.wait_for_state("ready")
    visit.wait_until("the question for two prices", lambda: set(held) == {"p1.js", "p2.js"})
    visit.after_a_frame()
    assert visit.page.locator(".price").evaluate_all("(all) => all.map((one) => one.textContent)") == ["", ""]
    held["p1.js"].fulfill(json={"price": 210000, "compare_at_price": 260000, "price_varies": False})
    held["p2.js"].fulfill(status=404, json={"message": "Not Found"})
    expect(visit.page.locator(".price").first).to_have_text("¥2,100Was ¥2,600")
    assert visit.page.locator(".price").nth(1).text_content() == ""
    assert visit.complaints == []
