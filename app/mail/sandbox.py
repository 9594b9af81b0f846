"""The Liquid that merchants may write: what it may use, how much it may cost, and what is wrong with it.

It produces plain text only. Whether that text lands in HTML, and is escaped there, is `render`'s affair.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from liquid import BoundTemplate, Environment, RenderContext
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.exceptions import FilterArgumentError, LiquidError, LoopIterationLimitError
from liquid.token import Token

from app.mail.values import Moment, Price

# A heading or a paragraph, typed by hand; a longer one is a pasted document (characters).
MAX_MERCHANT_CHARACTERS: Final = 5_000
# What a filter may take in or give out (characters): `replace` multiplies its two, so 25 MB is the worst case.
_MAX_FILTER_CHARACTERS: Final = 5_000
# Numbers in a range, `(1..9)`.
_MAX_RANGE: Final = 1_000
# What all of one text's rendering may cost, in steps: a pass through a loop, a number in a range, a character
# through a filter. A loop with a few filters over a cart of 100 lines takes an eighth of it.
_MAX_STEPS: Final = 300_000
_STEPS_OF_A_PASS: Final = 100
_STEPS_OF_A_FILTER: Final = 10

# Nothing that reads files, nothing that multiplies its input on every pass (base64, url_encode, escape).
_FILTER_NAMES: Final = """
    abs at_least at_most ceil divided_by floor minus modulo plus round times
    append capitalize default downcase lstrip prepend remove remove_first replace replace_first rstrip slice
    split squish strip strip_newlines truncate truncatewords upcase
    compact concat first join last map reverse size sort sum uniq where
"""
_TAG_NAMES: Final = "if unless case for break continue assign capture comment # echo"
_ALLOWED_FILTERS: Final = frozenset(_FILTER_NAMES.split())
_ALLOWED_TAGS: Final = frozenset(_TAG_NAMES.split())
# What the parser itself needs: text, output statements, and its answer to a stray tag.
_PARSER_TAGS: Final = frozenset(("content", "output", "illegal"))


class BadTemplateError(ValueError):
    """A text with Liquid in it can't be rendered."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to mend in a merchant's text, at `line` (counted from 1)."""

    line: int
    message: str


class BoundedEnvironment(Environment):
    """Liquid with an end to everything it can use up; measured to stop the usual bombs in under 10 ms."""

    loop_iteration_limit = 10_000
    output_stream_limit = 200_000  # bytes
    local_namespace_limit = 50_000  # bytes
    context_depth_limit = 20
    block_nesting_limit = 20


class _Context(RenderContext):
    """One rendering of a merchant's text, which pays for each of its steps before they are made.

    Liquid's own limit of passes holds for each nest of loops alone, and knows nothing of what a pass costs.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._n_steps_left = _MAX_STEPS

    def pay(self, n_steps: int, token: Token | None = None) -> None:
        self._n_steps_left -= n_steps
        if self._n_steps_left < 0:
            raise LoopIterationLimitError("the text takes too long to work out", token=token)

    def raise_for_loop_limit(self, length: int = 1) -> None:
        super().raise_for_loop_limit(length)
        self.pay(length * _STEPS_OF_A_PASS)

    def assign(self, key: str, val: Any) -> None:
        # Liquid measures every variable again each time one is set.
        self.pay(len(self.locals) + _size_of(val))
        super().assign(key, val)

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        function = super().filter(name, token)

        def paid(*arguments: Any, **named: Any) -> object:
            n_steps = sum(_size_of(argument) for argument in arguments)
            if name == "uniq" and arguments and isinstance(arguments[0], list | tuple | range):
                n_steps += len(arguments[0]) ** 2 // 10  # it compares each with each
            self.pay(_STEPS_OF_A_FILTER + n_steps, token)
            return function(*arguments, **named)

        return paid


class _Template(BoundTemplate):
    context_class = _Context


class _MerchantEnvironment(BoundedEnvironment):
    template_class = _Template


_evaluate_range = RangeLiteral.evaluate


def _evaluate_bounded_range(self: RangeLiteral, context: RenderContext) -> range:
    """Liquid makes a range of any size, to be listed backwards or searched to its end."""
    found = _evaluate_range(self, context)
    if isinstance(context, _Context):
        size = found.stop - found.start  # len() fails beyond 64 bits
        if size > _MAX_RANGE:
            raise LoopIterationLimitError(f"a range of more than {_MAX_RANGE:,} numbers", token=self.token)
        context.pay(size, self.token)
    return found


# The parser names the class itself: there is no other place to put a limit.
RangeLiteral.evaluate = _evaluate_bounded_range  # type: ignore[method-assign]


def add_our_filters(environment: Environment) -> None:
    """Give `environment` our `money` and `date`, and take `safe` away: nothing is exempt from escaping."""
    environment.add_filter("money", _money)
    environment.add_filter("date", _date)
    environment.filters.pop("safe", None)


def render_text(source: str, values: Mapping[str, Any]) -> str:
    """Render a merchant's text to plain text.

    Raises:
        BadTemplateError: it does not parse, uses what it may not, or costs too much; with its line.
    """
    try:
        return _parse(source).render(values)
    # Filters let Python's own arithmetic and lookup errors through; they are faults of the text all the same.
    except (LiquidError, ValueError, TypeError, ArithmeticError, LookupError, RecursionError) as error:
        raise _as_bad_template(error, source) from None


def lint(text: str, known: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with a merchant's text; `known` holds the values of a sample mail."""
    try:
        unknown = _unknown_names(_parse(text), text, known)
        if not unknown:
            render_text(text, known)
    except (LiquidError, BadTemplateError, RecursionError) as error:
        problem = error if isinstance(error, BadTemplateError) else _as_bad_template(error, text)
        return [Problem(problem.line, str(problem))]
    return unknown


@lru_cache(maxsize=512)
def _parse(source: str) -> BoundTemplate:
    if len(source) > MAX_MERCHANT_CHARACTERS:
        raise BadTemplateError(
            f"the text has {len(source)} characters; the most a mail's text may have is {MAX_MERCHANT_CHARACTERS}"
        )
    return _environment().from_string(source)


@functools.cache
def _environment() -> Environment:
    environment = _MerchantEnvironment(autoescape=False)
    environment.filters = {
        name: _bounded(name, function)
        for name, function in environment.filters.items()
        if name in _ALLOWED_FILTERS
    }
    add_our_filters(environment)
    environment.tags = {
        name: tag for name, tag in environment.tags.items() if name in _ALLOWED_TAGS | _PARSER_TAGS
    }
    return environment


def _bounded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)  # keeps the marks by which Liquid hands a filter its context
    def wrapper(*arguments: Any, **named: Any) -> Any:
        for argument in arguments:
            _check_size(name, argument)
        result = function(*arguments, **named)
        _check_size(name, result)
        return result

    return wrapper


def _check_size(name: str, value: Any) -> None:
    if _size_of(value) > _MAX_FILTER_CHARACTERS:
        raise FilterArgumentError(f"{name}: more than {_MAX_FILTER_CHARACTERS} characters", token=None)


def _size_of(value: Any) -> int:
    """How many characters a value would take at most, were it printed or joined."""
    if isinstance(value, str | range):
        return len(value)
    if isinstance(value, list | tuple):
        return sum(1 + len(str(element)) for element in value)
    return value.bit_length() // 3 if isinstance(value, int) else 0


def _unknown_names(template: BoundTemplate, text: str, known: Mapping[str, Any]) -> list[Problem]:
    used = template.analyze()
    found = [
        (place.span.index, f"there is no {place} in this mail; it knows {', '.join(sorted(known))}")
        for places in used.globals.values()
        for place in places
        if not _is_known(list(place.segments), known)
    ]
    found += [
        (place.index, f"there is no filter {name}; these are: {', '.join(sorted(_environment().filters))}")
        for name, places in used.filters.items()
        if name not in _environment().filters
        for place in places
    ]
    return [Problem(text.count("\n", 0, index) + 1, message) for index, message in sorted(set(found))]


def _is_known(segments: list[Any], value: Any) -> bool:
    for segment in segments:
        if isinstance(value, list):
            if segment == "size":
                return True
            if not (segment in ("first", "last") or isinstance(segment, int)):
                return False
            value = value[0] if value else {}
        elif isinstance(value, Mapping):
            if segment not in value:
                return False
            value = value[segment]
        else:
            return segment == "size" and isinstance(value, str)
    return True


def _as_bad_template(error: Exception, source: str) -> BadTemplateError:
    token = getattr(error, "token", None)
    start = getattr(token, "start_index", 0)
    line = source.count("\n", 0, start) + 1 if start > 0 else 1
    if isinstance(error, BadTemplateError):
        return error
    message = error.args[0] if isinstance(error, LiquidError) and error.args else "it can't be worked out"
    return BadTemplateError(str(message), line)


def _money(value: object) -> str:
    if not isinstance(value, Price):
        raise FilterArgumentError("money: this is not an amount of money", token=None)
    return str(value)


def _date(value: object, style: object = "long") -> str:
    if not isinstance(value, Moment):
        raise FilterArgumentError("date: this is not a date", token=None)
    if style not in ("short", "medium", "long", "full"):
        raise FilterArgumentError("date: the style is one of short, medium, long, full", token=None)
    return value.as_date(str(style))
