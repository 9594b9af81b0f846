"""Calls one store's REST API: signs in, waits its turn, reads whatever comes back, and says what went wrong.

It knows how WooCommerce answers and refuses, and nothing of what the answers mean.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import requests
from urllib3.exceptions import HTTPError

from app.platforms.base import NeedsReconnectError, PlatformError, UnreadableError
from app.platforms.strictjson import decode_answer
from app.platforms.woocommerce.guard import ForbiddenAddressError
from app.platforms.woocommerce.oauth1 import signed

Row = Mapping[str, Any]

# Seconds to connect and between bytes: shared hosts need tens of seconds for a page of orders.
TIMEOUT_SECONDS: Final = (5.0, 45.0)
# Seconds for a whole answer, however slowly it drips.
MAX_SECONDS: Final = 120.0
# A hundred whole orders are about 1 MB; many plugins' meta data make it some more.
MAX_BYTES: Final = 12 * 1024 * 1024
PAGE_SIZE: Final = 100
# Pauses before a read is repeated: a busy host is asked twice more.
_PAUSES_SECONDS: Final = (1.0, 5.0)
# A wait the caller is better told of than held up by.
_LONGEST_PAUSE_SECONDS: Final = 10.0
# Web application firewalls refuse clients without a name.
USER_AGENT: Final = "Regulars/1.0 (WooCommerce REST client)"


class NotFoundError(PlatformError):
    """The shop has no such thing."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, permanent=True)


class TakenError(PlatformError):
    """The shop has one of that name already."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, permanent=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """A decoded body with its headers."""

    body: Any
    headers: Mapping[str, str]

    @property
    def n_total(self) -> int | None:
        text = self.headers.get("X-WP-Total", "")
        return int(text) if text.isascii() and text.isdigit() else None


@dataclass(slots=True)
class Rest:
    """One store: its address, its keys, and its turn (one request at a time, whoever asks)."""

    session: requests.Session
    base_url: str
    # `key:secret`; None for the public index.
    access_token: Callable[[], str] | None = field(default=None, repr=False)
    turn: Callable[[], AbstractContextManager[Any]] = nullcontext
    # Told which keys were refused; returns others, when the merchant has connected the store again meanwhile.
    renew: Callable[[str], str] | None = field(default=None, repr=False)
    pause: Callable[[float], None] = time.sleep

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).netloc

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Answer:
        """Read; asked again when the host was busy or away."""
        for pause_seconds in _PAUSES_SECONDS:
            try:
                return self._call("GET", path, query)
            except PlatformError as error:
                wait = error.retry_after_seconds or pause_seconds
                if error.permanent or wait > _LONGEST_PAUSE_SECONDS:
                    raise
                self.pause(wait)
        return self._call("GET", path, query)

    def post(self, path: str, body: Row) -> Row:
        return self._row(self._call("POST", path, None, body))

    def put(self, path: str, body: Row) -> Row:
        return self._row(self._call("PUT", path, None, body))

    def delete(self, path: str) -> None:
        """Delete for good. What is gone already is no error."""
        try:
            self._call("DELETE", path, {"force": "true"})
        except NotFoundError:
            return

    def one(self, path: str, query: Mapping[str, Any] | None = None) -> Row:
        return self._row(self.get(path, query))

    def pages(
        self, path: str, query: Mapping[str, Any], *, n_skip: int = 0, size: int = PAGE_SIZE
    ) -> Iterator[Row]:
        """Every row of a list, from row `n_skip` on."""
        page, skip = n_skip // size + 1, n_skip % size
        while True:
            answer = self.get(path, {**query, "per_page": size, "page": page})
            rows = answer.body
            if not isinstance(rows, list):
                raise PlatformError(f"{self.host} answered {path} with something that is not a list")
            for row in rows[skip:]:
                if isinstance(row, dict):
                    yield row
            total = answer.headers.get("X-WP-TotalPages", "")
            is_last = page >= int(total) if total.isascii() and total.isdigit() else len(rows) < size
            if is_last or not rows:
                return
            page, skip = page + 1, 0

    def _row(self, answer: Answer) -> Row:
        if not isinstance(answer.body, dict):
            raise PlatformError(f"{self.host} answered with something that is not an object")
        return answer.body

    def _call(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: Row | None = None
    ) -> Answer:
        if self.access_token is None:
            return self._ask(method, path, query, body, None)
        keys = self.access_token()
        try:
            return self._ask(method, path, query, body, keys)
        except NeedsReconnectError:
            if self.renew is None:
                raise
            return self._ask(method, path, query, body, self.renew(keys))

    def _ask(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: Row | None, keys: str | None
    ) -> Answer:
        url = f"{self.base_url}/wp-json/{path}".rstrip("/")
        pairs = [(name, str(value)) for name, value in (query or {}).items()]
        auth = None
        if keys is not None:
            key, _, secret = keys.partition(":")
            if url.startswith("https://"):
                auth = (key, secret)
            else:
                nonce, now = secrets.token_hex(16), int(time.time())
                pairs = signed(method, url, pairs, key, secret, nonce=nonce, timestamp=now)
        address = f"{url}?{urlencode(pairs)}" if pairs else url
        try:
            with (
                self.turn(),
                self.session.request(
                    method,
                    address,
                    json=body,
                    auth=auth,
                    headers={"Accept": "application/json", "User-Agent": USER_AGENT},
                    timeout=TIMEOUT_SECONDS,
                    allow_redirects=False,  # a redirect would carry the keys elsewhere
                    stream=True,
                ) as response,
            ):
                raw = _read(response)
        except (requests.RequestException, HTTPError) as error:
            raise self._unreached(error) from None
        return self._judge(response, raw)

    def _unreached(self, error: Exception) -> PlatformError:
        """Say why there was no answer. The class only: the text may quote the address, and with it the keys."""
        reason: BaseException | None = error
        for _ in range(4):
            if isinstance(reason, ForbiddenAddressError):
                return PlatformError(f"{self.host} does not lead to a public address", permanent=True)
            nested = getattr(reason, "reason", None) or (reason.args[0] if reason and reason.args else None)
            reason = nested if isinstance(nested, BaseException) else None
        if isinstance(error, requests.exceptions.SSLError):
            return PlatformError(f"{self.host} has no valid certificate; https must work in a browser first")
        return PlatformError(f"{self.host} did not answer ({type(error).__name__})")

    def _judge(self, response: requests.Response, raw: bytes) -> Answer:
        status = response.status_code
        if status in (301, 302, 303, 307, 308):
            target = urlsplit(response.headers.get("Location", "")).netloc or "another address"
            raise PlatformError(
                f"{self.host} redirects to {target[:80]}; connect the store under that address",
                permanent=True,
            )
        try:
            body = decode_answer(raw)
        except UnreadableError:
            body = None
        if 200 <= status < 300 and body is not None:
            return Answer(body, response.headers)
        code = body.get("code") if isinstance(body, dict) else None
        raise self._refusal(status, code if isinstance(code, str) else "", response.headers)

    def _refusal(self, status: int, code: str, headers: Mapping[str, str]) -> PlatformError:
        """Say what a refusal means. WooCommerce refuses in JSON with a code; hosts and firewalls in HTML."""
        if status in (401, 403) and code.startswith(("woocommerce_rest_", "rest_")):
            return NeedsReconnectError(
                f"{self.host} no longer accepts our keys ({code[:60]}); connect the store again"
            )
        if code == "rest_no_route":
            return NotFoundError(f"{self.host} has no WooCommerce REST API; is WooCommerce active?")
        if status in (404, 410) and code:
            return NotFoundError(f"{self.host} has no such thing ({code[:60]})")
        if code.endswith("_already_exists"):
            return TakenError(f"{self.host} has one of that name already")
        if 200 <= status < 300:
            return PlatformError(f"{self.host} answered with something that is not JSON")
        if status == 429 or status >= 500 or status in (401, 403):
            return PlatformError(f"{self.host} answered {status}", retry_after_seconds=_retry_after(headers))
        return PlatformError(f"{self.host} refused ({status} {code[:60]})".rstrip(), permanent=True)


def _read(response: requests.Response) -> bytes:
    """The body, as long as it is neither too long nor too slow."""
    ends_at, parts, n_bytes = time.monotonic() + MAX_SECONDS, [], 0
    for part in response.iter_content(65_536):
        parts.append(part)
        n_bytes += len(part)
        if n_bytes > MAX_BYTES or time.monotonic() > ends_at:
            raise requests.exceptions.ContentDecodingError("the answer is too long or too slow")
    return b"".join(parts)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("Retry-After", "")
    return min(float(text), 24 * 3600.0) if text.isascii() and text.isdigit() else None


def changed_since(since: datetime) -> dict[str, str]:
    """How everything that changed since then is asked for.

    `dates_are_gmt`, or the moment would be read in the shop's own zone (measured).
    """
    return {
        # The moment itself is left out of what comes after it.
        "modified_after": (since - timedelta(seconds=1)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "dates_are_gmt": "true",
        # By id: what changes meanwhile keeps its place, so that no page leaves anything out.
        "orderby": "id",
        "order": "asc",
        "status": "any",
    }
