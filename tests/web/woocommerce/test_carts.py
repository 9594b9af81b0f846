"""Carts of every kind: from the plugin, from drafts, or both; reminded of once, brought back, credited when bought."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from app.domain.events import Consent, ConsentState
from app.domain.policy import MailPolicy, SenderPolicy
from app.services import consenting, messaging, polling
from app.services.shops import get_shop, save_policy
from tests.fixtures.woocommerce_plugin import PluginDouble, instant
from tests.web.woocommerce.kit import drain, imported, rows

IVY = "ivy@example.org"
TOKEN = "plugin-cart-token-0123456789abcdef"


class Shopping:
    """A connected store with the plugin and with cart reminders on, and the shop's clock to turn."""

    def __init__(self, context, client, store, owner):
        self.context, self.client, self.store, self.owner = context, client, store, owner
        store.plugin = PluginDouble()
        self.shop_id = imported(context, client, store, takes_typed_addresses="yes")
        with context.db.shop(self.shop_id) as connection:
            policy = get_shop(connection, self.shop_id).policy
            awake = MailPolicy(
                quiet_from=datetime.min.time(), quiet_until=datetime.min.time(), holdout_share=0
            )
            sender = SenderPolicy(postal_address="12 Mill Lane, Bristol")
            save_policy(connection, self.shop_id, replace(policy, mail=awake, sender=sender))
            messaging.activate(connection, self.shop_id, "abandoned_cart", context.clock.now())
        self.agree(IVY)

    @property
    def mug(self):
        return next(iter(self.store.products.values()))

    @property
    def bowl(self):
        return list(self.store.products.values())[1]

    def agree(self, email):
        consent = Consent(state=ConsentState.SUBSCRIBED, changed_at=datetime.now(UTC) - timedelta(days=9))
        with self.context.db.shop(self.shop_id) as connection:
            hashed = self.context.hasher.email(self.shop_id, email)
            consenting.record_consent(connection, self.shop_id, hashed, consent, self.context.clock.now())

    def watch(self, *products, token=TOKEN, **more):
        """The plugin tells of a cart with these products."""
        plugin = self.store.plugin
        body = plugin.cart(self.store, token, [plugin.item(each) for each in products], **more)
        headers, raw = plugin.signed(self.store, "regulars_cart.updated", body)
        path = plugin.connection["hook_url"].removeprefix("http://127.0.0.1:5100")
        assert self.client.post(path, data=raw, headers=headers).status_code == 200
        assert drain(self.context, self.shop_id) == 1

    def draft(self, product, email=IVY, token=TOKEN, **more):
        """The block checkout's own order of a cart, as it is while it is not placed."""
        meta = [{"id": 1, "key": "_regulars_cart_token", "value": token}] if token else []
        row = self.store.add_order(
            "checkout-draft", email, product, created_via="store-api", meta_data=meta, **more
        )
        drain(self.context, self.shop_id)
        return row

    def buy(self, email, **more):
        """An order a moment from now: a store writes whole seconds, and a click may be in this very one."""
        at = datetime.now(UTC) + timedelta(seconds=1)
        self.store.add_order("processing", email, self.bowl, at=at, **more)
        drain(self.context, self.shop_id)

    def later(self, **step):
        """Every cart was last touched so much earlier."""
        before = timedelta(**step)
        with self.owner.connect() as connection:
            connection.exec_driver_sql(
                "UPDATE carts SET last_activity_at = last_activity_at - %s, created_at = created_at - %s",
                (before, before),
            )

    def send(self):
        """Plan what is due and send it; how many went out."""
        now = self.context.clock.now()
        messaging.plan_abandoned_carts(self.context, self.shop_id, now)
        return messaging.send_due(self.context, self.shop_id, now, 50).n_sent

    def resume(self):
        """Where the mail's button leads, with its query."""
        (message,) = rows(self.owner, "SELECT message_id FROM messages WHERE state = 'sent'")
        token = self.context.links.resume(self.shop_id, message["message_id"])
        answer = self.client.get(f"/r/{token}")
        assert answer.status_code == 302
        parts = urlsplit(answer.headers["Location"])
        return f"{parts.scheme}://{parts.netloc}{parts.path}", dict(parse_qsl(parts.query))

    def carts(self):
        return rows(self.owner, "SELECT * FROM carts ORDER BY cart_id")

    def credited(self):
        return rows(
            self.owner, "SELECT attributed_message_id AS id FROM orders ORDER BY order_id DESC LIMIT 1"
        )


@pytest.fixture
def shopping(context, client, store, owner):
    return Shopping(context, client, store, owner)


def test_a_cart_left_before_any_checkout_is_reminded_of_and_comes_back_by_the_plugins_link(shopping):
    shopping.watch(shopping.mug)
    shopping.watch(shopping.mug, shopping.bowl, email=IVY)
    (cart,) = shopping.carts()
    assert (cart["email"], cart["total"], len(cart["lines"])) == (IVY, 2680, 2)
    assert shopping.send() == 0  # it is still warm
    shopping.later(hours=2)
    assert shopping.send() == 1
    where, query = shopping.resume()
    assert where == f"{shopping.store.base_url}/"
    assert query["regulars_restore"] == TOKEN
    assert query["utm_source"] == "regulars"
    assert not [name for name in query if "mail" in query[name] and "@" in query[name]]


def test_an_emptied_cart_is_not_reminded_of(shopping):
    shopping.watch(shopping.mug, email=IVY)
    shopping.later(hours=2)
    now = shopping.context.clock.now()
    assert messaging.plan_abandoned_carts(shopping.context, shopping.shop_id, now) == 1
    shopping.watch(email=IVY)
    shopping.later(hours=2)
    assert shopping.send() == 0
    assert rows(shopping.owner, "SELECT state, reason FROM messages") == [
        {"state": "skipped", "reason": "cart_empty"}
    ]


@pytest.mark.parametrize("order", ["plugin first", "draft first", "draft without its cart first"])
def test_a_plugins_cart_and_its_draft_are_one_cart_and_one_mail(shopping, order):
    """In whichever order they are told, and when the draft was there before the plugin could mark it."""
    if order == "plugin first":
        shopping.watch(shopping.mug, email=IVY)
        shopping.draft(shopping.mug)
    elif order == "draft first":
        shopping.draft(shopping.mug)
        shopping.watch(shopping.mug, email=IVY)
    else:
        row = shopping.draft(shopping.mug, token=None)
        shopping.watch(shopping.mug, email=IVY)
        marked = [{"id": 1, "key": "_regulars_cart_token", "value": TOKEN}]
        shopping.store.change_order(row["id"], meta_data=marked)
        drain(shopping.context, shopping.shop_id)
        polling.poll(shopping.context, shopping.shop_id)
    open_carts = [cart for cart in shopping.carts() if cart["state"] == "open"]
    assert [(cart["cart_token"], cart["email"]) for cart in open_carts] == [(TOKEN, IVY)]
    assert open_carts[0]["checkout_token"] is not None
    shopping.later(hours=2)
    assert shopping.send() == 1
    assert len(rows(shopping.owner, "SELECT * FROM messages")) == 1


def test_a_draft_takes_its_carts_name_once_that_is_known(shopping):
    row = shopping.draft(shopping.mug, token=None)
    marked = [{"id": 1, "key": "_regulars_cart_token", "value": TOKEN}]
    shopping.store.change_order(row["id"], meta_data=marked)
    drain(shopping.context, shopping.shop_id)
    shopping.store.change_order(row["id"], meta_data=[])  # and keeps it
    drain(shopping.context, shopping.shop_id)
    (cart,) = shopping.carts()
    assert (cart["cart_token"], cart["checkout_token"]) == (TOKEN, f"order-{row['id']}")


@pytest.mark.parametrize(
    ("version", "has_plugin", "n_products", "path", "query"),
    [
        ("10.5.0", True, 1, "/checkout-link/", {"products"}),
        ("10.5.0", False, 1, "/checkout-link/", {"products"}),
        ("9.9.5", True, 2, "/", {"regulars_restore"}),
        ("9.9.5", False, 1, "/", {"add-to-cart", "quantity"}),
        ("9.9.5", False, 2, "/", set()),
    ],
)
def test_the_way_back_is_the_best_that_the_store_has(shopping, version, has_plugin, n_products, path, query):
    products = [shopping.mug, shopping.bowl][:n_products]
    shopping.store.version = version
    if has_plugin:
        shopping.watch(*products)
    row = shopping.draft(shopping.mug, token=TOKEN if has_plugin else None)
    if n_products == 2:
        line = {**row["line_items"][0], "product_id": shopping.bowl["id"]}
        shopping.store.change_order(row["id"], line_items=[row["line_items"][0], line], total="26.80")
        drain(shopping.context, shopping.shop_id)
    shopping.later(hours=2)
    assert shopping.send() == 1
    where, found = shopping.resume()
    assert where == f"{shopping.store.base_url}{path}"
    assert {name for name in found if not name.startswith("utm_")} == query


def test_a_code_is_put_on_whichever_way_back(shopping):
    with shopping.context.db.shop(shopping.shop_id) as connection:
        policy = get_shop(connection, shopping.shop_id).policy
        save_policy(connection, shopping.shop_id, replace(policy, offer=replace(policy.offer, is_on=True)))
    shopping.watch(shopping.mug, email=IVY)
    shopping.later(hours=2)
    assert shopping.send() == 1
    _, query = shopping.resume()
    (given,) = rows(shopping.owner, "SELECT code FROM offer_codes WHERE message_id IS NOT NULL")
    assert query["regulars_coupon"] == given["code"].lower()
    (coupon,) = [row for row in shopping.store.coupons.values() if row["code"] == query["regulars_coupon"]]
    assert (coupon["usage_limit"], coupon["individual_use"]) == (1, True)
    assert "email_restrictions" not in coupon
    assert re.fullmatch(r"[0-9a-z-]{12,}", coupon["code"])


def test_the_order_closes_the_cart_and_is_credited_by_the_click(shopping):
    shopping.watch(shopping.mug, email=IVY)
    shopping.later(hours=2)
    shopping.send()
    shopping.resume()
    meta = [{"id": 1, "key": "_regulars_cart_token", "value": TOKEN}]
    shopping.buy("other@example.org", meta_data=meta)
    assert [cart["state"] for cart in shopping.carts()] == ["ordered"]
    assert shopping.credited() == [{"id": 1}]


def test_an_order_on_another_device_is_credited_by_the_visit_that_core_tells_of(shopping):
    """Another browser, another cart, another address: only core's own attribution knows where they came from."""
    shopping.draft(shopping.mug, token=None)
    shopping.later(hours=2)
    shopping.send()
    _, query = shopping.resume()
    meta = [
        {"id": number, "key": f"_wc_order_attribution_{name}", "value": value}
        for number, (name, value) in enumerate(query.items())
        if name.startswith("utm_")
    ]
    shopping.buy("work@example.org", created_via="store-api", meta_data=meta)
    assert shopping.credited() == [{"id": 1}]
    other = [{**pair, "value": "newsletter"} if "source" in pair["key"] else pair for pair in meta]
    shopping.buy("else@example.org", meta_data=other)
    assert shopping.credited() == [{"id": None}]


def test_drafts_are_never_bought_whatever_way_they_are_read(shopping):
    before = rows(shopping.owner, "SELECT count(*) AS n, sum(total) AS total FROM orders")
    shopping.draft(shopping.mug)
    shopping.draft(shopping.bowl, "dan@example.com", token=None, customer_id=0)
    polling.poll(shopping.context, shopping.shop_id)
    polling.sweep(shopping.context, shopping.shop_id)
    assert rows(shopping.owner, "SELECT count(*) AS n, sum(total) AS total FROM orders") == before
    found = rows(shopping.owner, "SELECT n_orders_since_training AS n FROM shops")
    assert found == [{"n": 0}]


def test_the_address_of_ones_own_account_was_not_typed(shopping):
    """Without the merchant's yes, a typed address is dropped; who is logged in is known anyway."""
    with shopping.context.db.shop(shopping.shop_id) as connection:
        policy = get_shop(connection, shopping.shop_id).policy
        cart = replace(policy.cart, takes_typed_addresses=False)
        save_policy(connection, shopping.shop_id, replace(policy, cart=cart))
    cleo = next(row for row in shopping.store.customers.values() if row["email"] == "cleo@example.com")
    shopping.watch(shopping.mug, token="a" * 32, email="Cleo@example.com", customer_id=cleo["id"])
    shopping.watch(shopping.mug, token="b" * 32, email=IVY, customer_id=cleo["id"])
    shopping.watch(shopping.mug, token="c" * 32, email=IVY)
    assert [cart["email"] for cart in shopping.carts()] == ["cleo@example.com", None, None]


def test_an_older_cart_that_arrives_late_changes_nothing(shopping):
    shopping.watch(shopping.mug, shopping.bowl, email=IVY)
    early = instant(datetime.now(UTC) - timedelta(minutes=5))
    shopping.watch(
        shopping.mug, updated_at=early, restore_url=f"{shopping.store.base_url}/?regulars_restore=old"
    )
    (cart,) = shopping.carts()
    assert (cart["email"], len(cart["lines"]), cart["total"]) == (IVY, 2, 2680)
    assert cart["recovery_url"].endswith(TOKEN)
