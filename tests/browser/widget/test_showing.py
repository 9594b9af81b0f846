"""Owns what a shelf shows, and that showing it moves nothing: layout, lists, headings, two shelves, preview."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import expect

from .conftest import Visit
from .pages import CONSENTED, MANIFEST, SHORT, answer, page, product, shelf
from .servers import Regulars, Reply, Seen, Shop

FIRST_FOUR = [
    "Stoneware mug",
    "Serving bowl, hand-thrown in speckled clay",
    "Glass carafe",
    "Linen tea towel",
]
BELOW_THE_FOLD = ".product { min-height: 1000px }"


def test_the_first_four_products_of_the_answer_are_shown_in_order(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    visit.open(page(shelf(regulars.origin)))
    visit.wait_for_state("ready")
    expect(visit.page.locator(".title")).to_have_text(FIRST_FOUR)
    assert visit.page.locator("a.link").nth(1).get_attribute("href") == f"{visit.shop.origin}/products/p1"
    assert visit.page.locator(".now").all_inner_texts() == ["€12.90", "€14.90", "€16.90", "€18.90"]
    assert visit.complaints == []


@pytest.mark.parametrize("layout", ["grid", "carousel"])
@pytest.mark.parametrize("width", [375, 1280])
def test_nothing_in_view_moves_while_a_slow_answer_fills_a_printed_skeleton(
    new_visit: Any, regulars: Regulars, layout: str, width: int
) -> None:
    visit = new_visit(viewport={"width": width, "height": 1200})
    regulars.gate.clear()
    sale = {
        "compare_at": {"amount": 999900},
        "title": "A title much longer than two lines of it can ever be " * 3,
    }
    regulars.reply = Reply(answer(*[product(n, **sale) for n in range(8)]))
    visit.open(page(shelf(regulars.origin, layout=layout), css=SHORT))
    visit.wait_for_state("loading")
    visit.after_a_frame()
    before = visit.page.locator("#reviews").bounding_box()
    regulars.gate.set()
    visit.wait_for_state("ready")
    assert visit.shift() == 0
    assert visit.page.locator("#reviews").bounding_box() == before
    assert before is not None
    assert before["y"] < 1200, "the heading below the shelf must be in view for this to mean anything"


def test_nothing_in_view_moves_when_the_widget_draws_its_own_skeleton_below_the_fold(
    visit: Visit, regulars: Regulars
) -> None:
    regulars.gate.clear()
    regulars.reply = Reply(answer())
    visit.open(page(shelf(regulars.origin, skeleton=False), css=BELOW_THE_FOLD))
    visit.wait_for_state("loading")
    expect(visit.page.locator(".card")).to_have_count(4)
    regulars.gate.set()
    visit.wait_for_state("ready")
    assert visit.shift() == 0


def test_the_widget_draws_the_same_box_as_the_printed_skeleton(visit: Visit, regulars: Regulars) -> None:
    regulars.gate.clear()
    regulars.reply = Reply(answer())
    visit.open(page(shelf(regulars.origin), shelf(regulars.origin, skeleton=False), css=SHORT))
    visit.wait_for_state("loading", n_shelves=2)
    sizes = (
        "() => [...document.querySelectorAll('regulars-shelf')].map((e) => e.getBoundingClientRect().height)"
    )
    printed, drawn = visit.page.evaluate(sizes)
    assert printed == drawn > 300
    regulars.gate.set()
    visit.wait_for_state("ready", n_shelves=2)
    assert visit.page.evaluate(sizes) == [printed, printed]


def test_a_shelf_with_fewer_products_than_its_skeleton_pulls_nothing_up(
    new_visit: Any, regulars: Regulars
) -> None:
    visit = new_visit(viewport={"width": 375, "height": 1200})
    regulars.gate.clear()
    regulars.reply = Reply(answer(product(1)))
    visit.open(page(shelf(regulars.origin), css=SHORT))
    visit.wait_for_state("loading")
    regulars.gate.set()
    visit.wait_for_state("ready")
    assert visit.shift() == 0


@pytest.mark.parametrize("layout", ["grid", "carousel"])
def test_the_page_still_reports_its_largest_contentful_paint(
    visit: Visit, regulars: Regulars, layout: str
) -> None:
    regulars.reply = Reply(answer())
    visit.open(page(shelf(regulars.origin, layout=layout, limit="8")))
    visit.wait_for_state("ready")
    visit.page.wait_for_function("window.lcp === 'IMG'")


def test_a_shelf_far_below_asks_for_nothing_until_it_comes_near(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    visit.open(page(shelf(regulars.origin), css=".product { min-height: 4000px }"))
    visit.wait_for_state("loading")
    visit.after_a_frame()
    assert regulars.requests("/storefront/v1/shelf") == []
    visit.page.evaluate("scrollTo(0, 3000)")
    visit.wait_for_state("ready")


def test_the_question_carries_no_cookie_and_nothing_about_the_visitor(
    visit: Visit, regulars: Regulars
) -> None:
    regulars.reply = Reply(answer())
    visit.page.context.add_cookies([{"name": "me", "value": "cleo", "url": regulars.origin}])
    visit.shop.in_cart = [1003]
    visit.open(page(shelf(regulars.origin)))
    visit.wait_for_state("ready")
    [question] = regulars.requests("/storefront/v1/shelf")
    assert question.query == {"shop": ["pk_ada"], "placement": ["product"], "limit": ["4"], "product": ["7"]}
    assert "Cookie" not in question.headers


def test_the_carts_own_shelf_names_its_products_sorted(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    visit.shop.in_cart = [1003, 1001, 1003]
    visit.open(page(shelf(regulars.origin, placement="cart", product="")))
    visit.wait_for_state("ready")
    [question] = regulars.requests("/storefront/v1/shelf")
    assert question.query["cart"] == ["1001,1003"]


def test_ids_past_what_javascript_can_count_to_are_read_exactly(visit: Visit, regulars: Regulars) -> None:
    large, larger = 2**53 + 1, 2**63 - 1
    offered = [
        product(0),
        product(1, id=str(large)),
        product(2, id=str(large - 1)),
        product(3, id=str(larger)),
    ]
    regulars.reply = Reply(answer(*offered))
    visit.shop.in_cart = [large, larger, 1005]
    visit.open(page(shelf(regulars.origin, placement="cart", product="")))
    visit.wait_for_state("ready")
    [question] = regulars.requests("/storefront/v1/shelf")
    assert question.query["cart"] == [f"1005,{large},{larger}"]
    links = visit.page.locator("a.link").evaluate_all("(all) => all.map((a) => new URL(a.href).pathname)")
    assert links == ["/products/p0", "/products/p2"]


def test_a_text_in_the_cart_that_looks_like_a_long_id_stays_a_text(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    note = f'engrave "product_id": {2**53 + 1}, please'
    line = {"product_id": 1001, "properties": {"note": note, "order_id": "5"}}
    visit.page.route("**/cart.js", lambda route: route.fulfill(json={"items": [line]}))
    visit.open(page(shelf(regulars.origin, placement="cart", product="")))
    visit.wait_for_state("ready")
    [question] = regulars.requests("/storefront/v1/shelf")
    assert question.query["cart"] == ["1001"]


def test_what_is_in_the_cart_sold_out_or_on_the_page_itself_is_left_out(
    visit: Visit, regulars: Regulars
) -> None:
    visit.shop.in_cart = [1001]
    offered = [
        product(0),
        product(1),
        product(2, is_available=False),
        product(3),
        product(4, id="7"),
        product(5),
    ]
    regulars.reply = Reply(answer(*offered))
    visit.open(page(shelf(regulars.origin)))
    visit.wait_for_state("ready")
    links = visit.page.locator("a.link").evaluate_all("(all) => all.map((a) => new URL(a.href).pathname)")
    assert links == ["/products/p0", "/products/p3", "/products/p5"]


def test_an_unreadable_cart_costs_no_recommendation(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    visit.open(page(shelf(regulars.origin, cart="/missing.js")))
    visit.wait_for_state("ready")
    assert visit.complaints == []


def test_two_shelves_stand_on_one_page(visit: Visit, regulars: Regulars) -> None:
    def by_placement(seen: Seen) -> Reply:
        heading = "Popular right now" if seen.query["placement"] == ["home"] else None
        return Reply(answer(heading=heading, list_id=seen.query["placement"][0]))

    regulars.reply = by_placement
    visit.open(page(shelf(regulars.origin), shelf(regulars.origin, placement="home", product="")))
    visit.wait_for_state("ready", n_shelves=2)
    assert visit.page.locator(".card").count() == 8
    expect(visit.page.get_by_role("region", name="Customers also bought")).to_be_visible()
    expect(visit.page.get_by_role("heading", name="Popular right now")).to_be_visible()
    expect(visit.page.get_by_role("region", name="Popular right now")).to_be_visible()


def test_a_themes_own_heading_element_is_used(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer(heading="Popular right now"))
    own = '<h2 slot="heading" class="h1">From the theme</h2></regulars-shelf>'
    visit.open(page(shelf(regulars.origin).replace("</regulars-shelf>", own)))
    visit.wait_for_state("ready")
    expect(visit.page.locator("h2.h1")).to_have_text("Popular right now")
    expect(visit.page.locator("h2.heading")).to_be_hidden()


def test_without_a_cart_or_with_quick_add_off_there_are_no_buttons(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    visit.open(page(shelf(regulars.origin, cart=""), shelf(regulars.origin, quick_add="off")))
    visit.wait_for_state("ready", n_shelves=2)
    assert visit.page.locator(".button").count() == 0


def test_a_translated_storefront_keeps_its_language_in_the_links(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    visit.open(page(shelf(regulars.origin), script="window.Shopify = { routes: { root: '/fr/' } }"))
    visit.wait_for_state("ready")
    assert visit.page.locator("a.link").first.get_attribute("href") == f"{visit.shop.origin}/fr/products/p0"


def test_a_preview_asks_nothing_tells_nothing_and_can_not_be_pressed(
    visit: Visit, regulars: Regulars, shop: Shop
) -> None:
    data = json.dumps(answer())
    visit.open(page(shelf(regulars.origin, preview="on", data=data), script=CONSENTED))
    visit.wait_for_state("ready")
    assert visit.page.locator("section.shelf").evaluate("(section) => section.inert") is True
    assert visit.page.locator("button.button").count() == 4
    visit.leave()
    assert regulars.seen == []
    assert shop.requests("/cart.js") == []


def test_an_element_moved_within_the_page_is_not_asked_for_again(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    visit.open(page(shelf(regulars.origin)))
    visit.wait_for_state("ready")
    visit.page.evaluate("document.body.append(document.querySelector('regulars-shelf'))")
    visit.after_a_frame()
    assert len(regulars.requests("/storefront/v1/shelf")) == 1
    assert visit.page.locator(".card").count() == 4


def test_a_script_that_is_there_before_the_shelf_leaves_its_printed_skeleton_alone(
    visit: Visit, regulars: Regulars
) -> None:
    regulars.reply = Reply(answer())
    visit.open(page(shelf(regulars.origin)).replace("<script async", "<script"))
    visit.wait_for_state("ready")
    assert visit.page.locator("section.shelf").count() == 1
    assert visit.complaints == []


def test_a_script_that_comes_twice_does_nothing_the_second_time(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    visit.open(page(shelf(regulars.origin)))
    visit.wait_for_state("ready")
    visit.page.add_script_tag(url=f"/static/widget/{MANIFEST['regulars.js']}?again")
    visit.after_a_frame()
    assert len(regulars.requests("/storefront/v1/shelf")) == 1
    assert visit.complaints == []


def test_an_element_written_by_a_script_draws_itself(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    visit.open(page())
    visit.page.evaluate(
        "(html) => document.querySelector('main').insertAdjacentHTML('beforeend', html)",
        shelf(regulars.origin),
    )
    visit.wait_for_state("ready")
    assert visit.page.locator(".card").count() == 4
