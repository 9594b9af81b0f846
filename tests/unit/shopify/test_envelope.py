"""Webhook signatures and what an envelope says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.platforms.base import ForgedError
from app.platforms.shopify.envelope import header_of, is_signed, open_envelope, sign
from tests.unit.shopify.shared import vectors

SECRET = b"shpss_an app secret of Ada's app"
OLD_SECRET = b"shpss_the secret before the last rotation"
BODY = '{"id":1,"title":"Café \\u0026 Tea"}'.encode()


def _headers(**changed: str) -> dict[str, str]:
    return {
        "X-Shopify-Topic": "products/update",
        "X-Shopify-Shop-Domain": "ada.myshopify.com",
        "X-Shopify-Hmac-Sha256": sign(BODY, SECRET).decode(),
        "X-Shopify-Webhook-Id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        "X-Shopify-Event-Id": "98880550-7158-44d4-b7cd-2c97c8a091b5",
        "X-Shopify-API-Version": "2026-07",
        "X-Shopify-Triggered-At": "2026-11-20T18:00:27.877041743Z",
        **changed,
    }


@pytest.mark.parametrize("vector", vectors("webhook"), ids=lambda vector: vector["id"])
def test_published_webhook_signatures_are_agreed_with(vector):
    assert sign(vector["body"].encode(), vector["secret"].encode()).decode() == vector["hmac_b64"]
    assert is_signed(vector["body"].encode(), vector["hmac_b64"], [vector["secret"].encode()])
    assert not is_signed(vector["body"].encode() + b"\n", vector["hmac_b64"], [vector["secret"].encode()])


def test_an_envelope_says_who_what_and_when():
    envelope = open_envelope(_headers(), BODY, [SECRET])
    assert envelope.platform == "shopify"
    assert envelope.shop_domain == "ada.myshopify.com"
    assert envelope.topic == "products/update"
    assert envelope.dedupe_key == "products/update:b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"
    assert envelope.event_id == "98880550-7158-44d4-b7cd-2c97c8a091b5"
    assert envelope.api_version == "2026-07"
    assert envelope.triggered_at == datetime(2026, 11, 20, 18, 0, 27, 877041, UTC)
    assert envelope.raw == BODY


@pytest.mark.parametrize("change", [str.lower, str.upper, lambda name: name.lower().removeprefix("x-")])
def test_headers_are_read_in_any_case_and_in_both_spellings(change):
    headers = {change(name): value for name, value in _headers().items()}
    assert open_envelope(headers, BODY, [SECRET]) == open_envelope(_headers(), BODY, [SECRET])


@pytest.mark.parametrize(
    ("old", "new"),
    [pair for section in [vectors("webhook_new_header_names")] if section for pair in section["map"].items()],
)
def test_every_new_header_name_is_known(old, new):
    name = old.lower().removeprefix("x-shopify-")
    assert header_of({new: "value"}, name) == header_of({old: "value"}, name) == "value"


def test_a_body_signed_with_the_secret_before_the_rotation_is_taken():
    headers = _headers(**{"X-Shopify-Hmac-Sha256": sign(BODY, OLD_SECRET).decode()})
    assert open_envelope(headers, BODY, [SECRET, OLD_SECRET]).raw == BODY


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "é",
        "=",
        "\ud800",
        sign(BODY, OLD_SECRET).decode(),
        sign(BODY + b" ", SECRET).decode(),
        sign(BODY, SECRET).hex(),
        sign(BODY, SECRET).decode().rstrip("="),
        sign(BODY, SECRET).decode() + "=",
        sign(BODY, SECRET).decode().swapcase(),
        sign(BODY, SECRET).decode() + "," + sign(BODY, SECRET).decode(),
        "sha256=" + sign(BODY, SECRET).decode(),
        '"' + sign(BODY, SECRET).decode() + '"',
        sign(b"", SECRET).decode(),
        sign(BODY.decode().encode("utf-16"), SECRET).decode(),
    ],
)
def test_a_wrong_signature_is_forged(signature):
    with pytest.raises(ForgedError, match="signature"):
        open_envelope(_headers(**{"X-Shopify-Hmac-Sha256": signature}), BODY, [SECRET])


def test_a_webhook_without_a_signature_is_forged():
    headers = {name: value for name, value in _headers().items() if "Hmac" not in name}
    with pytest.raises(ForgedError, match="signature"):
        open_envelope(headers, BODY, [SECRET])
    with pytest.raises(ForgedError, match="signature"):
        open_envelope({**headers, "X-Shopify-Hmac": sign(BODY, SECRET).decode()}, BODY, [SECRET])


def test_of_both_spellings_of_a_header_the_older_decides():
    newer = {"shopify-hmac-sha256": "", "shopify-shop-domain": "evil.myshopify.com"}
    assert open_envelope({**newer, **_headers()}, BODY, [SECRET]).shop_domain == "ada.myshopify.com"
    with pytest.raises(ForgedError):
        open_envelope(
            {
                **_headers(**{"X-Shopify-Hmac-Sha256": "x"}),
                "shopify-hmac-sha256": sign(BODY, SECRET).decode(),
            },
            BODY,
            [SECRET],
        )


def test_no_secret_or_an_empty_one_signs_nothing():
    empty = sign(BODY, b"").decode()
    assert not is_signed(BODY, empty, [])
    assert not is_signed(BODY, empty, [b""])


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Shopify-Shop-Domain", ""),
        ("X-Shopify-Shop-Domain", "ada.myshopify.com.evil.example"),
        ("X-Shopify-Topic", ""),
        ("X-Shopify-Topic", "orders/create\nX: y"),
    ],
)
def test_a_signed_body_with_nowhere_to_file_it_is_refused(header, value):
    with pytest.raises(ForgedError, match=header):
        open_envelope(_headers(**{header: value}), BODY, [SECRET])


def test_without_a_delivery_id_the_body_itself_tells_repeats_apart():
    def envelope(raw: bytes):
        headers = _headers(
            **{"X-Shopify-Webhook-Id": "", "X-Shopify-Hmac-Sha256": sign(raw, SECRET).decode()}
        )
        return open_envelope(headers, raw, [SECRET])

    assert envelope(BODY).dedupe_key == envelope(BODY).dedupe_key
    assert envelope(BODY).dedupe_key != envelope(b"{}").dedupe_key


def test_two_topics_of_one_event_are_two_facts():
    created = open_envelope(_headers(**{"X-Shopify-Topic": "orders/create"}), BODY, [SECRET])
    updated = open_envelope(_headers(**{"X-Shopify-Topic": "orders/updated"}), BODY, [SECRET])
    assert created.dedupe_key != updated.dedupe_key


@given(raw=st.binary(max_size=200), signature=st.text(max_size=60))
def test_no_guess_is_ever_a_signature(raw, signature):
    assert not is_signed(raw, signature, [SECRET])


def test_a_topic_longer_than_any_is_refused_before_it_reaches_an_index():
    assert open_envelope(_headers(**{"X-Shopify-Topic": "a" * 200}), BODY, [SECRET]).topic == "a" * 200
    with pytest.raises(ForgedError, match="not a topic"):
        open_envelope(_headers(**{"X-Shopify-Topic": "a" * 201}), BODY, [SECRET])


def test_no_id_makes_the_deliverys_key_too_long():
    named = open_envelope(_headers(**{"X-Shopify-Webhook-Id": "x" * 7000}), BODY, [SECRET])
    assert named.dedupe_key.startswith("products/update:sha256:")
