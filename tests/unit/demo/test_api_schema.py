"""The double's schema says nothing that Shopify's does not, and every field of it is answered."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    build_client_schema,
    is_introspection_type,
    is_required_argument,
    is_required_input_field,
    is_specified_scalar_type,
)

from app.demo import fields
from app.demo.shop import read_schema

SCHEMAS = Path(__file__).parents[4] / "shared" / "schemas"
VERSIONS = sorted(
    p.name.removeprefix("admin_").removesuffix(".json.gz") for p in SCHEMAS.glob("admin_*.json.gz")
)
OURS = read_schema()
TYPES = [
    name
    for name, kind in OURS.type_map.items()
    if not is_introspection_type(kind) and not is_specified_scalar_type(kind)
]


@cache
def published(version):
    told = json.loads(gzip.decompress((SCHEMAS / f"admin_{version}.json.gz").read_bytes()))
    return build_client_schema(told["data"], assume_valid=True), told["offline_scopes"]["items"]


def differences(ours, theirs):
    """What our type says that theirs does not."""
    if type(ours) is not type(theirs):
        yield f"{ours.name} is a {type(theirs).__name__}"
    elif isinstance(ours, GraphQLEnumType):
        yield from sorted(set(ours.values) - set(theirs.values))
    elif isinstance(ours, GraphQLUnionType):
        yield from sorted({t.name for t in ours.types} - {t.name for t in theirs.types})
    elif isinstance(ours, GraphQLInputObjectType):
        yield from input_differences(ours.fields, theirs.fields, is_required_input_field)
    elif isinstance(ours, GraphQLObjectType | GraphQLInterfaceType):
        yield from sorted({i.name for i in ours.interfaces} - {i.name for i in theirs.interfaces})
        for name, field in ours.fields.items():
            real = theirs.fields.get(name)
            if real is None or str(real.type) != str(field.type):
                yield f"{ours.name}.{name}: {field.type} is {real and real.type}"
            else:
                args = input_differences(field.args, real.args, is_required_argument)
                yield from (f"{ours.name}.{name}({x})" for x in args)


def input_differences(ours, theirs, is_required):
    for name, told in ours.items():
        real = theirs.get(name)
        if real is None or (str(real.type), real.default_value) != (str(told.type), told.default_value):
            yield f"{name}: {told.type} = {told.default_value}"
    for name, real in theirs.items():
        if is_required(real) and name not in ours:
            yield f"{name} is required"


@pytest.mark.parametrize("version", VERSIONS)
def test_every_name_type_and_argument_is_shopifys_own(version):
    theirs, _ = published(version)
    missing = [name for name in TYPES if name not in theirs.type_map]
    wrong = [
        x
        for name in TYPES
        if name in theirs.type_map
        for x in differences(OURS.type_map[name], theirs.type_map[name])
    ]
    assert (missing, wrong) == ([], [])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_field_shopify_deprecated_is_deprecated_here_too(version):
    theirs, _ = published(version)
    unmarked = [
        f"{name}.{field_name}"
        for name in TYPES
        if isinstance(OURS.type_map[name], GraphQLObjectType)
        for field_name, field in OURS.type_map[name].fields.items()
        if theirs.type_map[name].fields[field_name].deprecation_reason and not field.deprecation_reason
    ]
    assert unmarked == []


@pytest.mark.parametrize("version", VERSIONS)
def test_the_scopes_asked_for_are_among_those_the_schema_names(version):
    told = {(i["typeName"], i.get("fieldName")): i["offlineScopes"] for i in published(version)[1]}
    wrong = [
        key
        for key, scope in {
            **{(t, None): s for t, s in fields.TYPE_SCOPES.items()},
            **fields.FIELD_SCOPES,
        }.items()
        if told.get(key) and scope not in told[key]
    ]
    assert wrong == []


# Types whose objects are dicts made by a resolver; their fields are keys of those dicts.
REGISTERED = {name for name, _ in fields.FIELDS}


@pytest.mark.parametrize(
    "name",
    sorted(
        REGISTERED
        & {
            "Product",
            "ProductVariant",
            "Customer",
            "CustomerEmailAddress",
            "Order",
            "LineItem",
            "AbandonedCheckout",
            "AbandonedCheckoutLineItem",
            "Shop",
            "DiscountCodeNode",
            "DiscountCodeBasic",
            "QueryRoot",
            "Mutation",
        }
    ),
)
def test_every_field_of_a_record_has_a_resolver(name):
    assert [f for f in OURS.type_map[name].fields if (name, f) not in fields.FIELDS] == []


def test_no_resolver_answers_a_field_that_is_not_in_the_schema():
    assert [key for key in fields.FIELDS if key[1] not in OURS.type_map[key[0]].fields] == []
