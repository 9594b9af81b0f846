"""How each field of the demo schema is answered: the registry that the API and bulk operations both read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError

from app.demo import protected
from app.demo.amounts import amount, decimal, gid
from app.demo.live import Discount
from app.demo.store import DemoStore
from app.demo.tokens import Token, covers
from app.demo.world import Customer, Order, Product, Variant

if TYPE_CHECKING:
    from app.demo.shop import DemoShop


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: an app's token at one API version."""

    shop: DemoShop
    token: Token
    api_version: str
    # Search fields that were ignored because there are none of that name.
    warnings: list[str] = field(default_factory=list)

    @property
    def store(self) -> DemoStore:
        return self.shop.store

    @property
    def currency(self) -> str:
        return self.shop.store.world.currency


Resolver = Callable[[Caller, Any, dict[str, Any]], Any]
# (type, field) -> resolver. A field not in here is a key of the dict its parent resolved to.
FIELDS: dict[tuple[str, str], Resolver] = {}


def register(type_name: str, fields: Mapping[str, Resolver]) -> None:
    FIELDS.update({(type_name, name): resolver for name, resolver in fields.items()})


def resolver_of(type_name: str, field_name: str) -> Resolver:
    found = FIELDS.get((type_name, field_name))
    return found or (lambda caller, of, args: of.get(field_name))


def constant(value: Any) -> Resolver:
    return lambda caller, of, args: value


# -- access ----------------------------------------------------------------------------------------------

# Scopes as the schema's own per-field list has them (offline_scopes, 2026-07).
TYPE_SCOPES = {
    **dict.fromkeys(("Product", "ProductVariant"), "read_products"),
    **dict.fromkeys(("Customer", "CustomerEmailAddress"), "read_customers"),
    **dict.fromkeys(("Order", "LineItem", "AbandonedCheckout", "AbandonedCheckoutLineItem"), "read_orders"),
    **dict.fromkeys(
        ("DiscountCodeNode", "DiscountCodeBasic", "DiscountRedeemCodeBulkCreation"), "read_discounts"
    ),
    "OnlineStoreTheme": "read_themes",
    "WebPixel": "read_pixels",
}
FIELD_SCOPES = {
    ("QueryRoot", "productsCount"): "read_products",
    ("QueryRoot", "productVariantsCount"): "read_products",
    ("QueryRoot", "customersCount"): "read_customers",
    ("QueryRoot", "ordersCount"): "read_orders",
    ("QueryRoot", "abandonedCheckoutsCount"): "read_orders",
    ("CustomerEmailAddress", "marketingUnsubscribeUrl"): "write_customers",
    ("Mutation", "discountCodeBasicCreate"): "write_discounts",
    ("Mutation", "discountRedeemCodeBulkAdd"): "write_discounts",
    ("Mutation", "discountCodeDelete"): "write_discounts",
    ("Mutation", "discountCodeDeactivate"): "write_discounts",
    ("Mutation", "webPixelCreate"): "write_pixels",
    ("Mutation", "webPixelUpdate"): "write_pixels",
    ("Mutation", "webPixelDelete"): "write_pixels",
    ("Mutation", "customerEmailMarketingConsentUpdate"): "write_customers",
}


class AccessDeniedError(GraphQLError):
    """The token lacks a scope, or the app lacks approval."""

    def __init__(self, message: str, required: str = "") -> None:
        extensions = {"code": "ACCESS_DENIED", "documentation": "https://shopify.dev/api/usage/access-scopes"}
        if required:
            extensions["requiredAccess"] = required
        super().__init__(message, extensions=extensions)


def denial(caller: Caller, type_name: str, field_name: str, returns: str) -> AccessDeniedError | None:
    """Why this caller may not read this field; None when they may. `returns` is the field's named type."""
    resource = returns.removesuffix("Connection")
    for scope in (FIELD_SCOPES.get((type_name, field_name)), TYPE_SCOPES.get(resource)):
        if scope is not None and not covers(caller.token.scopes, scope):
            required = f"`{scope}` access scope."
            return AccessDeniedError(
                f"Access denied for {field_name} field. Required access: {required}", required
            )
    level = caller.shop.post.approved_level
    see = f"See {protected.DOCUMENTATION} for more details."
    if level < protected.LEVEL_1 and resource in protected.PROTECTED_TYPES:
        return AccessDeniedError(f"This app is not approved to access the {resource} object. {see}")
    if level < protected.LEVEL_2 and field_name in protected.PROTECTED_FIELDS.get(type_name, ()):
        return AccessDeniedError(f"This app is not approved to use the {field_name} field. {see}")
    return None


# -- shared answers --------------------------------------------------------------------------------------


class SharedMoney(dict[str, Any]):
    """Money as the API shows it; the same amount is the same object, so it is made and written once."""


@cache
def _money(minor: int, currency: str) -> SharedMoney:
    return SharedMoney(amount=decimal(minor, currency), currencyCode=currency)


@cache
def _bag(minor: int, currency: str) -> SharedMoney:
    one = _money(minor, currency)
    return SharedMoney(shopMoney=one, presentmentMoney=one)


def money(caller: Caller, minor: int) -> SharedMoney:
    return _money(minor, caller.currency)


def bag(caller: Caller, minor: int) -> SharedMoney:
    return _bag(minor, caller.currency)


def plain_money(caller: Caller, minor: int) -> str:
    return amount(minor, caller.currency)


def attributes(told: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": k, "value": v} for k, v in told.items()]


def number_of(of_id: str, kind: str) -> int:
    """gid://shopify/Order/123 is 123 where an Order is asked for."""
    head, _, number = of_id.partition("?")[0].rpartition("/")
    if head != f"gid://shopify/{kind}" or not number.isdigit():
        raise GraphQLError(f"Invalid global id '{of_id}'")
    return int(number)


_KINDS: dict[type, str] = {
    Product: "Product",
    Variant: "ProductVariant",
    Customer: "Customer",
    Order: "Order",
    Discount: "DiscountCodeNode",
}


def type_of(value: Any) -> str:
    """The schema type of an object behind an interface or union."""
    if isinstance(value, dict):
        return str(value["__typename"])
    return _KINDS.get(type(value)) or str(value.graphql_type)


# -- metafields ------------------------------------------------------------------------------------------


def metafield(caller: Caller, owner: str, args: dict[str, Any]) -> dict[str, Any] | None:
    namespace, key = args.get("namespace") or f"app--{caller.shop.config.handle}", args["key"]
    kept = caller.store.metafields.get((owner, namespace, key))
    return None if kept is None else metafield_object(caller, owner, namespace, key, kept)


def metafield_object(caller: Caller, owner: str, namespace: str, key: str, kept: Any) -> dict[str, Any]:
    return {**kept, "__typename": "Metafield", "namespace": namespace, "key": key, "ownerId": owner}


def metafields_of(caller: Caller, owner: str, args: dict[str, Any]) -> list[dict[str, Any]]:
    wanted_keys = args.get("keys")
    return [
        metafield_object(caller, owner, namespace, key, kept)
        for (kept_owner, namespace, key), kept in sorted(
            caller.store.metafields.items(), key=lambda kv: kv[0]
        )
        if kept_owner == owner
        and args.get("namespace") in (None, namespace)
        and (wanted_keys is None or f"{namespace}.{key}" in wanted_keys)
    ]


def owner_gid(value: Product | Customer | Order | Variant) -> str:
    return gid(_KINDS[type(value)], value.id)
