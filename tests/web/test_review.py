"""What Shopify's security check and its review look for, as far as a machine can tell; named after its check ids."""

from __future__ import annotations

import json
import re
import tomllib

import pytest
from flask import Flask

from app import create_app
from app.services.context import Context
from app.settings import Settings
from tests.conftest import ROOT, Shop

from .adminkit import token_for

OTHER = "eve-shop.myshopify.com"
COMPLIANCE = ("customers/data_request", "customers/redact", "shop/redact")


@pytest.fixture
def app(context: Context) -> Flask:
    return create_app(context=context)


def addresses(app: Flask, method: str) -> list[str]:
    """One address of every route that takes the method, placeholders filled."""
    found = []
    for rule in app.url_map.iter_rules():
        if method in (rule.methods or ()) and rule.endpoint != "static":
            found.append(re.sub(r"<(?:int:)[^>]+>", "1", rule.rule))
    return sorted({re.sub(r"<[^>]+>", "x", path) for path in found})


def manifest() -> dict[str, object]:
    return tomllib.loads((ROOT / "shopify.app.toml").read_text())


def test_static_frame_ancestors(app: Flask, ada: Shop) -> None:
    """Every page names who may frame it: nobody, or the one shop whose token was verified."""
    client, headers = app.test_client(), {"Authorization": f"Bearer {token_for(ada)}"}
    n_pages = 0
    for path in addresses(app, "GET"):
        for sent in ({}, headers):
            response = client.get(path, headers=sent, query_string={"shop": OTHER})
            if response.mimetype == "text/html":
                policy = response.headers["Content-Security-Policy"]
                [ancestors] = re.findall(r"frame-ancestors ([^;]+)", policy)
                assert ancestors in {"'none'", f"https://{ada.domain} https://admin.shopify.com"}, path
                assert OTHER not in policy
                assert "X-Frame-Options" not in response.headers
                n_pages += 1
    assert n_pages > 20


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unauthenticated_endpoint(app: Flask, ada: Shop, method: str) -> None:
    """No page of the admin opens without a token, whichever shop the address names."""
    client = app.test_client()
    paths = [path for path in addresses(app, method) if path.startswith("/admin/")]
    assert paths
    for path in paths:
        response = client.open(path, method=method, query_string={"shop": ada.domain})
        assert response.status_code == 401, path
        assert ada.domain not in response.text


def test_request_derived_shop_scope(app: Flask, ada: Shop) -> None:
    """The shop comes from the token; an address, a form or a header that names another changes nothing."""
    headers = {
        "Authorization": f"Bearer {token_for(ada)}",
        "X-Shopify-Shop-Domain": OTHER,
        "X-Forwarded-Host": OTHER,
    }
    response = app.test_client().get("/admin/", headers=headers, query_string={"shop": OTHER, "host": OTHER})
    assert response.status_code == 200
    assert OTHER not in response.text
    assert OTHER not in response.headers["Content-Security-Policy"]


def test_app_proxy_unverified_signature_and_liquid_injection(app: Flask, ada: Shop) -> None:
    """Nothing behind the proxy opens unsigned, and what it answers is never Liquid for the theme to run."""
    client, n_routes = app.test_client(), 0
    for method in ("GET", "POST"):
        for path in (path for path in addresses(app, method) if path.startswith("/proxy/")):
            for query in (
                {"shop": ada.domain},
                {"shop": ada.domain, "timestamp": "1", "signature": "0" * 64},
            ):
                response = client.open(path, method=method, query_string=query)
                assert (response.status_code, response.mimetype) == (401, "application/json"), path
            n_routes += 1
    assert n_routes == 2


@pytest.mark.parametrize("topic", COMPLIANCE)
@pytest.mark.parametrize("signature", [None, "", "AAAA", "x" * 44])
def test_missing_compliance_webhooks(app: Flask, topic: str, signature: str | None) -> None:
    """The three are declared, and one that is not signed by Shopify is answered with 401."""
    webhooks = manifest()["webhooks"]
    assert isinstance(webhooks, dict)
    declared = [name for one in webhooks["subscriptions"] for name in one.get("compliance_topics", [])]
    assert topic in declared
    headers = {"X-Shopify-Topic": topic, "X-Shopify-Shop-Domain": OTHER, "X-Shopify-Webhook-Id": "1"}
    if signature is not None:
        headers["X-Shopify-Hmac-Sha256"] = signature
    body = json.dumps({"shop_domain": OTHER}).encode()
    response = app.test_client().post(
        "/webhooks/shopify", data=body, headers=headers, content_type="application/json"
    )
    assert response.status_code == 401


def test_one_api_version_and_no_deprecated_script_tag_scope() -> None:
    """What is declared is what we speak, and nothing asks for what Shopify has given up."""
    version = str(Settings.model_fields["shopify_api_version"].default)
    webhooks, access = manifest()["webhooks"], manifest()["access_scopes"]
    assert isinstance(webhooks, dict)
    assert isinstance(access, dict)
    assert webhooks["api_version"] == version
    assert "script_tag" not in access["scopes"] + "".join(access.get("optional_scopes", []))


def test_weak_shop_validation_and_no_field_for_a_domain(app: Flask, ada: Shop) -> None:
    """A Shopify merchant never types a shop's address, and only a whole, exact name begins an install."""
    client, headers = app.test_client(), {"Authorization": f"Bearer {token_for(ada)}"}
    for path in addresses(app, "GET"):
        if "woocommerce" in path:
            continue
        html = client.get(path, headers=headers).text
        assert not re.search(r'<input[^>]+name="(?:shop|domain|store)[^"]*"', html), path
    for shop in (
        "evil.com/a.myshopify.com",
        "a.myshopify.com.evil.com",
        "a.myshopify.com\n",
        "-a.myshopify.com",
    ):
        for path in ("/", "/install/shopify/callback"):
            response = client.get(path, query_string={"shop": shop, "hmac": "x", "timestamp": "1"})
            assert "Location" not in response.headers
            assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]


def test_open_redirect(app: Flask, ada: Shop) -> None:
    """No address sends a browser to a place that somebody else chose."""
    client, headers = app.test_client(), {"Authorization": f"Bearer {token_for(ada)}"}
    query = dict.fromkeys(
        ("next", "url", "return_to", "redirect", "redirect_uri", "host"), "https://evil.com/"
    )
    for path in addresses(app, "GET"):
        for sent in ({}, headers):
            response = client.get(path, headers=sent, query_string=query)
            assert "evil.com" not in response.headers.get("Location", ""), path
