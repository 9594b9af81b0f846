"""Finds what else in a WooCommerce shop mails about carts left behind; it only reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.platforms.woocommerce.rest import NotFoundError, Rest

# Core's own mail, two hours after an order was left unpaid (since 11.0, PR 65238; read in its source, 2026-11-25).
_OWN_MAIL: Final = "customer_abandoned_cart_recovery"
OWN_NAME: Final = "WooCommerce’s own “Abandoned cart recovery” e-mail"
# How our plugin calls it among the folders.
_TOLD_OWN: Final = "woocommerce-recovery-email"

# Plugins by the folder they live in. Which of them is set up to mail about carts can't be seen from outside: an
# active one counts until the merchant says that it doesn't.
_PLUGINS: Final[Mapping[str, str]] = {
    "abandoned-cart-for-woocommerce": "Abandoned Cart Recovery (WP Swings)",
    "activecampaign-for-woocommerce": "ActiveCampaign",
    "automatewoo": "AutomateWoo",
    "cart-recovery": "Cart Recovery for WordPress",
    "klaviyo": "Klaviyo",
    "mailchimp-for-woocommerce": "Mailchimp",
    "mailpoet": "MailPoet",
    "metorik-helper": "Metorik",
    "omnisend": "Omnisend",
    "omnisend-connect": "Omnisend",
    "retainful-next-order-coupon-for-woocommerce": "Retainful",
    "woo-abandoned-cart-recovery": "Abandoned Cart Recovery (VillaTheme)",
    "woo-cart-abandonment-recovery": "Cart Abandonment Recovery (CartFlows)",
    "woo-save-abandoned-carts": "CartBounty",
    "woo-save-abandoned-carts-pro": "CartBounty Pro",
    "woocommerce-abandon-cart-pro": "Abandoned Cart Pro (Tyche)",
    "woocommerce-abandoned-cart": "Abandoned Cart Lite (Tyche)",
    "woocommerce-follow-up-emails": "Follow-Ups",
    "wp-marketing-automations": "FunnelKit Automations",
    "wp-marketing-automations-pro": "FunnelKit Automations",
    "yith-woocommerce-recover-abandoned-cart": "YITH Recover Abandoned Cart",
    "yith-woocommerce-recover-abandoned-cart-premium": "YITH Recover Abandoned Cart",
}


def find(rest: Rest, told: Sequence[Any] | None) -> tuple[str, ...]:
    """The names of what was found, in the order of the alphabet.

    `told` is what our own plugin knows, None without it. It can keep core's mail silent, which no setting of core's
    shows, so its word holds for that one.

    Raises:
        PlatformError: the shop did not answer.
    """
    status = rest.one("wc/v3/system_status", {"_fields": "active_plugins"})
    listed = status.get("active_plugins")
    rows = listed if isinstance(listed, list) else []
    files = [row.get("plugin") for row in rows if isinstance(row, dict)]
    named = [each for each in (*files, *(told or ())) if isinstance(each, str)]
    folders = {each.partition("/")[0].lower() for each in named}
    names = {_PLUGINS[folder] for folder in folders if folder in _PLUGINS}
    if _TOLD_OWN in folders if told is not None else _sends_own_mail(rest):
        names.add(OWN_NAME)
    return tuple(sorted(names))


def _sends_own_mail(rest: Rest) -> bool:
    """Whether core mails by itself: the mail is on, sent by the clock, and not held back for another tool's sake."""
    try:
        rows = rest.get(f"wc/v3/settings/email_{_OWN_MAIL}").body
    except NotFoundError:
        return False  # older than 11.0, or its feature is switched off
    settings = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    values = {str(row.get("id")): row.get("value") for row in settings}
    return (
        values.get("enabled") == "yes"
        and values.get("automated") == "yes"
        and values.get("suppressed") != "yes"
    )
