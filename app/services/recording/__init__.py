"""Writes the facts a shop tells into the shop's tables; importing, ingesting and reconciling all come through here."""

from app.services.recording.buyers import record_customers, remove_customer
from app.services.recording.carts import hold_carts, record_cart, remove_cart
from app.services.recording.erased import names_erased
from app.services.recording.products import record_products, remove_product
from app.services.recording.purchases import record_orders, refresh_order_counts, remove_order

__all__ = [
    "hold_carts",
    "names_erased",
    "record_cart",
    "record_customers",
    "record_orders",
    "record_products",
    "refresh_order_counts",
    "remove_cart",
    "remove_customer",
    "remove_order",
    "remove_product",
]
