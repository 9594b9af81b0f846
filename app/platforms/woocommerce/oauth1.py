"""Signs a request as OAuth 1.0a does (RFC 5849, section 3.4): WooCommerce takes nothing else over plain http."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import quote

Pairs = Sequence[tuple[str, str]]


def signed(
    method: str, url: str, query: Pairs, key: str, secret: str, *, nonce: str, timestamp: int
) -> list[tuple[str, str]]:
    """Return the query with the OAuth parameters and its signature; `url` has no query of its own."""
    pairs = [
        *query,
        ("oauth_consumer_key", key),
        ("oauth_nonce", nonce),
        ("oauth_signature_method", "HMAC-SHA256"),
        ("oauth_timestamp", str(timestamp)),
    ]
    return [*pairs, ("oauth_signature", signature(method, url, pairs, secret))]


def signature(method: str, url: str, pairs: Pairs, secret: str) -> str:
    """The signature over method, address and parameters, sorted; WooCommerce has no token, so no token secret."""
    parameters = "&".join(
        f"{name}={value}" for name, value in sorted((_encode(n), _encode(v)) for n, v in pairs)
    )
    base = "&".join((method.upper(), _encode(url), _encode(parameters)))
    digest = hmac.new(f"{secret}&".encode(), base.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _encode(text: str) -> str:
    return quote(text, safe="~")
