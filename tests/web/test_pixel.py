"""The web pixel: there when the merchant switched it on and Shopify allows it, and silent without a visitor's yes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from app import create_app
from app.domain.policy import SenderPolicy, ShopPolicy
from app.platforms.base import PlatformError
from app.services import installing, permissions, privacy, visits
from app.services.shops import get_shop, save_policy
from app.web.admin.settings import written
from tests.conftest import PAGE_PATIENCE_SECONDS, Shop
from tests.demostage import DemoStage, open_demo_stage
from tests.serving import served

from .adminkit import Merchant, text_of

OFF = written(ShopPolicy(sender=SenderPolicy(postal_address="Ermou 12\n105 63 Athens")), set())
ON = OFF | {"counts_visits": "on"}
ALLOW = re.compile(r'href="([^"]+/oauth/install[^"]*)"')
SCOPES = ("write_pixels", "read_customer_events")


@pytest.fixture
def stage(context) -> Iterator[DemoStage]:
    with served(create_app(context=context)) as app_url, open_demo_stage(context, 4, app_url) as made:
        yield made


@pytest.fixture
def merchant(stage) -> Merchant:
    with stage.context.db.shop(stage.shop_id) as connection:
        shop = get_shop(connection, stage.shop_id)
    return Merchant(
        create_app(context=stage.context).test_client(), Shop(shop.shop_id, shop.domain, shop.public_key)
    )


def key_of(stage) -> str:
    with stage.context.db.shop(stage.shop_id) as connection:
        return get_shop(connection, stage.shop_id).public_key


def switch(stage, *, is_on) -> None:
    """As the settings page and its nudge do."""
    with stage.context.db.shop(stage.shop_id) as connection:
        shop = get_shop(connection, stage.shop_id)
        save_policy(connection, stage.shop_id, replace(shop.policy, counts_visits=is_on))
    permissions.missing(stage.context, shop, ["visits"])
    installing.publish_setup(stage.context, stage.shop_id)


def test_the_merchant_is_asked_for_both_scopes_when_switching_it_on_and_only_then(stage, merchant):
    assert not ALLOW.search(merchant.get("/admin/settings").text)
    page = merchant.post("/admin/settings", ON)
    link = ALLOW.search(page.text)[1].replace("&amp;", "&")
    assert link.endswith("optional_scopes=write_pixels,read_customer_events")
    installing.publish_setup(stage.context, stage.shop_id)
    assert stage.shop.web_pixel is None
    form = {"optional_scopes": "write_pixels,read_customer_events"}
    requests.post(f"{stage.store.base_url}/admin/apps/install", data=form, timeout=60, allow_redirects=False)
    stage.context.queue.nudges.clear()
    page = merchant.get("/admin/settings")
    assert not ALLOW.search(page.text)
    assert "of visits that agreed: 0 looked at a product" in text_of(page)
    assert stage.context.queue.nudges == [("upkeep.publish_setup", stage.shop_id)]
    installing.publish_setup(stage.context, stage.shop_id)
    assert stage.shop.web_pixel is not None


def test_switched_on_twice_there_is_one_and_switched_off_there_is_none(stage):
    stage.allow(*SCOPES)
    switch(stage, is_on=True)
    first = stage.shop.web_pixel
    switch(stage, is_on=True)
    assert stage.shop.web_pixel == first
    assert first[1] == {
        "accountID": key_of(stage),
        "endpoint": f"{stage.shop.config.app_url}/storefront/v1/events",
    }
    stage.shop.web_pixel = (first[0], first[1] | {"endpoint": "https://where.we.were"})
    switch(stage, is_on=True)
    assert stage.shop.web_pixel == first
    switch(stage, is_on=False)
    assert stage.shop.web_pixel is None
    switch(stage, is_on=False)


def test_one_scope_of_the_two_is_not_enough(stage):
    stage.allow("write_pixels")
    switch(stage, is_on=True)
    assert stage.shop.web_pixel is None


def test_a_shop_to_which_the_extension_was_never_deployed_says_so(stage):
    stage.allow(*SCOPES)
    stage.shop.config = replace(stage.shop.config, pixel=None)
    with pytest.raises(PlatformError, match="did not take the web pixel: No extension found"):
        switch(stage, is_on=True)


def test_it_goes_with_the_app(stage):
    stage.allow(*SCOPES)
    switch(stage, is_on=True)
    stage.shop.uninstall()
    assert stage.shop.web_pixel is None


# -- in a browser -----------------------------------------------------------------------------------------


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    context.set_default_timeout(PAGE_PATIENCE_SECONDS * 1000)
    yield context.new_page()
    context.close()


def told(stage) -> list[tuple[str, str]]:
    with stage.context.db.shop(stage.shop_id) as connection:
        rows = connection.execute(
            text("SELECT kind, platform_product_id FROM visits ORDER BY visit_event_id")
        )
        return [tuple(row) for row in rows]


def wait_for_beacon(page: Page, act) -> None:
    """What was told has been stored once it is answered."""
    with page.expect_response(lambda answer: answer.url.endswith("/storefront/v1/events")) as answered:
        act()
    assert answered.value.status == 204


@pytest.mark.browser
def test_a_visitor_who_agrees_is_told_of_from_product_to_checkout_without_a_name(stage, page):
    stage.allow(*SCOPES)
    switch(stage, is_on=True)
    shop = stage.store.base_url
    page.goto(f"{shop}/products/tea-2")
    page.get_by_role("button", name="Accept").wait_for()
    assert told(stage) == []
    assert page.evaluate("sessionStorage.length") == 0
    # What was looked at before the visitor chose is told once they have agreed.
    wait_for_beacon(page, lambda: page.get_by_role("button", name="Accept").click())
    wait_for_beacon(page, lambda: page.get_by_role("button", name="Add to cart").click())
    wait_for_beacon(page, lambda: page.goto(f"{shop}/products/tea-3"))
    page.goto(f"{shop}/cart")
    wait_for_beacon(page, lambda: page.get_by_role("button", name="Check out").click())
    assert told(stage) == [("view", "2"), ("cart", "2"), ("view", "3"), ("checkout", "2")]
    with stage.context.db.shop(stage.shop_id) as connection:
        stored = connection.execute(text("SELECT DISTINCT visit, list_id, position FROM visits")).all()
        assert visits.counted(connection, stage.shop_id, stage.context.clock.now()) == visits.Counted(
            n_viewed=1, n_put_in_cart=1, n_began_checkout=1, n_bought=0
        )
    [(visit, list_id, position)] = stored
    assert re.fullmatch(r"[0-9a-f]{32}", visit)
    assert (list_id, position) == (None, None)
    assert page.evaluate("sessionStorage['regulars-visit']") == visit


@pytest.mark.browser
def test_a_visitor_who_declines_is_never_told_of(stage, page):
    stage.allow(*SCOPES)
    switch(stage, is_on=True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{stage.store.base_url}/products/tea-2")
    page.get_by_role("button", name="Decline").click()
    page.goto(f"{stage.store.base_url}/products/tea-3")
    expect(page.get_by_role("heading", name="Tea 3")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert [url for url in asked if "/wpm/" in url or url.endswith("/events")] == []
    assert told(stage) == []


@pytest.mark.browser
def test_taking_the_yes_back_ends_it_at_once_and_forgets_the_visit(stage, page):
    stage.allow(*SCOPES)
    switch(stage, is_on=True)
    page.goto(f"{stage.store.base_url}/products/tea-2")
    wait_for_beacon(page, lambda: page.get_by_role("button", name="Accept").click())
    page.get_by_role("button", name="Cookie choices").click()
    page.get_by_role("button", name="Decline").click()
    page.wait_for_function("!sessionStorage.getItem('regulars-visit')")
    page.get_by_role("button", name="Add to cart").click()
    expect(page.locator("[data-toast]")).to_contain_text("is in your cart")
    page.wait_for_load_state("networkidle")
    assert told(stage) == [("view", "2")]


def test_what_was_told_is_thrown_away_after_ninety_days_and_with_the_shop(stage):
    with stage.context.db.shop(stage.shop_id) as connection:
        for days in (1, 91):
            connection.execute(
                text(
                    "INSERT INTO visits (shop_id, visit, kind, platform_product_id, happened_at)"
                    " VALUES (:shop_id, 'v', 'view', '1', :now - make_interval(days => :days))"
                ),
                {"shop_id": stage.shop_id, "now": stage.context.clock.now(), "days": days},
            )
    assert privacy.purge(stage.context, stage.shop_id)["visits"] == 1
    assert told(stage) == [("view", "1")]
