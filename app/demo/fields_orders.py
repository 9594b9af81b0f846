"""Fields of orders, abandoned checkouts and their lines. Reads the shop; changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.demo.amounts import gid, utc
from app.demo.fields import Caller, attributes, bag, constant, metafield, owner_gid, register
from app.demo.fields_products import image
from app.demo.listing import Listing
from app.demo.live import CartLine, Checkout
from app.demo.payloads import order_token
from app.demo.search import Getter
from app.demo.world import Line, Order, Product, Variant

ORDER_SEARCH: dict[str, Getter] = {
    "default": lambda o: f"{o.name} {o.email or ''}",
    "id": lambda o: o.id,
    "name": lambda o: o.name,
    "email": lambda o: o.email,
    "customer_id": lambda o: o.customer_id,
    "cart_token": lambda o: o.cart_token,
    "checkout_token": lambda o: o.checkout_token,
    "created_at": lambda o: o.created_at,
    "processed_at": lambda o: o.created_at,
    "updated_at": lambda o: o.updated_at,
    "status": lambda o: ["any", "cancelled" if o.cancelled_at else "open", "not_closed"],
    "financial_status": lambda o: "refunded" if o.cancelled_at else "paid",
    "fulfillment_status": lambda o: "unfulfilled",
    "test": lambda o: False,
    "source_name": lambda o: "web",
}
CHECKOUT_SEARCH: dict[str, Getter] = {
    "default": lambda c: f"{c.name} {c.email or ''}",
    "id": lambda c: c.id,
    "created_at": lambda c: c.created_at,
    "updated_at": lambda c: c.updated_at,
    "status": lambda c: "closed" if c.completed_at else "open",
    "recovery_state": lambda c: "recovered" if c.completed_at else "not_recovered",
}


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A line with the order it belongs to, whose cancelling it follows."""

    line: Line
    order: Order


@dataclass(frozen=True, slots=True)
class CheckoutLine:
    line: CartLine
    checkout: Checkout


def _goods(order: Order) -> int:
    return sum(line.price * line.quantity for line in order.lines)


def _discount(caller: Caller, order: Order) -> int:
    return caller.store.order_discounts.get(order.id, ("", 0))[1]


def _codes(caller: Caller, order: Order) -> list[str]:
    kept = caller.store.order_discounts.get(order.id)
    return [kept[0]] if kept else []


def _total(caller: Caller, order: Order) -> int:
    return _goods(order) - _discount(caller, order)


def _current(caller: Caller, order: Order) -> int:
    return 0 if order.cancelled_at else _total(caller, order)


def _refunded(caller: Caller, order: Order) -> int:
    return _total(caller, order) if order.cancelled_at else 0


def _n_goods(order: Order) -> int:
    return sum(line.quantity for line in order.lines)


def _buyer(caller: Caller, order: Order) -> Any:
    return caller.store.world.customers.get(order.customer_id or 0)


def _accepts(caller: Caller, order: Order) -> bool:
    buyer = _buyer(caller, order)
    return buyer is not None and buyer.marketing_state == "subscribed"


def _journey(caller: Caller, order: Order) -> dict[str, Any]:
    """One visit is all this shop remembers: the one that ended in the order."""
    visit = {
        "__typename": "CustomerVisit",
        "id": gid("CustomerVisit", order.id),
        "landingPage": f"{caller.store.base_url}{order.landing_site}",
        "occurredAt": utc(order.created_at),
        "source": "direct",
    }
    return {
        "ready": True,
        "firstVisit": visit,
        "lastVisit": visit,
        "daysToConversion": 0,
        "customerOrderIndex": None,
    }


register(
    "Order",
    {
        "id": lambda c, o, a: gid("Order", o.id),
        "legacyResourceId": lambda c, o, a: str(o.id),
        "name": lambda c, o, a: o.name,
        "number": lambda c, o, a: int("".join(x for x in o.name if x.isdigit()) or 0),
        "email": lambda c, o, a: o.email,
        "phone": constant(None),
        "createdAt": lambda c, o, a: utc(o.created_at),
        "processedAt": lambda c, o, a: utc(o.created_at),
        "updatedAt": lambda c, o, a: utc(o.updated_at),
        "cancelledAt": lambda c, o, a: utc(o.cancelled_at) if o.cancelled_at else None,
        "cancelReason": lambda c, o, a: "CUSTOMER" if o.cancelled_at else None,
        "closed": constant(False),
        "closedAt": constant(None),
        "confirmed": constant(True),
        "test": constant(False),
        "cartToken": lambda c, o, a: o.cart_token,
        "checkoutToken": lambda c, o, a: o.checkout_token,
        "currencyCode": lambda c, o, a: c.currency,
        "presentmentCurrencyCode": lambda c, o, a: c.currency,
        "customer": lambda c, o, a: _buyer(c, o),
        "customerLocale": lambda c, o, a: getattr(_buyer(c, o), "locale", None),
        "customerAcceptsMarketing": lambda c, o, a: _accepts(c, o),
        "customAttributes": lambda c, o, a: attributes(o.note_attributes),
        "discountCode": lambda c, o, a: next(iter(_codes(c, o)), None),
        "discountCodes": lambda c, o, a: _codes(c, o),
        "displayFinancialStatus": lambda c, o, a: "REFUNDED" if o.cancelled_at else "PAID",
        "displayFulfillmentStatus": constant("UNFULFILLED"),
        "fullyPaid": lambda c, o, a: o.cancelled_at is None,
        "landingPageUrl": lambda c, o, a: f"{c.store.base_url}{o.landing_site}",
        "lineItems": lambda c, o, a: Listing([OrderLine(line, o) for line in o.lines]),
        "note": constant(None),
        "sourceName": constant("web"),
        "statusPageUrl": lambda c, o, a: f"{c.store.base_url}/account/orders/{order_token(o)}",
        "subtotalPriceSet": lambda c, o, a: bag(c, _total(c, o)),
        "currentSubtotalPriceSet": lambda c, o, a: bag(c, _current(c, o)),
        "totalPriceSet": lambda c, o, a: bag(c, _total(c, o)),
        "currentTotalPriceSet": lambda c, o, a: bag(c, _current(c, o)),
        "originalTotalPriceSet": lambda c, o, a: bag(c, _total(c, o)),
        "totalDiscountsSet": lambda c, o, a: bag(c, _discount(c, o)),
        "totalRefundedSet": lambda c, o, a: bag(c, _refunded(c, o)),
        "totalReceivedSet": lambda c, o, a: bag(c, _total(c, o)),
        "netPaymentSet": lambda c, o, a: bag(c, _current(c, o)),
        "totalShippingPriceSet": lambda c, o, a: bag(c, 0),
        "totalTaxSet": lambda c, o, a: bag(c, 0),
        "totalTipReceivedSet": lambda c, o, a: bag(c, 0),
        "subtotalLineItemsQuantity": lambda c, o, a: _n_goods(o),
        "currentSubtotalLineItemsQuantity": lambda c, o, a: 0 if o.cancelled_at else _n_goods(o),
        "customerJourneySummary": lambda c, o, a: _journey(c, o),
        "tags": lambda c, o, a: [],
        "taxesIncluded": constant(True),
        "metafield": lambda c, o, a: metafield(c, owner_gid(o), a),
    },
)


# -- lines of orders and checkouts -----------------------------------------------------------------------


def _product(caller: Caller, line: Line | CartLine) -> Product | None:
    return caller.store.world.products.get(line.product_id)


def _variant(caller: Caller, line: Line | CartLine) -> Variant | None:
    return caller.store.known_variant(line.variant_id)


def _title(caller: Caller, line: Line | CartLine) -> str:
    product = _product(caller, line)
    return product.title if product else "A product no longer sold"


def _variant_title(caller: Caller, line: Line | CartLine) -> str | None:
    variant = _variant(caller, line)
    return variant.title if variant and variant.title != "Default Title" else None


def _name(caller: Caller, line: Line | CartLine) -> str:
    return " - ".join(filter(None, (_title(caller, line), _variant_title(caller, line))))


def _sku(caller: Caller, line: Line | CartLine) -> str | None:
    variant = _variant(caller, line)
    return variant.sku or None if variant else None


def _vendor(caller: Caller, line: Line | CartLine) -> str | None:
    product = _product(caller, line)
    return product.vendor if product else None


def _picture(caller: Caller, line: Line | CartLine) -> dict[str, Any] | None:
    product = _product(caller, line)
    return image(caller, product) if product else None


register(
    "LineItem",
    {
        "id": lambda c, x, a: gid("LineItem", x.line.id),
        "name": lambda c, x, a: _name(c, x.line),
        "title": lambda c, x, a: _title(c, x.line),
        "variantTitle": lambda c, x, a: _variant_title(c, x.line),
        "sku": lambda c, x, a: _sku(c, x.line),
        "vendor": lambda c, x, a: _vendor(c, x.line),
        "quantity": lambda c, x, a: x.line.quantity,
        "currentQuantity": lambda c, x, a: 0 if x.order.cancelled_at else x.line.quantity,
        "refundableQuantity": lambda c, x, a: 0 if x.order.cancelled_at else x.line.quantity,
        "product": lambda c, x, a: _product(c, x.line),
        "variant": lambda c, x, a: _variant(c, x.line),
        "originalUnitPriceSet": lambda c, x, a: bag(c, x.line.price),
        "discountedUnitPriceSet": lambda c, x, a: bag(c, x.line.price),
        "discountedUnitPriceAfterAllDiscountsSet": lambda c, x, a: bag(c, x.line.price),
        "originalTotalSet": lambda c, x, a: bag(c, x.line.price * x.line.quantity),
        "discountedTotalSet": lambda c, x, a: bag(c, x.line.price * x.line.quantity),
        "totalDiscountSet": lambda c, x, a: bag(c, 0),
        "customAttributes": lambda c, x, a: attributes(x.line.properties),
        "isGiftCard": constant(False),
        "requiresShipping": constant(True),
        "taxable": constant(True),
        "image": lambda c, x, a: _picture(c, x.line),
    },
)
register(
    "AbandonedCheckoutLineItem",
    {
        "id": lambda c, x, a: gid("AbandonedCheckoutLineItem", x.line.key.replace(":", "-")),
        "title": lambda c, x, a: _title(c, x.line),
        "variantTitle": lambda c, x, a: _variant_title(c, x.line),
        "sku": lambda c, x, a: _sku(c, x.line),
        "quantity": lambda c, x, a: x.line.quantity,
        "product": lambda c, x, a: _product(c, x.line),
        "variant": lambda c, x, a: _variant(c, x.line),
        "image": lambda c, x, a: _picture(c, x.line),
        "customAttributes": lambda c, x, a: attributes(x.line.properties),
        "originalUnitPriceSet": lambda c, x, a: bag(c, x.line.price),
        "originalTotalPriceSet": lambda c, x, a: bag(c, x.line.price * x.line.quantity),
        "discountedUnitPriceSet": lambda c, x, a: bag(c, x.line.price),
        "discountedTotalPriceSet": lambda c, x, a: bag(c, x.line.price * x.line.quantity),
    },
)
register(
    "AbandonedCheckout",
    {
        "id": lambda c, k, a: gid("AbandonedCheckout", k.id),
        "name": lambda c, k, a: k.name,
        "note": lambda c, k, a: k.note or "",
        "abandonedCheckoutUrl": lambda c, k, a: c.store.recover_url(k),
        "completedAt": lambda c, k, a: utc(k.completed_at) if k.completed_at else None,
        "createdAt": lambda c, k, a: utc(k.created_at),
        "updatedAt": lambda c, k, a: utc(k.updated_at),
        "customAttributes": lambda c, k, a: attributes(k.attributes),
        "customer": lambda c, k, a: c.store.world.customers.get(k.customer_id or 0),
        "discountCodes": lambda c, k, a: [k.discount_code] if k.discount_code else [],
        "lineItems": lambda c, k, a: Listing([CheckoutLine(line, k) for line in k.lines]),
        "subtotalPriceSet": lambda c, k, a: bag(c, k.total),
        "totalDiscountSet": lambda c, k, a: bag(c, k.discount),
        "totalLineItemsPriceSet": lambda c, k, a: bag(c, k.subtotal),
        "totalPriceSet": lambda c, k, a: bag(c, k.total),
        "totalTaxSet": lambda c, k, a: bag(c, 0),
        "taxesIncluded": constant(True),
    },
)
