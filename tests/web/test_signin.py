"""Merchants sign in here by a link: only their own shop opens, and nobody is told who is known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from app import create_app
from app.clock import real_now
from app.mail.transports import transport_from_url
from app.services import messaging, parting, signin
from app.services.context import Context
from app.services.installing import connected_shop_id
from app.services.signin.links import MAIL_LIFE, make_link
from app.services.signin.people import admit
from app.web.browsers import name_browser
from tests.conftest import MovableClock, Shop, make_shop
from tests.fixtures.smtp_server import SmtpServerDouble
from tests.web.adminkit import PAGES, Statements, furnish, token_for

ADA = "ada@example.com"
HERE = "http://127.0.0.1:5100"
COOKIE = "regulars_session"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"


@dataclass
class Tab:
    """A browser: it keeps its cookie, and names its origin with whatever it posts."""

    client: FlaskClient

    def get(self, path: str) -> TestResponse:
        return self.client.get(path, base_url=HERE)

    def post(self, path: str, fields: dict[str, str] | None = None, **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Origin": HERE, "User-Agent": FIREFOX} | named
        return self.client.post(path, data=fields or {}, headers=sent, base_url=HERE)

    def cookie(self) -> str | None:
        found = self.client.get_cookie(COOKIE, domain="127.0.0.1")
        return found.value if found else None

    def plant(self, value: str) -> None:
        self.client.set_cookie(COOKIE, value, domain="127.0.0.1")

    def csrf(self, path: str = "/admin/settings") -> str:
        return re.search(r'name="csrf" value="([0-9a-f]{64})"', self.get(path).text)[1]


@pytest.fixture(autouse=True)
def _clock_standing_still() -> Iterator[None]:
    """A link lives for a minute; how long a test takes has nothing to do with it."""
    with time_machine.travel(real_now(), tick=False):
        yield


@pytest.fixture
def shop(context: Context) -> Shop:
    return make_shop(context, "ada-tea.example", "Ada's Tea", platform="woocommerce", email=ADA)


@pytest.fixture
def tab(app: Flask) -> Tab:
    return Tab(app.test_client())


def link_to(context: Context, shop: Shop, email: str = ADA, name: str = "Ada") -> str:
    return signin.one_time_link(context, shop.shop_id, email=email, name=name).removeprefix(HERE)


def mailed_to(context: Context, shop: Shop, email: str = ADA) -> str:
    """A link as it stands in a mail: it opens every shop of the person's."""
    person_id = admit(context, shop.shop_id, email, "", real_now(), is_vouched=False)
    url = make_link(context, person_id, kind="mail", life=MAIL_LIFE, now=real_now(), shop_id=shop.shop_id)
    return url.removeprefix(HERE)


def signed_in(context: Context, app: Flask, shop: Shop, email: str = ADA) -> Tab:
    tab = Tab(app.test_client())
    assert tab.post(link_to(context, shop, email)).status_code == 303
    return tab


# -- the link --------------------------------------------------------------------------------------------------


def test_the_link_asks_for_a_press_and_the_press_signs_in(context: Context, shop: Shop, tab: Tab) -> None:
    link = link_to(context, shop)
    for _ in range(3):  # a mail scanner opens it as often as it likes
        page = tab.get(link)
        assert page.status_code == 200
        assert "Sign in to Ada&#39;s Tea" in page.text
        assert '<form method="post">' in page.text
        assert "Set-Cookie" not in page.headers
    answer = tab.post(link)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/admin/")
    told = answer.headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"):
        assert part in told
    home = tab.get("/admin/")
    assert home.status_code == 200
    assert "<h1>Ada&#39;s Tea</h1>" in home.text


def test_a_used_an_old_and_an_invented_link_get_one_answer(context: Context, shop: Shop, tab: Tab) -> None:
    used, old = link_to(context, shop), link_to(context, shop)
    tab.post(used)
    with time_machine.travel(real_now() + timedelta(seconds=61), tick=False):
        answers = [
            getattr(tab, method)(link)
            for link in (used, old, "/sign-in/" + "x" * 43, "/sign-in/" + "x" * 5000, "/sign-in/%00")
            for method in ("get", "post")
        ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


def test_a_press_on_another_sites_page_signs_nobody_in(context: Context, shop: Shop, tab: Tab) -> None:
    """Or somebody could have a merchant work in a shop that is not theirs."""
    link = link_to(context, shop)
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ):
        answer = tab.post(link, **headers)
        assert answer.status_code == 403
        assert "Nothing was changed" in answer.text
    assert tab.cookie() is None
    assert tab.post(link, Sec_Fetch_Site="same-origin").status_code == 303


def test_a_cookie_that_was_planted_before_never_becomes_the_session(
    context: Context, app: Flask, shop: Shop
) -> None:
    mallory = signed_in(context, app, shop, "mallory@example.com")
    for planted in ("chosen-by-somebody-else", mallory.cookie()):
        tab = Tab(app.test_client())
        tab.plant(planted)
        tab.post(link_to(context, shop))
        assert tab.cookie() != planted
        assert ADA in tab.get("/admin/account").text
    assert mallory.get("/admin/").status_code == 401


def test_over_https_the_cookie_is_this_hosts_alone(context: Context, shop: Shop) -> None:
    settings = context.settings.model_copy(update={"app_url": "https://regulars.example"})
    client = create_app(context=replace(context, settings=settings)).test_client()
    link = link_to(context, shop)
    answer = client.post(
        link, headers={"Origin": "https://regulars.example"}, base_url="https://regulars.example"
    )
    assert answer.headers["Set-Cookie"].startswith("__Host-regulars=")
    assert "; Secure" in answer.headers["Set-Cookie"]
    assert "Domain" not in answer.headers["Set-Cookie"]


# -- who may see what ------------------------------------------------------------------------------------------


def test_every_page_of_the_admin_refuses_a_browser_that_is_not_signed_in(
    context: Context, app: Flask, shop: Shop
) -> None:
    tab = signed_in(context, app, shop)
    cookie = tab.cookie()
    assert tab.post("/sign-out").status_code == 303
    paths = [
        (method, re.sub(r"<[^>]+>", "1", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("admin.")
        for method in sorted((rule.methods or set()) & {"GET", "POST"})
    ]
    assert len(paths) == 28
    for value in (cookie, "forged", ""):
        stranger = app.test_client()
        stranger.set_cookie(COOKIE, value, domain="127.0.0.1")
        for method, path in paths:
            answer = stranger.open(path, method=method, base_url=HERE, headers={"Origin": HERE})
            assert answer.status_code == 401, (method, path)
            assert "Ada" not in answer.text


def test_a_page_without_a_session_leads_to_where_one_signs_in(tab: Tab) -> None:
    page = tab.get("/admin/settings")
    assert page.status_code == 401
    assert 'href="/sign-in"' in page.text
    assert "app-bridge" not in page.text


def test_ada_opens_nothing_of_bens_shop(context: Context, app: Flask, shop: Shop) -> None:
    bens = make_shop(
        context, "ben-bikes.example", "Ben's Bikes", platform="woocommerce", email="ben@example.com"
    )
    ids = furnish(context, bens)
    ada, ben = signed_in(context, app, shop), signed_in(context, app, bens, "ben@example.com")
    assert ben.get(f"/admin/messages/{ids['sent']}").status_code == 200
    assert ada.get(f"/admin/messages/{ids['sent']}").status_code == 404
    csrf = ada.csrf()
    [his] = re.findall(
        r"sessions/(\d+)/revoke\"",
        signed_in(context, app, bens, "ben@example.com").get("/admin/account").text,
    )
    assert ada.post(f"/admin/account/sessions/{his}/revoke", {"csrf": csrf}).status_code == 404
    assert ben.get("/admin/").status_code == 200
    for wanted in (str(bens.shop_id), "0", "-1", "9" * 30, "x", ""):
        assert ada.post("/admin/account/shop", {"csrf": csrf, "shop": wanted}).status_code == 404
    assert "Ben" not in ada.get("/admin/account").text
    assert "<h1>Ada&#39;s Tea</h1>" in ada.get("/admin/").text


def test_a_shop_that_lets_somebody_go_is_shut_to_them_at_once(
    context: Context, app: Flask, shop: Shop
) -> None:
    tab = signed_in(context, app, shop, "helper@example.com")
    with context.db.shop(shop.shop_id) as connection:
        connection.execute(text("DELETE FROM memberships"))
    assert tab.get("/admin/").status_code == 401


def test_a_cookie_opens_no_shop_whose_own_admin_embeds_ours(
    context: Context, app: Flask, shop: Shop, ada: Shop
) -> None:
    tab = signed_in(context, app, shop)
    with context.db.shop(ada.shop_id) as connection:
        connection.execute(text("UPDATE shops SET email = 'ada@example.com'"))
    assert ada.domain not in tab.get("/admin/account").text
    assert tab.post("/admin/account/shop", {"csrf": tab.csrf(), "shop": str(ada.shop_id)}).status_code == 404


def test_a_session_token_is_asked_for_before_any_cookie(
    context: Context, app: Flask, shop: Shop, ada: Shop
) -> None:
    """The embedded admin takes no cookie, and a token that is wrong is not made good by one."""
    tab = signed_in(context, app, shop)
    headers = {"Authorization": f"Bearer {token_for(ada)}"}
    embedded = tab.client.get("/admin/", headers=headers, base_url=HERE)
    assert "app-bridge.js" in embedded.text
    assert "<h1>Ada&#39;s Tea</h1>" in embedded.text
    assert 'name="csrf"' not in tab.client.get("/admin/settings", headers=headers, base_url=HERE).text
    wrong = {"Authorization": f"Bearer {token_for(ada, aud='another')}"}
    assert tab.client.get("/admin/", headers=wrong, base_url=HERE).status_code == 401
    assert tab.client.post("/admin/import", headers=wrong, base_url=HERE).status_code == 401


# -- what changes something ------------------------------------------------------------------------------------


def test_nothing_is_changed_without_the_pages_own_mark(context: Context, app: Flask, shop: Shop) -> None:
    tab = signed_in(context, app, shop)
    csrf = tab.csrf()
    other = signed_in(context, app, shop).csrf()
    assert csrf != other
    for fields, headers in (
        ({}, {}),
        ({"csrf": ""}, {}),
        ({"csrf": other}, {}),
        ({"csrf": "é"}, {}),
        ({}, {"X_CSRF_Token": other}),
        ({"csrf": csrf}, {"Origin": "https://evil.example"}),
        ({"csrf": csrf}, {"Origin": "null"}),
        ({"csrf": csrf}, {"Sec_Fetch_Site": "cross-site"}),
    ):
        answer = tab.post("/admin/import", fields, **headers)
        assert answer.status_code == 403, (fields, headers)
        assert "Nothing was changed" in answer.text
    assert context.queue.nudges == []
    assert tab.get(f"/admin/import?csrf={csrf}").status_code == 405
    assert tab.post("/admin/import", {"csrf": csrf}).status_code == 200
    assert tab.post("/admin/import", X_CSRF_Token=csrf).status_code == 200


def test_a_form_opened_for_one_shop_is_never_carried_out_on_another(
    context: Context, app: Flask, shop: Shop
) -> None:
    """Two tabs of one browser share a session; the first still shows the shop from before."""
    second = make_shop(context, "ada-cups.example", "Ada's Cups", platform="woocommerce", email=ADA)
    tab = signed_in(context, app, second)
    tab.post(mailed_to(context, shop))
    old = tab.csrf()
    moved = tab.post("/admin/account/shop", {"csrf": old, "shop": str(second.shop_id)})
    assert (moved.status_code, moved.headers["Location"]) == (303, "/admin/")
    assert "<h1>Ada&#39;s Cups</h1>" in tab.get("/admin/").text
    refused = tab.post("/admin/import", {"csrf": old})
    assert refused.status_code == 403
    assert "Ada&#39;s Cups" in refused.text


def test_signing_out_ends_the_session_and_takes_the_cookie_away(
    context: Context, app: Flask, shop: Shop
) -> None:
    tab = signed_in(context, app, shop)
    cookie = tab.cookie()
    assert tab.post("/sign-out", Origin="https://evil.example").status_code == 403
    assert tab.get("/admin/").status_code == 200
    tab.post("/sign-out")
    assert tab.cookie() is None
    tab.plant(cookie)
    assert tab.get("/admin/").status_code == 401


def test_other_browsers_are_listed_and_signed_out(context: Context, app: Flask, shop: Shop) -> None:
    here, there, third = (signed_in(context, app, shop) for _ in range(3))
    page = here.get("/admin/account").text
    assert page.count("Firefox on Windows") >= 3
    assert "This browser" in page
    ids = re.findall(r"sessions/(\d+)/revoke\"", page)
    assert len(ids) == 2
    assert here.post(f"/admin/account/sessions/{ids[0]}/revoke", {"csrf": here.csrf()}).status_code == 200
    assert sorted(one.get("/admin/").status_code for one in (there, third)) == [200, 401]
    assert here.post("/admin/account/sessions/revoke-others", {"csrf": here.csrf()}).status_code == 200
    assert [one.get("/admin/").status_code for one in (here, there, third)] == [200, 401, 401]


def test_whoever_is_let_in_is_listed_and_may_be_let_in_no_more(
    context: Context, app: Flask, shop: Shop
) -> None:
    bens = make_shop(context, "ben.example", "Ben's", platform="woocommerce", email="ben@example.com")
    signed_in(context, app, bens, "ben@example.com")
    ada, helper = signed_in(context, app, shop), signed_in(context, app, shop, "helper@example.com")
    page = ada.get("/admin/account").text
    assert ADA in page
    assert "helper@example.com" in page
    assert "ben@example.com" not in page
    [(path, wanted)] = re.findall(r'action="(/admin/account/people/(\d+)/expel)"', page)
    for other in range(1, 6):
        if str(other) != wanted:  # herself, Ben, and nobody at all
            answer = ada.post(f"/admin/account/people/{other}/expel", {"csrf": ada.csrf()})
            assert answer.status_code == 404
    assert ada.post(path, {"csrf": ada.csrf()}).status_code == 200
    assert helper.get("/admin/").status_code == 401
    assert "helper@example.com" not in ada.get("/admin/account").text
    # The owner is who the store names; whom it sent can't shut them out.
    other = signed_in(context, app, shop, "other@example.com")
    assert "/expel" not in other.get("/admin/account").text
    for one in range(1, 6):
        path = f"/admin/account/people/{one}/expel"
        assert other.post(path, {"csrf": other.csrf()}).status_code == 404
    assert ada.get("/admin/").status_code == 200


# -- how the pages are made ------------------------------------------------------------------------------------


def test_pages_of_a_signed_in_browser_name_no_platform_and_may_be_framed_by_nobody(
    context: Context, app: Flask, shop: Shop
) -> None:
    tab = signed_in(context, app, shop)
    for path in PAGES:
        page = tab.get(path)
        assert page.status_code == 200, path
        assert "hopify" not in page.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "same-origin"
        assert "hopify" not in page.text, path
        assert "s-app-nav" not in page.text


def test_every_form_of_every_page_brings_its_mark(context: Context, app: Flask, shop: Shop) -> None:
    furnish(context, shop)
    tab = signed_in(context, app, shop)
    n_forms = 0
    for path in PAGES:
        for form in re.findall(r"<form\b.*?</form>", tab.get(path).text, flags=re.S):
            if 'method="post"' in form and "/sign-out" not in form:
                assert re.search(r'name="csrf" value="[0-9a-f]{64}"', form), (path, form[:200])
                n_forms += 1
    assert n_forms >= 7


# -- asking for a link -----------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[SmtpServerDouble]:
    with SmtpServerDouble() as double:
        yield double


def test_the_answer_is_the_same_whether_an_address_is_known_or_not(
    context: Context, app: Flask, shop: Shop, tab: Tab
) -> None:
    """And as fast: nothing is looked up before the answer."""
    answers = []
    for email in (ADA, "eve@example.com"):
        with Statements(context.db.engine) as seen:
            answers.append(tab.post("/sign-in", {"email": email}))
        assert seen.sent == []
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert context.queue.nudges == [("messaging.mail_sign_in_links",)] * 2


def test_a_link_asked_for_here_signs_in_by_mail(
    context: Context, app: Flask, shop: Shop, tab: Tab, server: SmtpServerDouble
) -> None:
    tab.post("/sign-in", {"email": "Ada@Example.com"})
    transport = transport_from_url(server.url)
    signin.mail_asked(replace(context, transport=transport))
    transport.close()
    [mail] = server.mails
    body = message_from_bytes(mail.raw, policy=policy.default).get_body(("plain",)).get_content()
    link = re.search(r"(/sign-in/\S+)", body)[1]
    assert tab.post(link).status_code == 303
    assert "<h1>Ada&#39;s Tea</h1>" in tab.get("/admin/").text


@pytest.mark.parametrize("typed", ["", "nobody", "a@", "a@b@c", "ada@example.com\r\nBcc: eve@example.com"])
def test_what_is_no_address_is_told_so(context: Context, tab: Tab, typed: str) -> None:
    answer = tab.post("/sign-in", {"email": typed})
    assert answer.status_code == 422
    assert "That is not an e-mail address" in answer.text
    assert context.queue.nudges == []


def test_one_network_address_asks_five_times_and_is_told_to_wait(tab: Tab) -> None:
    """Five a minute and thirty an hour: however slow the machine, the thirty-first is one too many."""
    statuses = [tab.post("/sign-in", {"email": f"a{n}@example.com"}).status_code for n in range(31)]
    assert statuses[:5] == [200] * 5
    assert 429 in statuses


def test_another_sites_page_has_no_mail_sent(context: Context, tab: Tab) -> None:
    assert tab.post("/sign-in", {"email": ADA}, Origin="https://evil.example").status_code == 403
    assert context.queue.nudges == []


def test_links_are_not_guessed_at_speed(tab: Tab) -> None:
    """Twenty a minute and a hundred and twenty an hour."""
    statuses = (tab.post(f"/sign-in/{'x' * 43}").status_code for _ in range(121))
    assert next(status for status in statuses if status != 404) == 429


# -- leaving, and what the pages say of it ---------------------------------------------------------------------


def test_a_merchant_disconnects_the_shop_and_may_connect_it_again(
    context: Context, app: Flask, shop: Shop, clock: MovableClock
) -> None:
    tab = signed_in(context, app, shop)
    assert "Disconnect Ada&#39;s Tea?" in tab.get("/admin/disconnect").text
    answer = tab.post("/admin/disconnect", {"csrf": tab.csrf()})
    assert "Ada&#39;s Tea is being disconnected" in answer.text
    clock.advance(days=2)  # nobody answers at the shop's address, and that long is it asked
    assert parting.run_now(context, shop.shop_id)
    assert "Ada&#39;s Tea is disconnected" in tab.get("/admin/disconnect").text
    assert connected_shop_id(context, "woocommerce", shop.domain) is None
    with context.db.shop(shop.shop_id) as connection:
        assert connection.execute(text("SELECT count(*) FROM credentials")).scalar() == 0
    assert "Your store is disconnected" in tab.get("/admin/").text
    assert f"/connect/woocommerce?store={shop.domain}" in tab.get("/admin/settings").text


def test_a_test_mail_goes_to_whoever_is_signed_in_and_needs_their_page(
    context: Context, app: Flask, shop: Shop
) -> None:
    tab = signed_in(context, app, shop, "till@example.com")
    assert "To till@example.com, with your settings as saved" in tab.get("/admin/settings").text
    assert tab.post("/admin/settings/test/win_back").status_code == 403
    answer = tab.post("/admin/settings/test/win_back", {"csrf": tab.csrf(), "email": "cleo@example.com"})
    name = re.search(r"test/win_back/(\w+)", answer.text)[1]
    found = messaging.find_test(context, shop.shop_id, name)
    assert found is not None
    assert found.email == "till@example.com"


def test_a_shop_of_another_admin_is_not_disconnected_here(app: Flask, ada: Shop, context: Context) -> None:
    headers = {"Authorization": f"Bearer {token_for(ada)}"}
    for answer in (
        app.test_client().get("/admin/disconnect", headers=headers),
        app.test_client().post("/admin/disconnect", headers=headers),
    ):
        assert answer.status_code == 404
    assert connected_shop_id(context, "shopify", ada.domain) == ada.shop_id


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (FIREFOX, "Firefox on Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/142.0 Safari/537.36 Edg/142.0",
            "Edge on Mac",
        ),
        (
            "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 SamsungBrowser/29.0 Chrome/130.0 Safari/537.36",
            "Samsung Internet on Android",
        ),
        ("curl/8.5.0", "Another browser"),
        ("", "Another browser"),
    ],
)
def test_a_browser_is_named_so_that_its_owner_knows_it(user_agent: str, name: str) -> None:
    assert name_browser(user_agent) == name
