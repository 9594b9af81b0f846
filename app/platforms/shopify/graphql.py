"""Sends one GraphQL operation to one shop: waits as the bucket asks, repeats what is safe, types the errors.

Knows nothing of what the operations mean, and never logs what it carries.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from time import monotonic, sleep
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter

from app.platforms.base import (
    NeedsApprovalError,
    NeedsReconnectError,
    PlatformError,
    UnreadableError,
)
from app.platforms.shopify.tokens import retry_after
from app.platforms.strictjson import decode_object

# Seconds to connect, seconds between bytes: a page of 250 objects takes Shopify up to ten.
TIMEOUT_SECONDS: Final = (5.0, 30.0)
# The longest wait for the bucket inside one call; a longer one belongs to whoever can do something else.
MAX_WAIT_SECONDS: Final = 30.0
# How often one call is sent before it gives up.
_MAX_ATTEMPTS: Final = 6
# First pause after an answer that was lost; it doubles.
_FIRST_PAUSE_SECONDS: Final = 0.5
# What a call is taken to cost before its first answer says so.
_ASSUMED_COST: Final = 100.0


class TooCostlyError(PlatformError):
    """The operation asks for more than one call may cost; ask for smaller pages."""

    def __init__(self) -> None:
        super().__init__(permanent=True)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of `queries/`. Only a query, or a mutation named repeatable, is ever sent twice."""

    name: str
    text: str
    is_repeatable: bool


@cache
def operation(name: str, *, is_repeatable: bool = False) -> Operation:
    text = resources.files(__package__).joinpath("queries", f"{name}.graphql").read_text(encoding="utf-8")
    is_mutation = any(line.startswith("mutation") for line in text.splitlines())
    return Operation(name, text, is_repeatable or not is_mutation)


def new_session() -> requests.Session:
    """One pool of connections for all shops; a redirect is never followed, as it would take the token along."""
    session = requests.Session()
    session.headers["User-Agent"] = "Regulars"
    adapter = HTTPAdapter(pool_connections=32, pool_maxsize=32, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


@dataclass(slots=True)
class Bucket:
    """What the shop last said of the bucket: points left, points back per second, and when that was.

    100, 200, 1,000 or 2,000 points come back per second depending on the shop's plan; its size is not
    published, so both are read from each answer.
    """

    available: float = math.inf
    restore_rate: float = 100.0
    told_at: float = 0.0
    costs: dict[str, float] = field(default_factory=dict)

    def wait_seconds(self, name: str, now: float) -> float:
        """How long until the bucket holds what this operation was last asked to cost."""
        left = self.available + (now - self.told_at) * self.restore_rate
        missing = self.costs.get(name, _ASSUMED_COST) - left
        return max(0.0, missing / self.restore_rate)

    def learn(self, name: str, extensions: Any, now: float) -> None:
        cost = extensions.get("cost") if isinstance(extensions, dict) else None
        status = cost.get("throttleStatus") if isinstance(cost, dict) else None
        if not isinstance(cost, dict) or not isinstance(status, dict):
            return
        self.costs[name] = _number(cost.get("requestedQueryCost"), _ASSUMED_COST)
        self.available = _number(status.get("currentlyAvailable"), self.available)
        self.restore_rate = max(1.0, _number(status.get("restoreRate"), self.restore_rate))
        self.told_at = now


@dataclass(slots=True)
class GraphQL:
    """One shop's endpoint. The token is asked for at every call, so a refreshed one is used at once."""

    session: requests.Session
    endpoint: str
    shop_domain: str
    access_token: Callable[[], str] = field(repr=False)
    pause: Callable[[float], None] = sleep
    now: Callable[[], float] = monotonic
    bucket: Bucket = field(default_factory=Bucket)
    renew: Callable[[str], str] | None = field(default=None, repr=False)

    def run(self, what: Operation, variables: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """Return the operation's `data`. Fields this app is not approved for are None in it.

        Raises:
            NeedsReconnectError: the token is no longer valid.
            NeedsApprovalError: nothing is left of the answer without the data we are not approved for.
            TooCostlyError: the same question in smaller pages may work.
            PlatformError: with `retry_after_seconds` where trying again later makes sense.
        """
        self._wait(self.bucket.wait_seconds(what.name, self.now()))
        pause_seconds, is_second_token = _FIRST_PAUSE_SECONDS, False
        for attempt in range(_MAX_ATTEMPTS):
            token = self.access_token()
            try:
                return self._once(what, variables or {}, token)
            except NeedsReconnectError:
                if is_second_token or not self._has_other_token(token):
                    raise
                is_second_token = True
            except _ThrottledError as error:
                self._wait(error.wait_seconds)
            except PlatformError as error:
                is_last = attempt == _MAX_ATTEMPTS - 1
                if error.permanent or is_last or not (what.is_repeatable or isinstance(error, _UnsentError)):
                    raise
                self._wait(max(error.retry_after_seconds or 0.0, pause_seconds))
                pause_seconds *= 2
        raise PlatformError(f"{self.shop_domain} throttles this app", retry_after_seconds=MAX_WAIT_SECONDS)

    def _has_other_token(self, refused: str) -> bool:
        """Whether there is another token than this one.

        Another worker may have refreshed it while the call was under way; or it ended before its time: by
        another clock, or because the shop took it back.
        """
        return (self.renew(refused) if self.renew else self.access_token()) != refused

    def _wait(self, seconds: float) -> None:
        if seconds > MAX_WAIT_SECONDS:
            raise PlatformError(
                f"{self.shop_domain} asks for {seconds:.0f} s of patience", retry_after_seconds=seconds
            )
        if seconds > 0:
            self.pause(seconds)

    def _once(self, what: Operation, variables: Mapping[str, Any], token: str) -> Mapping[str, Any]:
        body = self._post({"query": what.text, "variables": dict(variables)}, token)
        self.bucket.learn(what.name, body.get("extensions"), self.now())
        errors = body.get("errors")
        data = body.get("data")
        if errors:
            self._raise_errors(what, errors, data)
        if not isinstance(data, dict):
            raise PlatformError(f"{self.shop_domain} answered {what.name} without data")
        return data

    def _post(self, asked: Mapping[str, Any], token: str) -> Mapping[str, Any]:
        headers = {"X-Shopify-Access-Token": token, "Accept": "application/json"}
        try:
            answer = self.session.post(
                self.endpoint, json=asked, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False
            )
        except requests.ConnectTimeout:
            raise _UnsentError(f"{self.shop_domain} can't be reached") from None
        except requests.RequestException as error:
            # The class only: the text may quote the request.
            raise PlatformError(f"{self.shop_domain} did not answer ({type(error).__name__})") from None
        if answer.status_code != 200:
            raise _refusal(self.shop_domain, answer)
        try:
            return decode_object(answer.content)
        except UnreadableError as error:
            raise PlatformError(f"{self.shop_domain} answered with something unreadable ({error})") from None

    def _raise_errors(self, what: Operation, errors: Any, data: Any) -> None:
        """Raise what the errors mean, unless all they say is that some fields are withheld."""
        listed = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
        codes = {_code(error) for error in listed}
        if "THROTTLED" in codes:
            wanted = max(0.1, self.bucket.wait_seconds(what.name, self.now()))
            raise _ThrottledError(wanted)
        if "MAX_COST_EXCEEDED" in codes:
            raise TooCostlyError
        if codes == {"ACCESS_DENIED"}:
            if isinstance(data, dict) and any(value is not None for value in data.values()):
                return
            raise NeedsApprovalError(f"{self.shop_domain}, {what.name}: {_text(listed[0])}")
        if codes & {"INTERNAL_SERVER_ERROR", "TIMEOUT", "SERVICE_UNAVAILABLE"}:
            raise PlatformError(f"{self.shop_domain} could not answer {what.name}: {_text(listed[0])}")
        reason = _text(listed[0]) if listed else "an error without a list of errors"
        raise PlatformError(f"{self.shop_domain} refused {what.name}: {reason}", permanent=True)


class _ThrottledError(Exception):
    """The bucket was empty; nothing was carried out."""

    def __init__(self, wait_seconds: float) -> None:
        super().__init__(self.__doc__)
        self.wait_seconds = wait_seconds


class _UnsentError(PlatformError):
    """No connection was made, so even a mutation may be sent again."""


def _refusal(shop: str, answer: requests.Response) -> PlatformError:
    status = answer.status_code
    if status in (401, 403):  # 403: a token that does not expire, from 2027-01-01 (elixir-shopifyapi #679)
        return NeedsReconnectError(
            f"{shop} no longer accepts its token ({status}); open the app to reconnect"
        )
    if status == 429 or status >= 500 or 300 <= status < 400:
        return PlatformError(f"{shop} answered {status}", retry_after_seconds=retry_after(answer))
    if status in (402, 423):  # frozen for an unpaid bill, or locked; both may end
        return PlatformError(f"{shop} is closed for now ({status})", retry_after_seconds=6 * 3600)
    return PlatformError(f"{shop} refused the call ({status})", permanent=True)


def _code(error: Mapping[str, Any]) -> str:
    extensions = error.get("extensions")
    code = extensions.get("code") if isinstance(extensions, dict) else None
    if isinstance(code, str):
        return code
    # Protected customer data is refused without a code in some answers (shopify.dev, protected customer data).
    return "ACCESS_DENIED" if "not approved to " in _text(error) else ""


def _text(error: Mapping[str, Any]) -> str:
    """The message without what the question carried: it may quote a search for an address."""
    message = error.get("message")
    plain = message if isinstance(message, str) else "no message"
    return "the message quotes an address" if "@" in plain else plain[:300]


def _number(value: Any, otherwise: float) -> float:
    is_number = not isinstance(value, (bool, str)) and value is not None
    try:
        return float(value) if is_number else otherwise
    except (TypeError, ValueError):
        return otherwise
