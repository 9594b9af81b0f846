"""The Admin GraphQL endpoint: token, price, validation, execution, and errors as Shopify words them."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from typing import Any

from flask import Blueprint, Response, jsonify, request
from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    execute_sync,
    get_named_type,
    parse,
    validate,
)

from app.demo import fields_app, fields_people, mutations, queries  # noqa: F401  they register their fields
from app.demo.fields import Caller, denial, resolver_of, type_of
from app.demo.fields_app import API_VERSIONS
from app.demo.listing import Listing, page
from app.demo.shop import DemoShop
from app.demo.throttle import MAX_QUERY_COST, actual_cost, requested_cost
from app.demo.wire import cut_connection_sometimes

# Parsed and validated queries kept; an app sends the same few hundred again and again.
N_KEPT_DOCUMENTS = 500


def _resolve(of: Any, info: GraphQLResolveInfo[Any], **args: Any) -> Any:
    """Every field of the API: access first, then the registry; lists become pages where a connection is due."""
    caller: Caller = info.context
    parent, named = info.parent_type.name, get_named_type(info.return_type).name
    problem = denial(caller, parent, info.field_name, named)
    if problem is not None:
        raise problem
    found = resolver_of(parent, info.field_name)(caller, of, args)
    return page(found, args) if isinstance(found, Listing) else found


class Documents:
    """Parses and validates each query text once."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._kept: OrderedDict[str, DocumentNode | list[GraphQLError]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, text: str) -> DocumentNode | list[GraphQLError]:
        with self._lock:
            if text in self._kept:
                self._kept.move_to_end(text)
                return self._kept[text]
        found = self._validated(text)
        with self._lock:
            self._kept[text] = found
            if len(self._kept) > N_KEPT_DOCUMENTS:
                self._kept.popitem(last=False)
        return found

    def _validated(self, text: str) -> DocumentNode | list[GraphQLError]:
        try:
            document = parse(text)
        except GraphQLError as problem:
            return [problem]
        return validate(self._schema, document) or document


def answer(caller: Caller, documents: Documents, body: dict[str, Any]) -> dict[str, Any]:
    """One request's JSON answer; never raises."""
    text, variables, name = (
        str(body.get("query") or ""),
        body.get("variables") or {},
        body.get("operationName"),
    )
    document = documents.read(text)
    if isinstance(document, list):
        return {"errors": [e.formatted for e in document]}
    operation = _operation(document, name)
    if operation is None:
        return {"errors": [{"message": "No operation named " + repr(name)}]}
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    shop = caller.shop
    cost = requested_cost(shop.schema, operation, fragments, variables)
    if cost > MAX_QUERY_COST:
        message = f"Query cost is {cost}, which exceeds the single query max cost limit ({MAX_QUERY_COST})."
        return _priced(shop, cost, None, [{"message": message, "extensions": {"code": "MAX_COST_EXCEEDED"}}])
    if not shop.bucket.take(cost):
        throttled = {"message": "Throttled", "extensions": {"code": "THROTTLED", "documentation": _LIMITS}}
        return _priced(shop, cost, None, [throttled])
    result = execute_sync(
        shop.schema,
        document,
        context_value=caller,
        variable_values=variables,
        operation_name=name,
        field_resolver=_resolve,
        type_resolver=lambda value, info, kind: type_of(value),
    )
    return _told(caller, cost, result)


_LIMITS = "https://shopify.dev/api/usage/rate-limits"


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    found = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    if name is None:
        return found[0] if len(found) == 1 else None
    return next((d for d in found if d.name is not None and d.name.value == name), None)


def _told(caller: Caller, cost: int, result: ExecutionResult) -> dict[str, Any]:
    used = min(cost, max(1, actual_cost(result.data) - 1))
    caller.shop.bucket.give_back(cost - used)
    told = _priced(caller.shop, cost, used, [e.formatted for e in result.errors or ()])
    told["data"] = result.data
    if caller.warnings:
        warnings = [
            {"field": f, "message": f"Invalid search field for this query: {f}"} for f in caller.warnings
        ]
        told["extensions"]["search"] = [{"warnings": warnings}]
    return told


def _priced(shop: DemoShop, cost: int, used: int | None, errors: list[Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"errors": errors} if errors else {}
    price = {"requestedQueryCost": cost, "actualQueryCost": used, "throttleStatus": shop.bucket.status()}
    return {**told, "extensions": {"cost": price}}


def served_version(asked: str) -> str | None:
    """A version that has ended falls forward to the oldest supported one; nonsense is None."""
    if asked in API_VERSIONS:
        return asked
    year, _, month = asked.partition("-")
    is_quarter = year.isdigit() and len(year) == 4 and month in {"01", "04", "07", "10"}
    return API_VERSIONS[0] if is_quarter and asked < API_VERSIONS[0] else None


def graphql_blueprint(shop: DemoShop) -> Blueprint:
    blueprint = Blueprint("demo_graphql", __name__)
    documents = Documents(shop.schema)

    @blueprint.post("/admin/api/<version>/graphql.json")
    def graphql(version: str) -> tuple[Response, int]:
        served = served_version(version)
        if served is None:
            return jsonify(errors="Not Found"), 404
        token = shop.office.check(request.headers.get("X-Shopify-Access-Token", ""))
        cut_connection_sometimes(shop)
        if token is None:
            return jsonify(errors=_UNAUTHORIZED), 401
        body = request.get_json(silent=True)
        if not isinstance(body, dict):
            return jsonify(errors={"query": "Required parameter missing or invalid"}), 400
        response = jsonify(answer(Caller(shop, token, served), documents, body))
        response.headers["X-Shopify-API-Version"] = served
        response.headers["X-Request-Id"] = str(uuid.uuid4())
        return response, 200

    return blueprint


_UNAUTHORIZED = "[API] Invalid API key or access token (unrecognized login or wrong password)"
