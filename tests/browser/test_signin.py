"""A WooCommerce merchant signs in here and works in the same admin: no frame, no App Bridge, several shops."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from email import message_from_bytes, policy
from hashlib import sha256

import pytest
from itsdangerous import URLSafeTimedSerializer
from playwright.sync_api import Browser, Page, Route, expect

from app import create_app
from app.clock import real_now
from app.mail.transports import transport_from_url
from app.services import keydrop, signin
from app.services.context import Context
from app.services.signin.links import MAIL_LIFE, make_link
from app.services.signin.people import admit
from tests.conftest import Shop, make_shop
from tests.fixtures.smtp_server import SmtpServerDouble
from tests.serving import served
from tests.web.adminkit import PAGES, furnish

from .adminpage import SCREENS, AdminTab, violations

pytestmark = pytest.mark.browser

ADA = "ada@example.com"
DOORS = ("/sign-in", "/sign-in/none", "/connect/woocommerce", "/connect/woocommerce/progress")


class OwnTab(AdminTab):
    """A merchant's tab on our own address. Whatever it would fetch from elsewhere is a complaint."""

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.origin}{path}")
        return self.page

    def enter(self, context: Context, email: str = ADA) -> OwnTab:
        """By a link as it stands in a mail."""
        person_id = admit(context, self.shop.shop_id, email, "", real_now(), is_vouched=False)
        made = {"kind": "mail", "life": MAIL_LIFE, "now": real_now(), "shop_id": self.shop.shop_id}
        self.open(make_link(context, person_id, **made).removeprefix(context.settings.app_url))
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.locator("h1")).to_have_text(re.compile("^Ada"))
        return self

    def _bridge(self, route: Route) -> None:
        self.complaints.append(route.request.url)
        route.abort()


@pytest.fixture
def shop(context: Context) -> Shop:
    shop = make_shop(context, "ada-tea.example", "Ada's Tea", platform="woocommerce", email=ADA)
    furnish(context, shop)
    return shop


@pytest.fixture
def cups(context: Context) -> Shop:
    return make_shop(context, "ada-cups.example", "Ada's Cups", platform="woocommerce", email=ADA)


@pytest.fixture
def origin(context: Context) -> Iterator[str]:
    with served(create_app(context=context)) as address:
        yield address


@pytest.fixture
def tab(chromium: Browser, origin: str, shop: Shop) -> Iterator[OwnTab]:
    tab = OwnTab(chromium, origin, shop, viewport={"width": 1280, "height": 900})
    yield tab
    tab.context.close()


def test_a_merchant_signs_in_by_the_mailed_link_works_and_signs_out(context: Context, tab: OwnTab) -> None:
    page = tab.open("/sign-in")
    page.get_by_label("Your e-mail address").fill(ADA)
    page.get_by_role("button", name="Mail me a link").click()
    expect(page.locator("h1")).to_have_text("Look into your inbox")
    page.goto(f"{tab.origin}{mailed_link(context)}")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("h1")).to_have_text("Ada's Tea")
    page.get_by_role("link", name="Settings", exact=True).click()
    expect(page.locator("h1")).to_have_text("Settings")
    page.get_by_label("Name", exact=True).fill("Ada and daughters")
    expect(page.get_by_text("Not saved yet")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#toast")).to_have_text("Saved.")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Ada and daughters")
    page.get_by_label("Name", exact=True).fill("Ada and sons")
    page.get_by_role("link", name="Messages", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Leave").click()
    expect(page.locator("h1")).to_have_text("Messages")
    page.get_by_role("link", name="Ada's Tea").click()
    page.get_by_role("button", name="Sign out here").click()
    expect(page.locator("h1")).to_have_text("Sign in")
    assert tab.complaints == []
    tab.open("/admin/")
    expect(page.locator("h1")).to_have_text("You are not signed in")


def test_a_merchant_goes_from_one_shop_to_the_other_and_an_old_page_changes_neither(
    context: Context, tab: OwnTab, cups: Shop
) -> None:
    admit(context, cups.shop_id, ADA, "", real_now(), is_vouched=False)
    page = tab.enter(context).open("/admin/recommendations")
    second = tab.context.new_page()
    second.goto(f"{tab.origin}/admin/account")
    second.get_by_role("button", name="Go there: Ada's Cups").click()
    expect(second.locator("h1")).to_have_text("Ada's Cups")
    page.get_by_label("Heading").fill("Meant for the tea shop")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("Nothing was changed")
    page.get_by_role("link", name="Open Ada's Cups").click()
    expect(page.locator("h1")).to_have_text("Ada's Cups")
    # The refusal is what the browser has to say of it.
    assert [line for line in tab.complaints if "403" not in line] == []


def test_a_session_that_was_ended_elsewhere_is_told_and_not_a_blank_page(
    context: Context, tab: OwnTab
) -> None:
    page = tab.enter(context).open("/admin/messages")
    other = OwnTab(tab.context.browser, tab.origin, tab.shop).enter(context)
    other.open("/admin/account").get_by_role("button", name="Sign out all others").click()
    expect(other.page.locator("#toast")).to_have_text("All other browsers are signed out.")
    other.context.close()
    page.get_by_role("link", name="Activity", exact=True).click()
    expect(page.get_by_text("Your session has ended.")).to_be_visible()
    page.get_by_role("link", name="Sign in again").click()
    expect(page.locator("h1")).to_have_text("Sign in")


def test_the_back_button_shows_the_page_before(context: Context, tab: OwnTab) -> None:
    page = tab.enter(context).page
    page.get_by_role("link", name="Activity", exact=True).click()
    expect(page.locator("h1")).to_have_text("Activity")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Ada's Tea")
    assert tab.complaints == []


@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_nothing_before_and_after_signing_in(
    context: Context, chromium: Browser, origin: str, shop: Shop, cups: Shop, screen: str
) -> None:
    tab = OwnTab(chromium, origin, shop, bypass_csp=True, reduced_motion="reduce", **SCREENS[screen])
    for path in DOORS:
        tab.open(path)
        assert violations(tab) == [], (path, screen)
    admit(context, cups.shop_id, ADA, "", real_now(), is_vouched=False)
    tab.enter(context)
    for path in PAGES:
        tab.open(path)
        assert violations(tab) == [], (path, screen)
    tab.context.close()


@pytest.mark.parametrize("width", [320, 390, 768])
def test_nothing_sticks_out_of_any_screen(
    context: Context, chromium: Browser, origin: str, shop: Shop, cups: Shop, width: int
) -> None:
    tab = OwnTab(chromium, origin, shop, viewport={"width": width, "height": 800})
    admit(context, cups.shop_id, ADA, "", real_now(), is_vouched=False)
    for path in (*DOORS, *PAGES):
        if path == PAGES[0]:
            tab.enter(context)
        tab.open(path)
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width, path
        cut = tab.page.evaluate(
            """() => [...document.querySelectorAll('.tabs a span, .account')]
                 .filter((e) => e.scrollWidth > e.parentElement.clientWidth + 1).map((e) => e.textContent)"""
        )
        assert cut == [], path
    tab.context.close()


def test_whoever_connects_a_store_sees_it_go_on_without_loading_the_page_again(
    context: Context, tab: OwnTab
) -> None:
    begun = keydrop.KeyDrop("keys_received", "woocommerce", "ada-cups.example")
    name = sha256(b"token").hexdigest()

    def now_is(drop: keydrop.KeyDrop) -> None:
        context.redis.set(f"keydrop:{name}", json.dumps(asdict(drop)))

    now_is(begun)
    signer = URLSafeTimedSerializer(context.settings.secret_key.get_secret_value(), salt="regulars-connect")
    cookie = {"name": "__regulars_connect", "value": signer.dumps("token"), "url": f"{tab.origin}/connect"}
    tab.context.add_cookies([cookie])  # type: ignore[list-item]
    page = tab.open("/connect/woocommerce/progress")
    page.evaluate("document.body.dataset.loaded = 'once'")
    expect(page.get_by_text("Keys accepted by your store: waiting")).to_be_visible()
    assert violations(tab) == []
    now_is(replace(begun, state="owner_asked"))
    expect(page.get_by_text("Waiting for the store's owner.")).to_be_visible()
    assert violations(tab) == []
    now_is(replace(begun, state="failed", problem="The store does not answer."))
    expect(page.get_by_role("alert")).to_have_text("The store does not answer.")
    assert page.evaluate("document.body.dataset.loaded") == "once"
    assert violations(tab) == []
    assert tab.complaints == []


def mailed_link(context: Context) -> str:
    """What the worker does with what was asked for, and what then stands in the mail."""
    with SmtpServerDouble() as server:
        transport = transport_from_url(server.url)
        assert signin.mail_asked(replace(context, transport=transport)) == 1
        transport.close()
        [mail] = server.mails
    body = message_from_bytes(mail.raw, policy=policy.default).get_body(("plain",))
    assert body is not None
    found = re.search(r"(/sign-in/\S+)", body.get_content())
    assert found is not None
    return found[1]
