"""What no browser of ours would send gets an answer that says so, and never a 500."""

from __future__ import annotations

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.domain.policy import SenderPolicy, ShopPolicy
from app.web.admin.settings import written
from tests.conftest import Shop
from tests.web.adminkit import Merchant

GOOD = written(ShopPolicy(sender=SenderPolicy(postal_address="Ermou 12\n105 63 Athens")), set())


@pytest.fixture
def merchant(app: Flask, ada: Shop) -> Merchant:
    return Merchant(app.test_client(), ada)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/admin/recommendations?q=%00", 200),
        ("/admin/recommendations?q=mug%00", 200),
        ("/admin/recommendations/products/%00", 404),
        ("/admin/messages?after=2026-01-01T00:00:00%2B23:59~1", 200),
        ("/admin/messages?after=0001-01-01T00:00:00%2B23:59~1", 200),
        ("/admin/messages?after=9999-12-31T23:59:59-23:59~1", 200),
        ("/admin/messages/99999999999999999999999999", 404),
    ],
)
def test_an_address_nobody_would_type_is_answered(merchant: Merchant, path: str, status: int) -> None:
    assert merchant.get(path).status_code == status


@pytest.mark.parametrize("name", [name for name in GOOD if not name.startswith("flow_")])
@pytest.mark.parametrize("value", ["\0", "a\0b", "\x1b[2J", "9" * 5000, "{{ 7 }}\r\nBcc: x@example.com\0"])
def test_a_settings_field_with_control_characters_is_refused_beside_it(
    merchant: Merchant, name: str, value: str
) -> None:
    response = merchant.post("/admin/settings", GOOD | {name: value})
    assert response.status_code == 422
    assert merchant.post("/admin/settings", GOOD).status_code == 200


@pytest.mark.parametrize("path", ["/", "/admin/", "/admin/settings", "/install/shopify/callback"])
def test_an_address_that_is_not_utf_8_is_the_senders_mistake(app: Flask, path: str) -> None:
    environ = {"PATH_INFO": path, "QUERY_STRING": "embedded=1&shop=\xff"}
    assert app.test_client().get(path, environ_overrides=environ).status_code == 400


@pytest.mark.parametrize(
    ("origin", "shop", "status"),
    [("http://[", None, 204), ("https://[::1]evil", None, 204), (None, "\0", 400)],
)
def test_a_beacon_from_nowhere_or_for_no_shop_is_dropped(
    client: FlaskClient, ada: Shop, origin: str | None, shop: str | None, status: int
) -> None:
    event = {"type": "click", "list_id": "m1", "product": "8001", "position": 0}
    body = {"shop": shop or ada.public_key, "visit": "0" * 32, "events": [event]}
    headers = {"Origin": origin} if origin else {}
    response = client.post("/storefront/v1/events", data=json.dumps(body), headers=headers)
    assert response.status_code == status


@pytest.mark.parametrize(
    "token", ["%00", "%00.x", "a%00b." + "c" * 43, "%ff.x", "%ed%a0%80.x", "a" * 5000, "a.b"]
)
@pytest.mark.parametrize(
    ("address", "status"), [("/webhooks/woocommerce/{}", 401), ("/plugin/woocommerce/{}/export", 404)]
)
def test_a_hooks_address_that_no_shop_was_given_opens_nothing(
    app: Flask, ada: Shop, token: str, address: str, status: int
) -> None:
    assert app.test_client().post(address.format(token), data=b"{}").status_code == status
