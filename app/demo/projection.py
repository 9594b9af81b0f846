"""A bulk query turned into plain functions: each record to its JSONL lines, without executing GraphQL per record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any

from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
    parse,
    validate,
)
from graphql.execution.values import get_argument_values

from app.demo.fields import Caller, Resolver, SharedMoney, denial, resolver_of, type_of
from app.demo.listing import Listing
from app.demo.live import DemoStoreError
from app.demo.world import Customer, Product, Variant

# Shopify's limits on bulk queries (shopify.dev, Perform bulk operations).
MAX_CONNECTIONS = 5
MAX_NESTING = 2

# Reads one record (or one value of it) as JSON text; "" is a field this record does not have.
Read = Callable[[Caller, Any], str]
Items = Callable[[Caller, Any], Iterable[Any]]

_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_TEXTS: dict[type, Callable[[Any], str]] = {str: encode_basestring, int: repr, type(None): lambda _: "null"}


class BulkRefusedError(DemoStoreError):
    """This query can't run as a bulk operation."""

    def __init__(self, message: str, code: str = "INVALID") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Connection:
    """A list inside a record: its items, how one begins its line, its id, and the lists inside each."""

    items: Items
    # The record's JSON object without the closing brace, which `__parentId` may come before.
    open_line: Read
    identity: Read
    children: tuple[Connection, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    connections: tuple[Connection, ...]
    denied: GraphQLError | None

    def roots(self, caller: Caller) -> Iterable[tuple[Connection, Any]]:
        for connection in self.connections:
            for item in connection.items(caller, None):
                yield connection, item

    def lines(self, caller: Caller, group: list[tuple[Connection, Any]]) -> list[str]:
        """Parents first, then each kind of child in order; children name their parent."""
        written = [connection.open_line(caller, item) + "}\n" for connection, item in group]
        level = group
        while level:
            below: list[tuple[Connection, Any]] = []
            for connection, item in level:
                for child in connection.children:
                    end = f',"__parentId":{connection.identity(caller, item)}}}\n'
                    items, open_line = child.items(caller, item), child.open_line
                    written += [open_line(caller, x) + end for x in items]
                    if child.children:
                        below.extend((child, x) for x in items)
            level = below
        return written


def plan_query(caller: Caller, query: str) -> Plan:
    """Checks a query by the rules for bulk operations and compiles it; `BulkRefusedError` names the broken one."""
    schema = caller.shop.schema
    try:
        document = parse(query)
    except GraphQLError as problem:
        raise BulkRefusedError(f"Invalid bulk query: {problem.message}") from problem
    problems = validate(schema, document)
    if problems:
        raise BulkRefusedError(f"Invalid bulk query: {problems[0].message}")
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    if len(document.definitions) != 1 or len(operations) != 1 or operations[0].operation.value != "query":
        raise BulkRefusedError("Bulk queries must contain exactly one query operation.")
    return _Compiler(caller, schema).plan(operations[0])


class _Compiler:
    def __init__(self, caller: Caller, schema: GraphQLSchema) -> None:
        self.caller, self.schema = caller, schema
        self.n_connections = 0
        self.denied: GraphQLError | None = None

    def plan(self, operation: OperationDefinitionNode) -> Plan:
        root = self.schema.query_type
        assert root is not None
        found = []
        for node in operation.selection_set.selections:
            if not isinstance(node, FieldNode) or not self._is_connection(root, node):
                raise BulkRefusedError(
                    "Bulk queries must contain at least one connection, and only connections at the top."
                )
            found.append(self._connection(root, node, depth=1, parent_reads_id=True))
        if self.n_connections > MAX_CONNECTIONS:
            raise BulkRefusedError(f"Bulk queries cannot contain more than {MAX_CONNECTIONS} connections.")
        return Plan(tuple(found), self.denied)

    def _is_connection(self, parent: GraphQLObjectType, node: FieldNode) -> bool:
        told = parent.fields.get(node.name.value)
        return told is not None and get_named_type(told.type).name.endswith("Connection")

    def _connection(
        self, parent: GraphQLObjectType, node: FieldNode, depth: int, parent_reads_id: bool
    ) -> Connection:
        self.n_connections += 1
        if depth > MAX_NESTING:
            raise BulkRefusedError(
                f"Bulk queries cannot contain connections with a nesting depth greater than {MAX_NESTING}."
            )
        if not parent_reads_id:
            raise BulkRefusedError(
                "The parent 'node' field for a nested connection must select the 'id' field without an alias "
                "and must be of 'ID' return type."
            )
        field = parent.fields[node.name.value]
        self._check(parent, node)
        item_type, selections = self._node_of(get_named_type(field.type), node)
        resolve, args = resolver_of(parent.name, node.name.value), get_argument_values(field, node)
        open_line, children = self._record(item_type, selections, depth)
        identity = resolver_of(item_type.name, "id")
        return Connection(
            lambda caller, of: _items(resolve(caller, of, args)),
            open_line,
            lambda caller, of: encode_basestring(identity(caller, of, {})),
            children,
        )

    def _check(self, parent: GraphQLObjectType, node: FieldNode) -> GraphQLError | None:
        returns = get_named_type(parent.fields[node.name.value].type).name
        problem = denial(self.caller, parent.name, node.name.value, returns)
        is_scope = problem is not None and "requiredAccess" in (problem.extensions or {})
        is_connection = returns.endswith("Connection")
        if is_scope or (problem is not None and is_connection):
            self.denied = self.denied or problem
        return problem

    def _node_of(self, connection_type: Any, node: FieldNode) -> tuple[GraphQLObjectType, SelectionSetNode]:
        """What is selected of each item, by `nodes { … }` or by `edges { node { … } }`."""
        assert node.selection_set is not None
        for chosen in node.selection_set.selections:
            if isinstance(chosen, FieldNode) and chosen.name.value == "nodes" and chosen.selection_set:
                return get_named_type(connection_type.fields["nodes"].type), chosen.selection_set
            if isinstance(chosen, FieldNode) and chosen.name.value == "edges" and chosen.selection_set:
                edge = get_named_type(connection_type.fields["edges"].type)
                for inner in chosen.selection_set.selections:
                    if isinstance(inner, FieldNode) and inner.name.value == "node" and inner.selection_set:
                        return get_named_type(edge.fields["node"].type), inner.selection_set
        raise BulkRefusedError(
            f"The connection '{node.name.value}' must select 'edges {{ node }}' or 'nodes'."
        )

    def _record(
        self, of_type: Any, selections: SelectionSetNode, depth: int
    ) -> tuple[Read, tuple[Connection, ...]]:
        """How a record's line begins, and the connections that become lines of their own."""
        fields: list[tuple[str, Read]] = []
        children: list[Connection] = []
        chosen = list(selections.selections)
        reads_id = any(isinstance(n, FieldNode) and n.name.value == "id" and n.alias is None for n in chosen)
        for node in chosen:
            if (
                isinstance(node, FieldNode)
                and isinstance(of_type, GraphQLObjectType)
                and self._is_connection(of_type, node)
            ):
                children.append(self._connection(of_type, node, depth + 1, reads_id))
            else:
                fields.extend(self._fields(of_type, node))
        return _open_object(fields), tuple(children)

    def _fields(self, of_type: Any, node: Any) -> list[tuple[str, Read]]:
        if isinstance(node, InlineFragmentNode):
            return self._on(of_type, node)
        name = node.alias.value if node.alias else node.name.value
        if node.name.value == "__typename":
            return [(name, lambda caller, of: encode_basestring(_type_name(of_type, of)))]
        if isinstance(of_type, GraphQLObjectType) and self._check(of_type, node) is not None:
            return [(name, lambda caller, of: "null")]
        return [(name, self._value(of_type, node))]

    def _on(self, of_type: Any, node: InlineFragmentNode) -> list[tuple[str, Read]]:
        """Fields that are only there when the record is of the named type."""
        wanted = node.type_condition.name.value if node.type_condition else of_type.name
        inner = self.schema.type_map[wanted]
        fields = [f for chosen in node.selection_set.selections for f in self._fields(inner, chosen)]
        if wanted == of_type.name:
            return fields
        return [(name, _only_if(wanted, read)) for name, read in fields]

    def _value(self, of_type: Any, node: FieldNode) -> Read:
        field = of_type.fields[node.name.value]
        named = get_named_type(field.type)
        args = get_argument_values(field, node)
        resolve = resolver_of(of_type.name, node.name.value)
        if isinstance(named, GraphQLScalarType | GraphQLEnumType):
            return _leaf(resolve, args)
        assert node.selection_set is not None
        if named.name.endswith("Connection"):
            raise BulkRefusedError(
                "Connections inside an object that is not a connection's node can't run in bulk."
            )
        open_line, _ = self._record(named, node.selection_set, MAX_NESTING)
        if is_list_type(get_nullable_type(field.type)):
            return lambda caller, of: _list(open_line, caller, resolve(caller, of, args))
        return _remembering(open_line, resolve, args)


def _leaf(resolve: Resolver, args: dict[str, Any]) -> Read:
    writer_of = _TEXTS.get

    def read(caller: Caller, of: Any) -> str:
        value = resolve(caller, of, args)
        return writer_of(type(value), _json)(value)

    return read


def _list(open_line: Read, caller: Caller, items: Iterable[Any]) -> str:
    return f"[{','.join([open_line(caller, x) + '}' for x in items])}]"


def _items(found: Any) -> Any:
    return found.items if isinstance(found, Listing) else found


def _type_name(of_type: Any, of: Any) -> str:
    return of_type.name if isinstance(of_type, GraphQLObjectType) else type_of(of)


def _only_if(wanted: str, read: Read) -> Read:
    return lambda caller, of: read(caller, of) if type_of(of) == wanted else ""


def _open_object(fields: list[tuple[str, Read]]) -> Read:
    """The record's fields in the order they were asked for; those that are "" are left out."""
    keys = [f"{encode_basestring(name)}:" for name, _ in fields]
    reads = [read for _, read in fields]
    template = "{" + ",".join(f"{key}%s" for key in keys)

    def open_object(caller: Caller, of: Any) -> str:
        texts = [read(caller, of) for read in reads]
        if "" in texts:
            return "{" + ",".join(key + text for key, text in zip(keys, texts, strict=True) if text)
        return template % tuple(texts)

    return open_object


def _remembering(open_line: Read, resolve: Resolver, args: dict[str, Any]) -> Read:
    """Reads an object inside a record; one that many records share is read once for the whole operation."""
    known: dict[int, tuple[Any, str]] = {}

    def read(caller: Caller, of: Any) -> str:
        found = resolve(caller, of, args)
        kept = known.get(id(found))
        if kept is not None and kept[0] is found:
            return kept[1]
        if found is None:
            return "null"
        text = open_line(caller, found) + "}"
        if isinstance(found, _SHARED):
            # Keeping the object keeps its id from being given to another.
            known[id(found)] = (found, text)
        return text

    return read


_SHARED = (Product, Variant, Customer, SharedMoney)
