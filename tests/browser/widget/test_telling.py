"""Owns what the widget tells back: nothing without consent, one beacon with it, and the right events in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import expect

from .conftest import BEGINS_AT, Visit
from .pages import CONSENTED, answer, page, shelf
from .servers import Regulars, Reply, Seen

EVENTS = "/storefront/v1/events"

# Stands for a beacon of the next page: when it has come, an earlier one of ours would have come too.
LATER = "(origin) => navigator.sendBeacon(origin + '/later', '')"

GPC = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true });"
REFUSED = CONSENTED.replace("window.allowed = true", "window.allowed = false")


def told(visit: Visit, regulars: Regulars, n_beacons: int = 1) -> list[Seen]:
    """The beacons that came once the visitor has left: all of them, so many being expected."""
    visit.leave()
    regulars.wait_for(EVENTS, "POST", n_beacons)
    visit.page.evaluate(LATER, regulars.origin)
    regulars.wait_for("/later", "POST")
    return regulars.requests(EVENTS, "POST")


def look_for_a_second(visit: Visit) -> None:
    visit.wait_for_state("ready")
    visit.page.locator(".card").first.scroll_into_view_if_needed()
    visit.after_a_frame()
    visit.page.clock.run_for(1100)


def visit_with_clock(visit: Visit, regulars: Regulars, script: str, *shelves: str) -> None:
    regulars.reply = Reply(answer())
    visit.page.clock.install(time=BEGINS_AT)
    visit.open(page(*(shelves or [shelf(regulars.origin)]), script=script))
    look_for_a_second(visit)


@pytest.mark.parametrize(
    "script",
    ["", REFUSED, GPC + CONSENTED],
    ids=["none", "no", "gpc"],
)
def test_without_consent_there_is_no_beacon_and_no_id(visit: Visit, regulars: Regulars, script: str) -> None:
    visit_with_clock(visit, regulars, script)
    visit.page.locator("a.link").first.evaluate(
        "(a) => { a.addEventListener('click', (e) => e.preventDefault()); a.click() }"
    )
    assert told(visit, regulars, 0) == []
    assert visit.page.evaluate("sessionStorage.length") == 0


def test_with_consent_one_beacon_carries_all_that_happened(visit: Visit, regulars: Regulars) -> None:
    visit_with_clock(visit, regulars, CONSENTED)
    visit.page.locator("a.link").nth(2).evaluate(
        "(a) => { a.addEventListener('click', (e) => e.preventDefault()); a.click() }"
    )
    [beacon] = told(visit, regulars)
    assert beacon.headers["Content-Type"].startswith("text/plain")
    assert "Cookie" not in beacon.headers
    body: dict[str, Any] = json.loads(beacon.body)
    assert set(body) == {"shop", "visit", "events"}
    assert body["shop"] == "pk_ada"
    assert len(body["visit"]) == 32
    assert set(body["visit"]) <= set("0123456789abcdef")
    happened = [(one["type"], one["product"], one["position"]) for one in body["events"]]
    assert happened == [
        ("impression", "1000", 0),
        ("impression", "1001", 1),
        ("impression", "1002", 2),
        ("impression", "1003", 3),
        ("click", "1002", 2),
    ]
    assert {one["list_id"] for one in body["events"]} == {"m1.also_bought.7"}
    assert visit.complaints == []


def test_two_shelves_share_one_beacon(visit: Visit, regulars: Regulars) -> None:
    shelves = [shelf(regulars.origin), shelf(regulars.origin, placement="home", product="")]
    regulars.reply = lambda seen: Reply(answer(list_id=seen.query["placement"][0]))
    visit.page.clock.install(time=BEGINS_AT)
    visit.page.set_viewport_size({"width": 1280, "height": 1600})
    visit.open(page(*shelves, script=CONSENTED))
    visit.wait_for_state("ready", n_shelves=2)
    visit.after_a_frame()
    visit.page.clock.run_for(1100)
    [beacon] = told(visit, regulars)
    lists = [one["list_id"] for one in json.loads(beacon.body)["events"]]
    assert sorted(lists) == ["home"] * 4 + ["product"] * 4


def test_a_glance_is_no_impression(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    visit.page.clock.install(time=BEGINS_AT)
    visit.open(page(shelf(regulars.origin), css=".product { min-height: 1200px }", script=CONSENTED))
    visit.wait_for_state("ready")
    visit.stop_time()
    for place in (900, 0, 900):
        visit.page.evaluate(f"scrollTo(0, {place})")
        visit.after_a_frame()
        visit.page.clock.run_for(600)
    assert told(visit, regulars, 0) == []


def test_a_tab_hidden_and_shown_again_tells_each_thing_once(visit: Visit, regulars: Regulars) -> None:
    visit_with_clock(visit, regulars, CONSENTED)
    hide = """() => { Object.defineProperty(document, 'hidden', { value: true, configurable: true })
      document.dispatchEvent(new Event('visibilitychange')); dispatchEvent(new Event('pagehide'))
      delete document.hidden }"""
    visit.page.evaluate(hide)
    regulars.wait_for(EVENTS, "POST")
    visit.page.locator("a.link").first.evaluate(
        "(a) => { a.addEventListener('click', (e) => e.preventDefault()); a.click() }"
    )
    first, second = told(visit, regulars, 2)
    assert len(json.loads(first.body)["events"]) == 4
    assert [one["type"] for one in json.loads(second.body)["events"]] == ["click"]
    assert json.loads(first.body)["visit"] == json.loads(second.body)["visit"]


def test_consent_given_on_the_page_counts_what_was_seen_before_it(visit: Visit, regulars: Regulars) -> None:
    visit_with_clock(visit, regulars, REFUSED)
    visit.page.evaluate("window.allowed = true; document.dispatchEvent(new Event('visitorConsentCollected'))")
    [beacon] = told(visit, regulars)
    assert len(json.loads(beacon.body)["events"]) == 4


def test_refusing_on_the_page_forgets_the_visit_and_all_that_was_seen(
    visit: Visit, regulars: Regulars
) -> None:
    seeded = CONSENTED + "sessionStorage['regulars-visit'] = 'a'.repeat(32)"
    visit_with_clock(visit, regulars, seeded)
    visit.page.evaluate(
        "window.allowed = false; document.dispatchEvent(new Event('visitorConsentCollected'))"
    )
    assert visit.page.evaluate("sessionStorage.length") == 0
    visit.page.evaluate("window.allowed = true")
    assert told(visit, regulars, 0) == []


def test_shopifys_consent_api_is_loaded_where_the_theme_has_not(visit: Visit, regulars: Regulars) -> None:
    lazy = """window.Shopify = { loadFeatures(features, done) { window.asked = features[0].name
      window.Shopify.customerPrivacy = { analyticsProcessingAllowed: () => true }; done() } }"""
    visit_with_clock(visit, regulars, lazy)
    assert visit.page.evaluate("window.asked") == "consent-tracking-api"
    assert len(told(visit, regulars)) == 1


def test_the_visit_keeps_its_id_on_the_next_page(visit: Visit, regulars: Regulars) -> None:
    visit_with_clock(visit, regulars, CONSENTED)
    visit.leave()
    visit.open(page(shelf(regulars.origin), script=CONSENTED), "/products/other")
    look_for_a_second(visit)
    first, second = (json.loads(beacon.body)["visit"] for beacon in told(visit, regulars, 2))
    assert first == second


SEEN = "sessionStorage.getItem('regulars-seen')"
SHELF = "/storefront/v1/shelf"


def look_at(visit: Visit, regulars: Regulars, product: str, script: str = CONSENTED) -> None:
    """A page of this product, and on to another page."""
    visit.open(page(shelf(regulars.origin, product=product), script=script), f"/products/{product}")
    visit.wait_for_state("ready")
    visit.leave()


@pytest.mark.parametrize("placement", ["home", "cart"])
def test_a_page_of_no_product_asks_by_the_last_five_looked_at(
    visit: Visit, regulars: Regulars, placement: str
) -> None:
    regulars.reply = Reply(answer())
    for product in ("11", "12", "13", "12", "14", "15", "16"):
        look_at(visit, regulars, product)
    shelves = [shelf(regulars.origin, placement=placement, product="")]
    visit.open(page(*shelves, script=CONSENTED), "/")
    visit.wait_for_state("ready")
    asked = regulars.requests(SHELF)
    assert [one.query["seen"] for one in asked if one.query["placement"] == [placement]] == [
        ["16,15,14,12,13"]
    ]
    assert all("seen" not in one.query for one in asked if one.query["placement"] == ["product"])


def test_a_heading_for_what_was_looked_at_stands_only_then(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    home = shelf(
        regulars.origin, placement="home", product="", heading="Popular", heading_seen="You may also like"
    )
    visit.open(page(home, script=CONSENTED), "/")
    visit.wait_for_state("ready")
    expect(visit.page.get_by_role("heading", name="Popular")).to_be_visible()
    look_at(visit, regulars, "11")
    visit.open(page(home, script=CONSENTED), "/")
    expect(visit.page.get_by_role("heading", name="You may also like")).to_be_visible()


@pytest.mark.parametrize("script", ["", REFUSED, GPC + CONSENTED], ids=["none", "no", "gpc"])
def test_without_consent_no_product_is_remembered(visit: Visit, regulars: Regulars, script: str) -> None:
    regulars.reply = Reply(answer())
    look_at(visit, regulars, "11", script)
    assert visit.page.evaluate("sessionStorage.length") == 0


def test_taking_consent_back_forgets_what_was_looked_at(visit: Visit, regulars: Regulars) -> None:
    regulars.reply = Reply(answer())
    look_at(visit, regulars, "11")
    assert visit.page.evaluate(SEEN) == "11"
    look_at(visit, regulars, "12", REFUSED)
    assert visit.page.evaluate(SEEN) is None
