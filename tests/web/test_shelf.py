"""The shelf's endpoint: cacheable by anyone, filtered by stock and cart, and never a shopper's problem."""

import json
from dataclasses import replace

import pytest
from redis import Redis
from sqlalchemy import text

from app import create_app
from app.services import recording
from app.services.shops import get_shop, save_policy
from tests.db.test_recording import at, euro
from tests.web.adminkit import Furniture, Statements
from tests.web.conftest import signature

from app.domain.catalog import Product, Variant  # isort: skip


def stocked(number, *, n_available=5, is_published=True, version=1):
    return Product(
        platform_product_id=f"p{number}",
        handle=f"thing-{number}",
        title=f"Thing {number}",
        path=f"/products/thing-{number}",
        is_published=is_published,
        source_updated_at=at(version),
        variants=(
            Variant(
                platform_variant_id=f"v{number}",
                price=euro(1000 + number),
                compare_at_price=euro(2000),
                n_available=n_available,
                is_available=n_available > 0,
            ),
        ),
    )


@pytest.fixture
def goods(context, ada):
    products = [stocked(n) for n in range(1, 7)]
    products += [stocked(7, n_available=0), stocked(8, is_published=False)]
    with context.db.shop(ada.shop_id) as connection:
        recording.record_products(connection, ada.shop_id, products, "EUR")
    return ada


def ask(client, key, **query):
    headers = query.pop("headers", {})
    return client.get(
        "/storefront/v1/shelf", query_string={"shop": key, "limit": 4, **query}, headers=headers
    )


def ids(response):
    return [product["id"] for product in json.loads(response.data)["products"]]


def test_a_shelf_holds_what_can_be_bought_and_not_its_own_product(client, goods):
    response = ask(client, goods.public_key, placement="product", product="p1")
    assert ids(response) == ["p6", "p5", "p4", "p3", "p2"]
    body = json.loads(response.data)
    assert (body["currency"], body["exponent"], body["list_id"]) == ("EUR", 2, "m0.newest.p1")
    assert body["products"][0] == {
        "id": "p6",
        "title": "Thing 6",
        "url": "/products/thing-6",
        "image": None,
        "alt": "Thing 6",
        "price": {"amount": 1006},
        "compare_at": {"amount": 2000},
        "price_varies": False,
        "variant_id": "v6",
        "is_available": True,
    }


def test_what_is_in_the_cart_is_left_out(client, goods):
    assert ids(ask(client, goods.public_key, placement="cart", cart="p6,p5")) == ["p4", "p3", "p2", "p1"]


def test_any_cache_may_keep_it_and_ask_again_by_its_tag(client, goods):
    first = ask(client, goods.public_key, product="p1")
    assert first.headers["Cache-Control"] == "public, max-age=300, stale-while-revalidate=86400"
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    assert "Set-Cookie" not in first.headers
    assert "Vary" not in first.headers
    again = ask(client, goods.public_key, product="p1", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_selling_out_is_seen_at_the_next_look(client, goods, context):
    assert "p6" in ids(ask(client, goods.public_key, product="p1"))
    body = {
        "id": 6,
        "handle": "thing-6",
        "title": "Thing 6",
        "status": "active",
        "published_at": "2026-11-01T00:00:00Z",
        "updated_at": at(60).isoformat(),
        "variants": [
            {
                "id": 66,
                "price": "10.06",
                "inventory_quantity": 0,
                "inventory_management": "shopify",
                "inventory_policy": "deny",
            }
        ],
    }
    with context.db.shop(goods.shop_id) as connection:
        connection.execute(
            text("UPDATE products SET platform_product_id = '6' WHERE platform_product_id = 'p6'")
        )
    raw = json.dumps(body).encode()
    headers = {
        "X-Shopify-Topic": "products/update",
        "X-Shopify-Shop-Domain": goods.domain,
        "X-Shopify-Webhook-Id": "w-6",
        "X-Shopify-Hmac-Sha256": signature(raw),
    }
    assert client.post("/webhooks/shopify", data=raw, headers=headers).status_code == 200
    from app.services import ingesting

    assert ingesting.process_shop(context, goods.shop_id).n_done == 1
    assert not {"6", "p6"} & set(ids(ask(client, goods.public_key, product="p1")))


@pytest.mark.parametrize("key", ["", "nobody", "x" * 500, "é\x00", "'; DROP TABLE shops; --"])
def test_an_unknown_shop_is_an_empty_shelf_for_a_minute(client, key):
    response = ask(client, key, product="p1")
    assert (response.status_code, ids(response)) == (200, [])
    assert response.headers["Cache-Control"].startswith("public, max-age=60")


@pytest.mark.parametrize(
    "query",
    [
        {"placement": "moon"},
        {"limit": "-1"},
        {"limit": "many"},
        {"limit": "99999999999"},
        {"product": "x" * 4000},
        {"product": "é☕"},
        {"cart": ",".join(str(n) for n in range(500))},
    ],
)
def test_a_strange_question_gets_a_plain_shelf(client, goods, query):
    response = ask(client, goods.public_key, **{"product": "p1", **query})
    assert response.status_code == 200
    assert 1 <= len(ids(response)) <= 20


def test_redis_being_away_costs_time_and_not_the_shelf(context, goods):
    away = replace(context, redis=Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.1))
    assert len(ids(ask(create_app(context=away).test_client(), goods.public_key, product="p1"))) == 5


def test_asking_for_nonsense_does_not_fill_redis(client, goods, context, monkeypatch):
    monkeypatch.setattr("app.services.recommending.memory.MAX_KEPT", 20)
    for number in range(50):
        ask(client, f"nobody-{number}", product="p1")
        ask(client, goods.public_key, product=f"no-such-{number}")
    keys = [key for key in context.redis.keys("shelf:*") if key != f"shelf:{goods.public_key}".encode()]
    assert keys == []
    assert context.redis.hlen(f"shelf:{goods.public_key}") <= 20


def test_a_short_list_is_filled_from_its_category_and_then_from_the_shop(client, goods, context):
    with context.db.shop(goods.shop_id) as connection:
        made = Furniture(context, connection, goods)
        connection.execute(
            text("UPDATE products SET category = 'Tea' WHERE platform_product_id IN ('p1', 'p2', 'p5')")
        )
        known = connection.execute(text("SELECT platform_product_id, product_id FROM products")).all()
        numbers = dict(map(tuple, known))
        model_id = made.model("published", days_ago=0)
        made.ranking(model_id, "also_bought", numbers["p1"], [numbers["p7"], numbers["p4"]], [])
        made.ranking(
            model_id, "bestsellers", 0, [numbers[name] for name in ("p3", "p5", "p1", "p6", "p4")], []
        )
    filled = ask(client, goods.public_key, product="p1")
    assert ids(filled) == ["p4", "p5", "p3", "p6", "p2"]
    assert filled.json["strategy"] == "also_bought"
    unlisted = ask(client, goods.public_key, product="p2")
    assert ids(unlisted) == ["p5", "p1", "p3", "p6", "p4"]
    assert unlisted.json["strategy"] == "category_bestsellers"
    uncategorised = ask(client, goods.public_key, product="p6")
    assert ids(uncategorised) == ["p3", "p5", "p1", "p4", "p2"]
    assert uncategorised.json["strategy"] == "bestsellers"


@pytest.fixture
def learned(goods, context):
    """With p1 go p4 and p5, with p2 goes p6; p3 sells best."""
    with context.db.shop(goods.shop_id) as connection:
        made = Furniture(context, connection, goods)
        known = connection.execute(text("SELECT platform_product_id, product_id FROM products")).all()
        numbers = dict(map(tuple, known))
        model_id = made.model("published", days_ago=0)
        made.ranking(model_id, "also_bought", numbers["p1"], [numbers["p4"], numbers["p5"]], [])
        made.ranking(model_id, "also_bought", numbers["p2"], [numbers["p6"]], [])
        made.ranking(model_id, "bestsellers", 0, [numbers[name] for name in ("p3", "p2", "p1")], [])
    return goods


def test_a_home_page_goes_by_what_was_looked_at_in_this_tab(client, learned):
    everybodys = ask(client, learned.public_key, placement="home")
    assert ids(everybodys)[:3] == ["p3", "p2", "p1"]
    seen = ask(client, learned.public_key, placement="home", seen="p1,p2")
    assert ids(seen)[:4] == ["p4", "p5", "p6", "p3"]
    assert seen.json["list_id"].endswith(".also_bought.seen")
    assert ids(ask(client, learned.public_key, placement="home", seen="p2,p1"))[:3] == ["p6", "p4", "p5"]
    assert ids(ask(client, learned.public_key, placement="home"))[:3] == ["p3", "p2", "p1"]


def test_what_goes_with_a_cart_comes_before_what_goes_with_what_was_looked_at(client, learned):
    shelf = ask(client, learned.public_key, placement="cart", cart="p2", seen="p1")
    assert ids(shelf)[:4] == ["p6", "p4", "p5", "p3"]
    assert shelf.json["list_id"].endswith(".also_bought.p2")


@pytest.mark.parametrize("seen", ["", "nothing-of-ours", "p9\0", ",,,", "p1," * 40])
def test_what_was_looked_at_can_be_nonsense_and_a_products_page_never_asks(client, learned, seen):
    assert "p3" in ids(ask(client, learned.public_key, placement="home", seen=seen))
    with_seen = ask(client, learned.public_key, product="p2", seen=seen)
    assert with_seen.data == ask(client, learned.public_key, product="p2").data


def test_a_full_list_is_not_looked_beyond(client, goods, context):
    with context.db.shop(goods.shop_id) as connection:
        made = Furniture(context, connection, goods)
        more = [made.product(number, f"Tea {number}") for number in range(40, 52)]
        seed = connection.execute(
            text("SELECT product_id FROM products WHERE platform_product_id = 'p1'")
        ).scalar()
        made.ranking(made.model("published", days_ago=0), "also_bought", seed, more, [])
    with Statements(context.db.engine) as statements:
        found = ids(ask(client, goods.public_key, product="p1"))
    assert found == [str(number) for number in range(8040, 8052)]
    assert sum("FROM recommendations" in statement for statement in statements.sent) == 1


def test_a_merchant_who_hides_the_shelf_sees_it_go(client, goods, context):
    with context.db.shop(goods.shop_id) as connection:
        shop = get_shop(connection, goods.shop_id)
        save_policy(
            connection, goods.shop_id, replace(shop.policy, shelf=replace(shop.policy.shelf, is_shown=False))
        )
    assert ids(ask(client, goods.public_key, product="p1")) == []


def beacon(shop, **change):
    event = {"type": "click", "list_id": "m1.also_bought.p1", "product": "p2", "position": 0}
    return {"shop": shop.public_key, "visit": "0" * 32, "events": [event | change]}


def n_visits(context, shop):
    with context.db.shop(shop.shop_id) as connection:
        return connection.execute(text("SELECT count(*) FROM visits")).scalar()


def post_beacon(client, body, origin="https://ada-tea.example"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(
        "/storefront/v1/events", data=raw, headers={"Origin": origin, "Content-Type": "text/plain"}
    )


def test_a_consenting_shoppers_beacon_is_stored_without_anything_of_them(client, context, ada):
    assert post_beacon(client, beacon(ada)).status_code == 204
    with context.db.shop(ada.shop_id) as connection:
        stored = connection.execute(
            text("SELECT kind, list_id, platform_product_id, position FROM visits")
        ).one()
    assert tuple(stored) == ("click", "m1.also_bought.p1", "p2", 0)


@pytest.mark.parametrize(
    "change", [{"type": "buy"}, {"position": -1}, {"product": "x" * 65}, {"list_id": None}]
)
def test_a_beacon_that_makes_no_sense_is_told_so_and_not_stored(client, context, ada, change):
    response = post_beacon(client, beacon(ada, **change))
    assert response.status_code == 400
    assert response.json["error"].startswith("events.0")
    assert n_visits(context, ada) == 0


def test_a_beacon_from_another_page_or_for_no_shop_is_dropped_in_silence(client, context, ada, ben):
    assert post_beacon(client, beacon(ada), origin="https://evil.example").status_code == 204
    assert post_beacon(client, beacon(ada) | {"shop": "nobody"}).status_code == 204
    assert post_beacon(client, b"\xff\x00").status_code == 400
    assert n_visits(context, ada) == n_visits(context, ben) == 0


def test_a_flood_from_one_address_is_slowed(client, ada):
    answers = {post_beacon(client, beacon(ada)).status_code for _ in range(130)}
    assert answers == {204, 429}


def test_the_widgets_script_is_kept_for_ever_under_its_hash_and_for_minutes_under_its_name(client):
    from app.settings import ROOT

    manifest = json.loads((ROOT / "static/widget/manifest.json").read_text())
    hashed = client.get(f"/static/widget/{manifest['regulars.js']}", buffered=True)
    alias = client.get("/static/widget/regulars.js", buffered=True)
    assert hashed.data == alias.data
    assert hashed.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert alias.headers["Cache-Control"] == "public, max-age=300"
    assert client.get("/static/widget/regulars.0000.js").status_code == 404
