"""The admin in a real browser: usable by everyone, on every screen, with and without App Bridge."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import text

from app import create_app
from app.services.context import Context
from tests.conftest import Shop
from tests.serving import served
from tests.web.adminkit import Furniture, furnish

from .adminpage import SCREENS, AdminTab, violations

pytestmark = pytest.mark.browser

PAGES = (
    "/admin/",
    "/admin/recommendations",
    "/admin/recommendations/products/8003",
    "/admin/messages",
    "/admin/messages/1",
    "/admin/messages/999999",
    "/admin/activity",
    "/admin/settings",
)
EMPTY_PAGES = (
    "/admin/",
    "/admin/recommendations",
    "/admin/recommendations?q=zzz",
    "/admin/messages",
    "/admin/activity",
)


@pytest.fixture
def origin(context: Context) -> Iterator[str]:
    with served(create_app(context=context)) as address:
        yield address


@pytest.fixture
def ids(context: Context, ada: Shop) -> dict[str, int]:
    return furnish(context, ada)


@pytest.fixture
def tab(chromium: Browser, origin: str, ada: Shop) -> Iterator[AdminTab]:
    tab = AdminTab(chromium, origin, ada, viewport={"width": 1280, "height": 900})
    yield tab
    tab.context.close()


@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_nothing_on_any_page(
    chromium: Browser, origin: str, ada: Shop, ben: Shop, ids: dict[str, int], screen: str
) -> None:
    for shop, paths in ((ada, PAGES), (ben, EMPTY_PAGES)):
        tab = AdminTab(chromium, origin, shop, bypass_csp=True, reduced_motion="reduce", **SCREENS[screen])
        for path in paths:
            tab.open(path)
            assert violations(tab) == [], (path, screen)
        tab.context.close()


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_sticks_out_of_any_screen_and_the_browser_has_no_complaint(
    chromium: Browser, origin: str, ada: Shop, ids: dict[str, int], width: int
) -> None:
    tab = AdminTab(chromium, origin, ada, viewport={"width": width, "height": 800})
    for path in PAGES:
        tab.open(path)
        tab.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width, path
        wide = tab.page.evaluate(
            """(width) => [...document.querySelectorAll('main *, .tabs *')]
                 .filter((e) => e.getBoundingClientRect().right > width + 1 && !e.closest('.scroll, .hidden'))
                 .map((e) => e.className || e.tagName)""",
            width,
        )
        assert wide == [], path
    # The page that is not there was asked for on purpose.
    assert [line for line in tab.complaints if "404" not in line] == []
    tab.context.close()


def test_each_click_carries_a_fresh_session_token(tab: AdminTab, ids: dict[str, int]) -> None:
    page = tab.open("/admin/")
    assert "id_token" not in page.url
    documents: list[str] = []
    page.on("request", lambda request: documents.append(request.resource_type))
    for label, title in (
        ("Recommendations", "Recommendations"),
        ("Messages", "Messages"),
        ("Activity", "Activity"),
        ("Settings", "Settings"),
        ("Home", "Ada's Tea"),
    ):
        with page.expect_request(re.compile("/admin/")) as asked:
            page.get_by_role("navigation", name="Main").get_by_role("link", name=label).click()
        assert asked.value.headers["authorization"].startswith("Bearer ey")
        expect(page.locator("h1")).to_have_text(title)
        expect(page.locator("main")).to_be_focused()
        expect(page.get_by_role("navigation", name="Main").locator("[aria-current=page]")).to_have_text(label)
    page.go_back()
    expect(page.locator("h1")).to_have_text("Settings")
    assert page.url.endswith("/admin/settings")
    assert "document" not in documents
    assert tab.complaints == []


def test_the_platforms_own_navigation_leads_to_our_pages(tab: AdminTab, ids: dict[str, int]) -> None:
    page = tab.open("/admin/")
    page.evaluate(
        """document.querySelector('s-app-nav a[href="/admin/messages"]')
             .dispatchEvent(new Event('shopify:navigate', { bubbles: true, cancelable: true }))"""
    )
    expect(page.locator("h1")).to_have_text("Messages")


def test_framed_by_the_platform_our_own_navigation_steps_back(
    chromium: Browser, origin: str, ada: Shop, ids: dict[str, int]
) -> None:
    tab = AdminTab(chromium, origin, ada, bridge_extra="window.shopify.environment = { embedded: true };")
    page = tab.open("/admin/")
    expect(page.locator("h1")).to_be_visible()
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
    tab.context.close()


def test_without_app_bridge_the_pages_work_for_as_long_as_their_token(
    chromium: Browser, origin: str, ada: Shop, ids: dict[str, int]
) -> None:
    tab = AdminTab(chromium, origin, ada, has_bridge=False)
    page = tab.open("/admin/")
    page.get_by_role("link", name="Messages", exact=True).click()
    expect(page.locator("h1")).to_have_text("Messages")
    page.evaluate("Date.now = ((real) => () => real() + 60000)(Date.now)")
    page.get_by_role("link", name="Settings", exact=True).click()
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text("Your session has ended.")
    again = notice.get_by_role("link", name="Open it again")
    assert str(again.get_attribute("href")).endswith("/apps/test-client-id")
    assert again.get_attribute("target") == "_top"
    tab.context.close()


def test_what_was_done_is_said_by_the_platform_or_by_the_page(
    chromium: Browser, origin: str, ada: Shop, ids: dict[str, int]
) -> None:
    tab = AdminTab(chromium, origin, ada)
    page = tab.open("/admin/activity")
    page.get_by_role("button", name="Replay orders/create").click()
    expect(page.locator("html")).to_have_attribute("data-toast", "It will be read again in a moment.")
    expect(page.locator("#toast")).to_have_text("")
    tab.context.close()
    tab = AdminTab(chromium, origin, ada, has_bridge=False)
    page = tab.open("/admin/activity")
    page.get_by_role("button", name="Replay products/update").click()
    expect(page.locator("#toast")).to_have_text("It will be read again in a moment.")
    tab.context.close()


def test_a_refused_form_puts_the_merchant_at_what_is_wrong(tab: AdminTab, ada: Shop) -> None:
    page = tab.open("/admin/settings")
    page.get_by_label("Cart reminders").check()
    page.get_by_label("Replies go to").fill("nobody")
    page.get_by_role("button", name="Save").click()
    summary = page.get_by_role("group", name="2 things have to be put right")
    expect(summary).to_be_focused()
    expect(page.get_by_label("Replies go to")).to_have_value("nobody")
    expect(page.get_by_label("Cart reminders")).to_be_checked()
    summary.get_by_role("link", name=re.compile("postal address")).click()
    expect(page.get_by_label("Postal address")).to_be_focused()
    expect(page.get_by_label("Postal address")).to_have_accessible_description(
        re.compile("can't be switched on")
    )
    page.get_by_label("Postal address").fill("Ermou 12")
    page.get_by_label("Replies go to").fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("html")).to_have_attribute("data-toast", "Saved.")
    expect(page.locator(".summary")).to_have_count(0)
    assert page.url.endswith("/admin/settings")


def test_unsaved_changes_are_not_lost_by_a_slip(tab: AdminTab, ids: dict[str, int]) -> None:
    page = tab.open("/admin/settings")
    expect(page.get_by_text("Not saved yet")).to_be_hidden()
    page.get_by_label("Name").fill("Ada and daughters")
    expect(page.get_by_text("Not saved yet")).to_be_visible()
    page.get_by_role("link", name="Messages", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Stay").click()
    expect(page.get_by_label("Name")).to_have_value("Ada and daughters")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_label("Name")).to_have_value("Ada's Tea")
    page.get_by_label("Name").fill("Ada and sons")
    page.get_by_role("link", name="Messages", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Leave").click()
    expect(page.locator("h1")).to_have_text("Messages")
    assert tab.complaints == []


def test_the_search_finds_while_typing(tab: AdminTab, ids: dict[str, int]) -> None:
    page = tab.open("/admin/recommendations")
    page.get_by_role("searchbox").press_sequentially("teapot")
    # Where typing is slow, what was typed so far is searched for first.
    expect(page).to_have_url(re.compile(r"/admin/recommendations\?q=teapot$"))
    expect(page.locator(".product-title")).to_have_text(["Blue teapot with strainer"])
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.get_by_role("link", name=re.compile("Blue teapot")).click()
    expect(page.locator("h1")).to_have_text("Blue teapot with strainer")


def test_the_bar_of_a_running_import_moves_and_ends_with_the_finished_list(
    context: Context, chromium: Browser, origin: str, ben: Shop
) -> None:
    def change(statement: str) -> None:
        with context.db.shop(ben.shop_id) as connection:
            connection.execute(text(statement))

    with context.db.shop(ben.shop_id) as connection:
        made = Furniture(context, connection, ben)
        made.job("import", "running", progress={"phase": "orders", "n_done": 100, "n_total": 400})
    tab = AdminTab(chromium, origin, ben)
    page = tab.open("/admin/")
    bar = page.get_by_role("progressbar", name="Bringing in your orders")
    expect(bar).to_have_attribute("value", "100")
    change("UPDATE jobs SET progress = progress || '{\"n_done\": 300}'")
    expect(bar).to_have_attribute("value", "300")
    with page.expect_response(lambda answer: answer.status == 286):
        change("UPDATE jobs SET state = 'done'")
    expect(page.get_by_text("Products, customers and orders are here")).to_be_visible()
    expect(page.locator("[hx-trigger='every 1s']")).to_have_count(0)
    tab.context.close()


def test_the_first_tab_stop_leads_past_the_navigation(tab: AdminTab, ids: dict[str, int]) -> None:
    page = tab.open("/admin/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_nothing_moves_while_a_page_loads(tab: AdminTab, ids: dict[str, int]) -> None:
    tab.context.add_init_script(
        "window.cls = 0; new PerformanceObserver((list) => list.getEntries().forEach((e) => window.cls += e.value))"
        ".observe({ type: 'layout-shift', buffered: true })"
    )
    for path in PAGES:
        tab.open(path)
        tab.page.evaluate("document.fonts.ready")
        assert tab.page.evaluate("window.cls") <= 0.02, path
