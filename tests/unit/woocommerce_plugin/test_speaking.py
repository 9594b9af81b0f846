"""Owns what the plugin says to the app and is told by it: the contract,
with the app's own code as the reader."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

from app.domain.events import AppUninstalled, CartSeen
from app.domain.money import Money
from app.platforms.base import Envelope
from app.platforms.woocommerce import envelope
from app.platforms.woocommerce.read import read

from .conftest import Run

SECRET = b"whsec_lab_0123456789abcdef"

# Cleo's cart: two mugs from a shelf, and an apron of a size.
FULL_CART = """
    WC()->session->kept = array( 'regulars_cart_token' => 'Q8ny8RN5EceVFnkEFGyKyPBTxOF6nmC9pw2Kcq8f',
        'regulars_lists' => array( 'k1' => 'm1.also_bought.7' ), 'regulars_email' => 'Cleo@Example.org',
        'regulars_consent' => 'subscribed 2026-11-25T23:39:21Z' );
    WC()->cart->lines = array(
        'k1' => array( 'product_id' => 13, 'variation_id' => 0, 'variation' => array(), 'quantity' => 2,
            'line_subtotal' => 20.0, 'line_subtotal_tax' => 4.8,
        'data' => new Product( 'Mug <b>&amp; saucer</b>' ) ),
        'k2' => array( 'product_id' => 40, 'variation_id' => 42,
        'variation' => array( 'attribute_size' => 'M' ), 'quantity' => 1,
            'line_subtotal' => 45.0, 'line_subtotal_tax' => 0.0, 'data' => new Product( 'Apron' ) ),
    );
    WC()->cart->total = '69.8';
"""
WATCH = """
    $settings = new Regulars\\Settings();
    $consent = new Regulars\\Checkout_Consent( $settings );
    $email = new Regulars\\Checkout_Email( $connection, $settings, $consent );
    $table = new Regulars\\Cart_Table();
    update_option( 'regulars_table_version', '1' );
    $courier = new Regulars\\Cart_Courier( $table, new Regulars\\App( $connection ) );
    $watch = new Regulars\\Cart_Watch( $table, new Regulars\\Cart_Token(),
        new Regulars\\Cart_Reading( $email, $consent ), $courier );
"""
LOOK = "$watch->note_change(); $watch->look();"
SENT = "$courier->send( $GLOBALS['wpdb']->rows[0]['token'] ); show( $GLOBALS['world']['posts'] );"


def open_post(post: list[Any]) -> Envelope:
    """What the app makes of a delivery, over the bytes as they were sent."""
    _, told = post
    opened = envelope.open_envelope(
        told["headers"] | {"User-Agent": told["user-agent"]}, told["body"].encode(), lambda _: [SECRET]
    )
    assert isinstance(opened, Envelope)
    return opened


def test_the_plugin_signs_as_the_app_verifies(php: Run) -> None:
    raw = '{"name":"Κούπα \\/ <b>"}'
    signed = php(
        f"show( Regulars\\App::signature( base64_decode( '{base64.b64encode(raw.encode()).decode()}' ), "
        f"'whsec_x' ) );"
    )
    assert signed.encode() == envelope.sign(raw.encode(), b"whsec_x")


def test_a_cart_is_read_by_the_app_as_it_was(php: Run) -> None:
    [post] = php(f"$connection = connected(); {FULL_CART} {WATCH} {LOOK} {SENT}")
    assert post[0] == "https://app.example/webhooks/woocommerce/key.token"
    opened = open_post(post)
    assert (opened.topic, opened.shop_domain) == ("regulars_cart.updated", "ada.example")
    [seen] = read(opened, "https://ada.example")
    assert isinstance(seen, CartSeen)
    cart = seen.cart
    assert cart.consent is not None
    assert cart.consent.changed_at == datetime(2026, 11, 25, 23, 39, 21, tzinfo=UTC)
    assert cart.cart_token == "Q8ny8RN5EceVFnkEFGyKyPBTxOF6nmC9pw2Kcq8f"
    assert (cart.email, cart.locale, cart.total) == ("cleo@example.org", "sr-RS", Money(6980, "EUR"))
    first, second = cart.lines
    assert (first.platform_product_id, first.title, first.quantity) == ("13", "Mug & saucer", 2)
    assert (first.unit_price, first.list_id) == (Money(1240, "EUR"), "m1.also_bought.7")
    assert (second.platform_product_id, second.platform_variant_id, second.list_id) == ("40", "42", None)
    assert cart.recovery_url is not None
    assert cart.recovery_url.startswith("https://ada.example/?regulars_restore=")
    assert cart.source_updated_at.microsecond != 0 or json.loads(post[1]["body"])["updated_at"].endswith(
        ".000000Z"
    )


def test_an_address_goes_along_only_where_typed_addresses_count(php: Run) -> None:
    [post] = php(
        f"$connection = connected( array( 'takes_typed_addresses' => false ) ); "
        f"{FULL_CART} {WATCH} {LOOK} {SENT}"
    )
    [seen] = read(open_post(post), "https://ada.example")
    assert isinstance(seen, CartSeen)
    assert seen.cart.email is None
    assert "leo@" not in post[1]["body"]


def test_the_links_token_is_not_in_the_table(php: Run) -> None:
    told = php(
        f"$connection = connected(); {FULL_CART} {WATCH} {LOOK}"
        "$row = $GLOBALS['wpdb']->rows[0];"
        "show( array( $row, Regulars\\Cart_Link::token_for( $row['token'] ) ) );"
    )
    row, link_token = told
    assert link_token not in json.dumps(row)
    assert len(link_token) == 64


def test_the_same_cart_is_not_sent_twice_and_a_changed_one_is_sent_once(php: Run) -> None:
    again = f"{LOOK} WC()->cart->lines['k1']['quantity'] = 3; {LOOK} {LOOK}"
    jobs = php(
        f"$connection = connected(); "
        f"{FULL_CART} {WATCH} {LOOK} {again} show( $GLOBALS['world']['scheduled'] );"
    )
    assert [job[1] for job in jobs] == ["regulars_send_cart", "regulars_clean_carts"]
    assert jobs[0][0] == 30


def test_an_emptied_cart_is_told_with_no_lines(php: Run) -> None:
    emptied = "WC()->cart->lines = array(); WC()->cart->total = '0';"
    [post] = php(f"$connection = connected(); {FULL_CART} {WATCH} {LOOK} {emptied} {LOOK} {SENT}")
    assert json.loads(post[1]["body"])["items"] == []
    assert read(open_post(post), "https://ada.example")


def test_a_cart_emptied_by_its_order_is_left_to_the_order_and_the_next_is_another(php: Run) -> None:
    ordered = "( new Regulars\\Cart_Token() )->note_order(); WC()->cart->lines = array();"
    told = php(
        f"$connection = connected(); {FULL_CART} {WATCH} {LOOK} {ordered} {LOOK}"
        "sh"
        "ow"
        "( "
        "ar"
        "ray( count( $GLOBALS['wpdb']->rows[0]['cart'] ? json_decode( $GLOBALS['wpdb']->rows[0]['cart'], "
        "true )['items'] : array() ),"
        "( new Regulars\\Cart_Token() )->current() ) );"
    )
    assert told == [2, ""]


def test_a_cart_without_a_visitors_consent_to_marketing_is_not_kept(php: Run) -> None:
    refused = "function wp_has_consent( $kind ) { return 'marketing' !== $kind; }"
    told = php(
        f"{refused} $connection = connected(); "
        f"{FULL_CART} {WATCH} {LOOK} show( array( $GLOBALS['wpdb']->rows, $GLOBALS['world']['scheduled'] ) );"
    )
    assert told == [[], []]


def test_a_delivery_that_fails_is_tried_again_four_times_and_then_no_more(php: Run) -> None:
    told = php(
        f"$connection = connected(); {FULL_CART} {WATCH} {LOOK}"
        "$token = $GLOBALS['wpdb']->rows[0]['token']; $GLOBALS['world']['scheduled'] = array();"
        "for ( $n = 0; $n < 5; $n++ ) { $GLOBALS['world']['answers'][] = array( 503, '' ); "
        "$courier->send( $token, $n ); }"
        "show( $GLOBALS['world']['scheduled'] );"
    )
    assert [job[0] for job in told] == [60, 300, 1800, 10800]
    assert [job[2][1] for job in told] == [1, 2, 3, 4]


def test_a_delivery_that_was_refused_is_not_repeated(php: Run) -> None:
    told = php(
        f"$connection = connected(); {FULL_CART} {WATCH} {LOOK} $GLOBALS['world']['scheduled'] = array();"
        "$GLOBALS['world']['answers'] = array( array( 413, '' ) ); "
        "$courier->send( $GLOBALS['wpdb']->rows[0]['token'] );"
        "show( $GLOBALS['world']['scheduled'] );"
    )
    assert told == []


def test_goodbye_is_read_by_the_app_as_the_end_of_the_connection(php: Run) -> None:
    [post] = php(
        "$connection = connected(); ( new Regulars\\App( $connection ) )->say_goodbye(); "
        "show( $GLOBALS['world']['posts'] );"
    )
    [event] = read(open_post(post), "https://ada.example")
    assert isinstance(event, AppUninstalled)
    assert event.is_time_signed


def test_nothing_is_sent_by_a_shop_that_is_not_connected(php: Run) -> None:
    told = php(
        "$connection = new Regulars\\Connection(); $app = new Regulars\\App( $connection ); "
        "$app->say_goodbye();"
        "$answer = $app->ask( 'sign-in', array() );"
        "show( array( $GLOBALS['world']['posts'], $answer->get_error_code() ) );"
    )
    assert told == [[], "regulars_unconnected"]


def test_the_desk_is_asked_with_a_time_and_a_number_used_once(php: Run) -> None:
    [post] = php(
        "$connection = connected(); ( new Regulars\\App( $connection ) )->ask( 'sign-in', "
        "array( 'user_email' => 'ada@ada.example', 'user_name' => 'Ada' ) );"
        "show( $GLOBALS['world']['posts'] );"
    )
    assert post[0] == "https://app.example/plugin/woocommerce/key.token/sign-in"
    assert post[1]["headers"]["X-WC-Webhook-Topic"] == "regulars_desk.sign_in"
    body = json.loads(post[1]["body"])
    assert set(body) == {"at", "nonce", "user_email", "user_name"}
    assert len(body["nonce"]) == 32
    assert open_post(post).topic == "regulars_desk.sign_in"
