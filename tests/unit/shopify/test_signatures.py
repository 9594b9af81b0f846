"""Signed addresses: launches, callbacks and app proxy calls."""

from __future__ import annotations

from base64 import b64encode
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


def _hostile() -> dict[str, dict[str, list[str]]]:
    """Queries made of a truly signed one, each with a change that keeps as much of it as possible."""
    signed = _signed(_query(**{"ids[]": ["2", "1"], "note": ["é ü+%20"], "empty": [""]}))
    (signature,) = signed["hmac"]
    without = {name: values for name, values in signed.items() if name != "hmac"}
    return {
        "no hmac": without,
        "hmac without a value": {**without, "hmac": []},
        "hmac in capitals": {**without, "hmac": [signature.upper()]},
        "hmac with a space": {**without, "hmac": [f" {signature}"]},
        "hmac under another case": {**without, "HMAC": [signature]},
        "hmac as a list": {**without, "hmac[]": [signature]},
        "hmac called signature": {**without, "signature": [signature]},
        "hmac cut short": {**without, "hmac": [signature[:-1]]},
        "hmac in base64": {**without, "hmac": [b64encode(bytes.fromhex(signature)).decode()]},
        "shop twice": {**signed, "shop": signed["shop"] * 2},
        "shop as a list": {**signed, "shop[]": ["evil.myshopify.com"]},
        "shop under another case": {**signed, "Shop": ["evil.myshopify.com"]},
        "an empty parameter more": {**signed, "more": [""]},
        "an empty parameter less": {name: values for name, values in signed.items() if name != "empty"},
        "a list in another order": {**signed, "ids[]": ["1", "2"]},
        "a list with one value": {**signed, "ids[]": ["2"]},
        "a list's brackets gone": {**{k: v for k, v in signed.items() if k != "ids[]"}, "ids": ["2", "1"]},
        "a plus for a space": {**signed, "note": ["é+ü+%20"]},
        "another form of an accent": {**signed, "note": ["e\u0301 ü+%20"]},
        "two parameters made one": {
            **{name: values for name, values in signed.items() if name != "note"},
            "empty": ["&note=é ü+%20"],
        },
    }


HOSTILE = _hostile()


@pytest.mark.parametrize("query", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_signed_address_with_anything_changed_is_forged(query):
    with pytest.raises(ForgedError):
        verify_query(query, [SECRET], NOW)


@pytest.mark.parametrize("canonical", [canonical_decoded, canonical_encoded])
def test_lists_empty_values_and_every_alphabet_are_signed(canonical):
    query = _query(**{"ids[]": ["2", "1"], "note": ["é ü+%20&=日本"], "empty": [""], "é=&": ["x"]})
    assert verify_query(_signed(query, canonical), [SECRET], NOW) == "ada.myshopify.com"


@pytest.mark.parametrize(
    "change",
    [
        {"signature": []},
        {"shop": ["shop-name.myshopify.com", "shop-name.myshopify.com"]},
        {"shop": ["evil.myshopify.com"]},
        {"logged_in_customer_id": ["2"]},
        {"extra": ["1,2"], "more": [""]},
        {"path_prefix": ["/apps/awesome_reviews", ""]},
        {"timestamp": ["1317327555", "1317327556"]},
        {"Signature": ["0" * 64]},
    ],
)
def test_a_proxied_call_with_anything_changed_is_forged(change):
    query = {
        "extra": ["1", "2"],
        "shop": ["shop-name.myshopify.com"],
        "logged_in_customer_id": ["1"],
        "path_prefix": ["/apps/awesome_reviews"],
        "timestamp": ["1317327555"],
    }
    signed = {**query, "signature": [sign_text(canonical_proxy(query), SECRET)]}
    at = datetime.fromtimestamp(1317327555, UTC)
    assert verify_app_proxy(signed, [SECRET], at) == "shop-name.myshopify.com"
    with pytest.raises(ForgedError):
        verify_app_proxy({**signed, **change}, [SECRET], at)


@pytest.mark.parametrize("seconds", [-91, 91])
def test_a_proxied_call_from_another_time_is_refused(seconds):
    signed = _query()
    signed["signature"] = [sign_text(canonical_proxy(signed), SECRET)]
    with pytest.raises(ForgedError, match="91 s"):
        verify_app_proxy(signed, [SECRET], NOW + timedelta(seconds=seconds))


def test_a_launchs_signature_is_not_a_proxied_calls_and_the_other_way_round():
    query = _query()
    with pytest.raises(ForgedError):
        verify_app_proxy({**query, "signature": _signed(query)["hmac"]}, [SECRET], NOW)
    with pytest.raises(ForgedError):
        verify_query({**query, "hmac": [sign_text(canonical_proxy(query), SECRET)]}, [SECRET], NOW)


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
        "ada.myshopify.com\0",
        "ada.myshopify.com#.evil.example",
        "ada.myshopify.com\\.evil.example",
        "evil.example/ada.myshopify.com",
        "evil.example#ada.myshopify.com",
        "//ada.myshopify.com",
        "ftp://ada.myshopify.com",
        "ada.myshopify.com:443",
        "ada.myshopify.com//",
        "ada .myshopify.com",
        "\tada.myshopify.com",
        "ada.myshopify.com,evil.myshopify.com",
        "ada.shopify.com",
        "ada.myshopify.io",
        "xn--.myshopify.com.evil.example",
        "ada\u200b.myshopify.com",
        "admin.shopify.com/store/",
        "admin.shopify.com/store/ada/apps",
        "admin.shopify.com/store/ada?x=1",
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
