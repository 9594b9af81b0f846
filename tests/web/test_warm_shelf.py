"""A shelf that lies ready in Redis is answered below Flask: no shopper and no cache may see a difference."""

import pytest
from flask import session
from redis import Redis

from app.platforms.shopify.readings import list_id_of
from app.services import recording
from app.services.recommending import ShelfRequest, forget_shelves, get_shelf, memory, recall_shelf
from app.services.recommending.shelves import build_shelf
from app.services.shops import get_shop
from app.web.shelf import SHELF_PATH, WarmShelves, read_shelf_request
from tests.web.test_shelf import ask, stocked


@pytest.fixture
def goods(context, ada):
    with context.db.shop(ada.shop_id) as connection:
        recording.record_products(connection, ada.shop_id, [stocked(n) for n in range(1, 7)], "EUR")
    return ada


@pytest.fixture
def below(app, monkeypatch):
    """One entry for each request that reached Flask."""
    reached = []
    full = app.full_dispatch_request
    monkeypatch.setattr(app, "full_dispatch_request", lambda *given: (reached.append(True), full(*given))[1])
    return reached


@pytest.mark.parametrize("tag", [None, "known", "other"])
def test_the_ready_shelf_and_the_built_one_are_the_same_answer(client, goods, below, tag):
    etag = ask(client, goods.public_key, product="p1").headers["ETag"]
    headers = {} if tag is None else {"If-None-Match": etag if tag == "known" else '"other"'}
    warm = ask(client, goods.public_key, product="p1", headers=headers)
    assert len(below) == 1
    Redis.flushall(client.application.wsgi_app._context.redis)
    built = ask(client, goods.public_key, product="p1", headers=headers)
    assert len(below) == 2
    assert (warm.status, warm.data) == (built.status, built.data)
    assert sorted(warm.headers) == sorted(built.headers)
    assert warm.status_code == (304 if tag == "known" else 200)


def test_only_a_shelf_that_is_there_is_answered_below_flask(client, goods, below):
    assert isinstance(client.application.wsgi_app, WarmShelves)
    for method in ("HEAD", "POST", "OPTIONS"):
        client.open(SHELF_PATH, method=method, query_string={"shop": goods.public_key, "product": "p1"})
    assert len(below) == 3
    # HEAD has built it.
    ask(client, goods.public_key, product="p1")
    assert len(below) == 3
    ask(client, goods.public_key, product="p2")
    assert len(below) == 4


def test_a_forgotten_shelf_is_built_anew(client, goods, context, below):
    for _ in range(2):
        ask(client, goods.public_key, product="p1")
    with context.db.shop(goods.shop_id) as connection:
        shop = get_shop(connection, goods.shop_id)
    forget_shelves(context, shop)
    ask(client, goods.public_key, product="p1")
    assert len(below) == 2
    assert recall_shelf(context, ShelfRequest("nobody", "product")) is None


def test_a_shelf_that_was_built_before_a_change_is_not_kept_after_it(context, goods, monkeypatch):
    request = ShelfRequest(goods.public_key, "product", ("p1",))
    with context.db.shop(goods.shop_id) as connection:
        shop = get_shop(connection, goods.shop_id)

    def build_and_be_late(context, request):
        built = build_shelf(context, request)
        forget_shelves(context, shop)
        return built

    # The first time round nothing was ever forgotten; the second time something was.
    for _ in range(2):
        with monkeypatch.context() as patched:
            patched.setattr(memory, "build_shelf", build_and_be_late)
            late = get_shelf(context, request)
        assert recall_shelf(context, request) is None
        assert get_shelf(context, request) == late == recall_shelf(context, request)
        forget_shelves(context, shop)


def test_the_shops_shelves_go_together_minutes_after_the_first(context, goods):
    key = f"shelf:{goods.public_key}"
    get_shelf(context, ShelfRequest(goods.public_key, "product", ("p1",)))
    context.redis.expire(key, 100)
    get_shelf(context, ShelfRequest(goods.public_key, "product", ("p2",)))
    assert context.redis.hlen(key) == 2
    assert 0 < context.redis.ttl(key) <= 100


def test_a_cold_shelf_is_looked_for_once(client, goods, context):
    context.redis.config_resetstat()
    ask(client, goods.public_key, product="p1")
    assert context.redis.info("commandstats")["cmdstat_hget"]["calls"] == 1


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", ShelfRequest("", "product")),
        (
            "shop=k&placement=cart&cart=1%2C2&product=9&limit=3",
            ShelfRequest("k", "cart", ("1", "2"), ("9",), 3),
        ),
        ("shop=k&shop=l&product=1%2C2&cart=3", ShelfRequest("k", "product", ("1",), ("3",), 4)),
        ("shop=%ff%00k&limit=1e9&placement=", ShelfRequest("\ufffdk", "product")),
        (
            "shop=k&placement=home&seen=6%2C5%2C4%2C3%2C2%2C1",
            ShelfRequest("k", "home", seen=("6", "5", "4", "3", "2")),
        ),
        ("shop=k&product=1&seen=6", ShelfRequest("k", "product", ("1",))),
        ("shop=caf%C3%A9&limit=99", ShelfRequest("café", "product", limit=12)),
    ],
)
def test_an_address_is_read_for_what_makes_sense_in_it(query, wanted):
    assert read_shelf_request(query) == wanted


def test_a_session_is_not_silently_lost_but_refused(app):
    with app.test_request_context("/"), pytest.raises(RuntimeError, match="session"):
        session["merchant"] = "ada"


@pytest.mark.parametrize("stored", [b"", b"x", b"etag\nsoon\n{}", b"\xff\n60\n{}"])
def test_what_we_did_not_write_is_no_shelf_and_gives_way_to_one(client, context, goods, stored):
    built = ask(client, goods.public_key, product="p1").data
    [key] = context.redis.keys("shelf:*")
    [field] = context.redis.hkeys(key)
    context.redis.hset(key, field, stored)
    for _ in range(2):
        answer = ask(client, goods.public_key, product="p1")
        assert (answer.status_code, answer.data) == (200, built)
    assert context.redis.hget(key, field) != stored


def test_a_list_of_a_full_cart_is_credited_as_the_shelf_named_it(client, goods):
    seeds = ",".join(f"90071992547{n:05}" for n in range(8))
    list_id = ask(client, goods.public_key, placement="cart", cart=seeds).get_json()["list_id"]
    assert len(list_id) > 64
    assert list_id_of(iter([("_regulars", list_id)])) == list_id
