"""Installing is for the browser that began it, once, for the shop that signed it."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine

from app.platforms.shopify.signatures import canonical_decoded, sign_text
from tests.conftest import TEST_KEYS

REAL = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SHOP = "new-shop.myshopify.com"


@pytest.fixture(autouse=True)
def _at_a_known_time():
    with time_machine.travel(REAL, tick=False):
        yield


def signed(**query):
    query = {"shop": SHOP, "timestamp": str(int(REAL.timestamp())), **query}
    message = canonical_decoded({name: [value] for name, value in query.items()})
    return query | {"hmac": sign_text(message, TEST_KEYS["shopify_api_secret"].encode())}


def begin(client):
    answer = client.get("/", query_string=signed())
    assert answer.status_code == 302
    target = urlsplit(answer.headers["Location"])
    return target, {name: values[0] for name, values in parse_qs(target.query).items()}


def test_a_signed_launch_goes_to_the_shops_own_grant_page_with_a_state_of_this_browser(client):
    target, query = begin(client)
    assert (target.scheme, target.hostname, target.path) == ("https", SHOP, "/admin/oauth/authorize")
    assert query["client_id"] == "test-client-id"
    assert len(query["state"]) >= 22
    cookie = client.get_cookie("__regulars_install", path="/install")
    assert (cookie.http_only, cookie.same_site) == (True, "Lax")
    assert query["state"] not in cookie.value or cookie.value != query["state"]


@pytest.mark.parametrize(
    "change",
    [
        {"hmac": "0" * 64},
        {"shop": "evil.com"},
        {"shop": "new-shop.myshopify.com.evil.com"},
        {"shop": "new-shop.myshopify.com@evil.com"},
        {"shop": "other-shop.myshopify.com"},
    ],
)
def test_a_launch_that_shopify_did_not_sign_is_refused(client, change):
    answer = client.get("/", query_string=signed() | change)
    assert answer.status_code == 401
    assert "Location" not in answer.headers


def answer_with(client, state, **change):
    return client.get("/install/shopify/callback", query_string=signed(code="c-1", state=state, **change))


def test_another_browsers_state_is_refused(app, client):
    _, query = begin(client)
    stranger = app.test_client()
    assert answer_with(stranger, query["state"]).status_code == 403


def test_a_state_is_used_once_even_when_the_grant_fails(client):
    _, query = begin(client)
    first = answer_with(client, query["state"])  # the shop does not answer: no socket leaves this machine
    assert first.status_code == 503
    assert answer_with(client, query["state"]).status_code == 403


def test_an_answer_without_any_state_is_refused(client):
    assert answer_with(client, "").status_code == 403


def test_a_stale_answer_is_refused(client):
    _, query = begin(client)
    stale = signed(timestamp=str(int(REAL.timestamp()) - 91), code="c", state=query["state"])
    assert client.get("/install/shopify/callback", query_string=stale).status_code == 401


def test_a_visitor_without_a_shop_finds_no_field_to_type_one_in(client):
    page = client.get("/")
    assert page.status_code == 200
    assert b"<input" not in page.data


def test_a_page_nobody_is_signed_in_to_may_be_framed_by_nobody(client):
    assert "frame-ancestors 'none'" in client.get("/").headers["Content-Security-Policy"]
    page = client.get("/admin/")
    assert page.status_code == 401
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


def test_the_bounce_page_may_be_framed_by_the_shop_that_signed_its_address_only(client):
    page = client.get("/admin/", query_string=signed(embedded="1", host="abc"))
    policy = page.headers["Content-Security-Policy"]
    assert f"frame-ancestors https://{SHOP} https://admin.shopify.com" in policy
    assert page.data.index(b"app-bridge.js") < page.data.index(b"bounce.js")


def test_a_script_without_a_token_is_told_to_fetch_one(client):
    answer = client.get("/admin/", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["X-Shopify-Retry-Invalid-Session-Request"] == "1"
