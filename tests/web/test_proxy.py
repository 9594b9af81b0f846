"""The shop's own domain as the way to its shelves: signed by Shopify, for the shop that it was signed for."""

from __future__ import annotations

import json
import time
from urllib.parse import urlencode

import pytest
import requests

from app import create_app
from app.demo.signing import proxy_signature
from app.services import recording
from tests.conftest import TEST_KEYS
from tests.demostage import open_demo_stage
from tests.serving import served
from tests.web.test_shelf import beacon, ids, n_visits, stocked

SHELF, EVENTS = "/proxy/shopify/storefront/v1/shelf", "/proxy/shopify/storefront/v1/events"
SECRET = TEST_KEYS["shopify_api_secret"]


@pytest.fixture
def goods(context, ada, ben):
    """Ada sells p1 to p6, Ben p1 alone."""
    for shop, numbers in ((ada, range(1, 7)), (ben, range(1, 2))):
        with context.db.shop(shop.shop_id) as connection:
            recording.record_products(connection, shop.shop_id, [stocked(n) for n in numbers], "EUR")
    return ada


def signed(shop, *, seconds_ago=0, secret=SECRET, **query):
    """The address as Shopify passes it on."""
    asked = {name: [value] for name, value in query.items()}
    told = {
        "shop": [shop if isinstance(shop, str) else shop.domain],
        "logged_in_customer_id": [""],
        "path_prefix": ["/apps/regulars"],
        "timestamp": [str(int(time.time()) - seconds_ago)],
    }
    told = asked | told
    return told | {"signature": [proxy_signature(secret, told)]}


def ask(client, query, **headers):
    return client.get(SHELF, query_string=urlencode(query, doseq=True), headers=headers)


def test_the_shelf_is_the_one_at_our_own_address(client, goods):
    through = ask(client, signed(goods, placement="product", limit="4", product="p1"))
    direct = client.get(f"/storefront/v1/shelf?shop={goods.public_key}&placement=product&limit=4&product=p1")
    assert (through.status_code, through.mimetype) == (200, "application/json")
    assert through.data == direct.data
    assert through.headers["ETag"] == direct.headers["ETag"]
    assert through.headers["Cache-Control"].startswith("public, max-age=300")
    assert "Set-Cookie" not in through.headers
    again = ask(client, signed(goods, product="p1", limit="4"), **{"If-None-Match": through.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_key_in_the_address_changes_nothing(client, goods, ben):
    """`shop` is Shopify's word for whose page it is; anything else that names a shop is not looked at."""
    response = ask(
        client, signed(goods, product="p1", limit="4", key=ben.public_key, public_key=ben.public_key)
    )
    assert ids(response) == ["p6", "p5", "p4", "p3", "p2"]


def test_a_shop_that_never_installed_us_gets_an_empty_shelf(client, goods):
    assert ids(ask(client, signed("eve-shop.myshopify.com", product="p1"))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"signature": []},
        {"signature": ["0" * 64]},
        {"product": ["p2"]},
        {"shop": ["ben-bikes.myshopify.com"]},
        {"shop": ["ada-tea.myshopify.com", "ben-bikes.myshopify.com"]},
    ],
    ids=["unsigned", "a wrong signature", "another question", "another shop", "two shops"],
)
def test_what_shopify_did_not_sign_is_refused(client, goods, change):
    response = ask(client, signed(goods, product="p1") | change)
    assert response.status_code == 401
    assert response.json == {"error": "This call did not come through Shopify's app proxy."}


@pytest.mark.parametrize("seconds_ago", [120, -120])
def test_a_call_signed_at_another_time_is_refused(client, goods, seconds_ago):
    assert ask(client, signed(goods, product="p1", seconds_ago=seconds_ago)).status_code == 401


def post_beacon(client, shop, body, origin="https://ada-tea.example"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    query = urlencode(signed(shop), doseq=True)
    return client.post(f"{EVENTS}?{query}", data=raw, headers={"Origin": origin})


def test_a_beacon_counts_for_the_shop_it_was_signed_for(client, context, ada, ben):
    assert post_beacon(client, ada, beacon(ben)).status_code == 204
    assert (n_visits(context, ada), n_visits(context, ben)) == (1, 0)
    assert post_beacon(client, ada, beacon(ada), origin="https://evil.example").status_code == 204
    assert post_beacon(client, ada, b"{}").status_code == 400
    assert n_visits(context, ada) == 1


def test_the_demo_store_passes_shelves_on_once_the_scope_is_granted(context):
    with served(create_app(context=context)) as app_url, open_demo_stage(context, 6, app_url) as stage:
        address = f"{stage.store.base_url}/apps/regulars/storefront/v1/shelf"
        query = {"placement": "product", "limit": "4", "product": "1"}
        answer = requests.get(address, params=query, cookies={"cart": "secret"}, timeout=60)
        assert answer.status_code == 200
        assert [each["id"] for each in answer.json()["products"]] == ["6", "5", "4", "3", "2"]
        assert not answer.cookies
        stage.shop.office.change_scopes(["read_products"])
        assert requests.get(address, params=query, timeout=60).status_code == 404
