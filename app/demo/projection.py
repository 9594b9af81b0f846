"""A bulk query turned into plain functions: each record to its JSONL lines, without executing GraphQL per record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
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

from app.demo.fields import Caller, denial, resolver_of, type_of
from app.demo.listing import Listing
from app.demo.live import DemoStoreError

# Shopify's limits on bulk queries (shopify.dev, Perform bulk operations).
MAX_CONNECTIONS = 5
MAX_NESTING = 2

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
Read = Callable[[Caller, Any], Any]


class BulkRefusedError(DemoStoreError):
    """This query can't run as a bulk operation."""

    def __init__(self, message: str, code: str = "INVALID") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Connection:
    """A list inside a record: its items, how one is read, and the lists inside each."""

    items: Read
    read: Read
    children: tuple[Connection, ...]


# A connection, one of its items, and the id of the record it belongs to.
_Entry = tuple[Connection, Any, Any]


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
        written: list[str] = []
        level: list[_Entry] = [(connection, item, None) for connection, item in group]
        while level:
            below: list[_Entry] = []
            for connection, item, parent_id in level:
                record = connection.read(caller, item)
                if parent_id is not None:
                    record["__parentId"] = parent_id
                written.append(_encode(record) + "\n")
                for child in connection.children:
                    below.extend((child, x, record["id"]) for x in child.items(caller, item))
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
        read, children = self._record(item_type, selections, depth)
        return Connection(lambda caller, of: _items(resolve(caller, of, args)), read, children)

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
        """How a record's own line is read, and the connections that become lines of their own."""
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
        return _dict_reader(fields), tuple(children)

    def _fields(self, of_type: Any, node: Any) -> list[tuple[str, Read]]:
        if isinstance(node, InlineFragmentNode):
            return self._on(of_type, node)
        name = node.alias.value if node.alias else node.name.value
        if node.name.value == "__typename":
            return [
                (
                    name,
                    lambda caller, of: (
                        of_type.name if isinstance(of_type, GraphQLObjectType) else type_of(of)
                    ),
                )
            ]
        if isinstance(of_type, GraphQLObjectType) and self._check(of_type, node) is not None:
            return [(name, lambda caller, of: None)]
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
            return lambda caller, of: resolve(caller, of, args)
        assert node.selection_set is not None
        if named.name.endswith("Connection"):
            raise BulkRefusedError(
                "Connections inside an object that is not a connection's node can't run in bulk."
            )
        read, _ = self._record(named, node.selection_set, MAX_NESTING)
        if is_list_type(get_nullable_type(field.type)):
            return lambda caller, of: [read(caller, x) for x in resolve(caller, of, args)]
        return lambda caller, of: _maybe(read, caller, resolve(caller, of, args))


def _items(found: Any) -> Any:
    return found.items if isinstance(found, Listing) else found


def _maybe(read: Read, caller: Caller, of: Any) -> Any:
    return None if of is None else read(caller, of)


def _only_if(wanted: str, read: Read) -> Read:
    return lambda caller, of: read(caller, of) if type_of(of) == wanted else _ABSENT


_ABSENT = object()


def _dict_reader(fields: list[tuple[str, Read]]) -> Read:
    return lambda caller, of: {
        name: value for name, read in fields if (value := read(caller, of)) is not _ABSENT
    }
