"""Shopify shows an app the orders of 60 days unless the merchant allows more: Home says so after the import."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from app.clock import real_now
from app.platforms.base import Credentials
from app.services.connecting import save_credentials

from .adminkit import Merchant, text_of

SENTENCE = "Shopify shows us the orders of the last 60 days only."


@pytest.fixture
def imported(context, ada):
    """Ada's shop after its import, with the scopes given."""

    def bring_in(*scopes: str) -> None:
        with context.db.shop(ada.shop_id) as connection:
            credentials = Credentials(shop_domain=ada.domain, access_token="shpat_test", scopes=scopes)
            save_credentials(context, connection, ada.shop_id, credentials, real_now())
            connection.execute(
                text(
                    "INSERT INTO jobs (shop_id, kind, state, created_at, finished_at)"
                    " VALUES (:shop_id, 'import', 'done', now(), now())"
                ),
                {"shop_id": ada.shop_id},
            )

    return bring_in


def test_a_merchant_is_told_of_the_sixty_days_and_how_to_allow_more(imported, ada, client):
    imported("read_orders", "read_products")
    page = Merchant(client, ada).get("/admin/")
    assert SENTENCE in text_of(page)
    (address,) = re.findall(
        r'href="([^"]*optional_scopes=read_all_orders[^"]*)"', page.get_data(as_text=True)
    )
    assert address.startswith("https://admin.shopify.com/store/ada-tea/oauth/install?client_id=")
    assert "Import again, once it is allowed" in text_of(page)


def test_nothing_is_said_where_all_orders_are_seen(imported, ada, client):
    imported("read_orders", "read_products", "read_all_orders")
    page = Merchant(client, ada).get("/admin/")
    assert page.status_code == 200
    assert SENTENCE not in text_of(page)


def test_nothing_is_said_before_the_import(ada, client):
    page = Merchant(client, ada).get("/admin/")
    assert page.status_code == 200
    assert SENTENCE not in text_of(page)
