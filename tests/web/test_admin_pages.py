"""The merchant's pages as they are read: exact figures, nobody else's rows, nothing without a token."""

from __future__ import annotations

import json
import re

import pytest
import responses
from flask import Flask
from sqlalchemy import text as sql

from app import create_app
from app.services.context import Context
from app.services.reporting import ledger
from tests.conftest import RecordingQueue, Shop

from .adminkit import CARD, Furniture, Merchant, Statements, furnish, text_of, token_for

PAGES = (
    "/admin/",
    "/admin/recommendations",
    "/admin/recommendations?q=blue",
    "/admin/recommendations/products/8003",
    "/admin/messages",
    "/admin/messages?state=planned",
    "/admin/messages/1",
    "/admin/activity",
    "/admin/settings",
)

# What the check of the session itself asks: which shop, and whether it is connected.
N_STATEMENTS_OF_SESSION = 3


@pytest.fixture
def app(context: Context) -> Flask:
    return create_app(context=context)


@pytest.fixture
def merchant(app: Flask, ada: Shop) -> Merchant:
    return Merchant(app.test_client(), ada)


@pytest.fixture
def ids(context: Context, ada: Shop) -> dict[str, int]:
    return furnish(context, ada)


def test_home_shows_the_four_figures_as_they_were_planted(merchant: Merchant, ids: dict[str, int]) -> None:
    text = merchant.read("/admin/")
    assert "24 Oct to today, beside the 28 days before." in text
    assert "Credited revenue 567.50 € +255% on the 28 days before Mails 459.50 € Shelves 108.00 €" in text
    assert "1 order in another currency is left out." in text
    assert "Recovered carts 9 +125% on the 28 days before worth 364.50 €" in text
    assert "Mails sent 52 +160% on the 28 days before 18 held back" in text
    assert "Held back on purpose, to compare with: 6 of them." in text
    assert "Shelf click rate 2.6% 2.0% in the 28 days before likely between 1.8% and 3.6% (95%)" in text
    assert "from shoppers who agreed to be counted: 31 of 1,200." in text


def test_home_says_what_the_holdout_says_only_as_far_as_it_can(
    context: Context, ada: Shop, merchant: Merchant, ids: dict[str, int]
) -> None:
    too_few = "Not enough yet: 63 mailed, 6 left alone; 30 in each are needed to compare."
    assert too_few in merchant.read("/admin/")
    with context.db.shop(ada.shop_id) as connection:
        made = Furniture(context, connection, ada, n_messages=500)
        for n in range(24):
            made.message("skipped", days_ago=20 + n, reason="holdout", person=f"more{n}@example.com")
    text = merchant.read("/admin/")
    assert "Ordered within 7 days: 9 of 63 of the mailed, 1 of 30 of those left alone." in text
    assert "Too early to tell: \N{MINUS SIGN}3.9 to +22.0 points." in text


def test_home_without_anything_asks_for_set_up_and_claims_nothing(merchant: Merchant) -> None:
    text = merchant.read("/admin/")
    assert "Set up your shop 1 of 7 done" in text
    assert "Credited revenue 0.00 € none in the 28 days before" in text
    assert "Shelf click rate – none in the 28 days before nobody counted yet" in text
    assert "Nothing has been credited in these days yet." in text


def test_the_chart_is_told_as_a_table_with_a_row_a_day(merchant: Merchant, ids: dict[str, int]) -> None:
    html = merchant.get("/admin/").text
    assert html.count('<th scope="row">') == 28
    assert '<th scope="row">20 Nov</th><td class="amount">77.50\N{NO-BREAK SPACE}€</td>' in html


@pytest.mark.parametrize("path", PAGES)
def test_each_page_asks_the_database_at_most_eight_things(
    context: Context, merchant: Merchant, ids: dict[str, int], path: str
) -> None:
    with Statements(context.db.engine) as seen:
        assert merchant.get(path).status_code == 200
    assert len(seen.sent) - N_STATEMENTS_OF_SESSION <= 8, seen.sent


def test_the_number_of_statements_does_not_grow_with_the_shop(
    context: Context, ada: Shop, merchant: Merchant, ids: dict[str, int]
) -> None:
    with Statements(context.db.engine) as before:
        [merchant.get(path) for path in PAGES]
    with context.db.shop(ada.shop_id) as connection:
        made = Furniture(context, connection, ada, n_messages=900, n_orders=900)
        for n in range(60):
            made.product(100 + n, f"More tea {n}")
            made.message("sent", days_ago=n / 3, clicked=True)
            made.order(1000, days_ago=n / 3, shelf_lines=((1, 500),))
            made.delivery("dead", number=1000 + n, error="broken")
    with Statements(context.db.engine) as after:
        [merchant.get(path) for path in PAGES]
    assert len(after.sent) == len(before.sent)


def test_recommendations_show_the_model_card_and_the_best_sellers(
    merchant: Merchant, ids: dict[str, int]
) -> None:
    text = merchant.read("/admin/recommendations")
    assert CARD["headline"] in text
    for part in ("strengths", "weaknesses", "data", "advice"):
        for sentence in CARD[part]:
            assert sentence in text
    assert "Learned 7 hours ago, model 2." in text
    assert "Your best sellers, of 12 products. Blue mug, 30 cl 18.00 €" in text
    assert "Back to model 1" in text


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("blue", ["Blue mug, 30 cl", "Blue teapot with strainer", "Linen tea towel, blue hem"]),
        ("ADA-005", ["Bamboo whisk"]),
        ("sencha-first", ["Sencha, first flush"]),
        ("%", []),
        ("_", []),
        ("\\", []),
        ("'; --", []),
        ("x" * 5000, []),
    ],
)
def test_products_are_found_by_title_handle_and_sku_and_literally(
    merchant: Merchant, ids: dict[str, int], search: str, found: list[str]
) -> None:
    html = merchant.client.get(
        "/admin/recommendations",
        query_string={"q": search},
        headers={"Authorization": f"Bearer {token_for(merchant.shop)}", "HX-Target": "found"},
    ).text
    assert "<html" not in html
    assert re.findall(r'product-title">([^<]+)<', html) == found


def test_a_product_shows_its_list_with_plain_evidence(merchant: Merchant, ids: dict[str, int]) -> None:
    text = merchant.read("/admin/recommendations/products/8003")
    assert "1 Blue teapot with strainer together in 14 of 52 baskets shared words: blue" in text
    assert "3 Matcha for the kitchen together in 6 of 52 baskets Not shown: not for sale now" in text
    assert "4 Bamboo whisk same category, vendor or tags" in text
    assert "5 Thyme honey Filled up with what sells best" in text
    assert "0." not in text.split("What stands beside it")[1]


def test_of_a_long_list_the_first_eight_that_shoppers_see_stand_open(
    context: Context, ada: Shop, merchant: Merchant
) -> None:
    with context.db.shop(ada.shop_id) as connection:
        made = Furniture(context, connection, ada)
        products = [made.product(number, f"Tea {number}") for number in range(13)]
        model_id = made.model("published", days_ago=0.2)
        made.ranking(model_id, "also_bought", products[0], products[1:], [[0, 9, 0, "similar"]] * 12)
    html = merchant.get("/admin/recommendations/products/8000").text
    open_part, folded = html.split("<details>")
    place = re.compile(r'class="rank">(\d+)<')
    # The sixth is not for sale.
    assert place.findall(open_part) == ["1", "2", "3", "4", "5", "7", "8", "9"]
    assert place.findall(folded) == ["6", "10", "11", "12"]
    assert "<summary>4 more places</summary>" in folded
    assert "goes on with the best sellers" not in html


def test_a_short_list_says_what_a_shelf_goes_on_with(merchant: Merchant, ids: dict[str, int]) -> None:
    text = merchant.read("/admin/recommendations/products/8003")
    assert "a shelf goes on with the best sellers of the same category, then with the shop's." in text
    assert "1 more place 3 Matcha for the kitchen" in text


def test_a_price_that_differs_among_variants_says_from(
    context: Context, merchant: Merchant, ids: dict[str, int]
) -> None:
    with context.db.shop(merchant.shop.shop_id) as connection:
        connection.execute(sql("UPDATE products SET price_varies = true WHERE platform_product_id = '8003'"))
    assert "From 18.00 € · See it in the shop" in merchant.read("/admin/recommendations/products/8003")
    text = merchant.read("/admin/recommendations?q=blue")
    assert "Blue mug, 30 cl From 18.00 €" in text
    assert "From 42.00 €" not in text


def test_a_product_nobody_bought_says_so(merchant: Merchant, ids: dict[str, int]) -> None:
    assert "No list of its own yet" in merchant.read("/admin/recommendations/products/8011")


def test_the_ledger_says_why_and_why_not(merchant: Merchant, ids: dict[str, int]) -> None:
    text = merchant.read("/admin/messages")
    assert "Unclear p•••@example.com Abandoned cart The connection broke" in text
    assert "Sent c•••@example.com Abandoned cart Nothing spoke against it. Clicked, and bought." in text
    assert "Held back d•••@example.com Abandoned cart They bought before the mail went out." in text
    assert "Last 28 days Sent 52 Held back 18 They bought before the mail went out. 7" in text
    planned = merchant.read("/admin/messages?state=planned")
    assert "Waiting for the end of the quiet hours where this person lives. due 20 Nov, 21:36" in planned
    assert planned.count("due 2") == 3


@pytest.mark.parametrize(
    ("query", "n"),
    [
        ("", 93),
        ("state=sent", 72),
        ("state=skipped&flow=win_back", 0),
        ("state=failed", 3),
        ("state=planned", 3),
    ],
)
def test_pages_of_the_ledger_hold_each_entry_once(
    context: Context, ada: Shop, merchant: Merchant, ids: dict[str, int], query: str, n: int
) -> None:
    seen: list[str] = []
    path: str | None = f"/admin/messages?{query}"
    while path:
        html = merchant.get(path).text
        seen += re.findall(r'class="entry-who"><a href="/admin/messages/(\d+)"', html)
        following = re.search(r'href="([^"]*after=[^"]*)"', html)
        path = following[1].replace("&amp;", "&") if following else None
        with context.db.shop(ada.shop_id) as connection:
            # Somebody is mailed while the merchant turns the page: nothing moves.
            Furniture(context, connection, ada, n_messages=1000 + len(seen)).message("sent", days_ago=0.001)
    assert len(seen) == len(set(seen)) == n


def test_a_message_shows_its_story_and_what_was_known(merchant: Merchant, ids: dict[str, int]) -> None:
    text = merchant.read(f"/admin/messages/{ids['sent']}")
    assert "Planned 19 Nov, 23:00 Handed to the mail server 20 Nov, 00:00" in text
    assert "Bought: #1001, 32.50 €" in text
    assert "1 × Blue teapot with strainer 42.00 € 2 × Blue mug, 30 cl 36.00 €" in text
    assert "Permission subscribed, agreed and confirmed it by e-mail, since 3 Feb, 11:30" in text
    assert "Asked the shop No order, answered 0.4 s before" in text
    assert "Their time of day 12:00 (Europe/Athens)" in text
    held = merchant.read(f"/admin/messages/{ids['skipped']}")
    assert "Asked the shop They had bought, answered 0.4 s before" in held


def test_no_page_shows_an_address(merchant: Merchant, ids: dict[str, int]) -> None:
    for path in (*PAGES, f"/admin/messages/{ids['skipped']}"):
        html = merchant.get(path).text
        assert not re.search(r"(cleo|dan|buyer\d+|person\d+|held\d)@", html), path


def test_activity_counts_deliveries_and_lists_the_dead(merchant: Merchant, ids: dict[str, int]) -> None:
    text = merchant.read("/admin/activity")
    assert "Read 24 The latest arrived just now." in text
    assert "Waiting 1" in text
    assert "Could not be read 2 Given up after several tries." in text
    assert (
        "orders/create customer.id: expected a number, found an object 20 Nov, 08:40 · 8 attempts Replay"
        in text
    )
    assert "Done Learning 20 Nov, 05:00 Done Import 21 Oct, 13:00" in text


# -- nobody else's, and nobody's without a token ---------------------------------------------------------


def test_ben_sees_nothing_of_adas(app: Flask, ben: Shop, ids: dict[str, int]) -> None:
    client = Merchant(app.test_client(), ben)
    for path in (
        "/admin/",
        "/admin/recommendations",
        "/admin/messages",
        "/admin/activity",
        "/admin/settings",
    ):
        text = client.read(path)
        for mark in ("Ada", "example.com Abandoned", "Blue mug", "567.50", "customer.id", "orders/create"):
            assert mark not in text, (path, mark)


def test_adas_ids_lead_ben_nowhere(app: Flask, ben: Shop, ids: dict[str, int]) -> None:
    client = Merchant(app.test_client(), ben)
    for path in (
        f"/admin/messages/{ids['sent']}",
        f"/admin/messages/{ids['planned']}",
        "/admin/recommendations/products/8003",
    ):
        response = client.get(path)
        assert response.status_code == 404, path
        assert "Blue mug" not in response.text
        assert "There is nothing here" in text_of(response)
    assert client.post(f"/admin/deliveries/{ids['dead']}/replay").status_code == 404
    ben_list = client.get("/admin/messages", X="1").text
    assert "entry-row" not in ben_list


@pytest.mark.parametrize("number", ["0", "99999999999999999999999", "2147483648"])
def test_an_id_that_leads_nowhere_is_not_found(merchant: Merchant, ids: dict[str, int], number: str) -> None:
    assert merchant.get(f"/admin/messages/{number}").status_code == 404
    assert merchant.get(f"/admin/recommendations/products/{number}").status_code == 404
    assert merchant.post(f"/admin/deliveries/{number}/replay").status_code == 404


def _routes(app: Flask) -> list[tuple[str, str]]:
    values = {
        "message_id": 1,
        "delivery_id": 1,
        "platform_product_id": "8003",
        "session_id": 1,
        "person_id": 1,
        "flow": "win_back",
        "name": "1",
    }
    with app.test_request_context():
        adapter = app.create_url_adapter(None) or app.url_map.bind("localhost")
        return [
            (method, adapter.build(rule.endpoint, {name: values[name] for name in rule.arguments}))
            for rule in app.url_map.iter_rules()
            if rule.endpoint.startswith("admin.")
            for method in sorted((rule.methods or set()) & {"GET", "POST"})
        ]


def test_nothing_opens_and_nothing_changes_without_a_token(
    app: Flask, context: Context, ada: Shop, ids: dict[str, int]
) -> None:
    client, routes = app.test_client(), _routes(app)
    assert len(routes) == 28
    forged = token_for(ada, aud="another-app")
    for method, path in routes:
        for headers in ({}, {"HX-Request": "true"}, {"Authorization": f"Bearer {forged}"}):
            with Statements(context.db.engine) as seen:
                response = client.open(path, method=method, headers=headers)
            assert response.status_code == 401, (method, path)
            assert seen.sent == []
            if headers or method == "POST":
                assert response.headers["X-Shopify-Retry-Invalid-Session-Request"] == "1"


def test_a_token_in_the_address_opens_a_page_but_changes_nothing(
    app: Flask, ada: Shop, ids: dict[str, int]
) -> None:
    client, token = app.test_client(), token_for(ada)
    assert client.get(f"/admin/?id_token={token}").status_code == 200
    assert client.post(f"/admin/import?id_token={token}").status_code == 401


def test_an_old_token_opens_nothing(app: Flask, ada: Shop) -> None:
    headers = {"Authorization": f"Bearer {token_for(ada, seconds=-60)}"}
    assert app.test_client().get("/admin/", headers=headers).status_code == 401


# -- what a page is made of ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
def test_pages_hold_no_inline_code_and_name_app_bridge_first(
    merchant: Merchant, ids: dict[str, int], path: str
) -> None:
    response = merchant.get(path)
    html = response.text
    scripts = re.findall(r"<script\b([^>]*)>(.*?)</script>", html, flags=re.S)
    assert scripts[0][0].strip() == 'src="https://cdn.shopify.com/shopifycloud/app-bridge.js"'
    assert all("src=" in attributes and not body for attributes, body in scripts)
    assert html.index('name="shopify-api-key" content="test-client-id"') < html.index("<script")
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html)
    policy = response.headers["Content-Security-Policy"]
    assert "frame-ancestors https://ada-tea.myshopify.com https://admin.shopify.com" in policy
    assert "unsafe" not in policy
    assert response.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in response.headers


def test_words_from_outside_are_shown_as_words(context: Context, ada: Shop, merchant: Merchant) -> None:
    nasty = '<img src=x onerror="alert(1)">{{ 7*7 }}'
    with context.db.shop(ada.shop_id) as connection:
        made = Furniture(context, connection, ada)
        product_id = made.product(1, nasty)
        model_id = made.model("published", days_ago=0.2, card={"headline": nasty, "strengths": [nasty]})
        made.ranking(model_id, "bestsellers", 0, [product_id], [[0, 0, 0, "popular"]])
        made.delivery("dead", number=1, error=nasty, topic=nasty)
        made.job("import", "failed", error=nasty)
        message_id = made.message(
            "skipped", days_ago=1, reason=nasty, person="x@<b>.example", facts={"odd": nasty}
        )
    paths = ("/admin/", "/admin/recommendations", "/admin/activity", "/admin/messages")
    for path in (*paths, f"/admin/messages/{message_id}", "/admin/recommendations/products/8001"):
        response = merchant.get(path)
        assert response.status_code == 200
        assert "<img src=x" not in response.text, path
        assert "<b>" not in response.text
        assert "{{ 7*7 }}" in text_of(response)


def test_what_needs_attention_is_told_with_a_way_out(context: Context, ada: Shop, merchant: Merchant) -> None:
    with context.db.shop(ada.shop_id) as connection:
        made = Furniture(context, connection, ada)
        made.job("import", "failed", error="ExportFailedError: the shop's export failed")
        made.model("published", days_ago=3)
        made.model("refused", days_ago=1, card={"reason": "Bestsellers were better."})
        made.message("failed", days_ago=2, reason="bounced")
        made.delivery("dead", number=1)
    text = merchant.read("/admin/")
    assert "The import failed It stopped with: ExportFailedError: the shop's export failed." in text
    assert "Messages from your shop could not be read: 1" in text
    assert "A model was turned down" in text
    assert "Mails that did not arrive, or may not have: 1" in text
    assert "Bestsellers were better." in merchant.read("/admin/recommendations")


# -- what its buttons do ---------------------------------------------------------------------------------


def test_a_dead_delivery_is_replayed_once(
    context: Context, merchant: Merchant, queue: RecordingQueue, ids: dict[str, int]
) -> None:
    path = f"/admin/deliveries/{ids['dead']}/replay"
    response = merchant.post(path)
    assert response.status_code == 200
    assert response.headers["HX-Push-Url"] == "/admin/activity"
    assert "Could not be read 1 " in text_of(response)
    assert queue.nudges == [("ingest.process_shop", merchant.shop.shop_id)]
    assert merchant.post(path).status_code == 404


def test_progress_is_polled_until_it_is_done_and_then_stops(
    context: Context, ada: Shop, merchant: Merchant
) -> None:
    with context.db.shop(ada.shop_id) as connection:
        made = Furniture(context, connection, ada)
        made.job("import", "running", progress={"phase": "orders", "n_done": 4210, "n_total": 8214})
    home = merchant.get("/admin/").text
    assert 'hx-get="/admin/progress" hx-trigger="every 1s"' in home
    running = merchant.get("/admin/progress")
    assert running.status_code == 200
    assert "Bringing in your orders 4,210 of 8,214" in text_of(running)
    assert 'value="4210" max="8214"' in running.text
    with context.db.shop(ada.shop_id) as connection:
        connection.execute(sql("UPDATE jobs SET state = 'done'"))
        Furniture(context, connection, ada).model("published", days_ago=0)
    done = merchant.get("/admin/progress")
    assert done.status_code == 286
    assert 'hx-trigger="every' not in done.text
    assert 'hx-swap-oob="true"' in done.text
    assert "toast" in done.headers["HX-Trigger"]


def test_an_import_is_begun_again_and_only_once(
    context: Context, merchant: Merchant, queue: RecordingQueue
) -> None:
    assert merchant.post("/admin/import").status_code == 200
    assert merchant.post("/admin/import").status_code == 200
    with context.db.shop(merchant.shop.shop_id) as connection:
        assert connection.execute(sql("SELECT kind, state FROM jobs")).all() == [("import", "queued")]
    assert queue.nudges == [("upkeep.run_jobs",)] * 2


def test_the_checklist_goes_when_it_is_done_and_dismissed(merchant: Merchant, ids: dict[str, int]) -> None:
    assert "Everything is set up" in merchant.read("/admin/")
    response = merchant.post("/admin/checklist/dismiss")
    assert "Everything is set up" not in text_of(response)
    assert "Everything is set up" not in merchant.read("/admin/")


THEME_API = "https://ada-tea.myshopify.com/admin/api/2026-07/graphql.json"
ON = {"current": {"blocks": {"7": {"type": "shopify://apps/regulars/blocks/shelf/0192"}}}}


@pytest.mark.parametrize(
    ("theme", "told"),
    [
        (ON, "It is in your theme. Waiting for the first shopper who agrees to be counted."),
        ({"current": {}}, "Place it in your theme"),
        (None, "Your shop did not answer just now."),
    ],
)
def test_the_checklist_asks_the_theme_and_links_to_the_place(
    merchant: Merchant, theme: dict[str, object] | None, told: str
) -> None:
    file = {"filename": "config/settings_data.json", "body": {"content": json.dumps(theme)}}
    data = {
        "currentAppInstallation": {"app": {"handle": "regulars"}},
        "themes": {"nodes": [{"files": {"nodes": [file]}}]},
    }
    with responses.RequestsMock() as platform:
        platform.post(THEME_API, json={"data": data}, status=402 if theme is None else 200)
        response = merchant.get("/admin/shelf-status")
    assert response.status_code == 200
    assert text_of(response) == told
    link = re.search(r'href="([^"]+)" target="_top" hx-boost="false"', response.text)
    assert (link is not None) == (told == "Place it in your theme")
    if link:
        assert link[1].startswith(
            "https://ada-tea.myshopify.com/admin/themes/current/editor?template=product"
        )


def test_the_model_before_is_put_back(merchant: Merchant, ids: dict[str, int]) -> None:
    response = merchant.post("/admin/recommendations/roll-back")
    assert "back on the shelves" in response.headers["HX-Trigger"]
    assert "Learned 2 days ago, model 1." in text_of(response)
    assert "Back to model 2" in text_of(response)


def test_the_address_of_a_page_survives_nonsense(merchant: Merchant, ids: dict[str, int]) -> None:
    for query in (
        "after=x",
        "after=2026-01-01~5",
        "after=~",
        "state=%00&flow=<b>",
        "after=9999-99-99T00:00~1",
    ):
        assert merchant.get(f"/admin/messages?{query}").status_code == 200, query


def test_a_place_in_the_ledger_is_written_and_read_back() -> None:
    place = ledger.Place.parse("2026-11-20T10:00:00+00:00~17")
    assert place is not None
    assert ledger.Place.parse(str(place)) == place
    assert ledger.Place.parse("2026-11-20T10:00:00~17") is None
    assert ledger.Place.parse("2026-11-20T10:00:00+00:00~99999999999999999999") is None


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("cleo@example.com", "c•••@example.com"),
        ("@x", "•••"),
        ("", "•••"),
        (None, "•••"),
        ("é@ü.example", "é•••@ü.example"),
    ],
)
def test_addresses_are_masked(address: str | None, masked: str) -> None:
    assert ledger.mask(address) == masked
