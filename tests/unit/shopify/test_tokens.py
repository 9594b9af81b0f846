"""The token endpoint: grants, exchanges, refreshes, and answers that get lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
import requests
import responses

from app.platforms.base import (
    Credentials,
    ForgedError,
    InstallRefusedError,
    NeedsReconnectError,
    PlatformError,
)
from app.platforms.shopify.tokens import TokenEndpoint

SHOP = "ada.myshopify.com"
URL = f"https://{SHOP}/admin/oauth/access_token"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
PAIR = {
    "access_token": "shpat_new",
    "scope": "read_products, read_orders",
    "expires_in": 3600,
    "refresh_token": "shprt_new",
    "refresh_token_expires_in": 7_776_000,
}


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def endpoint(pauses) -> TokenEndpoint:
    return TokenEndpoint(requests.Session(), "client-id", b"client-secret", None, pauses.append)


@pytest.fixture
def shopify():
    with responses.RequestsMock() as mock:
        yield mock


def _form(call: responses.Call) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(call.request.body).items()}


def test_a_code_becomes_an_expiring_pair(endpoint, shopify):
    shopify.post(URL, json=PAIR)
    assert endpoint.grant(SHOP, "a-code", NOW) == Credentials(
        shop_domain=SHOP,
        access_token="shpat_new",
        scopes=("read_products", "read_orders"),
        expires_at=NOW + timedelta(hours=1),
        refresh_token="shprt_new",
        refresh_expires_at=NOW + timedelta(days=90),
    )
    assert _form(shopify.calls[0]) == {
        "client_id": "client-id",
        "client_secret": "client-secret",
        "code": "a-code",
        "expiring": "1",
    }


def test_a_session_token_is_exchanged_for_the_shops_offline_token(endpoint, shopify):
    shopify.post(URL, json=PAIR)
    assert endpoint.exchange(SHOP, "a.session.token", NOW).access_token == "shpat_new"
    assert _form(shopify.calls[0]) == {
        "client_id": "client-id",
        "client_secret": "client-secret",
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "a.session.token",
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        "requested_token_type": "urn:shopify:params:oauth:token-type:offline-access-token",
        "expiring": "1",
    }


@pytest.mark.parametrize("lost", [requests.ConnectionError(), requests.ReadTimeout(), 502, 500])
def test_a_lost_answer_is_asked_for_again_with_the_same_refresh_token(endpoint, shopify, pauses, lost):
    shopify.post(URL, **({"status": lost} if isinstance(lost, int) else {"body": lost}))
    shopify.post(URL, json=PAIR)
    assert endpoint.refresh(SHOP, "shprt_old", NOW).refresh_token == "shprt_new"
    assert [_form(call)["refresh_token"] for call in shopify.calls] == ["shprt_old", "shprt_old"]
    assert pauses == [0.5]


def test_after_three_lost_answers_the_old_pair_is_still_to_be_used(endpoint, shopify, pauses):
    shopify.post(URL, body=requests.ConnectionError())
    with pytest.raises(PlatformError, match=r"did not answer \(ConnectionError\)") as failure:
        endpoint.refresh(SHOP, "shprt_old", NOW)
    assert not failure.value.permanent
    assert len(shopify.calls) == 3
    assert pauses == [0.5, 2.0]


def test_a_code_is_never_sent_twice(endpoint, shopify):
    shopify.post(URL, body=requests.ConnectionError())
    with pytest.raises(PlatformError):
        endpoint.grant(SHOP, "a-code", NOW)
    assert len(shopify.calls) == 1


@pytest.mark.parametrize("life", [None, "3600", 0, -5, True, 3600.5, 10**12])
def test_a_life_that_is_missing_or_odd_counts_as_an_hour(endpoint, shopify, life):
    shopify.post(URL, json={**PAIR, "expires_in": life})
    assert endpoint.refresh(SHOP, "shprt_old", NOW).expires_at == NOW + timedelta(hours=1)


def test_without_a_new_refresh_token_the_old_one_is_kept(endpoint, shopify):
    shopify.post(URL, json={"access_token": "shpat_new", "scope": ""})
    fresh = endpoint.refresh(SHOP, "shprt_old", NOW)
    assert (fresh.refresh_token, fresh.scopes) == ("shprt_old", ())


@pytest.mark.parametrize(
    ("status", "error"), [(400, "invalid_grant"), (400, "invalid_request"), (401, ""), (403, "")]
)
def test_a_dead_pair_needs_the_merchant(endpoint, shopify, status, error):
    shopify.post(URL, status=status, json={"error": error})
    with pytest.raises(NeedsReconnectError, match="open the app to reconnect"):
        endpoint.refresh(SHOP, "shprt_old", NOW)
    assert len(shopify.calls) == 1


def test_a_code_that_is_no_longer_good_ends_the_installation(endpoint, shopify):
    shopify.post(URL, status=400, json={"error": "invalid_request", "error_description": "The code was used"})
    with pytest.raises(InstallRefusedError, match="begin again"):
        endpoint.grant(SHOP, "a-code", NOW)


def test_a_session_token_that_has_run_out_is_not_believed(endpoint, shopify):
    shopify.post(URL, status=400, json={"error": "invalid_subject_token"})
    with pytest.raises(ForgedError, match="one minute"):
        endpoint.exchange(SHOP, "a.session.token", NOW)


@pytest.mark.parametrize(
    ("status", "body", "permanent", "seconds"),
    [
        (401, {"error": "invalid_client"}, True, None),
        (404, {}, True, None),
        (402, {}, False, 21_600.0),
        (423, {}, False, 21_600.0),
    ],
)
def test_other_refusals_say_whether_to_try_again(endpoint, shopify, status, body, permanent, seconds):
    shopify.post(URL, status=status, json=body)
    with pytest.raises(PlatformError) as failure:
        endpoint.refresh(SHOP, "shprt_old", NOW)
    assert (failure.value.permanent, failure.value.retry_after_seconds) == (permanent, seconds)


@pytest.mark.parametrize("token", [None, "", 7, "with space", "with\nline", "é", "x" * 1001])
def test_an_answer_without_a_usable_token_is_no_answer(endpoint, shopify, token):
    shopify.post(URL, json={**PAIR, "access_token": token})
    with pytest.raises(PlatformError, match="without an access token"):
        endpoint.grant(SHOP, "a-code", NOW)


def test_a_redirect_is_not_followed_with_the_secret(endpoint, shopify):
    shopify.post(URL, status=302, headers={"Location": "https://evil.example/"})
    with pytest.raises(PlatformError):
        endpoint.grant(SHOP, "a-code", NOW)
    assert len(shopify.calls) == 1


def test_no_error_and_no_repr_shows_a_token(endpoint, shopify):
    shopify.post(URL, status=400, json={"error": "invalid_grant", "error_description": "shprt_old is dead"})
    with pytest.raises(NeedsReconnectError) as failure:
        endpoint.refresh(SHOP, "shprt_old", NOW)
    assert "shprt_old" not in repr(failure.value)
    shopify.reset()
    shopify.post(URL, json=PAIR)
    assert "_new" not in repr(endpoint.grant(SHOP, "a-code", NOW))


def test_the_demo_store_stands_in_for_the_shop(pauses, shopify):
    local = TokenEndpoint(
        requests.Session(), "client-id", b"client-secret", "http://127.0.0.1:5200", pauses.append
    )
    shopify.post("http://127.0.0.1:5200/admin/oauth/access_token", json=PAIR)
    assert local.grant(SHOP, "a-code", NOW).access_token == "shpat_new"


def test_an_app_of_the_shops_own_organisation_needs_nothing_but_its_credentials(endpoint, shopify):
    shopify.post(URL, json={"access_token": "shpat_own", "scope": "read_orders", "expires_in": 86_399})
    assert endpoint.own(SHOP, NOW) == Credentials(
        shop_domain=SHOP,
        access_token="shpat_own",
        scopes=("read_orders",),
        expires_at=NOW + timedelta(seconds=86_399),
    )
    assert _form(shopify.calls[0]) == {
        "client_id": "client-id",
        "client_secret": "client-secret",
        "grant_type": "client_credentials",
    }


@pytest.mark.parametrize(
    ("error", "is_over"),
    [("app_not_installed", True), ("shop_not_permitted", False), ("invalid_client", False)],
)
def test_an_app_that_may_not_have_a_token_of_its_own_says_why(endpoint, shopify, error, is_over):
    shopify.post(URL, status=400, json={"error": error})
    with pytest.raises(NeedsReconnectError if is_over else PlatformError) as failure:
        endpoint.own(SHOP, NOW)
    assert failure.value.permanent
    assert isinstance(failure.value, NeedsReconnectError) == is_over


def test_without_a_refresh_token_nothing_is_asked(endpoint, shopify):
    with pytest.raises(NeedsReconnectError):
        endpoint.refresh(SHOP, None, NOW)
    assert len(shopify.calls) == 0
