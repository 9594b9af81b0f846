"""Decodes the JSON bodies platforms send, strictly; knows nothing of what any field means."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from app.platforms.base import UnreadableError

# The largest order a platform sends is some megabytes (thousands of line items); beyond this it is an attack.
MAX_BYTES: Final = 16 * 1024 * 1024
# Real deliveries nest 8 deep; the cap keeps later recursion far from Python's limit of 1,000.
MAX_DEPTH: Final = 40
# How far PHP's notices may reach before the JSON, and how many brackets in them are tried.
_MAX_NOTICE: Final = 64 * 1024
_MAX_OPENINGS: Final = 50
_OPENING: Final = re.compile(r"[\n>]\s*[\[{]")


def decode_object(raw: bytes) -> dict[str, Any]:
    """Decode bytes into one JSON object with every number exact: int or Decimal, never a float.

    Refused, because a database or a later reader would choke on it: bad UTF-8, a byte-order mark, NUL and
    lone surrogates in strings, NaN and Infinity, numbers beyond a double's range, integers of thousands of
    digits, names that occur twice, nesting deeper than 40, anything but an object at the top.

    Raises:
        UnreadableError: with the place and the reason.
    """
    if len(raw) > MAX_BYTES:
        raise UnreadableError(f"the body is {len(raw):,} bytes; the limit is {MAX_BYTES:,}")
    tree = _parse(raw)
    if not isinstance(tree, dict):
        raise UnreadableError(f"the body is {_kind(tree)}, not an object")
    _check(tree)
    return tree


def decode_answer(raw: bytes) -> dict[str, Any] | list[Any]:
    """Decode what a shop's own server answered: an object or a list, with whatever its host put around it.

    WordPress sends byte-order marks and PHP's notices before the JSON, and sometimes behind it. The values are
    held to the same rules as `decode_object`'s.

    Raises:
        UnreadableError: there is no JSON in it, or what there is breaks a rule.
    """
    if len(raw) > MAX_BYTES:
        raise UnreadableError(f"the body is {len(raw):,} bytes; the limit is {MAX_BYTES:,}")
    text = raw.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    for start in _openings(text):
        try:
            tree, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        rest = text[end:].lstrip("\ufeff \t\r\n")
        if isinstance(tree, (dict, list)) and (not rest or rest.startswith("<")):
            _check(tree)
            return tree
    raise UnreadableError("the body holds no JSON")


def _openings(text: str) -> Iterator[int]:
    """Where JSON may begin: at once, or at the start of one of the first lines or behind a tag."""
    yield 0
    for match in itertools.islice(_OPENING.finditer(text, 0, _MAX_NOTICE), _MAX_OPENINGS):
        yield match.end() - 1


def _parse(raw: bytes) -> Any:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"byte {error.start}: not UTF-8 ({error.reason})") from None
    if text.startswith("\ufeff"):
        raise UnreadableError("byte 0: a byte-order mark; no platform sends one")
    try:
        return _DECODER.decode(text)
    except UnreadableError:
        raise
    except json.JSONDecodeError as error:
        raise UnreadableError(f"character {error.pos}: not JSON ({error.msg})") from None
    except RecursionError:
        raise UnreadableError(f"the body is nested deeper than {MAX_DEPTH}") from None
    except ValueError:  # int() refuses more than 4,300 digits, sys.set_int_max_str_digits
        raise UnreadableError("a number has more digits than any platform's id or amount") from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    named = dict(pairs)
    if len(named) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise UnreadableError(f"the name {_shown(twice)} occurs twice in one object")
    return named


def _number(text: str) -> Decimal:
    if not math.isfinite(float(text)):
        raise UnreadableError(f"the number {text[:24]} is beyond the range of a double")
    try:
        return Decimal(text)
    except InvalidOperation:  # a nought with more digits in its exponent than decimals have
        raise UnreadableError(f"the number {text[:24]} has more digits than any amount") from None


def _constant(text: str) -> Any:
    raise UnreadableError(f"{text} is not JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=_number, parse_constant=_constant, strict=True
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands. Spelled out only for an error: a long name may have thousands of children."""

    name: str
    parent: _Place | None = None

    def __str__(self) -> str:
        names, place = [self.name], self.parent
        while place is not None:
            names.append(place.name)
            place = place.parent
        return ".".join(name for name in reversed(names) if name)


def _check(tree: dict[str, Any] | list[Any]) -> None:
    """Walk the tree without recursion; it may be as deep as the decoder allowed."""
    pending: list[tuple[_Place, Any, int]] = [(_Place(""), tree, 1)]
    while pending:
        parent, value, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise UnreadableError(f"{_shown(str(parent))}…: nested deeper than {MAX_DEPTH}")
        for name, child in _children(value):
            if isinstance(value, dict) and (problem := _problem(name)):
                place = str(parent) or "the body"
                raise UnreadableError(f"{_shown(f'a name in {place}')}: {problem}")
            if isinstance(child, str):
                if problem := _problem(child):
                    raise UnreadableError(f"{_shown(str(_Place(name, parent)))}: {problem}")
            elif isinstance(child, (dict, list)):
                pending.append((_Place(name, parent), child, depth + 1))


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    else:
        for position, child in enumerate(value):
            yield str(position), child


def _problem(text: str) -> str | None:
    if "\x00" in text:
        return "a NUL character, which PostgreSQL can't store"
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return "half of a surrogate pair"
    return None


def _shown(text: str) -> str:
    """Make any text safe to show: printable ASCII, short, and never an address."""
    return "a name with an @" if "@" in text else ascii(text[:80])[1:-1]


def _kind(tree: Any) -> str:
    names = {list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(tree), "a number")
