"""The running shop: what a shopper and a merchant do, and what apps hear of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.demo.live import CheckoutClosedError, CodeRefusedError, Discount, NotFoundError, OutOfStockError

CLEO = "cleo@example.com"


def first_variant(store):
    return next(iter(store.world.products.values())).variants[0]


def bought(store, email=CLEO, **about):
    cart = store.add_to_cart(None, first_variant(store).id, 2)
    checkout = store.start_checkout(cart.token)
    store.update_checkout(checkout.token, email=email, **about)
    return store.complete_checkout(checkout.token, "/products/pasta?ref=mail"), checkout


def test_a_cart_is_announced_once_and_then_updated(store, events):
    cart = store.add_to_cart(None, first_variant(store).id)
    store.add_to_cart(cart.token, first_variant(store).id, 2)
    assert [e.topic for e in events] == ["carts/create", "carts/update"]
    assert [line["quantity"] for line in events[1].body["line_items"]] == [3]


def test_a_carts_token_works_with_and_without_its_key(store):
    cart = store.add_to_cart(None, first_variant(store).id)
    assert cart.full_token.startswith(f"{cart.token}?key=")
    assert store.cart(cart.full_token) is store.cart(cart.token) is cart


def test_setting_the_same_quantity_tells_nobody(store, events):
    cart = store.add_to_cart(None, first_variant(store).id, 2)
    store.change_line(cart.token, cart.lines[0].key, 2)
    assert len(events) == 1


def test_an_emptied_cart_has_no_line_items(store, events):
    cart = store.add_to_cart(None, first_variant(store).id, 2)
    store.change_line(cart.token, cart.lines[0].key, 0)
    assert events[-1].body["line_items"] == []


def test_no_more_can_be_put_in_than_there_is(store):
    cart = store.add_to_cart(None, first_variant(store).id, 9)
    with pytest.raises(OutOfStockError):
        store.add_to_cart(cart.token, first_variant(store).id, 2)
    assert store.cart(cart.token).lines[0].quantity == 9


def test_what_is_refused_is_not_told(store, events):
    with pytest.raises(OutOfStockError):
        store.add_to_cart(None, first_variant(store).id, 11)
    assert events == []


def test_an_order_takes_the_stock_ends_the_cart_and_is_told_under_one_event_id(store, events):
    order, checkout = bought(store)
    assert first_variant(store).n_available == 8
    assert store.cart(checkout.cart_token) is None
    told = [e for e in events if e.event_id == events[-1].event_id]
    assert [e.topic for e in told] == [
        "orders/create",
        "checkouts/update",
        "products/update",
        "customers/update",
    ]
    assert told[0].body["cart_token"] == checkout.cart_token
    assert told[0].body["checkout_token"] == checkout.token
    assert told[0].body["landing_site"] == "/products/pasta?ref=mail"
    assert told[0].body["total_price"] == "5.98"
    assert order.name == "#1009"


def test_a_checkout_is_completed_only_once(store):
    _, checkout = bought(store)
    with pytest.raises(CheckoutClosedError):
        store.complete_checkout(checkout.token)


def test_a_new_address_makes_a_customer_and_only_a_tick_subscribes(store, events):
    bought(store, "new@example.com")
    assert store.customer_by_email("NEW@example.com").marketing_state == "not_subscribed"
    bought(store, "new@example.com", accepts_marketing=True)
    assert store.customer_by_email("new@example.com").marketing_state == "subscribed"
    assert [e.topic for e in events].count("customers_email_marketing_consent/update") == 1


def test_an_empty_box_takes_no_consent_away(store):
    bought(store, CLEO, accepts_marketing=False)
    assert store.customer_by_email(CLEO).marketing_state == "subscribed"


def test_an_anonymous_checkout_has_no_customer_key(store, events):
    cart = store.add_to_cart(None, first_variant(store).id)
    checkout = store.start_checkout(cart.token)
    assert "customer" not in events[-1].body
    store.update_checkout(checkout.token, email=CLEO)
    assert events[-1].body["customer"]["email"] == CLEO


def test_coming_back_to_a_checkout_brings_the_carts_present_lines(store, events):
    cart = store.add_to_cart(None, first_variant(store).id)
    checkout = store.start_checkout(cart.token)
    assert store.start_checkout(cart.token) is checkout
    assert [e.topic for e in events] == ["carts/create", "checkouts/create"]
    store.add_to_cart(cart.token, first_variant(store).id)
    assert store.start_checkout(cart.token).lines[0].quantity == 2
    assert events[-1].topic == "checkouts/update"


def test_a_recovery_link_brings_the_cart_back_on_another_device(store):
    cart = store.add_to_cart(None, first_variant(store).id, 2)
    checkout = store.start_checkout(cart.token)
    assert f"/checkouts/ac/{cart.token}/recover?key={checkout.key}" in store.recover_url(checkout)
    store.carts.clear()
    assert store.recover(cart.token, checkout.key) is checkout
    assert store.cart(cart.token).lines[0].quantity == 2
    with pytest.raises(NotFoundError):
        store.recover(cart.token, "guessed")


def test_a_bought_cart_stays_bought_when_its_link_is_opened(store):
    _, checkout = bought(store)
    assert store.recover(checkout.cart_token, checkout.key).order_id is not None
    assert store.cart(checkout.cart_token) is None


def test_cancelling_puts_the_goods_back_and_says_so(store, events):
    order, _ = bought(store)
    events.clear()
    store.cancel_order(order.id)
    assert first_variant(store).n_available == 10
    assert [e.topic for e in events] == ["orders/cancelled", "orders/updated", "products/update"]
    assert events[0].body["cancelled_at"] is not None
    store.cancel_order(order.id)
    assert len(events) == 3


def test_erasing_a_person_takes_them_out_of_the_shop_and_asks_apps_to_follow(store, events):
    cleo = store.customer_by_email(CLEO)
    order_ids = [o.id for o in store.orders_of(cleo.id)]
    store.request_erasure(cleo.id)
    assert store.customer_by_email(CLEO) is None
    assert all(store.world.orders[n].email is None for n in order_ids)
    assert events[-1].topic == "customers/redact"
    assert events[-1].body["customer"] == {"id": cleo.id, "email": CLEO, "phone": None}
    assert events[-1].body["orders_to_redact"] == order_ids


def test_an_erasure_can_wait_as_long_as_shopify_does(store, events):
    store.request_erasure(store.customer_by_email(CLEO).id, delay_days=10)
    assert events[-1].due_at == store.now() + timedelta(days=10)


def test_a_customer_with_orders_is_not_deleted(store, events):
    with pytest.raises(CheckoutClosedError):
        store.delete_customer(store.customer_by_email(CLEO).id)
    fresh = store.create_customer("fay@example.com", "Fay", "Doe")
    store.delete_customer(fresh.id)
    assert events[-1].body["id"] == fresh.id


def discount(store, **about):
    kept = Discount(1, "Ten off", store.now(), None, 0.1, None, 1, False, None, {"COMEBACK-1": 0})
    for name, value in about.items():
        setattr(kept, name, value)
    store.discounts[1] = kept
    return kept


def test_a_single_use_code_works_once_in_any_case(store):
    discount(store)
    cart = store.add_to_cart(None, first_variant(store).id, 5)
    checkout = store.start_checkout(cart.token)
    store.update_checkout(checkout.token, email=CLEO)
    store.apply_code(checkout.token, "comeback-1")
    assert (checkout.discount_code, checkout.discount, checkout.total) == ("COMEBACK-1", 150, 1345)
    order = store.complete_checkout(checkout.token)
    assert store.order_discounts[order.id] == ("COMEBACK-1", 150)
    again = store.start_checkout(store.add_to_cart(None, first_variant(store).id).token)
    with pytest.raises(CodeRefusedError, match="used already"):
        store.apply_code(again.token, "COMEBACK-1")


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({"ends_at": "past"}, "today"),
        ({"customer_ids": frozenset({1})}, "yours"),
        ({"codes": {}}, "isn't a code"),
    ],
)
def test_a_code_that_does_not_fit_is_refused_with_the_reason(store, about, why):
    kept = discount(store, **about)
    if kept.ends_at == "past":
        kept.ends_at = store.now()
    checkout = store.start_checkout(store.add_to_cart(None, first_variant(store).id).token)
    with pytest.raises(CodeRefusedError, match=why):
        store.apply_code(checkout.token, "COMEBACK-1")


def test_records_are_stamped_by_the_shops_clock_to_the_second(store, hand):
    hand.move(90.7)
    product = store.set_stock(first_variant(store).id, 3)
    assert product.updated_at == store.world.starts_at + timedelta(seconds=90)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=20))
def test_whatever_is_put_in_and_taken_out_the_last_thing_told_is_the_cart(store, events, steps):
    variants = [p.variants[0] for p in store.world.products.values()]
    cart = store.add_to_cart(None, variants[0].id)
    for which, quantity in steps:
        line = next((x for x in store.cart(cart.token).lines if x.variant_id == variants[which].id), None)
        if line is not None:
            store.change_line(cart.token, line.key, quantity)
        elif quantity:
            store.add_to_cart(cart.token, variants[which].id, quantity)
    told = [(x["variant_id"], x["quantity"]) for x in events[-1].body["line_items"]]
    assert told == [(x.variant_id, x.quantity) for x in cart.lines]
    assert all(quantity > 0 for _, quantity in told)
