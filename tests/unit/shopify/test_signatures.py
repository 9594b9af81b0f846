"""Signed addresses: launches, callbacks and app proxy calls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.platforms.base import ForgedError
from app.platforms.shopify.names import cart_key, gid, id_of, parse_shop_domain
from app.platforms.shopify.signatures import (
    CALLBACK_TOLERANCE_SECONDS,
    canonical_decoded,
    canonical_encoded,
    canonical_proxy,
    is_query_signed,
    sign_text,
    verify_app_proxy,
    verify_query,
)
from tests.unit.shopify.shared import vectors

SECRET = b"shpss_an app secret of Ada's app"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
DOMAINS = vectors("shop_domain")


def _query(now: datetime = NOW, **more: list[str]) -> dict[str, list[str]]:
    return {
        "shop": ["ada.myshopify.com"],
        "timestamp": [str(int(now.timestamp()))],
        "host": ["YWRhLm15c2hvcGlmeS5jb20"],
        **more,
    }


def _signed(query: dict[str, list[str]], canonical=canonical_decoded) -> dict[str, list[str]]:
    return {**query, "hmac": [sign_text(canonical(query), SECRET)]}


def _listed(query: dict) -> dict[str, list[str]]:
    return {name: value if isinstance(value, list) else [value] for name, value in query.items()}


@pytest.mark.parametrize("vector", vectors("oauth_query"), ids=lambda vector: vector["id"])
def test_published_query_signatures_are_agreed_with(vector):
    query = _listed(vector["query"])
    assert vector["signed_message"] in (canonical_decoded(query), canonical_encoded(query))
    assert is_query_signed({**query, "hmac": [vector["hmac_hex"]]}, [vector["secret"].encode()])
    assert not is_query_signed(
        {**query, "hmac": [vector["hmac_hex"]], "more": ["1"]}, [vector["secret"].encode()]
    )


@pytest.mark.parametrize(
    "vector", [v for v in vectors("app_proxy") if "query_string" in v], ids=lambda vector: vector["id"]
)
def test_published_proxy_signatures_are_agreed_with(vector):
    query = parse_qs(vector["query_string"], keep_blank_values=True)
    at = datetime.fromtimestamp(int(query["timestamp"][0]), UTC)
    assert canonical_proxy(query) == vector["signed_message"]
    assert verify_app_proxy(query, [vector["secret"].encode()], at) == "shop-name.myshopify.com"
    with pytest.raises(ForgedError):
        verify_app_proxy({**query, "extra": ["1", "3"]}, [vector["secret"].encode()], at)


@pytest.mark.parametrize("vector", vectors("app_proxy"), ids=lambda vector: vector["id"])
def test_proxy_messages_are_signed_as_published(vector):
    assert sign_text(vector["signed_message"], vector["secret"].encode()) == vector["signature_hex"]


def test_repeated_values_of_a_proxied_call_are_joined_by_commas():
    query = {
        "consentGiven": ["true", "false"],
        "logged_in_customer_id": ["1"],
        "path_prefix": ["/apps/my_app"],
        "shop": ["the shop URL"],
        "timestamp": ["1700000000"],
    }
    assert canonical_proxy(query) == (
        "consentGiven=true,falselogged_in_customer_id=1path_prefix=/apps/my_appshop=the shop URLtimestamp=1700000000"
    )


@pytest.mark.parametrize("canonical", [canonical_decoded, canonical_encoded])
def test_a_launch_is_taken_in_either_canonical_form(canonical):
    query = _query(custom=["hello world & = % ~*é"])
    assert verify_query(_signed(query, canonical), [b"another secret", SECRET], NOW) == "ada.myshopify.com"


def test_a_launch_is_taken_for_a_day_and_a_callback_for_ninety_seconds():
    launch = _signed(_query())
    assert verify_query(launch, [SECRET], NOW + timedelta(hours=24)) == "ada.myshopify.com"
    with pytest.raises(ForgedError, match="86401 s ago"):
        verify_query(launch, [SECRET], NOW + timedelta(hours=24, seconds=1))
    callback = {"tolerance_seconds": CALLBACK_TOLERANCE_SECONDS}
    assert verify_query(launch, [SECRET], NOW + timedelta(seconds=90), **callback) == "ada.myshopify.com"
    with pytest.raises(ForgedError, match="91 s ago"):
        verify_query(launch, [SECRET], NOW + timedelta(seconds=91), **callback)
    with pytest.raises(ForgedError, match="91 s in the future"):
        verify_query(launch, [SECRET], NOW - timedelta(seconds=91), **callback)


@pytest.mark.parametrize("timestamp", ["", "soon", "1e9", "-5", "１２３４", "99999999999999"])
def test_a_timestamp_that_is_no_number_of_seconds_is_refused(timestamp):
    with pytest.raises(ForgedError, match="timestamp"):
        verify_query(_signed(_query(timestamp=[timestamp])), [SECRET], NOW)


@pytest.mark.parametrize("name", ["shop", "timestamp", "host"])
def test_a_parameter_that_decides_something_may_come_only_once(name):
    query = _query()
    query[name] = [*query[name], "other"]
    with pytest.raises(ForgedError, match=f"{name} occurs 2 times"):
        verify_query(_signed(query), [SECRET], NOW)


def test_two_signatures_are_none():
    query = _signed(_query())
    with pytest.raises(ForgedError, match="hmac occurs 2 times"):
        verify_query({**query, "hmac": [*query["hmac"], *query["hmac"]]}, [SECRET], NOW)


@pytest.mark.parametrize("hmac", ["", "é", "\udfff", "0" * 64])
def test_a_wrong_signature_is_forged(hmac):
    with pytest.raises(ForgedError, match="not signed"):
        verify_query({**_query(), "hmac": [hmac]}, [SECRET], NOW)


def test_a_signed_name_that_is_no_shop_is_refused():
    with pytest.raises(ForgedError, match="not a shop's name"):
        verify_query(_signed(_query(shop=["ada.myshopify.com.evil.example"])), [SECRET], NOW)


@pytest.mark.parametrize(("text", "domain"), DOMAINS["accept"].items() if DOMAINS else [])
def test_shop_names_are_normalised(text, domain):
    assert parse_shop_domain(text) == domain


@pytest.mark.parametrize("text", DOMAINS["reject"] if DOMAINS else [])
def test_names_that_are_no_shops_are_refused(text):
    assert parse_shop_domain(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "ada.myshopify.com\n",
        "ada.myshopify.com.",
        "ada。myshopify。com",
        "\u212aate.myshopify.com",
        "https://admin.shopify.com/store/ada/../evil",
        "https://admin.shopify.com.evil.example/store/ada",
        "https://https://ada.myshopify.com",
        "ada.myshopify.com/admin",
        "ada@ada.myshopify.com",
        "ada.myshopify.com?x",
        "ada%2emyshopify.com",
        "a" * 64 + ".myshopify.com",
    ],
)
def test_names_made_to_deceive_are_refused(text):
    assert parse_shop_domain(text) is None


def test_a_shop_of_one_letter_is_a_shop():
    assert parse_shop_domain("a.myshopify.com") == "a.myshopify.com"


@given(st.text(max_size=80))
def test_whatever_is_accepted_is_a_plain_host(text):
    domain = parse_shop_domain(text)
    assert domain is None or (
        domain.endswith(".myshopify.com") and domain.count(".") == 2 and domain.isascii()
    )


def test_global_ids_are_taken_apart_exactly():
    assert id_of("gid://shopify/Product/788032119674292922", "Product") == "788032119674292922"
    assert id_of(gid("Order", "5")) == "5"
    assert id_of("gid://shopify/Product/5", "Order") is None
    assert id_of("https://www.example.com/", "Product") is None
    assert id_of(None) is None


def test_a_cart_is_known_by_its_token_before_the_question_mark():
    assert cart_key("Z2NwLXVzLWNlbnRyYWwx?key=abc") == "Z2NwLXVzLWNlbnRyYWwx"
    assert cart_key("Z2NwLXVzLWNlbnRyYWwx%3Fkey%3Dabc") == "Z2NwLXVzLWNlbnRyYWwx"
    assert cart_key("eeafa272cebfd4b22385bc4b645e762c") == "eeafa272cebfd4b22385bc4b645e762c"
