"""Shopify's search syntax (`updated_at:>'2026-01-01' AND -status:draft`) as a test of one record. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

# What a record says under a name: a time, a number, a text, or several texts (tags).
Value = datetime | int | float | str | list[str] | bool | None
Getter = Callable[[Any], Value]
Test = Callable[[Any], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<paren>[()])
      | (?P<minus>-)?(?P<field>[A-Za-z_.]+):(?P<op>>=|<=|>|<)?(?P<value>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s()]*)
      | (?P<word>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s()]+))""",
    re.VERBOSE,
)


@dataclass(slots=True)
class Search:
    """A compiled filter; `unknown` names the fields Shopify would have ignored with a warning."""

    matches: Test
    unknown: list[str] = field(default_factory=list)


def compile_search(query: str | None, getters: Mapping[str, Getter], timezone: str = "UTC") -> Search:
    """Everything matches an empty query. A field nobody knows is ignored, as Shopify does: it matches everything."""
    if not query or not query.strip():
        return Search(lambda _: True)
    return _Parser(query, getters, ZoneInfo(timezone)).parse()


class _Parser:
    """AND binds closer than OR; terms side by side mean AND."""

    def __init__(self, query: str, getters: Mapping[str, Getter], zone: ZoneInfo) -> None:
        self._tokens = [m for m in _TOKEN.finditer(query) if m.group().strip()]
        self._at = 0
        self._getters, self._zone = getters, zone
        self._unknown: list[str] = []

    def parse(self) -> Search:
        test = self._either()
        return Search(test, self._unknown)

    def _peek(self) -> re.Match[str] | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _is_next(self, text: str) -> bool:
        token = self._peek()
        return token is not None and (token["word"] or token["paren"] or "").upper() == text

    def _either(self) -> Test:
        tests = [self._all()]
        while self._is_next("OR"):
            self._at += 1
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda r: any(t(r) for t in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._peek() is not None and not self._is_next("OR") and not self._is_next(")"):
            if self._is_next("AND"):
                self._at += 1
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda r: all(t(r) for t in tests)

    def _one(self) -> Test:
        token = self._peek()
        if token is None:
            return lambda _: True
        self._at += 1
        if (token["word"] or "").upper() == "NOT":
            inner = self._one()
            return lambda r: not inner(r)
        if token["paren"] == "(":
            inner = self._either()
            if self._is_next(")"):
                self._at += 1
            return inner
        if token["field"] is None:
            return self._word(_unquoted(token["word"] or ""))
        test = self._term(token["field"], token["op"] or "", _unquoted(token["value"]))
        return (lambda r: not test(r)) if token["minus"] else test

    def _word(self, word: str) -> Test:
        getter = self._getters.get("default")
        if getter is None:
            return lambda _: True
        return lambda r: word.lower() in str(getter(r)).lower()

    def _term(self, name: str, op: str, wanted: str) -> Test:
        getter = self._getters.get(name)
        if getter is None:
            self._unknown.append(name)
            return lambda _: True
        zone = self._zone
        prepared: dict[type, Any] = {}

        def test(record: Any) -> bool:
            value = getter(record)
            kind = type(value)
            if kind not in prepared:
                prepared[kind] = _prepare(value, op, wanted, zone)
            return bool(prepared[kind](value))

        return test


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    return re.sub(r"\\(.)", r"\1", text)


def _prepare(example: Value, op: str, wanted: str, zone: ZoneInfo) -> Callable[[Any], bool]:
    """The comparison for values of this kind; what can't be read as that kind matches nothing."""
    try:
        if isinstance(example, bool):
            return _order_test("", wanted.lower() == "true")
        if isinstance(example, datetime):
            return _time_test(op, wanted, zone)
        if isinstance(example, int | float):
            return _order_test(op, type(example)(wanted.rpartition("/")[2]))
    except ValueError:
        return lambda _: False
    text = _text_test(wanted)
    if isinstance(example, list):
        return lambda v: any(map(text, v))
    return text if example is not None else lambda _: False


def _text_test(wanted: str) -> Callable[[str], bool]:
    """Case does not matter; `*` at the end matches any continuation."""
    low = wanted.lower()
    if low == "*":
        return bool
    if low.endswith("*"):
        return lambda v: v.lower().startswith(low[:-1])
    return lambda v: v.lower() == low


def _order_test(op: str, wanted: Any) -> Callable[[Any], bool]:
    tests: dict[str, Callable[[Any], bool]] = {
        ">": lambda v: v > wanted,
        ">=": lambda v: v >= wanted,
        "<": lambda v: v < wanted,
        "<=": lambda v: v <= wanted,
        "": lambda v: v == wanted,
    }
    return tests[op]


def _time_test(op: str, wanted: str, zone: ZoneInfo) -> Callable[[datetime], bool]:
    """A bare date means that whole day in the shop's time zone."""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", wanted):
        start = datetime.fromisoformat(wanted).replace(tzinfo=zone)
        end = start + timedelta(days=1)
        if not op:
            return lambda v: start <= v < end
        edge = {">": end, ">=": start, "<": start, "<=": end}[op]
        return (lambda v: v >= edge) if op in {">", ">="} else (lambda v: v < edge)
    at = datetime.fromisoformat(wanted)
    return _order_test(op, at if at.tzinfo else at.replace(tzinfo=UTC))
