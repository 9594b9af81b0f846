"""The webhook topics this app listens to, and where they are sent; nothing else names them."""

from __future__ import annotations

from typing import Final

# Coupons and restored things are left out: trashing a coupon fires product.deleted and the other way round, and
# what is restored comes back as changed with the next look (both measured).
TOPICS: Final = (
    "order.created",
    "order.updated",
    "order.deleted",
    "product.created",
    "product.updated",
    "product.deleted",
    "customer.created",
    "customer.updated",
    "customer.deleted",
)

# What the companion plugin sends by itself, signed with the same secret as core's webhooks; the second is the
# name under which the plugin's cart topic was first measured.
CART_TOPICS: Final = ("regulars_cart.updated", "recs_cart.updated")
DISCONNECTED_TOPIC: Final = "regulars_shop.disconnected"

# The shop's own token follows.
CALLBACK_PATH: Final = "/webhooks/woocommerce/"
