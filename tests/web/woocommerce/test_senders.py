"""What else in a WooCommerce shop mails about carts is found, by plugin and in core's own settings."""

from __future__ import annotations

import pytest

from app.platforms.woocommerce.senders import OWN_NAME
from app.services import polling
from app.services.connecting import client_for
from app.services.shops import get_shop
from tests.fixtures.woocommerce_plugin import PluginDouble
from tests.web.woocommerce.kit import connected

ON = {"enabled": "yes", "automated": "yes", "suppressed": "no", "subject": ""}


def found(context, shop_id):
    with context.db.shop(shop_id) as connection:
        return get_shop(connection, shop_id).other_senders


def test_senders_are_found_at_connecting_and_every_hour_and_the_plugin_is_told(context, client, store):
    store.plugin = PluginDouble()
    store.active_plugins = [
        "woocommerce/woocommerce.php",
        "woo-save-abandoned-carts/cartbounty-abandoned-carts.php",
    ]
    shop_id = connected(context, client, store)
    assert found(context, shop_id) == ("CartBounty",)
    assert store.plugin.connection["is_conflicted"] is True
    store.active_plugins = ["woocommerce/woocommerce.php", "regulars/regulars.php"]
    polling.check_webhooks(context, shop_id)
    assert found(context, shop_id) == ()
    assert store.plugin.connection["is_conflicted"] is False


@pytest.mark.parametrize(
    ("plugin", "name"),
    [
        ("automatewoo/automatewoo.php", "AutomateWoo"),
        ("mailpoet/mailpoet.php", "MailPoet"),
        ("klaviyo/klaviyo.php", "Klaviyo"),
        ("mailchimp-for-woocommerce/mailchimp-woocommerce.php", "Mailchimp"),
        ("omnisend-connect/omnisend-woocommerce.php", "Omnisend"),
        ("metorik-helper/metorik-helper.php", "Metorik"),
        ("woocommerce-abandoned-cart/woocommerce-ac.php", "Abandoned Cart Lite (Tyche)"),
        ("wp-marketing-automations/wp-marketing-automations.php", "FunnelKit Automations"),
        (
            "woo-cart-abandonment-recovery/woo-cart-abandonment-recovery.php",
            "Cart Abandonment Recovery (CartFlows)",
        ),
    ],
)
def test_the_usual_senders_are_known_by_their_folder(context, client, store, plugin, name):
    shop_id = connected(context, client, store)
    store.active_plugins = [plugin, "akismet/akismet.php"]
    assert client_for(context, shop_id).other_senders() == (name,)


def test_what_our_plugin_knows_counts_too(context, client, store):
    store.plugin = PluginDouble(senders=["klaviyo", "mailpoet/mailpoet.php", "unknown"])
    shop_id = connected(context, client, store)
    assert found(context, shop_id) == ("Klaviyo", "MailPoet")


@pytest.mark.parametrize(
    ("settings", "is_sender"),
    [
        (None, False),
        (ON, True),
        ({**ON, "enabled": "no"}, False),
        ({**ON, "automated": "no"}, False),
        ({**ON, "suppressed": "yes"}, False),
        ({name: value for name, value in ON.items() if name != "suppressed"}, True),
        ({}, False),
    ],
)
def test_cores_own_mail_counts_when_it_goes_out_by_itself(context, client, store, settings, is_sender):
    shop_id = connected(context, client, store)
    store.own_mail = settings
    assert (OWN_NAME in client_for(context, shop_id).other_senders()) is is_sender


@pytest.mark.parametrize("is_silent", [True, False])
def test_our_plugins_word_on_cores_mail_holds_because_it_may_keep_it_silent(
    context, client, store, is_silent
):
    store.plugin = PluginDouble(senders=[] if is_silent else ["woocommerce-recovery-email"])
    store.own_mail = ON
    shop_id = connected(context, client, store)
    assert found(context, shop_id) == (() if is_silent else (OWN_NAME,))


def test_a_shop_that_does_not_say_keeps_what_was_known(context, client, store):
    store.active_plugins = ["klaviyo/klaviyo.php"]
    shop_id = connected(context, client, store)
    store.refused_paths = {"/wp-json/wc/v3/system_status"}
    polling.check_webhooks(context, shop_id)
    assert found(context, shop_id) == ("Klaviyo",)
    with context.db.shop(shop_id) as connection:
        assert get_shop(connection, shop_id).state == "connected"
