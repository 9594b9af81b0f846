"""The web application over the suite's real PostgreSQL and Redis, and signed requests to it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.services.context import Context
from tests.conftest import TEST_KEYS, Shop


@pytest.fixture
def app(context: Context) -> Flask:
    app = create_app(context=context)
    app.testing = False
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def deliver(client: FlaskClient) -> Callable[..., TestResponse]:
    """Post a webhook as Shopify would; `body` may be bytes or anything JSON can say."""

    def post(
        shop: Shop | str, topic: str, body: Any, *, webhook_id: str = "w-1", **headers: str
    ) -> TestResponse:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        domain = shop if isinstance(shop, str) else shop.domain
        sent = {
            "X-Shopify-Topic": topic,
            "X-Shopify-Shop-Domain": domain,
            "X-Shopify-Webhook-Id": webhook_id,
            "X-Shopify-Api-Version": "2026-07",
            "X-Shopify-Hmac-Sha256": signature(raw),
            "Content-Type": "application/json",
        }
        return client.post("/webhooks/shopify", data=raw, headers={**sent, **headers})

    return post


def signature(raw: bytes) -> str:
    secret = TEST_KEYS["shopify_api_secret"].encode()
    return base64.b64encode(hmac.new(secret, raw, hashlib.sha256).digest()).decode()
