"""What shoppers do on the storefront's pages, and what the store and its app hear of it."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.demo.embed import AppEmbed, built_widget
from app.demo.live import Checkout, Event
from app.demo.store import DemoStore
from app.demo.storefront import storefront_blueprint

ADDRESS = {"last_name": "Doe", "address1": "Ledra 12", "zip": "1011", "city": "Nicosia", "country": "Cyprus"}
KEY = AppEmbed("key_123", "http://127.0.0.1:5100")


def site(store: DemoStore, embed: AppEmbed | None = None) -> Flask:
    app = Flask("storefront-test", static_folder=None)
    app.register_blueprint(storefront_blueprint(store, lambda: embed))
    return app


@pytest.fixture
def visitor(store: DemoStore) -> FlaskClient:
    return site(store).test_client()


def variant_of(store: DemoStore, handle: str) -> int:
    found = store.product_by_handle(handle)
    assert found is not None
    return found.variants[0].id


def begin(visitor: FlaskClient, store: DemoStore) -> Checkout:
    visitor.post("/cart/add.js", json={"id": variant_of(store, "pan")})
    assert visitor.post("/checkout").status_code == 303
    (checkout,) = store.checkouts.values()
    return checkout


def topics(events: list[Event]) -> list[str]:
    return [event.topic for event in events]


PATHS = (
    "/ /collections /collections/all /collections/food /products/pan /cart /search?q=pasta /search"
    " /account/login /pages/about /pages/delivery /pages/privacy"
)


@pytest.mark.parametrize("path", PATHS.split())
def test_every_page_opens(visitor: FlaskClient, path: str) -> None:
    answer = visitor.get(path)
    assert answer.status_code == 200
    assert b"Corner &amp; Thyme" in answer.data


@pytest.mark.parametrize("path", ["/products/none", "/collections/none", "/pages/none", "/none"])
def test_what_is_not_there_is_404_in_the_shops_own_look(visitor: FlaskClient, path: str) -> None:
    answer = visitor.get(path)
    assert answer.status_code == 404
    assert b"Nothing on this shelf" in answer.data


def test_an_address_is_told_as_soon_as_it_is_typed(
    visitor: FlaskClient, store: DemoStore, events: list[Event]
) -> None:
    checkout = begin(visitor, store)
    assert topics(events) == ["carts/create", "checkouts/create"]
    answer = visitor.post(
        f"/checkouts/cn/{checkout.token}/contact.json", data={"email": "new@mail.example.com"}
    )
    assert answer.json == {"is_noted": True}
    assert topics(events)[2:] == ["customers/create", "checkouts/update"]
    assert checkout.email == "new@mail.example.com"
    assert checkout.completed_at is None


def test_a_tick_is_told_with_the_address_and_may_be_taken_back(
    visitor: FlaskClient, store: DemoStore, events: list[Event]
) -> None:
    checkout = begin(visitor, store)
    for told, wanted in (("1", True), ("0", False)):
        form = {"email": "new@mail.example.com", "accepts_marketing": told}
        visitor.post(f"/checkouts/cn/{checkout.token}/contact.json", data=form)
        assert checkout.accepts_marketing is wanted
    assert topics(events)[-1] == "checkouts/update"


def test_half_an_address_is_not_told(visitor: FlaskClient, store: DemoStore, events: list[Event]) -> None:
    checkout = begin(visitor, store)
    answer = visitor.post(f"/checkouts/cn/{checkout.token}/contact.json", data={"email": "new@mail"})
    assert answer.status_code == 422
    assert checkout.email is None


def test_a_checkout_becomes_an_order_and_the_cart_is_gone(
    visitor: FlaskClient, store: DemoStore, events: list[Event]
) -> None:
    visitor.get("/products/pan?utm_source=mail&utm_campaign=cart")
    checkout = begin(visitor, store)
    form = {"email": "cleo@example.com", "accepts_marketing": "1", **ADDRESS}
    assert visitor.post(f"/checkouts/cn/{checkout.token}", data=form).location.endswith("/review")
    assert b"Pay \xe2\x82\xac49.99" in visitor.get(f"/checkouts/cn/{checkout.token}/review").data
    paid = visitor.post(f"/checkouts/cn/{checkout.token}/pay")
    assert paid.location.endswith("/thank_you")
    order = store.world.orders[checkout.order_id or 0]
    assert (order.email, order.landing_site) == (
        "cleo@example.com",
        "/products/pan?utm_source=mail&utm_campaign=cart",
    )
    assert order.name.encode() in visitor.get(paid.location).data
    assert visitor.get("/cart.js").json["item_count"] == 0
    assert "orders/create" in topics(events)


def test_paying_twice_makes_one_order(visitor: FlaskClient, store: DemoStore) -> None:
    checkout = begin(visitor, store)
    visitor.post(f"/checkouts/cn/{checkout.token}", data={"email": "cleo@example.com", **ADDRESS})
    n_before = len(store.world.orders)
    for _ in range(2):
        assert visitor.post(f"/checkouts/cn/{checkout.token}/pay").status_code == 303
    assert len(store.world.orders) == n_before + 1


def test_gaps_in_the_form_are_named_but_the_address_is_kept(visitor: FlaskClient, store: DemoStore) -> None:
    checkout = begin(visitor, store)
    answer = visitor.post(f"/checkouts/cn/{checkout.token}", data={"email": "new@mail.example.com"})
    assert answer.status_code == 422
    assert b"Enter a last name" in answer.data
    assert checkout.email == "new@mail.example.com"


def test_without_the_tick_nobody_is_subscribed(visitor: FlaskClient, store: DemoStore) -> None:
    checkout = begin(visitor, store)
    visitor.post(f"/checkouts/cn/{checkout.token}", data={"email": "new@mail.example.com", **ADDRESS})
    customer = store.customer_by_email("new@mail.example.com")
    assert customer is not None
    assert customer.marketing_state == "not_subscribed"


def test_the_recovery_link_brings_the_cart_to_another_browser(visitor: FlaskClient, store: DemoStore) -> None:
    checkout = begin(visitor, store)
    visitor.post(f"/checkouts/cn/{checkout.token}/contact.json", data={"email": "cleo@example.com"})
    elsewhere = site(store).test_client()
    link = store.recover_url(checkout).removeprefix("http://127.0.0.1:4000")
    answer = elsewhere.get(link)
    assert answer.location == f"/checkouts/cn/{checkout.token}"
    assert b'value="cleo@example.com"' in elsewhere.get(answer.location).data
    assert elsewhere.get("/cart.js").json["item_count"] == 1


@pytest.mark.parametrize("change", [("key=", "key=0"), (str(72_548_380_009), "1")])
def test_a_wrong_recovery_link_opens_nothing(
    visitor: FlaskClient, store: DemoStore, change: tuple[str, str]
) -> None:
    link = store.recover_url(begin(visitor, store)).removeprefix("http://127.0.0.1:4000").replace(*change)
    elsewhere = site(store).test_client()
    assert elsewhere.get(link).status_code == 404
    assert elsewhere.get("/cart.js").json["item_count"] == 0


def test_the_recovery_link_of_a_bought_cart_says_so(visitor: FlaskClient, store: DemoStore) -> None:
    checkout = begin(visitor, store)
    link = store.recover_url(checkout).removeprefix("http://127.0.0.1:4000")
    visitor.post(f"/checkouts/cn/{checkout.token}", data={"email": "cleo@example.com", **ADDRESS})
    visitor.post(f"/checkouts/cn/{checkout.token}/pay")
    assert b"You bought this already" in site(store).test_client().get(link).data


def test_a_permalink_fills_a_new_cart_and_goes_to_the_checkout(
    visitor: FlaskClient, store: DemoStore
) -> None:
    pan, basil = variant_of(store, "pan"), variant_of(store, "basil")
    visitor.post("/cart/add.js", json={"id": basil})
    answer = visitor.get(f"/cart/{pan}:1,{basil}:2?checkout[email]=cleo@example.com&attributes[ref]=mail")
    assert answer.location.startswith("/checkouts/cn/")
    (checkout,) = store.checkouts.values()
    assert sorted((line.variant_id, line.quantity) for line in checkout.lines) == sorted(
        [(pan, 1), (basil, 2)]
    )
    assert (checkout.email, checkout.attributes) == ("cleo@example.com", {"ref": "mail"})
    assert len(store.carts) == 2


@pytest.mark.parametrize("lines", ["x", "1:1:1", "1", "99999:1"])
def test_a_senseless_permalink_leads_to_the_cart(visitor: FlaskClient, store: DemoStore, lines: str) -> None:
    assert visitor.get(f"/cart/{lines}").location == "/cart"
    assert store.carts == {}


def test_a_discount_link_leads_on_only_inside_the_shop(visitor: FlaskClient) -> None:
    assert visitor.get("/discount/TEN?redirect=/cart").location == "/cart"
    assert visitor.get("/discount/TEN?redirect=//evil.example").location == "/"
    assert visitor.get("/discount/TEN?redirect=https://evil.example").location == "/"


def test_an_account_shows_orders_and_its_marketing_choice_reaches_the_app(
    visitor: FlaskClient, store: DemoStore, events: list[Event]
) -> None:
    cleo = store.customer_by_email("cleo@example.com")
    assert cleo is not None
    assert visitor.get("/account").location == "/account/login"
    visitor.post("/account/login", data={"customer_id": cleo.id})
    page = visitor.get("/account").data
    assert b"#1001" in page
    assert b"checked" in page
    visitor.post("/account/marketing", data={})
    assert cleo.marketing_state == "unsubscribed"
    assert topics(events) == ["customers_email_marketing_consent/update", "customers/update"]
    visitor.post("/account/logout")
    assert visitor.get("/account").status_code == 303


def test_who_never_subscribed_is_not_made_unsubscribed(visitor: FlaskClient, store: DemoStore) -> None:
    eva = store.customer_by_email("eva@example.com")
    assert eva is not None
    visitor.post("/account/login", data={"customer_id": eva.id})
    visitor.post("/account/marketing", data={})
    assert eva.marketing_state == "not_subscribed"


def test_the_newsletter_form_makes_a_subscribed_customer(visitor: FlaskClient, store: DemoStore) -> None:
    assert visitor.post("/contact", data={"email": "new@mail.example.com"}).status_code == 200
    customer = store.customer_by_email("new@mail.example.com")
    assert customer is not None
    assert customer.marketing_state == "subscribed"
    assert visitor.post("/contact", data={"email": "new at mail"}).status_code == 422


@pytest.mark.parametrize(
    ("path", "placement"), [("/", "home"), ("/products/pan", "product"), ("/cart", "cart")]
)
def test_an_installed_app_prints_its_shelf_with_a_skeleton_and_one_script(
    store: DemoStore, path: str, placement: str
) -> None:
    page = site(store, KEY).test_client().get(path).text
    (shelf,) = re.findall(r"<regulars-shelf [^>]*>", page)
    assert f'placement="{placement}"' in shelf
    assert 'shop="key_123" api="http://127.0.0.1:5100"' in shelf
    assert 'money-format="€{{amount}}"' in shelf
    pan = store.product_by_handle("pan")
    assert pan is not None
    assert (f'product="{pan.id}"' in shelf) == (placement == "product")
    assert page.count('<template shadowrootmode="open">') == 1
    (script,) = re.findall(r'<script async src="http://127.0.0.1:5100/static/widget/([^"]+)"', page)
    assert script == built_widget().script


def test_a_shelf_stands_only_where_the_merchant_placed_it(store: DemoStore) -> None:
    placed = AppEmbed("key_123", "http://127.0.0.1:5100", frozenset({"product"}))
    client = site(store, placed).test_client()
    assert "<regulars-shelf" in client.get("/products/pan").text
    assert "<regulars-shelf" not in client.get("/cart").text


@pytest.mark.parametrize("path", ["/", "/products/pan", "/cart"])
def test_without_an_app_nothing_of_it_is_printed(visitor: FlaskClient, path: str) -> None:
    page = visitor.get(path).text
    assert "regulars-shelf" not in page
    assert "/static/widget/" not in page


def test_a_widget_that_was_not_built_is_asked_for_by_its_alias(tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert built_widget(tmp_path).script == "regulars.js"
    assert built_widget(tmp_path).integrity is None


@pytest.mark.parametrize(
    ("asked", "side"), [("", 480), ("?width=100", 120), ("?width=241", 360), ("?width=9999", 800)]
)
def test_pictures_come_as_svg_and_as_png_in_the_asked_width(
    visitor: FlaskClient, store: DemoStore, asked: str, side: int
) -> None:
    pan = store.product_by_handle("pan")
    assert pan is not None
    pan.picture_svg = None
    assert visitor.get("/cdn/shop/files/pan.svg").mimetype == "image/svg+xml"
    answer = visitor.get(f"/cdn/shop/files/pan.png{asked}")
    assert answer.data.startswith(b"\x89PNG")
    assert int.from_bytes(answer.data[16:20], "big") == side
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert visitor.get("/cdn/shop/files/none.png").status_code == 404


def test_a_shop_made_of_a_file_does_not_tell_the_built_in_shops_story(store: DemoStore) -> None:
    built_in = site(store).test_client().get("/").text
    store.world.shop_domain, store.world.shop_name = "other.myshopify.com", "Other Shop"
    page = site(store).test_client().get("/").text
    assert "Nicosia" in built_in
    assert "Nicosia" not in page
    assert "Welcome to Other Shop." in page
