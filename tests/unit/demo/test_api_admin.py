"""The admin around the app, the app proxy, and the control endpoints that drive a demo."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import threading
from dataclasses import replace
from urllib.parse import parse_qs, parse_qsl, urlsplit

import jwt
import pytest
import requests

from app.demo.config import from_toml
from app.demo.control import customer_row, digest_of, order_row, product_row
from app.demo.fields import Caller
from app.demo.serve import app_embed, parser, read_config, serve
from app.demo.tokens import covers
from tests.serving import running

SECRET = "shpss_0123456789abcdef0123456789abcdef"
TOML = """
name = "Regulars"
handle = "regulars"
application_url = "https://regulars.example"
[access_scopes]
scopes = "read_products, read_orders"
optional_scopes = ["read_all_orders"]
[auth]
redirect_urls = ["https://regulars.example/install/shopify/callback"]
[webhooks]
api_version = "2026-07"
[[webhooks.subscriptions]]
uri = "/webhooks/shopify"
compliance_topics = ["shop/redact"]
[[webhooks.subscriptions]]
uri = "https://regulars.example/webhooks/shopify"
topics = ["orders/create"]
[app_proxy]
url = "https://regulars.example/storefront/v1"
prefix = "apps"
subpath = "regulars"
"""


def frame_source(page):
    return re.search(r'data-src="([^"]+)"', page)[1].replace("&amp;", "&")


PAGES = [
    "",
    "/apps",
    "/oauth/install",
    "/products",
    "/orders",
    "/customers",
    "/deliveries",
    "/themes/current/editor",
]


@pytest.mark.parametrize("path", [f"/admin{page}" for page in PAGES])
def test_every_admin_page_is_there_before_and_after_installing(client, shop, path):
    assert client.get(path).status_code == 200
    shop.install()
    assert client.get(path).status_code == 200


def test_opening_an_app_that_is_not_installed_leads_to_installing_it(client):
    assert client.get("/admin/apps/regulars").headers["Location"] == "/admin/oauth/install"


def test_install_grants_the_scopes_and_the_optional_ones_if_ticked(client, shop):
    client.post("/admin/apps/install")
    assert not covers(shop.office.installation.scopes, "read_all_orders")
    client.post("/admin/apps/uninstall")
    answer = client.post("/admin/apps/install", data={"with_optional": "yes"})
    assert answer.headers["Location"] == "/admin/apps/regulars"
    assert covers(shop.office.installation.scopes, "read_all_orders")


def test_the_app_is_framed_with_a_signed_query_and_a_fresh_id_token(client, shop):
    shop.install()
    source = urlsplit(frame_source(client.get("/admin/apps/regulars/messages?tab=sent&hmac=forged").text))
    told = dict(parse_qsl(source.query))
    assert f"{source.scheme}://{source.netloc}{source.path}" == "http://127.0.0.1:9/messages"
    assert set(told) == {
        "tab",
        "embedded",
        "host",
        "hmac",
        "id_token",
        "locale",
        "session",
        "shop",
        "timestamp",
    }
    signed = {k: v for k, v in told.items() if k not in {"hmac", "tab"}}
    message = "&".join(f"{k}={signed[k]}" for k in sorted(signed))
    assert told["hmac"] == hmac.new(SECRET.encode(), message.encode(), hashlib.sha256).hexdigest()
    assert base64.b64decode(told["host"] + "==") == b"127.0.0.1:4000/admin"
    claims = jwt.decode(told["id_token"], options={"verify_signature": False})
    assert claims["sid"] == told["session"] == shop.session_id


def test_an_app_is_found_by_its_handle_and_by_its_client_id_only(client, shop):
    shop.install()
    assert client.get("/admin/apps/regulars").status_code == 200
    moved = client.get("/admin/apps/demo-client-id/admin/messages?state=sent")
    assert moved.location == "/admin/apps/regulars/admin/messages?state=sent"
    assert client.get("/admin/apps/other").status_code == 404


def test_a_launch_outside_the_frame_is_signed_and_carries_no_token(client, shop):
    told = parse_qs(urlsplit(client.get("/admin/apps/launch").headers["Location"]).query)
    assert set(told) == {"hmac", "host", "shop", "timestamp"}


def test_only_the_admin_page_itself_gets_an_id_token(client, shop):
    shop.install()
    assert client.post("/admin/internal/id-token").get_json()["id_token"]
    assert (
        client.post("/admin/internal/id-token", headers={"Origin": "http://127.0.0.1:9"}).status_code == 403
    )
    assert (
        client.post("/admin/internal/id-token", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    )
    shop.uninstall()
    assert client.post("/admin/internal/id-token").status_code == 404


def test_app_bridge_is_served_where_shopify_serves_it(client):
    answer = client.get("/shopifycloud/app-bridge.js")
    assert (answer.status_code, answer.mimetype) == (200, "text/javascript")
    answer.close()


def test_scopes_asked_for_later_are_granted_and_told(client, shop, events):
    shop.install(with_optional=False)
    told = client.post(
        "/admin/internal/scopes", json={"grant": ["read_all_orders", "write_orders"]}
    ).get_json()
    assert "read_all_orders" in told["granted"]
    assert "write_orders" not in told["granted"]
    assert events[-1].topic == "app/scopes_update"
    assert events[-1].body["current"][-1] == "read_all_orders"


def test_the_merchants_buttons_do_what_they_say(client, shop, events):
    shop.install()
    world = shop.store.world
    product = next(iter(world.products.values()))
    order = next(iter(world.orders))
    eva = shop.store.customer_by_email("eva@example.com")
    client.post(f"/admin/products/{product.id}", data={"variant": product.variants[0].id, "stock": "3"})
    client.post(f"/admin/products/{product.id}", data={"status": "draft"})
    client.post(f"/admin/orders/{order}/cancel")
    client.post(f"/admin/customers/{eva.id}/subscribe")
    client.post(f"/admin/customers/{eva.id}/request-data")
    client.post(f"/admin/customers/{eva.id}/erase")
    assert product.variants[0].n_available == 3 + 1
    assert product.status == "draft"
    assert world.orders[order].cancelled_at is not None
    assert eva.email is None
    assert {e.topic for e in events} >= {"orders/cancelled", "customers/data_request", "customers/redact"}
    assert client.post("/admin/orders/1/cancel").status_code == 404
    assert client.post(f"/admin/customers/{eva.id}/explode").status_code == 404


KEEP_KEY = """mutation { metafieldsSet(metafields: [
  {ownerId: "gid://shopify/AppInstallation/1", namespace: "regulars", key: "shop_key",
    type: "single_line_text_field", value: "key-1"},
  {ownerId: "gid://shopify/AppInstallation/1", namespace: "regulars", key: "api_url",
    type: "single_line_text_field", value: "https://app.example/api"}]) { userErrors { message } } }"""


def test_a_shelf_is_on_when_the_merchant_saves_the_theme_the_app_linked_to(client, shop, ask):
    assert app_embed(shop) is None
    link = (
        "/admin/themes/current/editor?template=product&addAppBlockId=demo-client-id/shelf&target=mainSection"
    )
    assert 'name="block-product" value="shelf" checked' in client.get(link).text
    client.post("/admin/themes/current/editor", data={"block-product": "shelf", "template": "product"})
    assert app_embed(shop) is None
    assert ask(KEEP_KEY)["data"]["metafieldsSet"]["userErrors"] == []
    embed = app_embed(shop)
    assert (embed.shop_key, embed.app_url, embed.templates) == (
        "key-1",
        "https://app.example/api",
        {"product"},
    )
    shop.uninstall()
    shop.install()
    assert app_embed(shop) is None
    assert shop.store.metafields == {}


def test_the_deliveries_are_shown_and_told(client, shop, receiver):
    shop.install()
    shop.post.subscribe("products/update", receiver.url, "2026-07")
    shop.store.set_stock(next(iter(shop.store.world.products.values())).variants[0].id, 1)
    told = client.get("/admin/deliveries.json").get_json()
    row = told["deliveries"][0]
    assert (row["topic"], row["state"], told["n_waiting"]) == ("products/update", "pending", 1)
    assert row["topic"] in client.get("/admin/deliveries").text
    assert "X-Shopify-Hmac-Sha256" in client.get(f"/admin/deliveries/{row['webhook_id']}").text


# -- control ---------------------------------------------------------------------------------------------


def test_the_truth_is_a_digest_of_rows_anyone_can_make_again(client, shop):
    told = client.get("/demo/truth?rows=1").get_json()
    world = shop.store.world
    for kind, row in (("products", product_row), ("customers", customer_row), ("orders", order_row)):
        rows = [row(x) for x in getattr(world, kind).values()]
        assert told[kind] == {"count": len(rows), "sha256": digest_of(rows), "rows": rows}
    before = client.get("/demo/truth").get_json()
    shop.store.cancel_order(next(iter(world.orders)))
    after = client.get("/demo/truth").get_json()
    assert before["orders"] != after["orders"]
    assert before["customers"] == after["customers"]


def test_the_state_counts_what_is_open(client, shop):
    shop.install()
    shop.store.add_to_cart(None, next(iter(shop.store.world.products.values())).variants[0].id)
    told = client.get("/demo/state").get_json()
    assert told["counts"] == {"products": 4, "customers": 3, "orders": 8}
    assert [c["n_lines"] for c in told["open_carts"]] == [1]
    assert told["is_installed"] is True
    assert told["now"] == "2026-11-21T12:00:00+00:00"


def test_faults_are_changed_by_name_and_the_rest_stays(client, shop):
    client.post(
        "/demo/faults", json={"webhooks": {"drop_share": 0.05, "seed": 3}, "throttle": {"maximum": 100}}
    )
    told = client.post(
        "/demo/faults", json={"webhooks": {"double_share": 0.2}, "access_seconds": 60}
    ).get_json()
    assert (told["webhooks"]["drop_share"], told["webhooks"]["double_share"], told["webhooks"]["seed"]) == (
        0.05,
        0.2,
        3,
    )
    assert told["throttle"] == {"is_on": True, "maximum": 100.0, "restore": 100.0}
    shop.install()
    assert shop.office.exchange(expiring=True, online=False)["expires_in"] == 60
    assert client.post("/demo/faults", json={"webhooks": {"drop_share": "often"}}).status_code == 400


def test_the_control_endpoints_answer_this_machine_and_no_web_page(client):
    assert client.get("/demo/state", environ_base={"REMOTE_ADDR": "10.0.0.9"}).status_code == 403
    assert client.get("/demo/state", headers={"Origin": "http://127.0.0.1:9"}).status_code == 403


# -- configuration and serving ---------------------------------------------------------------------------


def test_the_apps_own_toml_says_what_is_granted_and_sent_moved_to_where_it_runs(tmp_path):
    path = tmp_path / "shopify.app.toml"
    path.write_text(TOML)
    config = from_toml(path, "id", "secret", "http://127.0.0.1:9")
    assert config.scopes == ("read_products", "read_orders")
    assert config.optional_scopes == ("read_all_orders",)
    assert config.redirect_urls == ("http://127.0.0.1:9/install/shopify/callback",)
    assert config.subscriptions == (
        ("shop/redact", "http://127.0.0.1:9/webhooks/shopify"),
        ("orders/create", "http://127.0.0.1:9/webhooks/shopify"),
    )
    assert config.app_proxy == ("apps", "regulars", "http://127.0.0.1:9/storefront/v1")


def test_the_command_reads_its_secret_from_the_environment(monkeypatch):
    monkeypatch.setenv("DEMO_CLIENT_SECRET", "told")
    arguments = parser().parse_args(["--app-url", "http://127.0.0.1:9"])
    assert read_config(arguments).client_secret == "told"
    monkeypatch.delenv("DEMO_CLIENT_SECRET")
    assert read_config(arguments).client_secret.startswith("shpss_")


@pytest.fixture
def served(shop):
    shop.store.base_url = ""
    with running(serve(shop, "127.0.0.1", 0)):
        yield shop


def test_the_server_answers_over_a_kept_connection_and_knows_its_address(served):
    with requests.Session() as session:
        told = session.get(f"{served.store.base_url}/demo/state", timeout=60).json()
        assert told["shop"] == "corner-and-thyme.myshopify.com"
        assert session.get(f"{served.store.base_url}/admin", timeout=60).status_code == 200


def test_a_reset_connection_is_a_connection_error_to_the_app(served):
    served.install()
    token = served.office.exchange(expiring=True, online=False)["access_token"]
    address = f"{served.store.base_url}/admin/api/2026-07/graphql.json"
    requests.post(f"{served.store.base_url}/demo/faults", json={"webhooks": {"reset_share": 1}}, timeout=60)
    with pytest.raises(requests.ConnectionError):
        requests.post(
            address,
            json={"query": "{ shop { name } }"},
            headers={"X-Shopify-Access-Token": token},
            timeout=60,
        )


def test_a_token_whose_answer_was_cut_off_was_given_all_the_same(served):
    served.install()
    pair = served.office.exchange(expiring=True, online=False)
    served.post.set_faults(replace(served.post.faults, reset_share=1.0))
    config = served.config
    asked = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    secret = {"client_id": config.client_id, "client_secret": config.client_secret}
    with pytest.raises(requests.ConnectionError):
        requests.post(f"{served.store.base_url}/admin/oauth/access_token", data=asked | secret, timeout=60)
    assert served.office.n_refreshes == 1
    served.post.set_faults(replace(served.post.faults, reset_share=0.0))
    again = requests.post(
        f"{served.store.base_url}/admin/oauth/access_token", data=asked | secret, timeout=60
    )
    assert again.status_code == 200


def test_a_file_is_cut_off_in_its_middle_and_the_rest_can_be_asked_for(served):
    served.install()
    token = served.office.check(served.office.exchange(expiring=True, online=False)["access_token"])
    served.bulk.runs_at_once = True
    operation = served.bulk.run(
        Caller(served, token, "2026-07"), "{ products { nodes { id title } } }", group_objects=False
    )
    url = operation.shown(served.store)["url"]
    whole = requests.get(url, timeout=60).content
    served.post.set_faults(replace(served.post.faults, reset_share=1.0))
    with pytest.raises(requests.RequestException):
        requests.get(url, timeout=60)
    served.post.set_faults(replace(served.post.faults, reset_share=0.0))
    rest = requests.get(url, headers={"Range": f"bytes={len(whole) // 2}-"}, timeout=60)
    assert (rest.status_code, rest.content) == (206, whole[len(whole) // 2 :])


def test_the_app_proxy_signs_and_strips_cookies(served, receiver):
    proxied = from_proxy(served, receiver)
    answer = requests.post(proxied + "/beacon?x=1&x=2", data=b"hello", cookies={"cart": "secret"}, timeout=60)
    assert answer.status_code == 200
    headers, raw = receiver.requests[0]
    assert raw == b"hello"
    assert "cookie" not in headers
    assert headers["x-forwarded-for"] == "127.0.0.1"


def from_proxy(shop, receiver):
    """The proxy's address is fixed when the app is assembled, so this one is assembled anew."""
    from flask import Flask
    from werkzeug.serving import make_server

    from app.demo.app_proxy import app_proxy_blueprint

    shop.install()
    shop.config = replace(shop.config, app_proxy=("apps", "regulars", receiver.url))
    shop.office.change_scopes(["write_app_proxy"])
    app = Flask("proxy")
    app.register_blueprint(app_proxy_blueprint(shop))
    server = make_server("127.0.0.1", 0, app)
    threading.Thread(target=lambda: (server.handle_request(), server.server_close()), daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/apps/regulars"
