"""Verifies a WooCommerce webhook over its raw bytes; never parses the body."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Final

from app.platforms.base import Envelope, ForgedError, Ping, SecretLookup
from app.platforms.woocommerce.address import domain_of

_TOPIC: Final = re.compile(r"\A[a-z_]{1,80}\.[a-z_]{1,80}\Z", re.ASCII)
_DELIVERY_ID: Final = re.compile(r"\A[\x21-\x7e]{1,100}\Z")
# Core's test call when a webhook is made: a form, without any header of its own and unsigned (measured).
_PING: Final = re.compile(rb"\Awebhook_id=[0-9]{1,20}\Z")
_VERSION: Final = re.compile(r"\AWooCommerce/([0-9.]{1,20})(?: |\Z)")


def sign(raw: bytes, secret: bytes) -> bytes:
    """Return the signature of `X-WC-Webhook-Signature`: base64 of HMAC-SHA256 over the body as sent."""
    return base64.b64encode(hmac.new(secret, raw, hashlib.sha256).digest())


def is_signed(raw: bytes, signature: str, secrets: Iterable[bytes]) -> bool:
    """Whether any of the secrets signs these bytes so."""
    given = signature.strip().encode("utf-8", "surrogatepass")
    # All are computed and compared as bytes: text with an accent would raise, and leave a trace in time.
    matches = [hmac.compare_digest(given, sign(raw, secret)) for secret in secrets if secret]
    return any(matches)


def open_envelope(
    headers: Mapping[str, str], raw: bytes, secrets: SecretLookup, *, allows_local: bool = False
) -> Envelope | Ping:
    """Return the verified envelope, or a Ping for core's unsigned test call.

    Only the body is signed, and each shop has a secret of its own. The topic and the sender are headers: a copy
    of a shop (staging) keeps its webhooks and signs rightly, but names another sender, for which the lookup
    knows no secret; readers of destructive topics check the body's own shape.

    Raises:
        ForgedError: wrong or missing signature, or no sender or topic to file it under.
    """
    lowered = {key.lower(): value.strip() for key, value in headers.items()}
    topic = lowered.get("x-wc-webhook-topic", "").lower()
    if not topic and not lowered.get("x-wc-webhook-signature") and _PING.match(raw):
        return Ping()
    shop = sender_of(headers, raw, secrets, allows_local=allows_local)
    if not _TOPIC.match(topic):
        raise ForgedError("the webhook's X-WC-Webhook-Topic is missing or is not a topic")
    version = _VERSION.match(lowered.get("user-agent", ""))
    return Envelope(
        platform="woocommerce",
        shop_domain=shop,
        topic=topic,
        dedupe_key=_dedupe_key(topic, lowered.get("x-wc-webhook-delivery-id", ""), raw),
        raw=raw,
        api_version=version[1] if version else None,
    )


def sender_of(
    headers: Mapping[str, str], raw: bytes, secrets: SecretLookup, *, allows_local: bool = False
) -> str:
    """The domain of the shop that signed these bytes.

    Raises:
        ForgedError: wrong or missing signature, or no sender whose secret could be looked up.
    """
    lowered = {key.lower(): value.strip() for key, value in headers.items()}
    shop = domain_of(lowered.get("x-wc-webhook-source"), allows_local=allows_local)
    if shop is None:
        raise ForgedError("the webhook's X-WC-Webhook-Source is missing or is not a store's address")
    if not is_signed(raw, lowered.get("x-wc-webhook-signature", ""), secrets(shop)):
        raise ForgedError("the webhook's signature does not match its body")
    return shop


def _dedupe_key(topic: str, delivery_id: str, raw: bytes) -> str:
    """What the delivery says, by its hash: id, version and all. Core sends nothing twice by itself.

    The delivery's own id won't do: it is a hash of the webhook and the second, and six orders of one second
    share it (measured). A deletion says nothing but an id, so that a second one of the same thing would look
    like the first: for those the two are taken together.
    """
    body = hashlib.sha256(raw).hexdigest()
    if topic.endswith(".deleted") and _DELIVERY_ID.match(delivery_id):
        return f"{topic}:{body}:{delivery_id}"
    return f"{topic}:{body}"
