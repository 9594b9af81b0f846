"""Owns what the widget's WooCommerce build does by itself: cart, prices, addresses and consent, in that shop's ways."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import expect

from .conftest import BEGINS_AT, Visit
from .pages import SHORT, answer, page, product, shelf
from .servers import Regulars, Reply, Seen, Shop

CART = "/shop/wp-json/wc/store/v1/cart"
ALLOWED = "window.wp_has_consent = (kind) => kind === 'statistics';"

# What themes listen for: blocks to the event, classic themes to jQuery's.
THEME = """
window.told = []
addEventListener('DOMContentLoaded', () =>
  document.body.addEventListener('wc-blocks_added_to_cart', (e) => told.push(['blocks', e.detail.preserveCartData])))
window.jQuery = () => ({ trigger(name) { told.push(['jQuery', name]); return this } })
"""


class Store(Shop):
    """A WooCommerce shop in a folder: the Store API's cart and products."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.prices: dict[str, dict[str, Any]] = {}
        super().__init__()

    def answer(self, request: Seen) -> Reply:
        if request.path == CART:
            return Reply({"items": self.lines}, headers={"Nonce": "fresh"})
        if request.path == f"{CART}/add-item" and self.refusal:
            return Reply({"code": "out", "message": self.refusal, "data": {"status": 400}}, 400)
        if request.path == f"{CART}/add-item":
            return Reply({"items": self.lines}, 201)
        if request.path.startswith("/shop/wp-json/wc/store/v1/products/"):
            known = self.prices.get(request.path.rsplit("/", 1)[1])
            return Reply({"prices": known}) if known else Reply({"code": "none"}, 404)
        return super().answer(request)


@pytest.fixture
def shop() -> Any:
    server = Store()
    yield server
    server.close()


def woo_page(api: str, script: str = "", css: str = "", **attributes: str) -> str:
    wanted = {"cart": CART, "root": "/shop/", "currency": "EUR"} | attributes
    return page(shelf(api, **wanted), script=script, css=css, widget="regulars-woocommerce")


def test_a_press_adds_by_the_store_api_with_a_fresh_nonce_and_tells_the_theme(
    visit: Visit, regulars: Regulars, shop: Store
) -> None:
    regulars.reply = Reply(answer())
    visit.open(woo_page(regulars.origin, script=THEME, css=SHORT))
    visit.wait_for_state("ready")
    visit.page.get_by_role("button", name="Add to cart Stoneware mug").click()
    expect(visit.page.get_by_role("status")).to_have_text("Added: Stoneware mug")
    [request] = shop.requests(f"{CART}/add-item", "POST")
    assert json.loads(request.body) == {"id": 9000, "quantity": 1, "regulars_list": "m1.also_bought.7"}
    assert request.headers["Nonce"] == "fresh"
    visit.page.wait_for_function("told.length === 3")
    assert visit.page.evaluate("told") == [
        ["blocks", False],
        ["jQuery", "wc_fragment_refresh"],
        ["jQuery", "wc_update_cart"],
    ]
    assert visit.shift() == 0
    assert visit.complaints == []


def test_a_refusal_is_shown_in_the_shops_own_words(visit: Visit, regulars: Regulars, shop: Store) -> None:
    shop.refusal = "You cannot add that amount of Stoneware mug to the cart."
    regulars.reply = Reply(answer())
    visit.open(woo_page(regulars.origin))
    visit.wait_for_state("ready")
    visit.page.locator("button.button").first.click()
    expect(visit.page.locator(".error").first).to_have_text(shop.refusal)


def test_a_cart_that_does_not_answer_is_told_in_the_pages_language(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    visit.page.route(f"**{CART}/add-item", lambda route: route.abort())
    visit.open(woo_page(regulars.origin, label_error="Das hat nicht geklappt."))
    visit.wait_for_state("ready")
    visit.page.locator("button.button").first.click()
    expect(visit.page.get_by_role("status")).to_have_text("Das hat nicht geklappt.")
    assert visit.complaints == []


def test_what_is_in_the_cart_is_left_out_also_as_a_variation(
    visit: Visit, regulars: Regulars, shop: Store
) -> None:
    shop.lines = [{"id": 1000}, {"id": 77, "extensions": {"regulars": {"product_id": 1001}}}]
    regulars.reply = Reply(answer())
    visit.open(woo_page(regulars.origin))
    visit.wait_for_state("ready")
    expect(visit.page.locator(".title").first).to_have_text("Glass carafe")


def test_a_cart_page_asks_for_what_goes_with_its_products(
    visit: Visit, regulars: Regulars, shop: Store
) -> None:
    shop.lines = [{"id": 77, "extensions": {"regulars": {"product_id": 1001}}}]
    regulars.reply = Reply(answer())
    visit.open(woo_page(regulars.origin, placement="cart", product=""))
    visit.wait_for_state("ready")
    [request] = regulars.requests("/storefront/v1/shelf")
    assert request.query["cart"] == ["1001"]


def test_products_lie_below_the_shops_own_folder(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer(product(1, variant_id=None)))
    visit.open(woo_page(regulars.origin))
    visit.wait_for_state("ready")
    choice = visit.page.get_by_role("link", name="Choose options Serving bowl")
    assert choice.get_attribute("href") == f"{visit.shop.origin}/shop/products/p1"


@pytest.mark.parametrize(
    "attributes", [{"prices": "shop"}, {"currency": "USD"}], ids=["tax", "another currency"]
)
def test_the_shop_is_asked_for_prices_that_the_list_cannot_know(
    visit: Visit, regulars: Regulars, shop: Store, attributes: dict[str, str]
) -> None:
    told = {"currency_code": "USD", "currency_minor_unit": 2, "price_range": None}
    shop.prices = {
        "1000": told | {"price": "1548", "regular_price": "1900"},
        "1001": told
        | {
            "price": "900",
            "regular_price": "900",
            "price_range": {"min_amount": "900", "max_amount": "1200"},
        },
    }
    regulars.reply = Reply(answer(product(0), product(1), product(2)))
    visit.open(woo_page(regulars.origin, locale="en-US", **attributes))
    visit.wait_for_state("ready")
    prices = visit.page.locator(".price")
    expect(prices.nth(0)).to_have_text("$15.48Was $19.00")
    expect(prices.nth(1)).to_have_text("From $9.00")
    shop.wait_for("/shop/wp-json/wc/store/v1/products/1002")
    # Not known to the shop: blank, never the list's euros.
    expect(prices.nth(2)).to_have_text("")


def look_and_leave(visit: Visit, regulars: Regulars, script: str, n_beacons: int) -> list[Seen]:
    """Look at the shelf for longer than a second, leave, and see what was told."""
    regulars.reply = Reply(answer())
    visit.page.clock.install(time=BEGINS_AT)
    visit.open(woo_page(regulars.origin, script=script))
    visit.wait_for_state("ready")
    visit.page.locator(".card").first.scroll_into_view_if_needed()
    visit.after_a_frame()
    visit.page.clock.run_for(1100)
    visit.page.locator("a.link").first.evaluate(
        "(a) => { a.addEventListener('click', (e) => e.preventDefault()); a.click() }"
    )
    visit.leave()
    regulars.wait_for("/storefront/v1/events", "POST", n_beacons)
    # When this has come, an earlier beacon of ours would have come too.
    visit.page.evaluate("(origin) => navigator.sendBeacon(origin + '/later', '')", regulars.origin)
    regulars.wait_for("/later", "POST")
    return regulars.requests("/storefront/v1/events", "POST")


def test_with_consent_to_statistics_one_beacon_tells_what_happened(visit: Visit, regulars: Regulars) -> None:
    [beacon] = look_and_leave(visit, regulars, ALLOWED, 1)
    assert {"impression", "click"} == {event["type"] for event in json.loads(beacon.body)["events"]}


GPC = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true });"


@pytest.mark.parametrize(
    "script", ["", "window.wp_has_consent = () => false", GPC + ALLOWED], ids=["none", "no", "gpc"]
)
def test_without_consent_there_is_no_beacon_and_no_id(visit: Visit, regulars: Regulars, script: str) -> None:
    assert look_and_leave(visit, regulars, script, 0) == []
    assert visit.page.evaluate("sessionStorage.length") == 0


def test_a_choice_against_statistics_throws_away_what_was_kept(visit: Visit, regulars: Regulars) -> None:
    withdrawn = (
        "window.allowed = true; window.wp_has_consent = () => window.allowed;"
        "addEventListener('regulars:refuse', () => { window.allowed = false;"
        "document.dispatchEvent(new CustomEvent('wp_listen_for_consent_change')); window.allowed = true })"
    )
    regulars.reply = Reply(answer())
    visit.page.clock.install(time=BEGINS_AT)
    visit.open(woo_page(regulars.origin, script=withdrawn))
    visit.wait_for_state("ready")
    visit.page.locator(".card").first.scroll_into_view_if_needed()
    visit.after_a_frame()
    visit.page.clock.run_for(1100)
    visit.page.evaluate("dispatchEvent(new Event('regulars:refuse'))")
    visit.leave()
    visit.page.evaluate("(origin) => navigator.sendBeacon(origin + '/later', '')", regulars.origin)
    regulars.wait_for("/later", "POST")
    assert regulars.requests("/storefront/v1/events", "POST") == []
