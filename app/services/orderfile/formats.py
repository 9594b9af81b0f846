"""The forms an order file may have, told apart by their header; it must not look at the lines below it."""

from __future__ import annotations

from enum import StrEnum


class OrderFileError(ValueError):
    """The file can't be read as an order history."""


class UnknownHeaderError(OrderFileError):
    """The first line is the header of no form that is known."""


class Kind(StrEnum):
    """Whose export the file is, told from its header."""

    PLAIN = "plain"
    SHOPIFY = "shopify"
    WOOCOMMERCE = "woocommerce"


# What to do about a file that is none, in one sentence.
WANTED = (
    "give a CSV file with the columns order_id, customer_id, ordered_at, product_id, title, category, quantity, "
    "unit_price, currency, or the orders as exported from Shopify or WooCommerce."
)

# What each column may be called, lower case without spaces around; the first that the header has wins.
# Plain is the form of this project; Shopify's is what "Export orders" writes; WooCommerce's are those of the
# two common export plugins, "Advanced Order Export" and "Customer/Order CSV Export", one row per item.
ALIASES: dict[Kind, dict[str, tuple[str, ...]]] = {
    Kind.PLAIN: {
        "order": ("order_id",),
        "customer": ("customer_id",),
        "at": ("ordered_at",),
        "product": ("product_id",),
        "title": ("title",),
        "category": ("category",),
        "vendor": ("vendor",),
        "quantity": ("quantity",),
        "price": ("unit_price",),
        "currency": ("currency",),
    },
    Kind.SHOPIFY: {
        "order": ("name",),
        "id": ("id",),
        "customer": ("email",),
        "at": ("created at", "paid at"),
        "product": ("lineitem sku",),
        "title": ("lineitem name",),
        "vendor": ("vendor",),
        "quantity": ("lineitem quantity",),
        "price": ("lineitem price",),
        "currency": ("currency",),
        "cancelled": ("cancelled at",),
    },
    Kind.WOOCOMMERCE: {
        "order": ("order number", "order_number", "order id", "order_id"),
        "id": ("order id", "order_id"),
        "customer": ("customer user id", "customer_id", "email (billing)", "billing_email", "customer email"),
        "at": ("order date", "order_date", "date"),
        "product": (
            "product id",
            "item_product_id",
            "product_id",
            "sku",
            "item_sku",
            "item name",
            "item_name",
        ),
        "title": ("item name", "item_name", "product name", "product name (main)"),
        "category": ("category", "product category"),
        "quantity": ("quantity (- refund)", "quantity", "item_quantity", "qty"),
        "price": ("item cost", "item price", "item_price"),
        "currency": ("order currency", "order_currency", "currency"),
        "status": ("order status", "order_status", "status"),
    },
}
# Without these a line says nothing; the rest of a form may be missing.
_NEEDED = {
    Kind.SHOPIFY: ("order", "title", "quantity", "at"),
    Kind.WOOCOMMERCE: ("order", "product", "title", "at"),
    Kind.PLAIN: ("order", "product"),
}
# WooCommerce states of an order that never became a sale.
DEAD_STATES = frozenset(
    {"cancelled", "failed", "refunded", "trash", "draft", "checkout-draft", "pending payment"}
)


def recognise(header: list[str]) -> tuple[Kind, dict[str, int]]:
    best: tuple[Kind, dict[str, int]] | None = None
    for kind, needed in _NEEDED.items():
        found = {
            role: header.index(next(name for name in names if name in header))
            for role, names in ALIASES[kind].items()
            if any(name in header for name in names)
        }
        if all(role in found for role in needed) and (best is None or len(found) > len(best[1])):
            best = kind, found
    if best is None:
        shown = "".join(c if c.isprintable() else "?" for c in ", ".join(header)[:200]) or "nothing"
        raise UnknownHeaderError(f"The header ({shown}) is none we know: {WANTED}")
    return best
