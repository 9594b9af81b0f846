"""Bodies of cart, checkout and order webhooks as documented for 2026-07. Reads the shop; sends nothing."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

from app.demo.amounts import amount, gid, local, money_set, utc_ms
from app.demo.live import Cart, CartLine, Checkout
from app.demo.records import Body, nested_customer
from app.demo.world import Line, Order

if TYPE_CHECKING:
    from app.demo.desk import Desk


def _money(prefixes: dict[str, int], currency: str) -> Body:
    """`total_price` and `total_price_set` together, for each name."""
    body: Body = {}
    for name, minor in prefixes.items():
        body[name] = amount(minor, currency)
        body[f"{name}_set"] = money_set(minor, currency)
    return body


def _titles(desk: Desk, line: Line | CartLine) -> Body:
    product = desk.world.products.get(line.product_id)
    variant = next((v for v in product.variants if v.id == line.variant_id), None) if product else None
    has_options = variant is not None and variant.title != "Default Title"
    return {
        "title": product.title if product else "A product no longer sold",
        "variant_title": variant.title if variant and has_options else None,
        "vendor": product.vendor if product else None,
        "sku": variant.sku if variant else None,
        "compare_at": variant.compare_at_price if variant else None,
    }


# -- carts -----------------------------------------------------------------------------------------------


def cart(desk: Desk, of: Cart) -> Body:
    """carts/create and carts/update: no address, no customer, no currency, no link."""
    return {
        "id": of.token,
        "token": of.token,
        "line_items": [_cart_line(desk, line) for line in of.lines],
        "note": of.note,
        "updated_at": utc_ms(of.updated_at),
        "created_at": utc_ms(of.created_at),
    }


def _cart_line(desk: Desk, line: CartLine) -> Body:
    names, currency = _titles(desk, line), desk.world.currency
    full = str(names["title"]) + (f" - {names['variant_title']}" if names["variant_title"] else "")
    line_price = line.price * line.quantity
    return {
        "id": line.variant_id,
        # As real deliveries have it: an object when there are properties, null when there are none.
        "properties": dict(line.properties) or None,
        "quantity": line.quantity,
        "variant_id": line.variant_id,
        "key": line.key,
        "discounts": [],
        "gift_card": False,
        "grams": 0,
        "original_line_price": amount(line_price, currency),
        "original_price": amount(line.price, currency),
        "product_id": line.product_id,
        "sku": names["sku"],
        "taxable": True,
        "title": full,
        "vendor": names["vendor"],
        "original_line_price_set": money_set(line_price, currency),
        "parent_relationship": None,
        **_money(
            {
                "discounted_price": line.price,
                "line_price": line_price,
                "price": line.price,
                "total_discount": 0,
            },
            currency,
        ),
    }


# -- checkouts -------------------------------------------------------------------------------------------


def checkout(desk: Desk, of: Checkout) -> Body:
    """checkouts/create and checkouts/update since 2026-04: joined by tokens, there is no `id`."""
    world, currency = desk.world, desk.world.currency
    body: Body = {
        "token": of.token,
        "cart_token": of.cart_token,
        "email": of.email,
        "gateway": None,
        "buyer_accepts_marketing": of.accepts_marketing,
        "buyer_accepts_sms_marketing": False,
        "sms_marketing_phone": None,
        "created_at": local(of.created_at, world.timezone),
        "updated_at": local(of.updated_at, world.timezone),
        "completed_at": _local_or_none(of.completed_at, world.timezone),
        "closed_at": None,
        "landing_site": of.landing_site,
        "referring_site": None,
        "source": None,
        "source_name": "web",
        "source_identifier": None,
        "source_url": None,
        "note": of.note,
        "note_attributes": _named(of.attributes),
        "shipping_lines": [],
        "taxes_included": True,
        "total_weight": 0,
        "currency": currency,
        "presentment_currency": currency,
        "user_id": None,
        "location_id": None,
        "device_id": None,
        "phone": None,
        "customer_locale": of.locale,
        "name": of.name,
        "abandoned_checkout_url": desk.recover_url(of),
        "discount_codes": _codes(of.discount_code, of.discount, currency),
        "tax_lines": [],
        "line_items": [_checkout_line(desk, line) for line in of.lines],
        "total_discounts": amount(of.discount, currency),
        "total_line_items_price": amount(of.subtotal, currency),
        "subtotal_price": amount(of.total, currency),
        "total_price": amount(of.total, currency),
        "total_tax": amount(0, currency),
        "total_duties": None,
        "reservation_token": None,
        "billing_address": None,
        "shipping_address": None,
    }
    buyer = world.customers.get(of.customer_id or 0)
    if buyer is not None:  # the key is absent for an anonymous checkout
        body["customer"] = nested_customer(desk, buyer)
    return body


def deleted_checkout(desk: Desk, of: Checkout) -> Body:
    currency = desk.world.currency
    return {
        "id": of.id,
        "presentment_currency": currency,
        "buyer_accepts_sms_marketing": False,
        "sms_marketing_phone": None,
        "total_discounts": amount(of.discount, currency),
        "total_line_items_price": amount(of.subtotal, currency),
        "total_price": amount(of.total, currency),
        "total_tax": amount(0, currency),
        "subtotal_price": amount(of.total, currency),
        "cart_token": of.cart_token,
        "total_duties": None,
        "reservation_token": None,
    }


_UNIT_PRICE_KEYS = ("measured_type", "quantity_value", "quantity_unit", "reference_value", "reference_unit")


def _checkout_line(desk: Desk, line: CartLine) -> Body:
    names, currency = _titles(desk, line), desk.world.currency
    compare_at = names["compare_at"]
    return {
        "applied_discounts": [],
        "discount_allocations": [],
        "key": line.key.partition(":")[2],
        "destination_location_id": None,
        "fulfillment_service": "manual",
        "gift_card": False,
        "grams": 0,
        "origin_location_id": None,
        "presentment_title": names["title"],
        "presentment_variant_title": names["variant_title"] or "",
        "product_id": line.product_id,
        "properties": dict(line.properties) or None,
        "quantity": line.quantity,
        "requires_shipping": True,
        "sku": names["sku"],
        "tax_lines": [],
        "taxable": True,
        "title": names["title"],
        "variant_id": line.variant_id,
        "variant_title": names["variant_title"] or "",
        "variant_price": amount(line.price, currency),
        "vendor": names["vendor"],
        "user_id": None,
        "unit_price_measurement": dict.fromkeys(_UNIT_PRICE_KEYS),
        "rank": None,
        "compare_at_price": amount(compare_at, currency) if isinstance(compare_at, int) else None,
        "line_price": amount(line.price * line.quantity, currency),
        "price": amount(line.price, currency),
    }


# -- orders ----------------------------------------------------------------------------------------------


def order(desk: Desk, of: Order) -> Body:
    """orders/create, orders/updated and orders/cancelled since 2026-04: there is no `checkout_id`."""
    zone, currency = desk.world.timezone, desk.world.currency
    code, discount = desk.order_discounts.get(of.id, (None, 0))
    goods = sum(line.price * line.quantity for line in of.lines)
    total = goods - discount
    buyer = desk.world.customers.get(of.customer_id or 0)
    number = int("".join(c for c in of.name if c.isdigit()) or of.id)
    return {
        **_ORDER_WITHOUT_NEWS,
        "id": of.id,
        "admin_graphql_api_id": gid("Order", of.id),
        "buyer_accepts_marketing": buyer is not None and buyer.marketing_state == "subscribed",
        "cancel_reason": "customer" if of.cancelled_at else None,
        "cancelled_at": _local_or_none(of.cancelled_at, zone),
        "cart_token": of.cart_token,
        "checkout_token": of.checkout_token,
        "contact_email": of.email,
        "created_at": local(of.created_at, zone),
        "currency": currency,
        "customer_locale": buyer.locale if buyer else desk.world.locale,
        "discount_codes": _codes(code, discount, currency),
        "discount_applications": _discount_applications(code, discount, currency),
        "email": of.email,
        "financial_status": "refunded" if of.cancelled_at else "paid",
        "landing_site": of.landing_site,
        "name": of.name,
        "note_attributes": _named(of.note_attributes),
        "number": max(1, number - 1000),
        "order_number": number,
        "order_status_url": f"{desk.base_url}/account/orders/{order_token(of)}",
        "presentment_currency": currency,
        "processed_at": local(of.created_at, zone),
        "token": order_token(of),
        "updated_at": local(of.updated_at, zone),
        "customer": nested_customer(desk, buyer) if buyer else None,
        "line_items": [_order_line(desk, line, of) for line in of.lines],
        "total_outstanding": amount(0, currency),
        "total_tip_received": amount(0, currency),
        "total_shipping_price_set": money_set(0, currency),
        "current_shipping_price_set": money_set(0, currency),
        "total_cash_rounding_payment_adjustment_set": money_set(0, currency),
        "total_cash_rounding_refund_adjustment_set": money_set(0, currency),
        **_money(
            {
                "current_subtotal_price": 0 if of.cancelled_at else total,
                "current_total_discounts": discount,
                "current_total_price": 0 if of.cancelled_at else total,
                "current_total_tax": 0,
                "subtotal_price": total,
                "total_discounts": discount,
                "total_line_items_price": goods,
                "total_price": total,
                "total_tax": 0,
            },
            currency,
        ),
    }


def order_token(of: Order) -> str:
    """Stable for an order, and not guessable from its number."""
    return hashlib.sha256(f"order {of.id} {of.cart_token}".encode()).hexdigest()[:32]


# What an order says when nothing of the kind ever happens in this shop.
_NULL_IN_ORDERS = [
    "app_id",
    "browser_ip",
    "client_details",
    "closed_at",
    "confirmation_number",
    "device_id",
    "fulfillment_status",
    "landing_site_ref",
    "location_id",
    "merchant_of_record_app_id",
    "note",
    "phone",
    "po_number",
    "reference",
    "referring_site",
    "source_identifier",
    "source_url",
    "user_id",
    "current_total_additional_fees_set",
    "current_total_duties_set",
    "original_total_additional_fees_set",
    "original_total_duties_set",
    "billing_address",
    "shipping_address",
    "payment_terms",
]
_EMPTY_IN_ORDERS = ["tax_lines", "fulfillments", "refunds", "returns", "shipping_lines", "line_item_groups"]
_ORDER_WITHOUT_NEWS: Body = {
    **dict.fromkeys(_NULL_IN_ORDERS),
    **{name: [] for name in _EMPTY_IN_ORDERS},
    "confirmed": True,
    "duties_included": False,
    "estimated_taxes": False,
    "merchant_business_entity_id": "MTcyNTQ4MzgwMDA5",
    "payment_gateway_names": ["bogus"],
    "source_name": "web",
    "tags": "",
    "tax_exempt": False,
    "taxes_included": True,
    "test": False,
    "total_weight": 0,
}


def _order_line(desk: Desk, line: Line, of: Order) -> Body:
    names, currency = _titles(desk, line), desk.world.currency
    n_left = 0 if of.cancelled_at else line.quantity
    full = str(names["title"]) + (f" - {names['variant_title']}" if names["variant_title"] else "")
    return {
        "id": line.id,
        "admin_graphql_api_id": gid("LineItem", line.id),
        "attributed_staffs": [],
        "current_quantity": n_left,
        "fulfillable_quantity": n_left,
        "fulfillment_service": "manual",
        "fulfillment_status": None,
        "gift_card": False,
        "grams": 0,
        "name": full,
        "product_exists": line.product_id in desk.world.products,
        "product_id": line.product_id if line.product_id in desk.world.products else None,
        "properties": _named(line.properties),
        "quantity": line.quantity,
        "requires_shipping": True,
        "sales_line_item_group_id": None,
        "sku": names["sku"],
        "taxable": True,
        "title": names["title"],
        "variant_id": line.variant_id if line.product_id in desk.world.products else None,
        "variant_inventory_management": "shopify",
        "variant_title": names["variant_title"],
        "vendor": names["vendor"],
        "tax_lines": [],
        "duties": [],
        "discount_allocations": [],
        **_money({"price": line.price, "total_discount": 0}, currency),
    }


def _codes(code: str | None, discount: int, currency: str) -> list[Body]:
    return [{"code": code, "amount": amount(discount, currency), "type": "fixed_amount"}] if code else []


def _discount_applications(code: str | None, discount: int, currency: str) -> list[Body]:
    if not code:
        return []
    return [
        {
            "target_type": "line_item",
            "type": "discount_code",
            "value": amount(discount, currency),
            "value_type": "fixed_amount",
            "allocation_method": "across",
            "target_selection": "all",
            "code": code,
        }
    ]


def _named(attributes: dict[str, str]) -> list[Body]:
    return [{"name": name, "value": value} for name, value in attributes.items()]


def _local_or_none(at: datetime | None, timezone: str) -> str | None:
    return None if at is None else local(at, timezone)
