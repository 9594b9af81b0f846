"""Fields of customers and their consent. Reads the shop; changes nothing."""

from __future__ import annotations

from typing import Any

from app.demo.amounts import gid, utc
from app.demo.fields import Caller, constant, metafield, money, owner_gid, register
from app.demo.fields_orders import ORDER_SEARCH
from app.demo.listing import Listing
from app.demo.roots import listing_of, visible
from app.demo.search import Getter
from app.demo.world import Customer

CUSTOMER_SEARCH: dict[str, Getter] = {
    "default": lambda c: f"{c.first_name} {c.last_name} {c.email or ''}",
    "id": lambda c: c.id,
    "email": lambda c: c.email,
    "first_name": lambda c: c.first_name,
    "last_name": lambda c: c.last_name,
    "customer_date": lambda c: c.created_at,
    "updated_at": lambda c: c.updated_at,
    "orders_count": lambda c: c.n_orders,
    "accepts_marketing": lambda c: c.marketing_state == "subscribed",
    "state": lambda c: "disabled",
}


def _opt_in(customer: Customer) -> str | None:
    return None if customer.marketing_state == "not_subscribed" else customer.opt_in_level.upper()


def _consented_at(customer: Customer) -> str | None:
    return utc(customer.consent_updated_at) if customer.consent_updated_at else None


def _consent(customer: Customer) -> dict[str, Any] | None:
    if customer.email is None:
        return None
    return {
        "marketingState": customer.marketing_state.upper(),
        "marketingOptInLevel": _opt_in(customer),
        "consentUpdatedAt": _consented_at(customer),
    }


def _spent(caller: Caller, customer: Customer) -> int:
    alive = [o for o in caller.store.orders_of(customer.id) if o.cancelled_at is None]
    discounts = caller.store.order_discounts
    goods = sum(line.price * line.quantity for o in alive for line in o.lines)
    return goods - sum(discounts.get(o.id, ("", 0))[1] for o in alive)


def _orders(caller: Caller, customer: Customer, args: dict[str, Any]) -> Listing:
    return listing_of(caller, visible(caller, caller.store.orders_of(customer.id)), ORDER_SEARCH, args)


def _display_name(customer: Customer) -> str:
    return f"{customer.first_name} {customer.last_name}".strip() or customer.email or str(customer.id)


register(
    "Customer",
    {
        "id": lambda c, p, a: gid("Customer", p.id),
        "legacyResourceId": lambda c, p, a: str(p.id),
        "displayName": lambda c, p, a: _display_name(p),
        "firstName": lambda c, p, a: p.first_name or None,
        "lastName": lambda c, p, a: p.last_name or None,
        "email": lambda c, p, a: p.email,
        "phone": constant(None),
        # This shop's shoppers leave no postal address.
        "defaultAddress": constant(None),
        "defaultEmailAddress": lambda c, p, a: p if p.email else None,
        "emailMarketingConsent": lambda c, p, a: _consent(p),
        "locale": lambda c, p, a: p.locale,
        "state": constant("DISABLED"),
        "tags": lambda c, p, a: [],
        "note": constant(None),
        "createdAt": lambda c, p, a: utc(p.created_at),
        "updatedAt": lambda c, p, a: utc(p.updated_at),
        "numberOfOrders": lambda c, p, a: str(p.n_orders),
        "amountSpent": lambda c, p, a: money(c, _spent(c, p)),
        "lastOrder": lambda c, p, a: next(reversed(visible(c, c.store.orders_of(p.id))), None),
        "orders": _orders,
        "verifiedEmail": lambda c, p, a: p.email is not None,
        "dataSaleOptOut": constant(False),
        "taxExempt": constant(False),
        "metafield": lambda c, p, a: metafield(c, owner_gid(p), a),
    },
)
register(
    "CustomerEmailAddress",
    {
        "emailAddress": lambda c, p, a: p.email,
        "marketingState": lambda c, p, a: p.marketing_state.upper(),
        "marketingOptInLevel": lambda c, p, a: _opt_in(p),
        "marketingUpdatedAt": lambda c, p, a: _consented_at(p),
        "marketingUnsubscribeUrl": lambda c, p, a: f"{c.store.base_url}/account/unsubscribe/{p.id}",
        "openTrackingLevel": constant("UNKNOWN"),
        "validFormat": constant(True),
    },
)
