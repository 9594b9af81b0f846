"""The merchant's pages as they are read: exact figures, nobody else's rows, nothing without a token."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from app import create_app
from app.services.context import Context
from tests.conftest import Shop

from .adminkit import Furniture, Merchant, Statements, furnish, text_of, token_for

PAGES = (
    "/admin/",
    "/admin/recommendations",
    "/admin/recommendations?q=blue",
    "/admin/recommendations/products/8003",
    "/admin/messages",
    "/admin/messages?state=planned",
    "/admin/activity",
    "/admin/settings",
)


@pytest.fixture
def app(context: Context) -> Flask:
    return create_app(context=context)


@pytest.fixture
def merchant(app: Flask, ada: Shop) -> Merchant:
    return Merchant(app.test_client(), ada)


@pytest.fixture
def ids(context: Context, ada: Shop) -> dict[str, int]:
    return furnish(context, ada)


@pytest.mark.parametrize("path", PAGES)
def test_each_page_opens_with_at_most_eight_statements_after_the_session(
    context: Context, merchant: Merchant, ids: dict[str, int], path: str
) -> None:
    with Statements(context.db.engine) as seen:
        response = merchant.get(path)
    assert response.status_code == 200
    assert len(seen.sent) - 3 <= 8, seen.sent
    print(path, len(seen.sent))
