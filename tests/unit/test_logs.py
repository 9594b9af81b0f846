"""What opens something, or names somebody, is blanked wherever it turns up in a record."""

from __future__ import annotations

import pytest

from app.logs import redact

TOKEN = "Hk3_x-9QmZ0aVvXw7tq1PzLrS8dYcN2bE5gUoJfKi4A"


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        ("refused shpat_0123456789abcdef", "shpat_0123456789abcdef"),
        (f"GET /wp-json/wc/v3/orders?oauth_consumer_key=ck_{'0a' * 20}&page=1", f"ck_{'0a' * 20}"),
        (f"the secret cs_{'1b' * 20} is wrong", f"cs_{'1b' * 20}"),
        ("/admin/?id_token=eyJh.eyJi.c-_&shop=a", "eyJh.eyJi.c-_"),
        ("to Cleo.O+shop@mail.example.com: bounced", "Cleo.O+shop@mail.example.com"),
        (f"/sign-in/{TOKEN}", TOKEN),
        (f"https://regulars.example/sign-in/{TOKEN}?x=1", TOKEN),
        (f"/connect/woocommerce/moved/WzEsMl0.aR9x.{TOKEN}", f"WzEsMl0.aR9x.{TOKEN}"),
        (f"/u/WzEsMl0.aR9x.{TOKEN}", f"WzEsMl0.aR9x.{TOKEN}"),
        (f"/r/WzEsMl0.aR9x.{TOKEN}", TOKEN),
        (f"/webhooks/woocommerce/AbC123_-.{TOKEN}", TOKEN),
        (f"/plugin/woocommerce/AbC123_-.{TOKEN}/sign-in", TOKEN),
    ],
)
def test_a_secret_is_blanked_in_any_text_of_a_record(said: str, secret: str) -> None:
    record = redact(None, "error", {"event": "unhandled", "path": said, "shop_id": 7})
    assert secret not in record["path"]
    assert "[redacted]" in record["path"]
    assert record["shop_id"] == 7


@pytest.mark.parametrize(
    "said",
    [
        "/admin/recommendations/products/17",
        "/connect/woocommerce/progress",
        "/static/widget/regulars.c76434fe0037.js",
        "/proxy/shopify/storefront/v1/shelf",
        "order.updated: line_items[0].price: nothing where an amount was expected",
    ],
)
def test_what_is_no_secret_stays_readable(said: str) -> None:
    assert redact(None, "info", {"event": said}) == {"event": said}
