"""Owns what happens when things go wrong, or are meant to: the shelf is gone, the page never notices."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from .conftest import Visit
from .pages import CONSENTED, SHORT, answer, page, product, shelf
from .servers import Regulars, Reply, Shop

EVIL = '<img src=x onerror="window.owned = true"><script>window.owned = true</script>'

FAILURES = {
    "an empty list": Reply(answer() | {"products": []}),
    "an error": Reply({"error": "database away"}, 500),
    "no JSON": Reply("<!doctype html>Bad gateway", content_type="text/html"),
    "half a JSON": Reply('{"products": [{"id": '),
    "JSON of another shape": Reply({"hello": "world"}),
    "a list that is null": Reply({"products": None}),
    "only what is sold out": Reply(answer(product(1, is_available=False))),
    "products that are null": Reply({"products": [None]}),
    "an unknown currency": Reply(answer(currency="euros")),
}


@pytest.mark.parametrize("reply", FAILURES.values(), ids=FAILURES)
def test_a_shelf_without_a_usable_answer_leaves_silently_and_moves_nothing_in_view(
    visit: Visit, regulars: Regulars, reply: Reply
) -> None:
    regulars.gate.clear()
    regulars.reply = reply
    visit.open(page(shelf(regulars.origin), css=SHORT))
    visit.wait_for_state("loading")
    regulars.gate.set()
    visit.wait_for_state("empty")
    expect(visit.page.get_by_role("heading", name="Customers also bought")).to_have_count(0)
    assert visit.shift() == 0
    assert visit.complaints == []
    assert visit.page.evaluate("window.thrown") == []


def test_an_empty_shelf_below_the_view_takes_no_room(visit: Visit, regulars: Regulars) -> None:
    visit.open(page(shelf(regulars.origin), css=".product { min-height: 1000px }"))
    visit.wait_for_state("empty")
    expect(visit.page.locator("regulars-shelf")).to_have_css("display", "none")
    assert visit.shift() == 0


def test_an_answer_that_never_comes_is_given_up_after_four_seconds(visit: Visit, regulars: Regulars) -> None:
    regulars.gate.clear()
    visit.open(page(shelf(regulars.origin), script="window.isHurried = true"))
    visit.wait_for_state("empty")
    # The cart's and the list's.
    assert visit.page.evaluate("window.patience") == [4000, 4000]
    assert visit.complaints == []


def test_a_server_that_is_not_there_is_no_error_of_the_page(visit: Visit, shop: Shop) -> None:
    visit.open(page(shelf("http://127.0.0.1:9")))
    visit.wait_for_state("empty")
    assert visit.complaints == []
    assert visit.page.evaluate("window.thrown") == []


@pytest.mark.parametrize(
    "api", ["javascript:alert(1)", "http://app.example", "", "ftp://app.example", "https://"]
)
def test_an_unsafe_address_of_the_server_is_not_called(visit: Visit, api: str) -> None:
    called: list[str] = []
    visit.page.on("request", lambda request: called.append(request.url))
    visit.open(page(shelf(api)))
    visit.wait_for_state("empty")
    assert [url for url in called if "/storefront/" in url] == []
    assert visit.complaints == []


def test_markup_in_texts_is_read_out_and_not_carried_out(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer(product(1, title=EVIL, alt=EVIL), product(2), heading=EVIL))
    visit.open(page(shelf(regulars.origin)))
    visit.wait_for_state("ready")
    visit.after_a_frame()
    expect(visit.page.locator(".title").first).to_have_text(EVIL)
    expect(visit.page.locator("h2.heading")).to_have_text(EVIL)
    assert visit.page.evaluate("window.owned") is None


@pytest.mark.parametrize(
    "url",
    [
        "javascript:window.owned=true",
        "JaVaScRiPt:window.owned=true",
        "data:text/html,<script>1</script>",
        "http://evil.example/p",
        "http://localhost.evil.example/p",
        "http://127.0.0.1.evil.example/p",
        "//evil.example:99999/p",
        "",
    ],
)
def test_a_product_with_an_unusable_address_is_left_out(visit: Visit, regulars: Regulars, url: str) -> None:
    regulars.reply = Reply(answer(product(1, url=url), product(2)))
    visit.open(page(shelf(regulars.origin)))
    visit.wait_for_state("ready")
    assert visit.page.locator("a.link").evaluate_all("(all) => all.map((a) => a.href)") == [
        f"{visit.shop.origin}/products/p2"
    ]


@pytest.mark.parametrize("image", ["javascript:1", "http://evil.example/i.png", None, "/nothing.png"])
def test_a_picture_that_can_not_be_shown_is_a_plain_tile(
    visit: Visit, regulars: Regulars, image: str | None
) -> None:
    regulars.reply = Reply(answer(product(1, image=image)))
    visit.open(page(shelf(regulars.origin)))
    visit.wait_for_state("ready")
    box = visit.page.locator(".image").bounding_box()
    assert box is not None
    assert box["width"] == box["height"] > 100


def test_a_sandboxed_page_whose_origin_is_null_runs_no_address(visit: Visit, regulars: Regulars) -> None:
    evil = answer(
        product(1, url="javascript:window.owned=true", image="data:image/png,x"),
        product(2, url="https://x.example/p"),
    )
    regulars.reply = Reply(evil)
    inner = page(shelf(regulars.origin)).replace("/static/", f"{visit.shop.origin}/static/")
    inner = inner.replace('crossorigin="anonymous"', "").replace("integrity=", "data-integrity=")
    visit.shop.pages["/inner"] = inner
    visit.open('<iframe sandbox="allow-scripts" src="/inner" width="1200" height="900"></iframe>', "/outer")
    frame = visit.page.frame_locator("iframe")
    expect(frame.locator("a.link")).to_have_count(1)
    assert frame.locator("a.link").get_attribute("href") == "https://x.example/p"


def test_a_page_full_of_hostile_globals_still_hears_nothing(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    hostile = """
      window.Shopify = { get customerPrivacy() { throw Error('theirs') }, routes: { root: '/' },
        loadFeatures() { throw Error('theirs') } }
      window.wp_has_consent = () => { throw Error('theirs') }
      Object.defineProperty(window, 'sessionStorage', { get() { throw Error('theirs') } })
    """
    visit.open(page(shelf(regulars.origin), script=hostile))
    visit.wait_for_state("ready")
    visit.leave()
    assert visit.complaints == []


def test_under_a_strict_policy_the_shelf_shows_and_breaks_no_rule(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    policy = (
        f"default-src 'self'; img-src 'self' data:; connect-src 'self' {regulars.origin}; "
        "style-src 'self'; require-trusted-types-for 'script'"
    )
    html = page(shelf(regulars.origin, skeleton=False, money_format="<b>€{{amount}}</b>"))
    html = html.replace("<script></script>", "").replace(
        "<head>", f'<head><meta http-equiv="Content-Security-Policy" content="{policy}">'
    )
    visit.open(html)
    visit.wait_for_state("ready")
    assert visit.page.locator(".now").first.inner_text() == "€12.90"
    assert visit.page.locator(".list").evaluate("(list) => getComputedStyle(list).display") == "grid"
    # The fixture theme's own inline style is what the policy turns away; nothing of the shelf's is.
    assert [one for one in visit.complaints if "style" not in one] == []


def open_blocked(visit: Visit, shop: Shop, regulars: Regulars, **attributes: str) -> None:
    """A page on which nothing of Regulars' own address can be reached, as with a blocker of third parties."""
    shop.through_proxy = regulars
    regulars.reply = Reply(answer())
    visit.page.route(regulars.origin + "/**", lambda route: route.abort("blockedbyclient"))
    visit.open(page(shelf(regulars.origin, **attributes), script=CONSENTED))


def test_where_our_own_address_is_blocked_the_shops_is_asked(
    visit: Visit, shop: Shop, regulars: Regulars
) -> None:
    open_blocked(visit, shop, regulars, proxy="/apps/regulars")
    visit.wait_for_state("ready")
    [asked] = shop.requests("/apps/regulars/storefront/v1/shelf")
    # The shop's name is Shopify's to add; twice in an address it would be refused.
    assert asked.query == {"placement": ["product"], "limit": ["4"], "product": ["7"]}
    assert regulars.requests("/storefront/v1/shelf") == []
    assert visit.complaints == []


def test_what_was_shown_by_the_shops_address_is_told_by_it(
    visit: Visit, shop: Shop, regulars: Regulars
) -> None:
    open_blocked(visit, shop, regulars, proxy="/apps/regulars")
    visit.wait_for_state("ready")
    visit.page.locator("a.link").first.evaluate(
        "(a) => { a.addEventListener('click', (e) => e.preventDefault()); a.click() }"
    )
    visit.leave()
    [beacon] = shop.wait_for("/apps/regulars/storefront/v1/events", "POST")
    assert json.loads(beacon.body)["events"][-1]["type"] == "click"


def test_an_answer_that_is_no_shelf_is_not_asked_for_again(
    visit: Visit, shop: Shop, regulars: Regulars
) -> None:
    regulars.reply = Reply(answer() | {"products": []}, 500)
    visit.open(page(shelf(regulars.origin, proxy="/apps/regulars")))
    visit.wait_for_state("empty")
    assert shop.requests("/apps/regulars/storefront/v1/shelf") == []


def test_where_both_ways_are_blocked_the_shelf_leaves(visit: Visit, shop: Shop, regulars: Regulars) -> None:
    open_blocked(visit, shop, regulars, proxy="https://127.0.0.1:9/apps/regulars")
    visit.wait_for_state("empty")
    assert visit.complaints == []
