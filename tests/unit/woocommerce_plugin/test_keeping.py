"""Owns what the plugin keeps and shows: connection, settings, shelves, a person's data."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest

from .conftest import Run


def test_the_connection_is_kept_outside_of_every_pages_options_and_known_by_its_mark(php: Run) -> None:
    told = php(
        "$connection = connected(); show( array( $connection->is_connected(), $connection->secret_mark(),"
        "$GLOBALS['world']['autoload']['regulars_connection'], $connection->takes_typed_addresses() ) );"
    )
    assert told == [True, hashlib.sha256(b"whsec_lab_0123456789abcdef").hexdigest()[:16], False, True]


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("app_url", "http://app.example", "app_url"),
        ("app_url", "https://app.example/", "app_url"),
        ("app_url", "https://user@app.example", "app_url"),
        ("app_url", 7, "app_url"),
        ("hook_url", "https://elsewhere.example/webhooks", "hook_url"),
        ("desk_url", "https://app.example.evil/plugin", "desk_url"),
        ("secret", "short", "secret"),
        ("secret", "with a blank in it", "secret"),
        ("public_key", None, "public_key"),
    ],
)
def test_a_connection_that_is_wrong_is_refused_by_name_and_the_old_one_stays(
    php: Run, field: str, value: Any, named: str
) -> None:
    written = "null" if value is None else repr(value)
    told = php(
        f"$connection = connected(); "
        f"$refused = $connection->accept( array( '{field}' => {written} ) + GIVEN );"
        "$kept = ( new Regulars\\Connection() )->text( 'secret' );"
        "show( array( $refused->get_error_message(), $refused->get_error_data(), $kept ) );"
    )
    assert told[0].startswith(f"{named} is not ")
    assert told[1:] == [{"status": 400}, "whsec_lab_0123456789abcdef"]


def test_a_forgotten_connection_leaves_nothing(php: Run) -> None:
    told = php(
        "$connection = connected(); $connection->forget();"
        "show( array( $GLOBALS['world']['options'], $connection->is_connected(), "
        "$connection->secret_mark() ) );"
    )
    assert told == [[], False, None]


def test_settings_take_what_makes_sense_of_a_form_and_no_more(php: Run) -> None:
    told = php(
        "show( ( new Regulars\\Settings() )->clean( array( 'product' => 'block', 'cart' => '<script>', "
        "'n_products' => '99',"
        "'layout' => array(), 'consent_text' => ' Write <b>me</b> ', 'captures_carts' => '1', "
        "'app_url' => 'https://app.example/' ) ) );"
    )
    assert (told["product"], told["cart"], told["n_products"], told["layout"]) == (
        "block",
        "hook",
        12,
        "grid",
    )
    assert (told["consent_text"], told["captures_carts"], told["asks_consent"]) == ("Write me", True, False)
    assert told["app_url"] == "https://app.example"


def test_a_typed_address_of_the_app_that_is_none_is_told_and_the_old_one_stays(php: Run) -> None:
    told = php(
        "update_option( 'regulars_settings', array( 'app_url' => 'https://app.example' ) );"
        "$clean = ( new Regulars\\Settings() )->clean( array( 'app_url' => 'javascript:alert(1)' ) );"
        "show( array( $clean['app_url'], $GLOBALS['world']['errors'] ) );"
    )
    assert told == ["https://app.example", ["regulars_app_url"]]


SHELF = "$shelf = new Regulars\\Shelf( connected(), new Regulars\\Settings() );"


def test_a_shelf_is_the_element_with_its_box_and_the_same_for_every_visitor(php: Run) -> None:
    html = php(f"{SHELF} show( $shelf->html( 'product', array( 'product' => 11, 'limit' => 3 ) ) );")
    attributes = dict(re.findall(r' ([a-z-]+)="([^"]*)"', html.split(">", 1)[0]))
    assert (
        attributes
        | {
            "shop": "pk_ada_12345",
            "api": "https://app.example",
            "placement": "product",
            "product": "11",
            "limit": "3",
            "locale": "sr-RS",
            "currency": "EUR",
            "money-format": "{{amount_with_comma_separator}}\u00a0€",
            "cart": "https://ada.example/wp-json/wc/store/v1/cart",
            "root": "https://ada.example/",
        }
        == attributes
    )
    assert "prices" not in attributes
    assert html.count('<li class="card"') == 3
    assert 'style="--n:3"' in html
    assert '<template shadowrootmode="open"><style>:host{display:block}' in html
    assert "nonce" not in html


def test_a_shelf_that_goes_by_nothing_says_popular_until_it_goes_by_what_was_looked_at(php: Run) -> None:
    html = php(f"{SHELF} show( $shelf->html( 'home' ) );")
    assert ' heading="Popular right now" heading-seen="You may also like"' in html
    named = php(f"{SHELF} show( $shelf->html( 'home', array( 'heading' => 'For you' ) ) );")
    assert "heading-seen" not in named


def test_a_page_has_each_shelf_once_however_it_got_there(php: Run) -> None:
    told = php(
        f"{SHELF} show( array( $shelf->html( 'cart' ), $shelf->html( 'cart' ), $shelf->html( 'product', "
        f"array( 'product' => 1 ) ),"
        "$shelf->html( 'product', array( 'product' => 2 ) ), $shelf->html( 'product' ) ) );"
    )
    assert [bool(html) for html in told] == [True, False, True, True, False]


def test_what_a_merchant_writes_into_a_shelf_stays_text(php: Run) -> None:
    html = php(
        f"""{SHELF} show( $shelf->html( 'home', array( 'heading' => '"><script>x</script>&',
        'layout' => '" onload="x' ) ) );"""
    )
    assert "<script" not in html
    assert "onload" not in html
    assert 'heading="&quot;&gt;x&amp;"' in html


def test_a_shop_that_shows_prices_with_another_tax_than_entered_is_asked_for_them(php: Run) -> None:
    html = php(
        f"$GLOBALS['world']['tax'] = true; update_option( 'woocommerce_tax_display_shop', 'excl' ); "
        f"{SHELF} show( $shelf->html( 'cart' ) );"
    )
    assert ' prices="shop"' in html


def test_a_shelf_that_is_switched_off_is_not_there(php: Run) -> None:
    told = php(
        f"update_option( 'regulars_settings', array( 'cart' => 'off' ) ); "
        f"{SHELF} show( array( $shelf->html( 'cart' ), $GLOBALS['world']['scripts'] ) );"
    )
    assert told == ["", []]


ROW = """$GLOBALS['wpdb']->rows = array( array( 'token' => 't1', 'email' => 'cleo@example.org',
        'updated_at' => '2026-11-25T23:39:46.629590Z',
    'cart' => json_encode( array( 'items' => array( array( 'name' => 'Mug' ) ) ) ) ) );
        update_option( 'regulars_table_version', '1' );"""
DESK = "$connection = connected(); $privacy = new Regulars\\Privacy( $connection, new Regulars\\App( $connection ) );"


def test_a_persons_export_has_what_the_shop_and_the_app_keep(php: Run) -> None:
    told = php(
        f"""{ROW} {DESK} $GLOBALS['world']['answers'] = array( array( 200,
        '{{"items":[{{"group":"Regulars: orders","label":"#12","value":"12.90 EUR"}},7]}}' ) );
        show( $privacy->export( 'Cleo@example.org' ) );"""
    )
    assert told["done"] is True
    assert [item["group_label"] for item in told["data"]][:2] == [
        "Regulars: carts kept in this shop",
        "Regulars: orders",
    ]
    assert told["data"][0]["data"][1] == {"name": "Products", "value": "Mug"}
    assert told["data"][1]["data"] == [{"name": "#12", "value": "12.90 EUR"}]


def test_an_erasure_waits_for_an_app_that_needs_a_moment_but_not_for_ever(php: Run) -> None:
    told = php(
        f"{ROW} {DESK} $GLOBALS['world']['answers'] = array( array( 503, '' ), array( 503, '' ), "
        f"array( 200, '{{\"is_erased\":true}}' ) );"
        "show( array( $privacy->erase( 'cleo@example.org', 1 ), $privacy->erase( 'cleo@example.org', "
        "5 ), $privacy->erase( 'cleo@example.org', 2 ), $GLOBALS['wpdb']->rows ) );"
    )
    waiting, given_up, done, rows = told
    assert (waiting["done"], waiting["items_removed"]) == (False, True)
    assert (given_up["done"], given_up["items_retained"]) == (True, True)
    assert given_up["messages"] != []
    assert (done["done"], done["items_removed"], done["items_retained"]) == (True, True, False)
    assert rows == []
