"""The client reads what shared hosts really answer, asks one thing at a time, and types what goes wrong."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import requests
import responses

from app.domain.events import CartSeen, Kind, OrderSeen
from app.domain.offers import Offer
from app.domain.themelists import ListKind
from app.platforms.asked import AskedClient
from app.platforms.base import CartRef, ConnectedShop, Hook, NeedsReconnectError, PlatformError
from app.platforms.extras import ExtrasClient, ExtrasPlatform, ThemeListChange, ThemeListRef
from app.platforms.woocommerce import WooCommercePlatform
from app.platforms.woocommerce.address import checkout_link
from app.platforms.woocommerce.guard import guarded_session, is_public
from app.platforms.woocommerce.oauth1 import signature
from app.platforms.woocommerce.rest import USER_AGENT, NotFoundError, Rest
from tests.fixtures import woocommerce_store
from tests.fixtures.woocommerce_store import WooStore

SHOP = "https://shop.example"
KEYS = "ck_" + "1" * 40 + ":" + "cs_" + "2" * 40
NOW = datetime.now(UTC)


@pytest.fixture
def store():
    with woocommerce_store.running(WooStore()) as running:
        running.keys["ck_1"] = "cs_1"
        yield woocommerce_store.stocked(running, NOW)


@pytest.fixture
def rest(store):
    return Rest(
        guarded_session(allows_local=True), store.base_url, lambda: "ck_1:cs_1", pause=lambda _seconds: None
    )


@pytest.fixture
def client(store):
    domain = store.base_url.removeprefix("http://")
    shop = ConnectedShop(1, domain, lambda: "ck_1:cs_1", hook=lambda: Hook("a-token", "a-secret"))
    made = WooCommercePlatform("https://app.example", allows_local=True).client(shop)
    made.rest.pause = lambda _seconds: None
    return made


def plain_rest(**more):
    """Over https with an ordinary session, whose answers `responses` gives."""
    return Rest(requests.Session(), SHOP, lambda: KEYS, pause=lambda _seconds: None, **more)


# -- signing in --------------------------------------------------------------------------------------------


def test_an_oauth_signature_is_the_one_of_the_standard():
    """The parameters of RFC 5849, section 3.4.1.1, signed with HMAC-SHA256 and no token secret."""
    pairs = [
        ("b5", "=%3D"),
        ("a3", "a"),
        ("c@", ""),
        ("a2", "r b"),
        ("oauth_consumer_key", "9djdj82h48djs9d2"),
        ("oauth_token", "kkk9d7dh3k39sjv7"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131201"),
        ("oauth_nonce", "7d8f3e4a"),
        ("c2", ""),
        ("a3", "2 q"),
    ]
    import base64
    import hashlib
    import hmac

    base = (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D"
        "%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3D"
        "HMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
    )
    expected = base64.b64encode(hmac.new(b"secret&", base.encode(), hashlib.sha256).digest()).decode()
    assert signature("POST", "http://example.com/request", pairs, "secret") == expected


@responses.activate
def test_over_https_the_keys_go_in_the_header_and_never_in_the_address():
    responses.get(f"{SHOP}/wp-json/wc/v3/orders", json=[])
    plain_rest().get("wc/v3/orders")
    sent = responses.calls[0].request
    assert sent.headers["Authorization"].startswith("Basic ")
    assert "ck_" not in sent.url
    assert sent.headers["User-Agent"] == USER_AGENT


def test_over_local_http_the_double_accepts_nothing_but_oauth(store, rest):
    assert (
        requests.get(f"{store.base_url}/wp-json/wc/v3/orders", auth=("ck_1", "cs_1"), timeout=60).status_code
        == 401
    )
    assert rest.get("wc/v3/orders").n_total == 7


# -- what comes back ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "before",
    [
        b"\xef\xbb\xbf",
        b"\n\n",
        b"<br />\n<b>Notice</b>:  Undefined index: [x] in <b>/srv/{a}.php</b> on line <b>3</b><br />\n",
        b"\xef\xbb\xbf<br />\n<b>Deprecated</b>: Creation of dynamic property {X}::$y<br />\n",
        b"PHP Warning:  foreach() argument must be of type array|object [1]\n",
    ],
    ids=["byte-order mark", "empty lines", "notice", "mark and notice", "warning without tags"],
)
def test_json_is_found_behind_what_a_host_prints_before_it(store, rest, before):
    store.before = before
    assert len(list(rest.pages("wc/v3/orders", {}))) == 7
    assert rest.one("wc/v3/system_status")["settings"] == {"currency": "GBP"}


@pytest.mark.parametrize(
    "raw", [b"", b"<html>hello</html>", b"{", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000]
)
@responses.activate
def test_an_answer_without_json_is_the_platforms_error(raw):
    responses.get(f"{SHOP}/wp-json/wc/v3/orders", body=raw)
    with pytest.raises(PlatformError) as raised:
        plain_rest().get("wc/v3/orders")
    assert not raised.value.permanent


def test_a_busy_host_is_asked_again_and_a_long_wait_is_told(store, rest):
    store.faults = [(503, b"<html>busy</html>", {}), (429, b"", {"Retry-After": "1"})]
    assert rest.get("wc/v3/orders").n_total == 7
    store.faults = [(429, b"", {"Retry-After": "120"})]
    with pytest.raises(PlatformError) as raised:
        rest.get("wc/v3/orders")
    assert raised.value.retry_after_seconds == 120
    assert not raised.value.permanent


def test_a_write_is_not_repeated(store, rest):
    store.faults = [(503, b"", {})]
    with pytest.raises(PlatformError):
        rest.post("wc/v3/coupons", {"code": "x"})
    assert store.coupons == {}


def test_a_firewalls_refusal_is_not_the_end_of_the_keys(store, rest):
    store.faults = [(403, b"<html>blocked</html>", {})] * 3
    with pytest.raises(PlatformError) as raised:
        rest.get("wc/v3/orders")
    assert not isinstance(raised.value, NeedsReconnectError)
    store.keys.clear()
    with pytest.raises(NeedsReconnectError):
        rest.get("wc/v3/orders")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@responses.activate
def test_a_redirect_is_not_followed_and_names_the_other_host(status):
    target = "https://new.example/wp-json/?secret=1"
    responses.get(f"{SHOP}/wp-json/wc/v3/orders", status=status, headers={"Location": target})
    with pytest.raises(PlatformError, match=r"redirects to new\.example") as raised:
        plain_rest().get("wc/v3/orders")
    assert "secret" not in str(raised.value)
    assert len(responses.calls) == 1


@responses.activate
def test_an_endless_answer_is_cut_off(monkeypatch):
    monkeypatch.setattr("app.platforms.woocommerce.rest.MAX_BYTES", 1_000)
    responses.get(f"{SHOP}/wp-json/wc/v3/orders", body=b"[" + b" " * 10_000 + b"]")
    with pytest.raises(PlatformError):
        plain_rest().get("wc/v3/orders")


@responses.activate
def test_no_error_repeats_keys_or_address():
    responses.get(f"{SHOP}/wp-json/wc/v3/orders", body=requests.ConnectionError(f"{SHOP}?key={KEYS}"))
    with pytest.raises(PlatformError) as raised:
        plain_rest().get("wc/v3/orders")
    assert "ck_" not in str(raised.value)
    assert KEYS not in repr(plain_rest())


def test_one_shop_is_asked_one_thing_at_a_time(store):
    turn = threading.Lock()
    rest = Rest(guarded_session(allows_local=True), store.base_url, lambda: "ck_1:cs_1", turn=lambda: turn)
    threads = [threading.Thread(target=rest.get, args=("wc/v3/orders",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.most_at_once == 1


def test_pages_are_read_to_the_end_and_from_any_row_on(store, rest):
    for number in range(250):
        store.coupons[10_000 + number] = {"id": 10_000 + number, "code": f"c{number}"}
    query = {"orderby": "id", "order": "asc"}
    ids = [row["id"] for row in rest.pages("wc/v3/coupons", query)]
    assert ids == [10_000 + number for number in range(250)]
    assert [row["id"] for row in rest.pages("wc/v3/coupons", query, n_skip=137)] == ids[137:]


# -- where it may go ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "168.63.129.16",
        "100.64.0.1",
        "192.88.99.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001::1",
        "not an address",
    ],
)
def test_an_address_inside_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"])
def test_an_address_outside_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "resolved",
    [["127.0.0.1"], ["10.0.0.1"], ["93.184.216.34", "169.254.169.254"], ["::ffff:127.0.0.1"], []],
    ids=str,
)
def test_a_name_is_refused_when_any_of_its_addresses_is_not_public(monkeypatch, resolved):
    """Resolved at the moment of connecting, so that a name can't change its mind in between."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443)) for each in resolved]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("it connected"))
    with pytest.raises(PlatformError, match="public address") as raised:
        Rest(guarded_session(), "https://shop.example", pause=lambda _: None).get("")
    assert raised.value.permanent


def test_plain_http_and_this_machine_are_out_of_reach_in_production(store):
    session = guarded_session()
    with pytest.raises(requests.exceptions.InvalidSchema):
        session.get(store.base_url, timeout=60)
    with pytest.raises(PlatformError, match="public address"):
        Rest(session, store.base_url.replace("http:", "https:"), pause=lambda _: None).get("")


def test_no_proxy_of_the_environment_is_used(monkeypatch, store):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert guarded_session(allows_local=True).get(f"{store.base_url}/wp-json/", timeout=60).status_code == 200


# -- the client --------------------------------------------------------------------------------------------


def test_the_client_can_be_asked_and_has_extras(client):
    assert isinstance(client, AskedClient)
    assert isinstance(client, ExtrasClient)
    assert isinstance(WooCommercePlatform("https://app.example"), ExtrasPlatform)


def test_the_profile_says_who_the_shop_is(client, store):
    profile = client.profile()
    assert (profile.name, profile.currency, profile.country) == ("Ada's Shop", "GBP", "GB")
    assert (profile.timezone, profile.locale) == ("Europe/London", "en-GB")
    assert (profile.email, profile.store_id) == ("ada@shop.example", store.store_id)
    assert profile.public_url == store.base_url


def test_the_shop_is_written_to_where_new_orders_are_told(client, store):
    assert client.profile().email == "ada@shop.example"  # the administrator, as long as nobody is named
    store.told_of_orders = "ben@shop.example, dan@shop.example"
    assert client.profile().email == "ben@shop.example"


def test_an_order_of_last_week_that_is_sent_on_its_way_now_is_no_purchase_of_today(client, store):
    mug, since = next(iter(store.products.values())), NOW - timedelta(hours=1)
    cleo = CartRef(cart_token="another", email="cleo@last-week.example")
    order = store.add_order("processing", "cleo@last-week.example", mug, at=NOW - timedelta(days=7))
    order["status"], order["date_modified_gmt"] = "completed", NOW.strftime("%Y-%m-%dT%H:%M:%S")
    assert not client.has_ordered(cleo, since)
    order["date_paid_gmt"] = NOW.strftime("%Y-%m-%dT%H:%M:%S")  # paid just now, so perhaps the same purchase
    assert client.has_ordered(cleo, since)


def test_an_order_that_began_as_a_draft_this_morning_counts_when_it_is_placed_now(client, store):
    mug, since = next(iter(store.products.values())), NOW - timedelta(hours=1)
    order = store.add_order("processing", "cleo@today.example", mug, at=NOW - timedelta(hours=20))
    order["date_modified_gmt"] = NOW.strftime("%Y-%m-%dT%H:%M:%S")
    assert client.has_ordered(CartRef(cart_token="another", email="cleo@today.example"), since)


def test_a_product_with_variations_is_read_with_them(client, store):
    plate = next(each for each in client.products() if each.title == "Plate")
    assert [(each.title, each.price.amount) for each in plate.variants] == [("S", 1490), ("L", 1690)]
    parent = next(row for row in store.products.values() if row["name"] == "Plate")
    store.change_variation(parent, parent["variations"][0], price="9.90", stock_status="outofstock")
    seen = client.look_up(Kind.PRODUCT, str(parent["id"]))
    assert [(v.price.amount, v.is_available) for v in seen.product.variants] == [(990, False), (1690, True)]


def test_drafts_are_carts_and_never_orders(client):
    assert len(list(client.orders())) == 6
    (cart,) = client.carts(NOW - timedelta(days=90))
    assert (cart.email, cart.is_typed, cart.completed_at) == ("ivy@example.com", True, None)


def test_looking_up_a_thing_of_another_kind_finds_nothing(client, store):
    order = next(iter(store.orders))
    assert client.look_up(Kind.PRODUCT, str(order)) is None
    assert isinstance(client.look_up(Kind.ORDER, str(order)), OrderSeen)
    draft = list(store.orders)[-1]
    assert isinstance(client.look_up(Kind.ORDER, str(draft)), CartSeen)


def test_what_is_gone_is_missing(client, store):
    ids = list(store.orders)
    store.delete_silently("orders", ids[0])
    assert client.missing("orders", [*ids, 999_999]) == {ids[0], 999_999}
    assert set(client.order_ids()) == {str(each) for each in ids[1:-1]}


def test_a_disabled_webhook_is_deleted_and_made_anew(client, store):
    client.ensure_webhooks()
    before = dict(store.webhooks)
    ill = next(number for number, row in store.webhooks.items() if row["topic"] == "order.updated")
    store.webhooks[ill]["status"] = "disabled"
    health = client.ensure_webhooks()
    assert health.repaired == ("order.updated",)
    assert ill not in store.webhooks
    assert len(store.webhooks) == len(before)
    assert {row["failures"] for row in store.webhooks.values()} == {0}


def test_strangers_webhooks_are_left_alone_and_stale_ones_of_ours_go(client, store):
    theirs = {"id": 1, "topic": "order.created", "delivery_url": "https://other.example/x", "secret": "s"}
    stale = {**theirs, "id": 2, "delivery_url": "https://app.example/webhooks/woocommerce/an-older-token"}
    for row in (theirs, stale):
        store.webhooks[row["id"]] = {**row, "status": "active", "failures": 0}
    client.ensure_webhooks()
    assert 1 in store.webhooks
    assert 2 not in store.webhooks
    client.part()
    assert list(store.webhooks) == [1]


OFFER = Offer(percent=10, starts_at=NOW, ends_at=NOW + timedelta(days=7))


def test_codes_work_once_and_name_nobody(client, store):
    discount = client.codes.open(OFFER, "K7QM-2XHD-94TR")
    assert client.codes.open(OFFER, "K7QM-2XHD-94TR") == discount  # asked again after a lost answer
    assert client.codes.add(discount, ["AAAA-BBBB-CCCC", "K7QM-2XHD-94TR"]) == ["AAAA-BBBB-CCCC"]
    assert {row["code"] for row in store.coupons.values()} == {"k7qm-2xhd-94tr", "aaaa-bbbb-cccc"}
    assert {(row["usage_limit"], row["amount"]) for row in store.coupons.values()} == {(1, "10")}
    assert all("email_restrictions" not in row for row in store.coupons.values())
    expires = {row["date_expires_gmt"] for row in store.coupons.values()}
    assert expires == {woocommerce_store.moment(OFFER.ends_at)}


def test_a_code_is_live_until_its_coupon_is_deleted_or_withdrawn(client, store):
    discount = client.codes.open(OFFER, "AAAA-BBBB-CCCC")
    (coupon,) = store.coupons.values()
    assert client.codes.is_live(discount, "AAAA-BBBB-CCCC")
    assert not client.codes.is_live(discount, "DDDD-EEEE-FFFF")
    coupon["status"] = "draft"
    assert not client.codes.is_live(discount, "AAAA-BBBB-CCCC")
    coupon["status"] = "trash"
    assert not client.codes.is_live(discount, "AAAA-BBBB-CCCC")
    store.coupons.clear()
    assert not client.codes.is_live(discount, "AAAA-BBBB-CCCC")


def test_an_offers_codes_are_deleted_and_no_others(client, store):
    mine = client.codes.open(OFFER, "AAAA")
    client.codes.open(replace(OFFER, percent=20), "BBBB")
    store.coupons[5] = {"id": 5, "code": "theirs", "meta_data": []}
    client.codes.close(mine)
    client.codes.close(mine)
    assert {row["code"] for row in store.coupons.values()} == {"bbbb", "theirs"}


def test_a_code_is_put_on_the_checkout_link_and_on_the_plugins_own():
    platform = WooCommercePlatform("https://app.example")
    link = checkout_link("https://shop.example", [("12", 2), ("18", 1)])
    assert platform.with_code(link, "CART10") == f"{link}&coupon=cart10"
    assert platform.with_code(f"{link}&coupon=old", "CART10") == f"{link}&coupon=cart10"
    own = "https://shop.example/?regulars_restore=abc"
    assert platform.with_code(own, "CART10") == f"{own}&regulars_coupon=cart10"
    assert platform.with_code(f"{own}&regulars_coupon=old", "CART10") == f"{own}&regulars_coupon=cart10"


def test_without_a_link_of_its_own_a_cart_of_one_product_is_filled_again():
    platform = WooCommercePlatform("https://app.example")
    one = platform.cart_link("https://shop.example/", [("12", 2)])
    assert one == "https://shop.example/?add-to-cart=12&quantity=2"
    for lines in ([], [("12", 0)], [("12", 2), ("18", 1)]):
        assert platform.cart_link("https://shop.example", lines) == "https://shop.example/"


def test_lists_are_written_where_they_still_stand_as_seen(client, store):
    mug, bowl, plate = (str(number) for number in store.products)
    store.products[int(bowl)]["cross_sell_ids"] = [int(plate)]
    lists = client.theme_lists
    seen = lists.read([mug, bowl, "999"])
    assert {ref.platform_product_id for ref in seen} == {mug, bowl}
    related, beside = ThemeListRef(mug, ListKind.RELATED), ThemeListRef(bowl, ListKind.COMPLEMENTARY)
    assert seen[related].found.is_empty
    assert seen[beside].found.product_ids == (plate,)
    store.products[int(bowl)]["cross_sell_ids"] = []  # the merchant, meanwhile
    changes = [
        ThemeListChange(related, (bowl, plate), seen[related].mark),
        ThemeListChange(beside, (mug,), seen[beside].mark),
    ]
    assert list(lists.write(changes)) == [beside]
    assert store.products[int(mug)]["upsell_ids"] == [int(bowl), int(plate)]
    assert store.products[int(bowl)]["cross_sell_ids"] == []
    again = lists.read([mug])
    assert lists.write([ThemeListChange(related, None, again[related].mark)]) == {}
    assert store.products[int(mug)]["upsell_ids"] == []


def test_a_store_without_woocommerce_has_no_such_route(store, rest):
    with pytest.raises(NotFoundError):
        rest.get("wc/v9/nothing/at/all")
