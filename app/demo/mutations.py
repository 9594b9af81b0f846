"""The mutations of the demo schema: what an app may change in the shop, refused with Shopify's user errors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from graphql import GraphQLError

from app.demo.amounts import gid, utc
from app.demo.fields import AccessDeniedError, Caller, metafield_object, number_of, register
from app.demo.fields_app import app_object, scope_objects, subscription_object, topic_name
from app.demo.live import DemoStoreError
from app.demo.mutations_discounts import DISCOUNT_MUTATIONS, Payload, problem
from app.demo.mutations_pixels import PIXEL_MUTATIONS
from app.demo.projection import BulkRefusedError
from app.demo.tokens import covers
from app.demo.webhooks import Subscription, SubscriptionRefusedError

# metafieldsSet takes 25 at most, and all or none (schema).
MAX_METAFIELDS = 25

# Entries of a metafield that is a list (shopify.dev, Metafield limits).
MAX_LIST_ENTRIES = 128

# -- webhook subscriptions -------------------------------------------------------------------------------

# Topics whose name is not what their enum value spells.
ODD_TOPICS = (
    "app/uninstalled", "app/scopes_update", "app_subscriptions/update", "bulk_operations/finish",
    "customers_email_marketing_consent/update", "customers_marketing_consent/update", "inventory_levels/update",
    "inventory_items/update", "variants/in_stock", "variants/out_of_stock", "customer.tags_added",
    "customer.tags_removed", "customer.joined_segment", "customer.left_segment", "discounts/redeemcode_added",
    "discounts/redeemcode_removed",
)  # fmt: skip


def _subscribe(caller: Caller, root: Any, args: dict[str, Any]) -> Payload:
    told = args["webhookSubscription"]
    uri = told.get("uri") or told.get("callbackUrl")
    if not uri:
        return _no_subscription("Address can't be blank", "callbackUrl")
    if told.get("format") == "XML":
        return _no_subscription("Format XML is not supported for this topic", "format")
    try:
        made = caller.shop.post.subscribe(
            topic_name(args["topic"], ODD_TOPICS),
            uri,
            caller.api_version,
            include_fields=tuple(told.get("includeFields") or ()),
            name=told.get("name"),
        )
    except SubscriptionRefusedError as refusal:
        return _no_subscription(str(refusal), "callbackUrl")
    return {"webhookSubscription": subscription_object(made), "userErrors": []}


def _no_subscription(message: str, field: str) -> Payload:
    errors = [problem("UserError", message, ["webhookSubscription", field])]
    return {"webhookSubscription": None, "userErrors": errors}


def _api_made(caller: Caller, of_id: str) -> Subscription | None:
    found = caller.shop.post.subscriptions.get(number_of(of_id, "WebhookSubscription"))
    return found if found and not found.is_declared else None


_GONE = "Webhook subscription does not exist"


def _move_subscription(caller: Caller, root: Any, args: dict[str, Any]) -> Payload:
    found, told = _api_made(caller, args["id"]), args["webhookSubscription"]
    if found is None:
        return {"webhookSubscription": None, "userErrors": [problem("UserError", _GONE, ["id"])]}
    try:
        caller.shop.post.move(found, told.get("uri") or told.get("callbackUrl") or found.uri)
    except SubscriptionRefusedError as refusal:
        return _no_subscription(str(refusal), "callbackUrl")
    if told.get("includeFields") is not None:
        found.include_fields = tuple(told["includeFields"])
    return {"webhookSubscription": subscription_object(found), "userErrors": []}


def _unsubscribe(caller: Caller, root: Any, args: dict[str, Any]) -> Payload:
    found = _api_made(caller, args["id"])
    if found is None:
        return {"deletedWebhookSubscriptionId": None, "userErrors": [problem("UserError", _GONE, ["id"])]}
    caller.shop.post.subscriptions.pop(found.id, None)
    return {"deletedWebhookSubscriptionId": args["id"], "userErrors": []}


# -- bulk operations -------------------------------------------------------------------------------------


def _run_bulk(caller: Caller, root: Any, args: dict[str, Any]) -> Payload:
    try:
        operation = caller.shop.bulk.run(caller, args["query"], args["groupObjects"])
    except BulkRefusedError as refusal:
        error = problem("BulkOperationUserError", str(refusal), ["query"], code=refusal.code)
        return {"bulkOperation": None, "userErrors": [error]}
    # What the answer shows is the moment of its making, however quickly the work is done.
    shown = {**operation.shown(caller.store), "status": "CREATED", "objectCount": "0", "rootObjectCount": "0"}
    shown |= {"url": None, "completedAt": None, "fileSize": None, "partialDataUrl": None, "errorCode": None}
    return {"bulkOperation": shown, "userErrors": []}


def _cancel_bulk(caller: Caller, root: Any, args: dict[str, Any]) -> Payload:
    found = caller.shop.bulk.operations.get(number_of(args["id"], "BulkOperation"))
    if found is None:
        return {
            "bulkOperation": None,
            "userErrors": [problem("UserError", "Bulk operation does not exist", ["id"])],
        }
    if not found.is_running:
        message = f"A bulk operation cannot be canceled when it is {found.status.lower()}"
        return {"bulkOperation": found.shown(caller.store), "userErrors": [problem("UserError", message)]}
    caller.shop.bulk.cancel(found)
    return {"bulkOperation": found.shown(caller.store), "userErrors": []}


# -- metafields ------------------------------------------------------------------------------------------

_OWNER_TYPES = {
    "Product": "PRODUCT",
    "ProductVariant": "PRODUCTVARIANT",
    "Customer": "CUSTOMER",
    "Shop": "SHOP",
}
_OWNER_SCOPES = {
    "Product": "write_products",
    "ProductVariant": "write_products",
    "Customer": "write_customers",
}


def _require_owner_scope(caller: Caller, owner: str, field: str) -> str:
    """The kind of owner, if this token may write to it."""
    kind = owner.partition("gid://shopify/")[2].partition("/")[0]
    if kind not in {*_OWNER_TYPES, "AppInstallation"}:
        raise GraphQLError(f"Invalid global id '{owner}'")
    scope = _OWNER_SCOPES.get(kind)
    if scope and not covers(caller.token.scopes, scope):
        required = f"`{scope}` access scope."
        raise AccessDeniedError(f"Access denied for {field} field. Required access: {required}", required)
    return kind


def _set_metafields(caller: Caller, root: Any, args: dict[str, Any]) -> Payload:
    """All of them or none."""
    told, kept = args["metafields"], caller.store.metafields
    if len(told) > MAX_METAFIELDS:
        return _no_metafields(f"Exceeded the maximum metafields input limit of {MAX_METAFIELDS}.", None)
    rows = []
    for index, one in enumerate(told):
        kind = _require_owner_scope(caller, one["ownerId"], "metafieldsSet")
        namespace = one.get("namespace") or f"app--{caller.shop.config.handle}"
        key = (one["ownerId"], namespace, one["key"])
        before = kept.get(key)
        of_type = one.get("type") or (before or {}).get("type")
        if of_type is None:
            return _no_metafields("Type can't be blank", index, "BLANK")
        if "compareDigest" in one and one["compareDigest"] != (before or {}).get("compareDigest"):
            return _no_metafields("The resource has been updated since it was loaded.", index, "STALE_OBJECT")
        if of_type == "list.product_reference" and (told_wrong := _wrong_products(caller, one["value"])):
            return _no_metafields(told_wrong, index, "INVALID_VALUE")
        try:
            rows.append((key, _new_metafield(caller, kind, str(of_type), one["value"], before)))
        except ValueError:
            return _no_metafields(f"Value is invalid JSON for type {of_type}.", index, "INVALID_VALUE")
    with caller.store.lock:
        kept.update(rows)
    shown = [metafield_object(caller, *key, row) for key, row in rows]
    return {"metafields": shown, "userErrors": []}


def _wrong_products(caller: Caller, value: str) -> str | None:
    """Why a list of products can't be one: each entry names a product this shop has."""
    try:
        listed = json.loads(value)
    except ValueError:
        listed = None
    if not isinstance(listed, list):
        return "Value must be an array of product references."
    if len(listed) > MAX_LIST_ENTRIES:
        return f"Value can't exceed {MAX_LIST_ENTRIES} entries."
    known = {gid("Product", number) for number in caller.store.world.products}
    return None if all(entry in known for entry in listed) else "Value require that you select a product."


def _new_metafield(caller: Caller, kind: str, of_type: str, value: str, before: Any) -> dict[str, object]:
    is_json = of_type == "json" or of_type.startswith("list.")
    number = before["legacyResourceId"] if before else str(caller.store.world.new_id())
    now = utc(caller.store.now())
    return {
        "id": gid("Metafield", number),
        "legacyResourceId": number,
        "type": of_type,
        "value": value,
        "jsonValue": json.loads(value) if is_json else value,
        "compareDigest": hashlib.sha256(value.encode()).hexdigest(),
        "ownerType": _OWNER_TYPES.get(kind, "API_PERMISSION"),
        "createdAt": before["createdAt"] if before else now,
        "updatedAt": now,
        "sizeInBytes": len(value.encode()),
    }


def _no_metafields(message: str, index: int | None, code: str = "LESS_THAN_OR_EQUAL_TO") -> Payload:
    field = ["metafields"] if index is None else ["metafields", str(index)]
    error = problem("MetafieldsSetUserError", message, field, code=code, elementIndex=index)
    return {"metafields": None, "userErrors": [error]}


def _delete_metafields(caller: Caller, root: Any, args: dict[str, Any]) -> Payload:
    gone = []
    with caller.store.lock:
        for one in args["metafields"]:
            _require_owner_scope(caller, one["ownerId"], "metafieldsDelete")
            was_there = caller.store.metafields.pop((one["ownerId"], one["namespace"], one["key"]), None)
            gone.append(dict(one) if was_there is not None else None)
    return {"deletedMetafields": gone, "userErrors": []}


def _enable_definition(caller: Caller, root: Any, args: dict[str, Any]) -> Payload:
    """The standard templates of Search & Discovery, which are what this app could want."""
    if not covers(caller.token.scopes, "write_products"):
        required = "`write_products` access scope."
        raise AccessDeniedError(
            f"Access denied for standardMetafieldDefinitionEnable field. Required access: {required}",
            required,
        )
    namespace, key = args.get("namespace"), args.get("key")
    known = ("complementary_products", "related_products", "related_products_display")
    if namespace != "shopify--discovery--product_recommendation" or key not in known:
        message = "A standard definition wasn't found for the specified owner type, namespace, and key."
        error = problem(
            "StandardMetafieldDefinitionEnableUserError", message, None, code="TEMPLATE_NOT_FOUND"
        )
        return {"createdDefinition": None, "userErrors": [error]}
    of_type = "StandardMetafieldDefinitionEnableUserError"
    with caller.store.lock:
        if key in caller.store.metafield_definitions:
            error = problem(of_type, "Key is in use for Product metafields.", None, code="TAKEN")
            return {"createdDefinition": None, "userErrors": [error]}
        caller.store.metafield_definitions.add(str(key))
    made = {
        "__typename": "MetafieldDefinition",
        "id": gid("MetafieldDefinition", known.index(key) + 1),
        "namespace": namespace,
        "key": key,
        "name": key.replace("_", " ").capitalize(),
        "ownerType": args["ownerType"],
    }
    return {"createdDefinition": made, "userErrors": []}


# -- customers, the app itself ---------------------------------------------------------------------------


def _set_consent(caller: Caller, root: Any, args: dict[str, Any]) -> Payload:
    told = args["input"]
    state = told["emailMarketingConsent"]["marketingState"].lower()
    of_type = "CustomerEmailMarketingConsentUpdateUserError"
    try:
        customer = caller.store.set_marketing_state(number_of(told["customerId"], "Customer"), state)
    except (DemoStoreError, ValueError) as refusal:
        return {"customer": None, "userErrors": [problem(of_type, str(refusal), ["input"], code="INVALID")]}
    return {"customer": customer, "userErrors": []}


def _uninstall(caller: Caller, root: Any, args: dict[str, Any]) -> Payload:
    shown = app_object(caller)
    caller.shop.uninstall()
    return {"app": shown, "userErrors": []}


def _revoke_scopes(caller: Caller, root: Any, args: dict[str, Any]) -> Payload:
    of_type, wanted = "AppRevokeAccessScopesAppRevokeScopeError", tuple(args["scopes"])
    if set(wanted) & set(caller.shop.config.scopes):
        error = problem(
            of_type, "Cannot revoke required scopes.", ["scopes"], code="CANNOT_REVOKE_REQUIRED_SCOPES"
        )
        return {"revoked": None, "userErrors": [error]}
    left = [s for s in caller.token.scopes if s not in wanted]
    revoked = tuple(s for s in wanted if s in caller.token.scopes)
    caller.shop.change_scopes(left)
    return {"revoked": scope_objects(revoked), "userErrors": []}


_MUTATIONS: dict[str, Callable[[Caller, Any, dict[str, Any]], Payload]] = {
    "webhookSubscriptionCreate": _subscribe,
    "webhookSubscriptionUpdate": _move_subscription,
    "webhookSubscriptionDelete": _unsubscribe,
    "bulkOperationRunQuery": _run_bulk,
    "bulkOperationCancel": _cancel_bulk,
    **DISCOUNT_MUTATIONS,
    "metafieldsSet": _set_metafields,
    "metafieldsDelete": _delete_metafields,
    "standardMetafieldDefinitionEnable": _enable_definition,
    "customerEmailMarketingConsentUpdate": _set_consent,
    **PIXEL_MUTATIONS,
    "appUninstall": _uninstall,
    "appRevokeAccessScopes": _revoke_scopes,
}
register("Mutation", _MUTATIONS)
