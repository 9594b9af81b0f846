"""The storefront and the inbox in a real browser: what a shopper does, consent, and no barrier for anybody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import WSGIRequestHandler

from app.demo.inbox import Inbox, inbox_blueprint
from app.demo.store import DemoStore
from app.demo.storefront import storefront_blueprint
from tests.conftest import PAGE_PATIENCE_SECONDS
from tests.serving import served

AXE = Path(__file__).parents[2] / "fixtures" / "axe.min.js"
MAIL = b"""From: Ada <ada@example.org>\r
To: cleo@example.com\r
Subject: Your cart\r
Content-Type: text/html; charset=utf-8\r
\r
<html lang="en"><head><title>Your cart</title></head><body><main><h1>Still there</h1>\
<a href="http://shop.example/">Resume</a><div style="height: 2000px"></div></main></body></html>"""

pytestmark = [
    pytest.mark.browser,
]


class Quiet(WSGIRequestHandler):
    def log_request(self, *_facts: object) -> None:
        """The tests say what went wrong."""


@pytest.fixture
def origin(store: DemoStore) -> Iterator[str]:
    inbox = Inbox(now=store.now)
    inbox.take(MAIL, ("cleo@example.com",), "ada@example.org")
    app = Flask("storefront-test", static_folder=None)
    app.register_blueprint(storefront_blueprint(store))
    app.register_blueprint(inbox_blueprint(inbox))
    with served(app, request_handler=Quiet) as store.base_url:
        yield store.base_url


def opened(chromium: Browser, **options: Any) -> Page:
    context = chromium.new_context(**({"viewport": {"width": 390, "height": 844}} | options))
    context.set_default_timeout(PAGE_PATIENCE_SECONDS * 1000)
    return context.new_page()


def filled_cart(page: Page, origin: str) -> None:
    page.goto(f"{origin}/products/pan")
    page.get_by_role("button", name="Add to cart").click()
    expect(page.locator("[data-toast]")).to_contain_text("Pan is in your cart.")


def barriers(page: Page) -> list[str]:
    page.wait_for_load_state("load")
    page.add_script_tag(path=str(AXE))
    found: list[str] = page.evaluate(
        """async () => (await axe.run(document)).violations.map(
            (v) => v.id + ": " + v.nodes.map((n) => n.target.join(" ")).join(", "))"""
    )
    return found


def test_a_shopper_buys_from_product_to_thank_you(chromium: Browser, origin: str, store: DemoStore) -> None:
    page = opened(chromium)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    filled_cart(page, origin)
    expect(page.locator("[data-cart-count]")).to_have_text("1")
    page.goto(f"{origin}/cart")
    page.get_by_role("button", name="One more Pan").click()
    expect(page.locator(".cart-total")).to_have_text("€99.98")
    page.get_by_role("button", name="Check out").click()
    page.get_by_label("E-mail", exact=True).fill("cleo@example.com")
    with page.expect_response("**/contact.json") as noted:
        page.get_by_label("Last name").fill("Doe")
    assert noted.value.json() == {"is_noted": True}
    (checkout,) = store.checkouts.values()
    assert (checkout.email, checkout.completed_at) == ("cleo@example.com", None)
    page.get_by_label("Address").fill("Ledra 12")
    page.get_by_label("Postal code").fill("1011")
    page.get_by_label("City").fill("Nicosia")
    page.get_by_role("button", name="Continue to review").click()
    page.get_by_role("button", name="Pay €99.98").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert checkout.order_id in store.world.orders
    assert complaints == []


def test_a_tick_for_the_newsletter_is_noted_before_the_shopper_goes_on(
    chromium: Browser, origin: str, store: DemoStore
) -> None:
    page = opened(chromium)
    filled_cart(page, origin)
    page.goto(f"{origin}/checkout")
    with page.expect_response("**/contact.json") as noted:
        page.get_by_label("E-mail", exact=True).fill("cleo@example.com")
        page.get_by_label("E-mail", exact=True).blur()
    assert noted.value.ok
    (checkout,) = store.checkouts.values()
    assert (checkout.email, checkout.accepts_marketing) == ("cleo@example.com", False)
    with page.expect_response("**/contact.json") as noted:
        page.get_by_label("E-mail me with news and offers").check()
    assert noted.value.ok
    assert (checkout.email, checkout.accepts_marketing) == ("cleo@example.com", True)


def test_the_frame_of_a_mail_is_as_tall_as_the_mail(chromium: Browser, origin: str) -> None:
    page = opened(chromium)
    page.goto(f"{origin}/inbox/1")
    page.wait_for_function(
        "() => { const frame = document.querySelector('iframe.sheet');"
        " return frame.style.height && frame.contentDocument.body?.scrollHeight > 2000"
        " && frame.clientHeight === frame.contentDocument.documentElement.scrollHeight }"
    )


def test_a_shopper_buys_without_javascript_too(chromium: Browser, origin: str, store: DemoStore) -> None:
    page = opened(chromium, java_script_enabled=False)
    page.goto(f"{origin}/products/basil")
    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_role("status").first).to_have_text("Added to your cart.")
    page.get_by_role("button", name="Check out").click()
    for label, text in {"E-mail": "cleo@example.com", "Last name": "Doe", "Address": "Ledra 12"}.items():
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label("Postal code").fill("1011")
    page.get_by_label("City").fill("Nicosia")
    page.get_by_role("button", name="Continue to review").click()
    page.get_by_role("button", name="Pay €1.99").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()


@pytest.mark.parametrize(("choice", "allowed"), [("Accept", True), ("Decline", False)])
def test_consent_is_asked_once_told_by_the_event_and_kept(
    chromium: Browser, origin: str, choice: str, allowed: bool
) -> None:
    page = opened(chromium)
    page.goto(origin)
    asked = "() => Shopify.customerPrivacy.analyticsProcessingAllowed()"
    assert page.evaluate(asked) is False
    page.evaluate("document.addEventListener('visitorConsentCollected', (e) => { window.told = e.detail })")
    page.get_by_role("button", name=choice, exact=True).click()
    assert page.evaluate("window.told.analyticsAllowed") is allowed
    assert page.evaluate("window.told.marketingAllowed") is allowed
    page.reload()
    assert page.evaluate(asked) is allowed
    expect(page.locator("[data-consent]")).to_be_hidden()


def test_the_theme_offers_the_globals_that_apps_rely_on(chromium: Browser, origin: str) -> None:
    page = opened(chromium)
    page.goto(origin)
    told = page.evaluate(
        "({shop: Shopify.shop, routes: Shopify.routes, currency: Shopify.currency, locale: Shopify.locale})"
    )
    assert told == {
        "shop": "corner-and-thyme.myshopify.com",
        "routes": {"root": "/"},
        "currency": {"active": "EUR", "rate": "1.0"},
        "locale": "en",
    }
    loads = """(name) => new Promise((done) => Shopify.loadFeatures(
        [{name, version: "0.1"}], (problem) => done(problem ? problem.message : null)))"""
    assert page.evaluate(loads, "consent-tracking-api") is None
    assert page.evaluate(loads, "time-travel") == "there is no feature time-travel"


SHOP_PATHS = (
    "/ /collections /collections/all /products/pan /cart /search?q=pan /account/login /pages/about /none"
)
INBOX_PATHS = "/inbox /inbox/1 /inbox/1?part=text /inbox/1?part=headers /inbox/1?part=links"


@pytest.mark.parametrize("path", [*SHOP_PATHS.split(), *INBOX_PATHS.split()])
def test_no_page_has_a_barrier_or_scrolls_sideways_on_a_phone(
    chromium: Browser, origin: str, path: str
) -> None:
    page = opened(chromium)
    page.goto(f"{origin}{path}")
    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("width", [390, 1280])
def test_no_step_of_the_checkout_has_a_barrier(chromium: Browser, origin: str, width: int) -> None:
    page = opened(chromium, viewport={"width": width, "height": 844})
    filled_cart(page, origin)
    page.goto(f"{origin}/cart")
    assert barriers(page) == []
    page.get_by_role("button", name="Check out").click()
    expect(page.get_by_label("E-mail", exact=True)).to_be_visible()
    page.get_by_label("E-mail", exact=True).fill("cleo@example.com")
    page.get_by_role("button", name="Continue to review").click()
    expect(page.get_by_text("Enter a last name")).to_be_visible()
    assert barriers(page) == []
    for label, text in {
        "Last name": "Doe",
        "Address": "Ledra 12",
        "Postal code": "1011",
        "City": "Nicosia",
    }.items():
        page.get_by_label(label).fill(text)
    page.get_by_role("button", name="Continue to review").click()
    expect(page.get_by_role("button", name="Pay €49.99")).to_be_visible()
    assert barriers(page) == []
    page.get_by_role("button", name="Pay €49.99").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert barriers(page) == []


def test_a_mail_is_opened_from_the_list_and_shown_as_sent(chromium: Browser, origin: str) -> None:
    page = opened(chromium)
    page.goto(f"{origin}/inbox")
    expect(page.get_by_role("heading", name="1 mail")).to_be_visible()
    page.get_by_role("link", name="Your cart").click()
    expect(page.frame_locator("iframe").get_by_role("heading", name="Still there")).to_be_visible()
