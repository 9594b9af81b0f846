"""Verifies a Shopify webhook over its raw bytes; never parses the body."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Final

from app.platforms.base import Envelope, ForgedError
from app.platforms.fields import parse_time
from app.platforms.shopify.names import parse_shop_domain

_TOPIC: Final = re.compile(r"\A[a-z_]+(?:\.[a-z_]+)?(?:/[a-z_]+)?\Z", re.ASCII)
# The longest we ask for has 40 characters; an index of the database takes no more than some 2,700 bytes a row.
_MAX_TOPIC_CHARACTERS: Final = 200
_DELIVERY_ID: Final = re.compile(r"\A[\x21-\x7e]{1,200}\Z")


def sign(raw: bytes, secret: bytes) -> bytes:
    """Return the signature Shopify puts into its header: base64 of HMAC-SHA256 over the body as sent."""
    return base64.b64encode(hmac.new(secret, raw, hashlib.sha256).digest())


def is_signed(raw: bytes, signature: str, secrets: Iterable[bytes]) -> bool:
    """Whether any of the secrets signs these bytes so.

    Two are tried while a secret is being rotated: Shopify signs with the old one for up to an hour more
    (shopify.dev, webhook delivery).
    """
    given = signature.strip().encode("utf-8", "surrogatepass")
    # All are computed and compared as bytes: text with an accent would raise, and leave a trace in time.
    matches = [hmac.compare_digest(given, sign(raw, secret)) for secret in secrets if secret]
    return any(matches)


def header_of(headers: Mapping[str, str], name: str) -> str:
    """Read a header in either spelling: `X-Shopify-Topic`, or `shopify-topic` as Events send it (2026)."""
    return _read(_lowered(headers), name)


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {key.lower(): value for key, value in headers.items()}


def _read(lowered: Mapping[str, str], name: str) -> str:
    spellings = (f"x-shopify-{name}", f"shopify-{name}")
    return next((lowered[key] for key in spellings if key in lowered), "").strip()


def open_envelope(headers: Mapping[str, str], raw: bytes, secrets: Iterable[bytes]) -> Envelope:
    """Return the verified envelope.

    Only the body is signed. The topic, the shop and the ids are headers: readers of destructive topics check
    the body's own shape and shop before they believe them.

    Raises:
        ForgedError: wrong or missing signature, or no shop or topic to file it under.
    """
    lowered = _lowered(headers)  # once: every webhook passes here
    if not is_signed(raw, _read(lowered, "hmac-sha256"), secrets):
        raise ForgedError("the webhook's signature does not match its body")
    shop = parse_shop_domain(_read(lowered, "shop-domain"))
    if shop is None:
        raise ForgedError("the webhook's X-Shopify-Shop-Domain is missing or is not a shop's name")
    topic = _read(lowered, "topic").lower()
    if len(topic) > _MAX_TOPIC_CHARACTERS or not _TOPIC.match(topic):
        raise ForgedError("the webhook's X-Shopify-Topic is missing or is not a topic")
    event_id = _read(lowered, "event-id")
    return Envelope(
        platform="shopify",
        shop_domain=shop,
        topic=topic,
        dedupe_key=_dedupe_key(topic, _read(lowered, "webhook-id"), raw),
        raw=raw,
        event_id=event_id if _DELIVERY_ID.match(event_id) else None,
        api_version=_read(lowered, "api-version")[:20] or None,
        triggered_at=parse_time(_read(lowered, "triggered-at")),
    )


def _dedupe_key(topic: str, webhook_id: str, raw: bytes) -> str:
    """The delivery's own id, the same on its retries; without one, the body's own hash.

    The event id would not do: all deliveries of one action share it (shopify-api-js 13.1.0, "true
    idempotency key").
    """
    if _DELIVERY_ID.match(webhook_id):
        return f"{topic}:{webhook_id}"
    return f"{topic}:sha256:{hashlib.sha256(raw).hexdigest()}"
