"""What we ask Shopify: valid on the schemas it publishes, within the scopes the app asks for, and no more."""

from __future__ import annotations

import gzip
import json
import re
import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    DocumentNode,
    GraphQLSchema,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_client_schema,
    get_named_type,
    parse,
    validate,
    visit,
)
from graphql.validation import NoDeprecatedCustomRule

from app.platforms.shopify.permissions import SCOPES_OF
from app.platforms.shopify.topics import CALLBACK_PATH, COMPLIANCE_TOPICS, TOPICS, enum_of
from app.settings import DEFAULT_SCOPES, Settings
from app.web.proxy import PREFIX
from tests.unit.shopify.shared import SCHEMAS, sample_manifest

ROOT = Path(__file__).resolve().parents[3]
QUERIES = sorted((ROOT / "app/platforms/shopify/queries").glob("*.graphql"))
VERSIONS = sorted(
    path.name.removeprefix("admin_").removesuffix(".json.gz") for path in SCHEMAS.glob("admin_*.json.gz")
)
TOML = tomllib.loads((ROOT / "shopify.app.toml").read_text(encoding="utf-8"))

OPTIONAL = {scope for scopes in SCOPES_OF.values() for scope in scopes}

# Refused by every API version since 2026-10-01, though the schemas still list them as current.
BANNED = {"scriptTagCreate", "scriptTagUpdate"}
# Not a field's scope: it widens read_orders beyond 60 days.
BEYOND_FIELDS = {"read_all_orders"}
# Told in words only: whoever writes a metafield, or enables its definition, needs its owner's scope; and a web pixel
# is made by an app that may also read what it tells ("requires read_customer_events access scope").
IN_WORDS = {
    "theme_lists_prepare": "write_products",
    "theme_lists_write": "write_products",
    "theme_lists_remove": "write_products",
    "pixel_create": "read_customer_events",
    "pixel_update": "read_customer_events",
}


@cache
def _told(version: str) -> dict[str, Any]:
    with gzip.open(SCHEMAS / f"admin_{version}.json.gz") as file:
        return json.load(file)


@cache
def _schema(version: str) -> GraphQLSchema:
    return build_client_schema(_told(version)["data"], assume_valid=True)


@cache
def _needs(version: str) -> dict[tuple[str, str | None], frozenset[str]]:
    """By (type, field or None): the scopes of which any one is enough."""
    items = _told(version)["offline_scopes"]["items"]
    return {
        (item["typeName"], item.get("fieldName")): frozenset(item["offlineScopes"])
        for item in items
        if item["offlineScopes"]
    }


class _Places(Visitor):
    """Collects every field of an operation, and the type it answers with."""

    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self.info = info
        self.found: set[tuple[str, str | None]] = set()

    def enter_field(self, node: Any, *_: Any) -> None:
        parent, answered = self.info.get_parent_type(), self.info.get_type()
        self.found.add((str(parent), node.name.value))
        self.found.add((str(get_named_type(answered)), None))


def _places(schema: GraphQLSchema, document: DocumentNode) -> set[tuple[str, str | None]]:
    info = TypeInfo(schema)
    places = _Places(info)
    visit(document, TypeInfoVisitor(info, places))
    return places.found


def _document(path: Path) -> DocumentNode:
    return parse(path.read_text(encoding="utf-8"))


def _scopes(text: str) -> set[str]:
    return set(text.split(","))


def _covered(scopes: set[str]) -> set[str]:
    return scopes | {f"read_{scope.removeprefix('write_')}" for scope in scopes if scope.startswith("write_")}


def test_there_are_queries_and_each_file_holds_one_operation_named_like_it():
    assert QUERIES
    for path in QUERIES:
        (operation,) = [
            node for node in _document(path).definitions if isinstance(node, OperationDefinitionNode)
        ]
        assert operation.name is not None
        assert re.sub(r"(?<!^)(?=[A-Z])", "_", operation.name.value).lower() == path.stem


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_every_operation_is_valid_and_names_nothing_deprecated(path, version):
    document = _document(path)
    assert validate(_schema(version), document) == []
    assert validate(_schema(version), document, [NoDeprecatedCustomRule]) == []


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_no_operation_names_a_banned_mutation(path):
    names = set(re.findall(r"\w+", path.read_text(encoding="utf-8")))
    assert not names & BANNED


@pytest.mark.parametrize("version", VERSIONS)
def test_the_scopes_cover_every_operation_and_no_more(version):
    asked, optional = _scopes(TOML["access_scopes"]["scopes"]), OPTIONAL - BEYOND_FIELDS
    used: set[str] = set()
    for path in QUERIES:
        places = _places(_schema(version), _document(path))
        needs = [need for place in places if (need := _needs(version).get(place))]
        if path.stem in IN_WORDS:
            needs.append(frozenset({IN_WORDS[path.stem]}))
        for need in needs:
            # What the required scopes give is not asked for a second time by an optional one.
            enough = asked if need & _covered(asked) else optional
            assert need & _covered(enough), f"{path.stem}: none of {sorted(need)} is asked for"
            used |= {scope for scope in enough if need & _covered({scope})}
    used |= {scope for topic in TOPICS if (scope := TOPICS[topic])}
    used |= {"write_app_proxy"} if "app_proxy" in TOML else set()
    assert used == asked | optional


def test_the_grant_asks_for_the_same_scopes_as_the_toml():
    assert _scopes(DEFAULT_SCOPES) == _scopes(TOML["access_scopes"]["scopes"])
    assert set(TOML["access_scopes"]["optional_scopes"]) == OPTIONAL


def test_no_scope_is_one_shopify_warns_of():
    asked = _scopes(TOML["access_scopes"]["scopes"]) | set(TOML["access_scopes"]["optional_scopes"])
    assert not [scope for scope in asked if "script_tags" in scope]


def test_the_toml_declares_every_topic_once_and_sends_all_to_one_address():
    subscriptions = TOML["webhooks"]["subscriptions"]
    topics = [topic for each in subscriptions for topic in each.get("topics", [])]
    compliance = [topic for each in subscriptions for topic in each.get("compliance_topics", [])]
    assert sorted(topics) == sorted(TOPICS)
    assert sorted(compliance) == sorted(COMPLIANCE_TOPICS)
    assert {each["uri"] for each in subscriptions} == {CALLBACK_PATH}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_topic_is_one_the_api_knows(version):
    known = set(_schema(version).type_map["WebhookSubscriptionTopic"].values)
    assert {enum_of(topic) for topic in TOPICS} <= known


@pytest.mark.parametrize("manifest", sample_manifest(), ids=lambda each: each["topic"])
def test_every_topics_scope_is_one_the_topic_is_published_for(manifest):
    scope = TOPICS.get(manifest["topic"])
    assert scope is None or scope.removeprefix("read_") in manifest["access_scopes"]


def test_the_app_is_embedded_and_reached_at_one_address():
    assert TOML["embedded"] is True
    assert TOML["client_id"] == ""
    address = TOML["application_url"]
    assert TOML["auth"]["redirect_urls"] == [f"{address}/install/shopify/callback"]


def test_the_block_asks_the_proxy_by_the_path_the_toml_gives_it():
    proxy = TOML["app_proxy"]
    block = (ROOT / "storefront/shopify/extensions/regulars-theme/blocks/shelf.liquid").read_text()
    assert f'proxy="/{proxy["prefix"]}/{proxy["subpath"]}"' in block
    assert proxy["url"] == PREFIX


def test_the_api_version_is_the_same_everywhere_and_younger_than_nine_months():
    version = Settings.model_fields["shopify_api_version"].default
    assert TOML["webhooks"]["api_version"] == version
    year, month = map(int, version.split("-"))
    months_old = (date.today().year - year) * 12 + date.today().month - month  # noqa: DTZ011
    assert months_old < 9, f"{version} is {months_old} months old; Shopify supports a version for 12"
