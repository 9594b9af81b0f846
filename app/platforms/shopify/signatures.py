"""Checks what Shopify signs in addresses: launches, callbacks, app proxy calls; pure, the moment is handed in."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import quote

from app.platforms.base import ForgedError
from app.platforms.shopify.names import parse_shop_domain

Query = Mapping[str, Sequence[str]]

# Shopify's JavaScript library allows this much in either direction (hmac-validator.ts, 2026-08).
CALLBACK_TOLERANCE_SECONDS: Final = 90
# A merchant may keep the admin's tab open; Shopify's Python library allows a day (session.py, 12.7.0).
LAUNCH_TOLERANCE_SECONDS: Final = 24 * 3600

# A parameter that decides something must not come twice: parsers disagree on which one counts.
_SINGLE: Final = frozenset({"shop", "timestamp", "hmac", "signature", "code", "state", "host", "id_token"})
_SECONDS: Final = re.compile(r"\A[0-9]{1,12}\Z", re.ASCII)


def sign_text(message: str, secret: bytes) -> str:
    """Lower-case hexadecimal HMAC-SHA256, as in every signed address of Shopify's."""
    return hmac.new(secret, message.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def canonical_decoded(query: Query) -> str:
    """The message as Shopify's Python library signs it: decoded values, only the delimiters escaped.

    `ids[]=2&ids[]=1` becomes `ids=["2", "1"]`, with the space (session.py, 12.7.0).
    """
    pairs = []
    for name, values in query.items():
        if name in ("hmac", "signature"):
            continue
        key = name.removesuffix("[]").replace("%", "%25").replace("=", "%3D")
        texts = [json.dumps(list(values))] if name.endswith("[]") else values
        pairs += [f"{key}={text.replace('%', '%25')}".replace("&", "%26") for text in texts]
    return "&".join(sorted(pairs))


def canonical_encoded(query: Query) -> str:
    """The message as Shopify's JavaScript library signs it: percent-encoded, a space as %20 (PR #3102)."""
    return "&".join(
        f"{_encode(name)}={_encode(value)}"
        for name in sorted(query)
        if name not in ("hmac", "signature")
        for value in query[name]
    )


def canonical_proxy(query: Query) -> str:
    """The message an app proxy call signs: repeated values joined by commas, pairs sorted, nothing between."""
    return "".join(
        sorted(f"{name}={','.join(values)}" for name, values in query.items() if name != "signature")
    )


def is_query_signed(query: Query, secrets: Iterable[bytes]) -> bool:
    """Whether `hmac` signs this query in either canonical form.

    Shopify's own libraries disagree for values that need percent-encoding; which one its servers use for
    those is not documented. Both forms need the secret, so taking either gives nothing away.
    """
    messages = (canonical_decoded(query), canonical_encoded(query))
    return _is_any(single(query, "hmac") or "", messages, secrets)


def verify_query(
    query: Query,
    secrets: Iterable[bytes],
    now: datetime,
    *,
    tolerance_seconds: int = LAUNCH_TOLERANCE_SECONDS,
) -> str:
    """Check a signed launch or callback and return the shop's domain.

    Raises:
        ForgedError: wrong signature, stale or repeated parameters, or not a shop's name.
    """
    _refuse_repeats(query)
    if not is_query_signed(query, secrets):
        raise ForgedError("the address is not signed by Shopify with this app's secret")
    _refuse_stale(query, now, tolerance_seconds)
    return _shop(query)


def verify_app_proxy(query: Query, secrets: Iterable[bytes], now: datetime) -> str:
    """Check a call that came through the shop's app proxy and return the shop's domain.

    Raises:
        ForgedError: as `verify_query`.
    """
    _refuse_repeats(query)
    if not _is_any(single(query, "signature") or "", (canonical_proxy(query),), secrets):
        raise ForgedError("the proxied call is not signed by Shopify with this app's secret")
    _refuse_stale(query, now, CALLBACK_TOLERANCE_SECONDS)
    return _shop(query)


def single(query: Query, name: str) -> str | None:
    values = query.get(name) or ()
    return values[0] if len(values) == 1 else None


def _is_any(given: str, messages: Iterable[str], secrets: Iterable[bytes]) -> bool:
    signature = given.encode("utf-8", "surrogatepass")
    keys = [secret for secret in secrets if secret]
    matches = [
        hmac.compare_digest(signature, sign_text(message, key).encode("ascii"))
        for message in messages
        for key in keys
    ]
    return any(matches)


def _encode(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="*").replace("~", "%7E")


def _refuse_repeats(query: Query) -> None:
    for name in sorted(_SINGLE & query.keys()):
        if len(query[name]) != 1:
            raise ForgedError(f"the parameter {name} occurs {len(query[name])} times")


def _refuse_stale(query: Query, now: datetime, tolerance_seconds: int) -> None:
    text = single(query, "timestamp") or ""
    if not _SECONDS.match(text):
        raise ForgedError("the parameter timestamp is missing or is not a whole number of seconds")
    age_seconds = now.timestamp() - int(text)
    if age_seconds > tolerance_seconds:
        raise ForgedError(
            f"the address was signed {age_seconds:.0f} s ago; {tolerance_seconds} s are allowed"
        )
    if -age_seconds > CALLBACK_TOLERANCE_SECONDS:
        raise ForgedError(f"the address is signed for {-age_seconds:.0f} s in the future; check this clock")


def _shop(query: Query) -> str:
    shop = parse_shop_domain(single(query, "shop") or "")
    if shop is None:
        raise ForgedError("the parameter shop is not a shop's name (name.myshopify.com)")
    return shop
