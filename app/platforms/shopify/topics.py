"""The webhook topics this app listens to, and the scope each needs; nothing else names them."""

from __future__ import annotations

from typing import Final

# Subscribed in shopify.app.toml, and through the API where the app was not deployed from it.
# Not customers/merge: it needs a scope of its own, read_customer_merge. The orders of a merged customer follow as
# orders/updated, and reconciliation finds that the customer is gone. Who subscribes to it elsewhere is understood.
TOPICS: Final[dict[str, str | None]] = {
    "app/uninstalled": None,
    "bulk_operations/finish": None,
    "products/create": "read_products",
    "products/update": "read_products",
    "products/delete": "read_products",
    "orders/create": "read_orders",
    "orders/updated": "read_orders",
    "orders/delete": "read_orders",
    "carts/create": "read_orders",
    "carts/update": "read_orders",
    "checkouts/create": "read_orders",
    "checkouts/update": "read_orders",
    "checkouts/delete": "read_orders",
    "customers/create": "read_customers",
    "customers/update": "read_customers",
    "customers/delete": "read_customers",
    "customers_email_marketing_consent/update": "read_customers",
}

# Declared in the toml or the Dev Dashboard only; the API refuses them.
COMPLIANCE_TOPICS: Final = ("customers/data_request", "customers/redact", "shop/redact")

# Where all of them are sent.
CALLBACK_PATH: Final = "/webhooks/shopify"


def enum_of(topic: str) -> str:
    """`orders/create` as GraphQL's WebhookSubscriptionTopic writes it: `ORDERS_CREATE`."""
    return topic.replace("/", "_").replace(".", "_").upper()
