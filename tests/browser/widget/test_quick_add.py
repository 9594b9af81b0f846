"""Owns the quick add: what goes into the cart, what the visitor sees and hears, what the theme is told."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from .conftest import BEGINS_AT, Visit
from .pages import CONSENTED, SHORT, answer, page, product, shelf
from .servers import Regulars, Reply, Shop

DRAWER = """
customElements.define('cart-drawer', class extends HTMLElement {
  getSectionsToRender() { return [{ id: 'cart-drawer' }, { id: 'cart-icon-bubble' }] }
  setActiveElement(element) { this.active = element.textContent }
  renderContents(line) { window.drawn = line }
})
"""


def test_a_press_puts_one_piece_into_the_cart_with_the_list_it_came_from(
    visit: Visit, regulars: Regulars, shop: Shop
) -> None:
    regulars.reply = Reply(answer())
    visit.open(page(shelf(regulars.origin), script=CONSENTED, css=SHORT))
    visit.wait_for_state("ready")
    visit.page.evaluate("document.addEventListener('regulars:added', (e) => { window.added = e.detail })")
    button = visit.page.get_by_role("button", name="Add to cart Stoneware mug")
    button.click()
    expect(visit.page.get_by_role("status")).to_have_text("Added: Stoneware mug")
    [request] = shop.requests("/cart/add.js", "POST")
    assert json.loads(request.body) == {
        "id": "9000",
        "quantity": 1,
        "properties": {"_regulars": "m1.also_bought.7"},
        "sections_url": "/products/teapot",
    }
    added = visit.page.evaluate("window.added")
    assert added["response"]["id"] == 9000
    assert (added["list_id"], added["product"], added["variant"]) == ("m1.also_bought.7", "1000", "9000")
    assert visit.shift() == 0
    assert visit.complaints == []


def test_the_button_keeps_the_focus_and_offers_the_product_again(
    visit: Visit, regulars: Regulars, shop: Shop
) -> None:
    regulars.reply = Reply(answer())
    visit.page.clock.install(time=BEGINS_AT)
    visit.open(page(shelf(regulars.origin)))
    visit.wait_for_state("ready")
    visit.stop_time()
    button = visit.page.locator("button.button").first
    button.focus()
    visit.page.keyboard.press("Enter")
    expect(button).to_have_text("AddedStoneware mug")
    visit.page.keyboard.press("Enter")
    expect(button).to_be_focused()
    visit.page.clock.run_for(2500)
    expect(button).to_have_text("Add to cartStoneware mug")
    assert button.get_attribute("aria-disabled") is None
    visit.page.keyboard.press("Enter")
    # Had the second press added one too, it would have come before this.
    assert len(shop.wait_for("/cart/add.js", "POST", 2)) == 2
    expect(button).to_have_text("AddedStoneware mug")
    assert len(shop.requests("/cart/add.js", "POST")) == 2


def test_a_refusal_is_shown_on_the_card_and_announced_in_the_shops_own_words(
    visit: Visit, regulars: Regulars, shop: Shop
) -> None:
    shop.refusal = "All 3 Stoneware mugs are in your cart. <b>Sorry</b>"
    regulars.reply = Reply(answer())
    visit.open(page(shelf(regulars.origin), css=SHORT))
    visit.wait_for_state("ready")
    visit.page.locator("button.button").first.click()
    expect(visit.page.locator(".error").first).to_have_text(shop.refusal)
    expect(visit.page.get_by_role("status")).to_have_text(shop.refusal)
    expect(visit.page.locator("button.button").first).to_have_text("Add to cartStoneware mug")
    assert visit.shift() == 0
    shop.refusal = None
    visit.page.locator("button.button").first.click()
    expect(visit.page.locator(".error").first).to_be_hidden()
    expect(visit.page.get_by_role("status")).to_have_text("Added: Stoneware mug")


def test_a_cart_that_does_not_answer_is_told_in_the_pages_language(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    visit.page.route("**/cart/add.js", lambda route: route.abort())
    visit.open(page(shelf(regulars.origin, label_error="Das hat nicht geklappt.")))
    visit.wait_for_state("ready")
    visit.page.locator("button.button").first.click()
    expect(visit.page.get_by_role("status")).to_have_text("Das hat nicht geklappt.")
    assert visit.complaints == []


def test_a_product_with_a_choice_leads_to_its_page(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer(product(1, variant_id=None)))
    visit.open(page(shelf(regulars.origin)))
    visit.wait_for_state("ready")
    choice = visit.page.get_by_role("link", name="Choose options Serving bowl")
    assert choice.get_attribute("href") == f"{visit.shop.origin}/products/p1"


def test_a_theme_of_dawns_family_redraws_its_own_cart(visit: Visit, regulars: Regulars, shop: Shop) -> None:
    regulars.reply = Reply(answer())
    drawer = '<cart-drawer class="is-empty"></cart-drawer>'
    visit.open(page(shelf(regulars.origin), drawer, script=CONSENTED + DRAWER))
    visit.wait_for_state("ready")
    visit.page.locator("button.button").first.click()
    visit.page.wait_for_function("window.drawn")
    [request] = shop.requests("/cart/add.js", "POST")
    assert json.loads(request.body)["sections"] == ["cart-drawer", "cart-icon-bubble"]
    assert visit.page.locator("cart-drawer").get_attribute("class") == ""
    assert "Add" in visit.page.evaluate("document.querySelector('cart-drawer').active")


def test_a_theme_whose_drawer_breaks_does_not_turn_the_purchase_into_an_error(
    visit: Visit, regulars: Regulars
) -> None:
    regulars.reply = Reply(answer())
    broken = DRAWER.replace("window.drawn = line", "throw Error('theirs')")
    visit.open(page(shelf(regulars.origin), "<cart-drawer></cart-drawer>", script=broken))
    visit.wait_for_state("ready")
    visit.page.locator("button.button").first.click()
    expect(visit.page.get_by_role("status")).to_have_text("Added: Stoneware mug")
    assert visit.complaints == []


def test_under_a_translated_root_the_cart_of_that_root_is_used(
    visit: Visit, regulars: Regulars, shop: Shop
) -> None:
    regulars.reply = Reply(answer())
    visit.open(page(shelf(regulars.origin, cart=""), script="window.Shopify = { routes: { root: '/fr/' } }"))
    visit.wait_for_state("ready")
    visit.page.locator("button.button").first.click()
    shop.wait_for("/fr/cart/add.js", "POST")


def test_an_added_product_is_told_with_its_list(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    visit.open(page(shelf(regulars.origin), script=CONSENTED))
    visit.wait_for_state("ready")
    visit.page.locator("button.button").nth(1).click()
    expect(visit.page.get_by_role("status")).to_have_text("Added: Serving bowl, hand-thrown in speckled clay")
    visit.leave()
    [beacon] = regulars.wait_for("/storefront/v1/events", "POST")
    [added] = [one for one in json.loads(beacon.body)["events"] if one["type"] == "add"]
    assert (added["product"], added["position"], added["list_id"]) == ("1001", 1, "m1.also_bought.7")
