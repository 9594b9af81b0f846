"""Owns that everybody can use a shelf: axe, keyboard, right to left, sizes, calm; and the pictures of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from .conftest import Visit
from .pages import DARK, answer, page, product, shelf
from .servers import Regulars, Reply

AXE = (Path(__file__).parents[2] / "fixtures" / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
DARK_LINKS = DARK + "header a { color: #9cf }"


def violations(page: Page) -> list[str]:
    page.evaluate(AXE)
    found = page.evaluate("(rules) => axe.run(document, { runOnly: rules })", RULES)
    assert len(found["passes"]) > 15, "axe saw too little of the page for its silence to mean anything"
    return [f"{one['id']}: {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]]


@pytest.fixture
def varied(regulars: Regulars) -> Regulars:
    one, two = product(1, compare_at={"amount": 1990}), product(2, variant_id=None, price_varies=True)
    regulars.reply = Reply(answer(product(0), one, two, *[product(number) for number in range(3, 9)]))
    return regulars


@pytest.mark.parametrize("layout", ["grid", "carousel"])
@pytest.mark.parametrize(("css", "width"), [("", 1280), (DARK_LINKS, 1280), ("", 375), (DARK_LINKS, 375)])
def test_axe_finds_nothing(new_visit: Any, varied: Regulars, css: str, width: int, layout: str) -> None:
    visit = new_visit(viewport={"width": width, "height": 900})
    visit.open(page(shelf(varied.origin, layout=layout, limit="8"), css=css))
    visit.wait_for_state("ready")
    assert violations(visit.page) == []


def test_axe_finds_nothing_while_loading_and_after_a_refusal(visit: Visit, varied: Regulars) -> None:
    varied.gate.clear()
    visit.open(page(shelf(varied.origin), css=DARK_LINKS))
    visit.wait_for_state("loading")
    assert violations(visit.page) == []
    varied.gate.set()
    visit.wait_for_state("ready")
    visit.shop.refusal = "All of these are in your cart."
    visit.page.locator("button.button").first.click()
    expect(visit.page.locator(".error").first).to_be_visible()
    assert violations(visit.page) == []


def test_a_screen_reader_meets_a_named_section_with_a_heading_and_a_list(
    visit: Visit, varied: Regulars
) -> None:
    visit.open(page(shelf(varied.origin)))
    visit.wait_for_state("ready")
    section = visit.page.get_by_role("region", name="Customers also bought")
    expect(section.get_by_role("heading", name="Customers also bought", level=2)).to_be_visible()
    expect(section.get_by_role("list")).to_have_count(1)
    expect(section.get_by_role("listitem")).to_have_count(4)
    expect(section.get_by_role("link", name="Stoneware mug", exact=True)).to_have_count(1)


def test_the_skeleton_is_not_read_out(visit: Visit, varied: Regulars) -> None:
    varied.gate.clear()
    visit.open(page(shelf(varied.origin)))
    visit.wait_for_state("loading")
    expect(visit.page.get_by_role("listitem")).to_have_count(0)


def test_the_tab_key_walks_links_and_buttons_in_the_order_they_are_seen(
    visit: Visit, varied: Regulars
) -> None:
    visit.open(page(shelf(varied.origin, limit="3")))
    visit.wait_for_state("ready")
    visit.page.locator("#buy").focus()
    walked = []
    for _ in range(6):
        visit.page.keyboard.press("Tab")
        walked.append(visit.page.evaluate("document.activeElement.shadowRoot?.activeElement.textContent"))
    bowl = "Serving bowl, hand-thrown in speckled clay"
    assert walked == [
        "Stoneware mug",
        "Add to cartStoneware mug",
        bowl,
        f"Add to cart{bowl}",
        "Glass carafe",
        "Choose optionsGlass carafe",
    ]


def test_what_has_the_focus_can_be_seen_to_have_it(visit: Visit, varied: Regulars) -> None:
    visit.open(page(shelf(varied.origin)))
    visit.wait_for_state("ready")
    visit.page.locator("#buy").focus()
    visit.page.keyboard.press("Tab")
    assert visit.page.locator("a.link").first.evaluate("(a) => getComputedStyle(a).outlineStyle") != "none"


@pytest.mark.parametrize("width", [320, 375, 1280])
def test_everything_to_press_is_at_least_44_pixels_and_the_page_does_not_overflow(
    new_visit: Any, varied: Regulars, width: int
) -> None:
    visit = new_visit(viewport={"width": width, "height": 900})
    visit.open(
        page(shelf(varied.origin), shelf(varied.origin, layout="carousel", limit="8", placement="home"))
    )
    visit.wait_for_state("ready", n_shelves=2)
    visit.after_a_frame()
    small = visit.page.locator("regulars-shelf :is(a, button)").evaluate_all(
        "(all) => all.filter((e) => e.offsetHeight < 44 || e.offsetWidth < 44).map((e) => e.outerHTML)"
    )
    assert small == []
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("direction", "sign"), [("ltr", 1), ("rtl", -1)])
def test_the_carousels_buttons_turn_it_and_keep_the_focus(
    new_visit: Any, varied: Regulars, direction: str, sign: int
) -> None:
    visit = new_visit(reduced_motion="reduce")
    visit.open(page(shelf(varied.origin, layout="carousel", limit="8"), direction=direction))
    visit.wait_for_state("ready")
    following, previous = (visit.page.get_by_role("button", name=one) for one in ("Next", "Previous"))
    expect(previous).to_have_attribute("aria-disabled", "true")
    following.focus()
    visit.page.keyboard.press("Enter")
    expect(following).to_have_attribute("aria-disabled", "true")
    expect(previous).to_have_attribute("aria-disabled", "false")
    expect(following).to_be_focused()
    assert visit.page.locator(".list").evaluate("(list) => list.scrollLeft") * sign > 500
    assert visit.shift() == 0


def test_a_carousel_that_fits_has_no_buttons(visit: Visit, varied: Regulars) -> None:
    visit.open(page(shelf(varied.origin, layout="carousel", limit="4")))
    visit.wait_for_state("ready")
    expect(visit.page.get_by_role("button", name="Next")).to_be_hidden()


def test_from_right_to_left_the_first_product_stands_right(
    visit: Visit, varied: Regulars, tmp_path: Path
) -> None:
    visit.open(page(shelf(varied.origin, layout="carousel", limit="8"), direction="rtl", language="he"))
    visit.wait_for_state("ready")
    visit.after_a_frame()
    lefts = visit.page.locator(".card").evaluate_all(
        "(all) => all.map((e) => e.getBoundingClientRect().left)"
    )
    assert lefts == sorted(lefts, reverse=True)
    following, previous = (
        visit.page.get_by_role("button", name=one).bounding_box() for one in ("Next", "Previous")
    )
    assert following is not None
    assert previous is not None
    assert following["x"] < previous["x"] < 200
    assert visit.page.screenshot(path=tmp_path / "rtl.png")


def test_a_themes_properties_and_parts_reach_the_shelf(visit: Visit, varied: Regulars) -> None:
    css = """regulars-shelf { --regulars-radius: 20px; --regulars-columns: 2 }
      main { --regulars-button-background: rgb(1, 2, 3) }
      regulars-shelf::part(button) { text-transform: uppercase }"""
    visit.open(page(shelf(varied.origin), css=css))
    visit.wait_for_state("ready")
    button = visit.page.locator("button.button").first
    expect(button).to_have_css("border-radius", "20px")
    expect(button).to_have_css("background-color", "rgb(1, 2, 3)")
    expect(button).to_have_css("text-transform", "uppercase")
    columns = visit.page.locator(".list").evaluate("(list) => getComputedStyle(list).gridTemplateColumns")
    assert len(columns.split()) == 2
