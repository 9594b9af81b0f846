"""The application beside a stocked store whose webhooks reach it, both at real times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.services.context import Context
from tests.conftest import MovableClock
from tests.fixtures import woocommerce_store
from tests.fixtures.woocommerce_plugin import PluginDouble
from tests.fixtures.woocommerce_store import Delivery, WooStore

HERE = "http://127.0.0.1:5100"


class Now(MovableClock):
    """The double's times are real ones."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture
def context(context: Context) -> Context:
    return replace(context, clock=Now())  # type: ignore[arg-type]


@pytest.fixture
def client(context: Context) -> FlaskClient:
    return create_app(context=context).test_client()


@pytest.fixture
def store(client: FlaskClient) -> Iterator[WooStore]:
    """A stocked store whose webhooks reach the application."""
    store = WooStore()

    def receive(delivery: Delivery) -> int:
        sender = client.application.test_client()
        path = delivery.url.removeprefix(HERE)
        return sender.post(path, data=delivery.raw, headers=dict(delivery.headers)).status_code

    store.receiver = receive
    with woocommerce_store.running(store):
        yield woocommerce_store.stocked(store, datetime.now(UTC))


@pytest.fixture
def plugin(store: WooStore) -> PluginDouble:
    """Our companion plugin, in the store."""
    store.plugin = PluginDouble()
    return store.plugin
