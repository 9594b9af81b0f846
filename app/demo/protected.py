"""Shopify's protected customer data: what an app without approval may not see. Pure."""

from __future__ import annotations

from app.demo.records import Body

# Level 1: any order, customer or checkout data. Level 2: names, e-mail addresses, phones, postal addresses.
NOT_APPROVED, LEVEL_1, LEVEL_2 = 0, 1, 2
DOCUMENTATION = "https://shopify.dev/docs/apps/launch/protected-customer-data"

# Resources whose webhooks carry customer data.
_PROTECTED_TOPICS = ("orders/", "customers/", "customers_", "checkouts/", "carts/", "refunds/")
_LEVEL_2_KEYS = frozenset(
    {
        "email", "contact_email", "email_address", "phone", "first_name", "last_name", "default_address", "addresses",
        "billing_address", "shipping_address", "browser_ip", "client_details",
    }
)  # fmt: skip
# The three compliance requests come with the person they are about, approval or not.
_ALWAYS_SENT = ("customers/data_request", "customers/redact", "shop/redact")

PROTECTED_TYPES = frozenset({"Customer", "Order", "AbandonedCheckout"})
PROTECTED_FIELDS = {
    "Customer": frozenset(
        {"email", "phone", "firstName", "lastName", "displayName", "defaultEmailAddress", "defaultAddress"}
    ),
    "Order": frozenset({"email", "phone"}),
}


def is_protected_topic(topic: str) -> bool:
    return topic.startswith(_PROTECTED_TOPICS) and topic not in _ALWAYS_SENT


def is_seen(topic: str, level: int) -> bool:
    return level >= LEVEL_1 or not is_protected_topic(topic)


def without_level_2(topic: str, body: Body, level: int) -> Body:
    """The body as an app sees it that is not approved for names and addresses: those keys are gone."""
    if level >= LEVEL_2 or not is_protected_topic(topic):
        return body
    cleaned = _without(body)
    return cleaned if isinstance(cleaned, dict) else {}


def _without(told: object) -> object:
    if isinstance(told, dict):
        return {k: _without(v) for k, v in told.items() if k not in _LEVEL_2_KEYS}
    if isinstance(told, list):
        return [_without(v) for v in told]
    return told
