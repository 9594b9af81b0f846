"""How mails and pages look in a real browser: nothing sticks out, nothing is hard to read, in light and in dark.

Chromium stands for the programs that keep to the web's rules. Outlook on Windows and Gmail's own darkening do
not, and can't be shown here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

from app.mail.context import CartMail, OfferView
from app.mail.render import MAIL_NAMES, render
from app.mail.samples import sample_mail
from tests.conftest import PAGE_PATIENCE_SECONDS
from tests.unit.mail.test_pages import SITUATIONS, page

ROOT = Path(__file__).parents[3]
AXE = ROOT / "tests" / "fixtures" / "axe.min.js"
PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="600" height="600"><rect width="600" height="600"/></svg>'
)
# About a page as a whole; a mail is shown inside the page of a mail program, which has its own landmarks.
PAGE_RULES = {"landmark-one-main", "region"}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

pytestmark = [
    pytest.mark.browser,
]


@pytest.fixture(scope="module", params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=[320, 680])
def sheet(request: pytest.FixtureRequest, chromium: Browser, scheme: str) -> Iterator[Page]:
    """An empty page of a phone's or a reading pane's width; every address but ours answers with a picture."""
    context = chromium.new_context(
        viewport={"width": request.param, "height": 667},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    context.set_default_timeout(PAGE_PATIENCE_SECONDS * 1000)
    opened = context.new_page()
    opened.route("**/*", _answer)
    yield opened
    context.close()


def _answer(route: Route) -> None:
    if "/static/" in route.request.url:
        style = (ROOT / "static" / "recipient.css").read_text(encoding="utf-8")
        route.fulfill(body=style, content_type="text/css")
    elif route.request.resource_type == "image":
        route.fulfill(body=PICTURE, content_type="image/svg+xml")
    else:
        route.fulfill(body="<!doctype html><title>x</title>", content_type="text/html")


def show(sheet: Page, html: str) -> None:
    sheet.goto("http://regulars.example.com/")
    sheet.set_content(html, wait_until="load")


def violations(sheet: Page) -> list[tuple[str, list[str]]]:
    sheet.evaluate(AXE.read_text(encoding="utf-8"))
    found = sheet.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)["violations"]
    return [(item["id"], [node["html"][:120] for node in item["nodes"]]) for item in found]


def mail_violations(sheet: Page) -> list[tuple[str, list[str]]]:
    return [(rule, nodes) for rule, nodes in violations(sheet) if rule not in PAGE_RULES]


def sticks_out(sheet: Page) -> bool:
    assert sheet.viewport_size
    return int(sheet.evaluate("document.documentElement.scrollWidth")) > sheet.viewport_size["width"]


def hard_mail() -> CartMail:
    """What is difficult: long words, no pictures, three recommendations, a bright color, an offer."""
    mail = sample_mail("abandoned_cart")
    assert isinstance(mail, CartMail)
    line = replace(
        mail.lines[0], title="Donaudampfschifffahrtsgesellschaftskapitänsmützenhalter " * 3, image_url=None
    )
    shop = replace(mail.shop, logo_url="https://shop.example.com/logo.png", accent_color="#ffd400")
    offer = OfferView(code="K7QM-2XHD-94TR", percent=15, last_day=datetime(2026, 11, 28, tzinfo=UTC))
    return replace(mail, shop=shop, lines=(line,) * 9, recommendations=mail.recommendations[:3], offer=offer)


@pytest.mark.parametrize("name", MAIL_NAMES)
def test_a_mail_fits_and_is_readable(sheet: Page, name: str) -> None:
    show(sheet, render(name, sample_mail(name), "el").html)
    assert not sticks_out(sheet)
    assert mail_violations(sheet) == []


def test_a_difficult_mail_fits_and_is_readable(sheet: Page) -> None:
    show(sheet, render("abandoned_cart", hard_mail(), "ru").html)
    assert not sticks_out(sheet)
    assert mail_violations(sheet) == []


def test_the_button_is_above_the_fold(sheet: Page) -> None:
    mail = sample_mail("abandoned_cart")
    assert isinstance(mail, CartMail)
    show(sheet, render("abandoned_cart", mail, "ro").html)
    box = sheet.locator(f'a[href="{mail.resume_url}"]').bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 667
    assert box["height"] >= 44


def test_no_corner_of_a_dark_mail_stays_bright(sheet: Page, scheme: str) -> None:
    show(sheet, render("win_back", sample_mail("win_back"), "en").html)
    bright = sheet.evaluate(
        """() => [...document.querySelectorAll('body, body *')]
            .map(element => getComputedStyle(element).backgroundColor)
            .filter(color => !color.startsWith('rgba(0, 0, 0, 0'))
            .filter(color => color.match(/\\d+/g).slice(0, 3).every(channel => channel > 200)).length"""
    )
    assert (bright == 0) is (scheme == "dark")


@pytest.mark.parametrize(("name", "values"), SITUATIONS)
def test_a_page_fits_and_is_readable(sheet: Page, name: str, values: dict[str, object]) -> None:
    show(sheet, page(name, "el", "Larkspur & Co", **values))
    assert sheet.locator("h1").evaluate("element => getComputedStyle(element).fontSize") == "26px"
    assert not sticks_out(sheet)
    assert violations(sheet) == []
