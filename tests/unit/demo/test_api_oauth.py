"""Installing and tokens: what Shopify grants, to whom, for how long, and what it refuses."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from urllib.parse import parse_qs, parse_qsl, urlsplit

import jwt
import pytest

from app.demo.signing import id_token, proxy_signature, query_signature
from app.demo.tokens import GrantRefusedError, covers

SHOP = "corner-and-thyme.myshopify.com"
SECRET = "shpss_0123456789abcdef0123456789abcdef"
CALLBACK = "http://127.0.0.1:9/install/callback"
EXCHANGE = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
    "requested_token_type": "urn:shopify:params:oauth:token-type:offline-access-token",
    "expiring": "1",
}
APP = {"client_id": "demo-client-id", "client_secret": SECRET}


def ask_token(client, **fields):
    return client.post("/admin/oauth/access_token", data={**APP, **fields})


def authorize(client, **fields):
    query = {"client_id": "demo-client-id", "redirect_uri": CALLBACK, "state": "n1", "scope": "read_products"}
    return client.get("/admin/oauth/authorize", query_string={**query, **fields})


# -- the code grant --------------------------------------------------------------------------------------


def test_the_authorisation_page_lists_the_scopes_and_grants_nothing_by_itself(client, shop):
    page = authorize(client)
    assert page.status_code == 200
    assert "View products, collections and inventory" in page.text
    assert shop.office.installation is None


def test_the_button_sends_a_signed_callback_with_the_state_carried_over(client, shop):
    form = {"client_id": "demo-client-id", "redirect_uri": CALLBACK, "state": "n1", "scope": "read_products"}
    answer = client.post("/admin/oauth/authorize", data=form)
    address = urlsplit(answer.headers["Location"])
    told = dict(parse_qsl(address.query))
    assert answer.headers["Location"].startswith(CALLBACK)
    assert set(told) == {"code", "hmac", "host", "shop", "state", "timestamp"}
    assert (told["shop"], told["state"]) == (SHOP, "n1")
    message = "&".join(f"{k}={told[k]}" for k in sorted(told) if k != "hmac")
    assert told["hmac"] == hmac.new(SECRET.encode(), message.encode(), hashlib.sha256).hexdigest()
    assert not told["host"].endswith("=")
    assert base64.b64decode(told["host"] + "==").decode() == "127.0.0.1:4000/admin"
    assert shop.office.installation.scopes == ("read_products",)


def test_a_code_gives_an_expiring_pair_once(client):
    form = {"client_id": "demo-client-id", "redirect_uri": CALLBACK, "state": "n1", "scope": "read_products"}
    code = parse_qs(urlsplit(client.post("/admin/oauth/authorize", data=form).headers["Location"]).query)[
        "code"
    ][0]
    told = ask_token(client, code=code, expiring="1").get_json()
    assert told["access_token"].startswith("shpat_")
    assert told["refresh_token"].startswith("shprt_")
    assert (told["scope"], told["expires_in"], told["refresh_token_expires_in"]) == (
        "read_products",
        3600,
        7_776_000,
    )
    again = ask_token(client, code=code, expiring="1")
    assert (again.status_code, again.get_json()["error"]) == (400, "invalid_request")


def test_an_installed_app_with_its_scopes_is_sent_back_without_asking(client, shop):
    shop.install()
    assert authorize(client).status_code == 302
    assert authorize(client, scope="write_orders").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "other"},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": CALLBACK + ".evil.example"},
    ],
)
def test_an_unknown_app_or_address_is_refused_on_the_page(client, wrong):
    answer = authorize(client, **wrong)
    assert answer.status_code == 400
    assert "Oauth error" in answer.text


def test_a_page_of_another_origin_can_not_press_install(client, shop):
    answer = client.post("/admin/apps/install", headers={"Origin": "http://127.0.0.1:9"})
    assert answer.status_code == 403
    assert shop.office.installation is None


# -- token exchange --------------------------------------------------------------------------------------


def test_a_fresh_id_token_is_exchanged_for_an_offline_pair(client, shop):
    shop.install()
    told = ask_token(client, subject_token=shop.new_id_token(), **EXCHANGE).get_json()
    assert told["expires_in"] == 3600
    assert shop.office.check(told["access_token"]).kind == "offline"


def test_json_works_as_well_as_a_form(client, shop):
    shop.install()
    body = {**APP, **EXCHANGE, "expiring": 1, "subject_token": shop.new_id_token()}
    assert client.post("/admin/oauth/access_token", json=body).status_code == 200


def test_an_online_token_names_its_user(client, shop):
    shop.install()
    kind = {"requested_token_type": EXCHANGE["requested_token_type"].replace("offline", "online")}
    told = ask_token(client, subject_token=shop.new_id_token(), **{**EXCHANGE, **kind}).get_json()
    assert told["expires_in"] == 86_399
    assert told["associated_user"]["first_name"] == "Ada"
    assert "refresh_token" not in told


@pytest.mark.parametrize(
    "what", ["stale", "foreign app", "foreign shop", "wrong secret", "no exp", "garbage"]
)
def test_a_wrong_id_token_is_an_invalid_subject_token(client, shop, hand, what):
    shop.install()
    now = hand.epoch_seconds
    token = {
        "stale": id_token("demo-client-id", SECRET, SHOP, "s", now - 71),
        "foreign app": id_token("other", SECRET, SHOP, "s", now),
        "foreign shop": id_token("demo-client-id", SECRET, "other.myshopify.com", "s", now),
        "wrong secret": id_token("demo-client-id", SECRET[::-1], SHOP, "s", now),
        "no exp": jwt.encode(
            {"aud": "demo-client-id", "dest": f"https://{SHOP}", "nbf": now}, SECRET, "HS256"
        ),
        "garbage": "abc",
    }[what]
    answer = ask_token(client, subject_token=token, **EXCHANGE)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_subject_token")


def test_an_id_token_is_forgiven_ten_seconds_and_no_more(client, shop, hand):
    shop.install()
    token = shop.new_id_token()
    hand.move(69)
    assert ask_token(client, subject_token=token, **EXCHANGE).status_code == 200
    hand.move(2)
    assert ask_token(client, subject_token=token, **EXCHANGE).status_code == 400


def test_an_id_token_has_every_documented_claim(shop):
    claims = jwt.decode(shop.new_id_token(), options={"verify_signature": False})
    assert set(claims) == {"iss", "dest", "aud", "sub", "exp", "nbf", "iat", "jti", "sid", "sig"}
    assert (claims["iss"], claims["dest"]) == (f"https://{SHOP}/admin", f"https://{SHOP}")
    assert claims["exp"] - claims["iat"] == 60


def test_a_wrong_secret_is_an_invalid_client(client, shop):
    shop.install()
    answer = client.post("/admin/oauth/access_token", data={**APP, "client_secret": "guess", **EXCHANGE})
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_client")


def test_a_public_app_gets_no_token_that_never_ends_and_a_custom_app_does(shop):
    shop.install()
    with pytest.raises(GrantRefusedError, match="expiring"):
        shop.office.exchange(expiring=False, online=False)
    shop.office.config = replace(shop.config, is_public=False)
    permanent = shop.office.exchange(expiring=False, online=False)
    assert set(permanent) == {"access_token", "scope"}
    pair = shop.office.migrate(permanent["access_token"])
    assert shop.office.check(permanent["access_token"]) is None
    assert pair["refresh_token"].startswith("shprt_")


# -- refreshing ------------------------------------------------------------------------------------------


@pytest.fixture
def office(shop):
    shop.install()
    return shop.office


def new_pair(office):
    return office.exchange(expiring=True, online=False)


def test_an_access_token_ends_after_its_hour_in_real_time(office, hand):
    pair = new_pair(office)
    hand.move(3599)
    assert office.check(pair["access_token"]) is not None
    hand.move(1)
    assert office.check(pair["access_token"]) is None


def test_a_lost_answer_can_be_fetched_again_with_the_old_refresh_token(office):
    first = new_pair(office)
    lost = office.refresh(first["refresh_token"])
    again = office.refresh(first["refresh_token"])
    assert again["refresh_token"] != lost["refresh_token"]
    assert office.check(again["access_token"]) is not None


def test_the_old_refresh_token_ends_once_the_new_access_token_is_used(office):
    first = new_pair(office)
    second = office.refresh(first["refresh_token"])
    office.check(second["access_token"])
    with pytest.raises(GrantRefusedError, match="invalid_grant"):
        office.refresh(first["refresh_token"])


def test_the_old_refresh_token_ends_once_the_new_one_is_used(office):
    first = new_pair(office)
    second = office.refresh(first["refresh_token"])
    office.refresh(second["refresh_token"])
    with pytest.raises(GrantRefusedError, match="invalid_grant"):
        office.refresh(first["refresh_token"])


def test_a_new_grant_ends_other_refresh_tokens_and_leaves_access_tokens_their_hour(office):
    first = new_pair(office)
    new_pair(office)
    assert office.check(first["access_token"]) is not None
    with pytest.raises(GrantRefusedError, match="invalid_grant"):
        office.refresh(first["refresh_token"])


def test_a_refresh_token_ends_after_ninety_days(office, hand):
    pair = new_pair(office)
    hand.move(90 * 86_400)
    with pytest.raises(GrantRefusedError, match="invalid_grant"):
        office.refresh(pair["refresh_token"])


def test_a_refused_refresh_is_a_400_with_invalid_grant(client, shop):
    shop.install()
    answer = ask_token(client, grant_type="refresh_token", refresh_token="shprt_guess")
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_grant")


def test_after_a_reinstall_nothing_old_works(office, shop):
    pair = new_pair(office)
    shop.uninstall()
    shop.install()
    assert office.check(pair["access_token"]) is None
    with pytest.raises(GrantRefusedError):
        office.refresh(pair["refresh_token"])
    assert office.installation.generation == 2


# -- signatures ------------------------------------------------------------------------------------------


def test_a_write_scope_implies_reading():
    assert covers(["write_products"], "read_products")
    assert not covers(["read_products"], "write_products")


def test_the_query_signature_agrees_with_the_published_vector():
    query = {
        "shop": "some-shop.myshopify.com",
        "code": "a94a110d86d2452eb3e2af4cfb8a3828",
        "timestamp": "1337178173",
    }
    assert (
        query_signature("hush", query) == "2cb1a277650a659f1b11e92a4a64275b128e037f2c3390e3c8fd2d8721dac9e2"
    )


def test_the_proxy_signature_agrees_with_the_published_vector():
    query = {
        "extra": ["1", "2"],
        "shop": ["shop-name.myshopify.com"],
        "logged_in_customer_id": ["1"],
        "path_prefix": ["/apps/awesome_reviews"],
        "timestamp": ["1317327555"],
    }
    wanted = "4c68c8624d737112c91818c11017d24d334b524cb5c2b8ba08daa056f7395ddb"
    assert proxy_signature("hush", query) == wanted


def test_an_app_of_the_same_organisation_gets_a_day_by_its_credentials(client, shop):
    shop.install()
    assert ask_token(client, grant_type="client_credentials").get_json()["error"] == "shop_not_permitted"
    shop.office.config = replace(shop.config, is_public=False)
    told = ask_token(client, grant_type="client_credentials").get_json()
    assert (set(told), told["expires_in"]) == ({"access_token", "scope", "expires_in"}, 86_399)
    assert shop.office.check(told["access_token"]) is not None
    shop.uninstall()
    assert ask_token(client, grant_type="client_credentials").get_json()["error"] == "app_not_installed"
