"""The stand-in App Bridge in a real browser: the framed app gets token, menu and bars, and nobody else does."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask, jsonify, request

from app.demo.config import default_config
from app.demo.serve import serve
from app.demo.shop import DemoShop
from tests.conftest import PAGE_PATIENCE_SECONDS
from tests.serving import running, served

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "fixtures" / "axe.min.js"
SECRET = "shpss_0123456789abcdef0123456789abcdef"
PAGE = """<!doctype html><html lang="en"><head><meta name="shopify-api-key" content="demo-client-id">
<script src="{bridge}/shopifycloud/app-bridge.js"></script><title>{name}</title></head><body>
<s-app-nav><s-link href="/" rel="home">Home</s-link><s-link href="/settings">Settings</s-link></s-app-nav>
<h1>{name}</h1><form data-save-bar><input aria-label="Sender" value="old"></form></body></html>"""


def framed_app(bridge_of):
    app = Flask("framed")

    @app.get("/whoami")
    def whoami():
        return jsonify(authorization=request.headers.get("Authorization", ""))

    @app.get("/stale")
    def stale():
        """Refuses the first token of each page, as an app does whose clock found it too old."""
        app.config["n_asked"] = app.config.get("n_asked", 0) + 1
        if app.config["n_asked"] == 1:
            return "", 401, {"X-Shopify-Retry-Invalid-Session-Request": "1"}
        return "fresh"

    @app.get("/", defaults={"place": "home"})
    @app.get("/<path:place>")
    def page(place):
        return PAGE.format(bridge=bridge_of(), name=place)

    return app


@pytest.fixture
def admin(store):
    """The demo store with a small app installed; gives the store's address."""
    addresses = {}
    store.clock = replace(store.clock, real=time.time, started_epoch_seconds=-1.0)
    store.base_url = ""
    with served(framed_app(lambda: addresses["store"])) as app_url:
        shop = DemoShop(store, default_config("demo-client-id", SECRET, f"{app_url}/"))
        shop.install()
        with running(serve(shop, "127.0.0.1", 0)) as address:
            addresses["store"] = address
            yield address
        shop.close()


@pytest.fixture
def tab(chromium):
    page = chromium.new_page(viewport={"width": 1200, "height": 760})
    page.set_default_timeout(PAGE_PATIENCE_SECONDS * 1000)
    yield page
    page.close()


def opened(tab, admin, place=""):
    tab.goto(f"{admin}/admin/apps/regulars{place}")
    frame = tab.frame_locator("#app-frame")
    frame.locator("h1").wait_for()
    return tab.frames[1]


def test_a_framed_app_has_all_it_needs(tab, admin):
    frame = opened(tab, admin)
    told = frame.evaluate("fetch('/whoami').then(a => a.json())")
    assert told["authorization"].startswith("Bearer ey")
    assert frame.evaluate("fetch('/stale').then(a => a.text())") == "fresh"
    assert frame.evaluate("shopify.config.shop") == "corner-and-thyme.myshopify.com"
    assert "read_products" in frame.evaluate("shopify.scopes.query()")["granted"]

    frame.evaluate("shopify.toast.show('Saved')")
    tab.get_by_role("status").get_by_text("Saved").wait_for()

    frame.fill("input", "new")
    tab.get_by_text("Unsaved changes").wait_for()
    tab.get_by_role("button", name="Discard").click()
    frame.wait_for_function("document.querySelector('input').value === 'old'")

    tab.get_by_role("link", name="Settings").click()
    tab.wait_for_url("**/admin/apps/regulars/settings")
    assert not frame.get_by_text("Home").is_visible()


def test_a_bounce_page_comes_back_with_a_fresh_token(tab, admin):
    frame = opened(tab, admin)
    frame.evaluate("location.assign('/bounce?shopify-reload=' + encodeURIComponent('/messages?state=sent'))")
    tab.wait_for_url("**/admin/apps/regulars/messages?state=sent")
    assert "id_token=ey" in tab.frames[1].url


def test_a_bounce_page_leads_to_no_other_site(tab, admin):
    frame = opened(tab, admin)
    frame.evaluate(
        "location.assign('/bounce?shopify-reload=' + encodeURIComponent('http://localhost:9/steal'))"
    )
    tab.wait_for_url("**/admin/apps/regulars/bounce**")
    tab.wait_for_load_state("networkidle")
    assert "steal" not in tab.frames[1].url.partition("?")[0]


def test_a_page_opened_outside_the_admin_goes_into_it(tab, admin):
    address = opened(tab, admin).url
    tab.goto(address.replace("/?", "/settings?"))
    tab.wait_for_url(f"{admin}/admin/apps/regulars/settings")


def test_another_frame_gets_no_token(tab, admin):
    """Same origin as the admin, but not the app's frame: the admin does not answer it."""
    opened(tab, admin)
    answered = tab.evaluate(
        """() => new Promise((resolve) => {
          const stranger = document.createElement('iframe');
          stranger.srcdoc = `<script>
            addEventListener('message', () => parent.postMessage('answered', '*'));
            parent.postMessage({appBridge: true, action: 'id-token', id: 1}, '*');
          <\\/script>`;
          addEventListener('message', (event) => { if (event.data === 'answered') resolve(true); });
          document.body.append(stranger);
          setTimeout(() => resolve(false), 700);
        })"""
    )
    assert answered is False


PLACES = (
    "",
    "/apps",
    "/oauth/install",
    "/products",
    "/orders",
    "/customers",
    "/deliveries",
    "/themes/current/editor",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_admins_pages_have_no_accessibility_violation(tab, admin, scheme):
    tab.emulate_media(color_scheme=scheme)
    found = []
    for place in PLACES:
        tab.goto(f"{admin}/admin{place}")
        tab.add_script_tag(path=AXE)
        told = tab.evaluate("axe.run(document, {resultTypes: ['violations']})")
        found += [(place, v["id"], v["nodes"][0]["html"][:120]) for v in told["violations"]]
    assert found == []
