"""Owns what a browser makes of the Shopify block's Liquid: a still shelf, styled by settings, in the editor too."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.unit.shopify_extension.rendering import EXTENSION, ShopPage

from .conftest import Visit
from .pages import DARK, SHORT, THEME, answer, product
from .servers import Regulars, Reply

# Shopify's own objects on a storefront page, which the widget looks for.
SHOPIFY = "window.Shopify = { routes: { root: '/' }, currency: { active: 'EUR' } }"


def theme_page(*blocks: str, css: str = "") -> str:
    """A product page of a shop's theme with an Apps section, as Shopify wraps the blocks in it."""
    wrapped = "".join(
        f'<div id="shopify-block-{n}" class="shopify-block shopify-app-block regulars-shelf">{block}</div>'
        for n, block in enumerate(blocks)
    )
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
      <meta name="viewport" content="width=device-width"><title>Teapot</title><link rel="icon" href="data:,">
      <style>{THEME}{css}</style><script>{SHOPIFY}</script></head><body><header><a href="/">Ada's kitchen</a></header>
      <main><div class="product"><img src="/hero.png" width="600" height="360" alt="A teapot"><div><h1>Teapot</h1>
      <p>Pours without a drip.</p></div></div>
      <section class="shopify-section">{wrapped}</section><h2 id="reviews">Reviews</h2><p>Lovely.</p></main>
      </body></html>"""


def serve_assets(page: Page) -> list[str]:
    """Lets the extension's assets be had, as from Shopify's CDN; returns the list of those that were asked for."""
    asked: list[str] = []

    def give(route: Any) -> None:
        name = route.request.url.rsplit("/", 1)[1]
        asked.append(name)
        route.fulfill(body=(EXTENSION / "assets" / name).read_bytes(), content_type="text/javascript")

    page.route("**/extension/assets/*", give)
    return asked


@pytest.fixture
def tab(visit: Visit) -> Visit:
    serve_assets(visit.page)
    return visit


def block(regulars: Regulars, **page: Any) -> str:
    return ShopPage(api_url=regulars.origin, **page).render()


@pytest.mark.parametrize("layout", ["grid", "carousel"])
@pytest.mark.parametrize("width", [375, 1280])
def test_nothing_moves_while_the_blocks_skeleton_is_filled(
    new_visit: Any, regulars: Regulars, layout: str, width: int
) -> None:
    visit = new_visit(viewport={"width": width, "height": 1200})
    serve_assets(visit.page)
    regulars.gate.clear()
    regulars.reply = Reply(answer(*[product(n, compare_at={"amount": 999900}) for n in range(12)]))
    settings = {"layout": layout, "n_products": 6, "columns": 3, "gap": 20, "image_ratio": "1.5"}
    if layout == "grid":
        settings["n_products"] = 2
    visit.open(theme_page(block(regulars, settings=settings), css=SHORT))
    visit.wait_for_state("loading")
    visit.after_a_frame()
    before = visit.page.locator("#reviews").bounding_box()
    regulars.gate.set()
    visit.wait_for_state("ready")
    assert visit.shift() == 0
    assert visit.page.locator("#reviews").bounding_box() == before
    assert before is not None
    assert before["y"] < 1200, "the heading below the shelf must be in view for this to mean anything"
    assert visit.complaints == []


def test_the_block_asks_and_shows_in_the_shops_own_words_and_money(tab: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    shop_format = '<span class="money">{{amount_with_comma_separator}} &euro;</span>'
    tab.open(theme_page(block(regulars, language="el", money_format=shop_format)))
    tab.wait_for_state("ready")
    (asked,) = regulars.wait_for("/storefront/v1/shelf")
    assert asked.query == {
        "shop": ["pk_ada"],
        "placement": ["product"],
        "limit": ["4"],
        "product": ["8123456789"],
    }
    expect(tab.page.get_by_role("heading", name="Μπορεί να σας αρέσουν")).to_be_visible()
    expect(tab.page.get_by_role("button", name="Προσθήκη στο καλάθι")).to_have_count(4)
    assert tab.page.locator(".now").all_inner_texts() == ["12,90 €", "14,90 €", "16,90 €", "18,90 €"]
    assert tab.complaints == []


def test_two_blocks_share_one_script(tab: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    asked = serve_assets(tab.page)
    tab.open(theme_page(block(regulars), block(regulars, settings={"heading": "More of it"})))
    tab.wait_for_state("ready", n_shelves=2)
    assert asked == ["regulars.js"]
    assert tab.complaints == []


def test_what_the_merchant_chose_is_how_it_looks(tab: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    chosen = {
        "n_products": 3,
        "gap": 32,
        "radius": 12,
        "image_ratio": "0.8",
        "color": "#204060",
        "button_background": "#204060",
        "button_color": "#ffffff",
        "button_border": "#102030",
    }
    tab.open(theme_page(block(regulars, settings=chosen)))
    tab.wait_for_state("ready")
    look = """(e) => { const s = getComputedStyle(e)
        return [s.color, s.backgroundColor, s.borderTopColor, s.borderRadius] }"""
    button = tab.page.locator(".button").first
    assert button.evaluate(look) == ["rgb(255, 255, 255)", "rgb(32, 64, 96)", "rgb(16, 32, 48)", "12px"]
    cards = [card.bounding_box() for card in tab.page.locator(".card").all()]
    picture = tab.page.locator(".image").first.bounding_box()
    assert len({card["y"] for card in cards}) == 1
    assert cards[1]["x"] - cards[0]["x"] - cards[0]["width"] == pytest.approx(32, abs=0.1)
    assert picture["width"] / picture["height"] == pytest.approx(0.8, abs=0.01)
    assert tab.page.locator("h2.heading").evaluate("e => getComputedStyle(e).color") == "rgb(32, 64, 96)"


def test_a_hostile_heading_is_read_as_words(tab: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    heading = """Ada's "best" <img src=x onerror="window.broken = 1"></template><script>window.broken = 1</script>"""
    tab.open(theme_page(block(regulars, settings={"heading": heading})))
    tab.wait_for_state("ready")
    expect(tab.page.locator("h2.heading")).to_have_text(heading)
    assert tab.page.evaluate("window.broken") is None


def test_an_app_that_is_down_leaves_no_trace_in_the_shop(tab: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply({"error": "down"}, 503)
    tab.open(theme_page(block(regulars)))
    tab.wait_for_state("empty")
    expect(tab.page.get_by_text("You may also like")).to_be_hidden()
    expect(tab.page.locator(".regulars-note")).to_have_count(0)
    assert tab.complaints == []


def test_the_editor_tells_the_merchant_of_an_empty_shelf_only(tab: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    html = theme_page(block(regulars, is_editor=True))
    tab.open(html)
    tab.wait_for_state("ready")
    expect(tab.page.locator(".regulars-note")).to_be_hidden()
    regulars.reply = Reply(answer() | {"products": []})
    tab.open(html)
    tab.wait_for_state("empty")
    expect(tab.page.locator(".regulars-note")).to_be_visible()
    assert tab.page.locator("regulars-shelf").bounding_box() is None


def test_a_block_that_the_editor_draws_anew_is_a_shelf_again(tab: Visit, regulars: Regulars) -> None:
    """The editor sets a changed section by script, where browsers read no printed skeleton and run no script tag."""
    regulars.reply = Reply(answer())
    tab.open(theme_page(block(regulars, is_editor=True)))
    tab.wait_for_state("ready")
    changed = block(regulars, is_editor=True, settings={"n_products": 2, "heading": "Two of them"})
    tab.page.evaluate("(html) => { document.querySelector('.shopify-block').innerHTML = html }", changed)
    tab.wait_for_state("ready")
    expect(tab.page.locator(".title")).to_have_count(2)
    expect(tab.page.get_by_role("heading", name="Two of them")).to_be_visible()
    # Chromium's remark on the way such a section is set.
    assert [words for words in tab.complaints if "shadowrootmode" not in words] == []


def test_the_block_reads_well_on_a_dark_theme(tab: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    tab.open(theme_page(block(regulars), css=DARK))
    tab.wait_for_state("ready")
    colours = tab.page.locator(".title, .now, .button, .heading").evaluate_all(
        "(found) => [...new Set(found.map((e) => getComputedStyle(e).color))]"
    )
    assert colours == ["rgb(232, 230, 227)"]
