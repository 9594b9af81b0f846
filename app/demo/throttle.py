"""The API's price list and leaky bucket: what a query costs, and whether the app may have it now. Wall-clock time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_composite_type,
    value_from_ast_untyped,
)

# Shopify's Standard plan restores 100 points/s (shopify.dev, rate limits); the bucket there holds 2,000.
RESTORE_PER_SECOND = 100.0
MAXIMUM = 2000.0
# No single query may ask for more (same page).
MAX_QUERY_COST = 1000
MUTATION_COST = 10


@dataclass
class Bucket:
    maximum: float = MAXIMUM
    restore_per_second: float = RESTORE_PER_SECOND
    is_on: bool = True
    real: Callable[[], float] = time.time
    n_throttled: int = 0
    _level: float = -1.0
    _at_seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, requested: float) -> bool:
        """Takes the points if they are there; False is Shopify's THROTTLED."""
        with self._lock:
            self._restore()
            if self.is_on and requested > self._level:
                self.n_throttled += 1
                return False
            self._level = max(0.0, self._level - requested)
            return True

    def give_back(self, points: float) -> None:
        """What was asked for and not used."""
        with self._lock:
            self._level = min(self.maximum, self._level + points)

    def status(self) -> dict[str, float]:
        with self._lock:
            self._restore()
            return {
                "maximumAvailable": self.maximum,
                "currentlyAvailable": int(self._level),
                "restoreRate": self.restore_per_second,
            }

    def _restore(self) -> None:
        now = self.real()
        if self._level < 0:
            self._level, self._at_seconds = self.maximum, now
        gained = max(0.0, now - self._at_seconds) * self.restore_per_second
        self._level, self._at_seconds = min(self.maximum, self._level + gained), now


def requested_cost(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: dict[str, FragmentDefinitionNode],
    variables: dict[str, Any],
) -> int:
    """Scalars cost nothing, an object 1, a connection its page size times what one node costs, a mutation 10."""
    root = schema.get_root_type(operation.operation)
    if root is None:
        return 0
    reader = _Reader(schema, fragments, variables)
    base = MUTATION_COST if operation.operation.value == "mutation" else 0
    return max(1, base + reader.cost(root, operation.selection_set))


@dataclass(frozen=True, slots=True)
class _Reader:
    schema: GraphQLSchema
    fragments: dict[str, FragmentDefinitionNode]
    variables: dict[str, Any]

    def cost(self, parent: Any, selections: SelectionSetNode) -> int:
        return sum(self._one(parent, selection) for selection in selections.selections)

    def _one(self, parent: Any, selection: Any) -> int:
        if isinstance(selection, FragmentSpreadNode):
            selection = self.fragments[selection.name.value]
        if isinstance(selection, InlineFragmentNode | FragmentDefinitionNode):
            on = selection.type_condition
            inner = self.schema.type_map[on.name.value] if on else parent
            return self.cost(inner, selection.selection_set)
        return self._field(parent, selection)

    def _field(self, parent: Any, node: FieldNode) -> int:
        told = getattr(parent, "fields", {}).get(node.name.value)
        if told is None or node.selection_set is None or self._is_left_out(node):
            return 0
        named = get_named_type(told.type)
        if not is_composite_type(named):
            return 0
        inner = self.cost(named, node.selection_set)
        if named.name.endswith("Connection"):
            return self._page_size(node) * max(1, inner)
        is_wrapper = isinstance(named, GraphQLObjectType) and named.name.endswith(
            ("Edge", "PageInfo", "Payload")
        )
        return inner if is_wrapper or named.name == "UserError" else 1 + inner

    def _is_left_out(self, node: FieldNode) -> bool:
        """`@include(if: false)` and `@skip(if: true)`."""
        for directive in node.directives or ():
            condition = next(
                (value_from_ast_untyped(a.value, self.variables) for a in directive.arguments or ()), None
            )
            if (directive.name.value, condition) in {("include", False), ("skip", True)}:
                return True
        return False

    def _page_size(self, node: FieldNode) -> int:
        for argument in node.arguments or ():
            if argument.name.value in {"first", "last"}:
                size = value_from_ast_untyped(argument.value, self.variables)
                return int(size) if isinstance(size, int) else 1
        return 1


def actual_cost(found: Any) -> int:
    """Objects in the answer, wrappers excepted."""
    if isinstance(found, list):
        return sum(map(actual_cost, found))
    if not isinstance(found, dict):
        return 0
    is_wrapper = "edges" in found or "nodes" in found or "node" in found or "hasNextPage" in found
    return (0 if is_wrapper else 1) + sum(map(actual_cost, found.values()))
