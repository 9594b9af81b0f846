"""How Shopify signs: webhook bodies, launch and callback queries, id tokens. Pure; wall-clock times are arguments."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid

import jwt

# An id token lives one minute (shopify.dev, About session tokens).
ID_TOKEN_SECONDS = 60
# Clock difference all of Shopify's libraries forgive.
LEEWAY_SECONDS = 10
MERCHANT_USER_ID = "548380011"


def body_signature(secret: str, raw: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode()


def query_signature(secret: str, query: dict[str, str]) -> str:
    """Lower-case hex over the sorted `name=value` pairs, `hmac` itself left out."""
    message = "&".join(f"{k}={v}" for k, v in sorted(query.items()) if k != "hmac")
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


def signed_query(secret: str, query: dict[str, str]) -> dict[str, str]:
    return {**query, "hmac": query_signature(secret, query)}


def proxy_signature(secret: str, query: dict[str, list[str]]) -> str:
    """The app proxy's own form: sorted pairs with nothing between them, repeated values joined by a comma."""
    message = "".join(sorted(f"{k}={','.join(v)}" for k, v in query.items() if k != "signature"))
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


def host_parameter(admin: str) -> str:
    """Base64 without padding of where the admin is, as `host` carries it."""
    return base64.b64encode(admin.encode()).decode().rstrip("=")


def id_token(client_id: str, secret: str, shop: str, session_id: str, epoch_seconds: float) -> str:
    at = int(epoch_seconds)
    claims = {
        "iss": f"https://{shop}/admin",
        "dest": f"https://{shop}",
        "aud": client_id,
        "sub": MERCHANT_USER_ID,
        "exp": at + ID_TOKEN_SECONDS,
        "nbf": at,
        "iat": at,
        "jti": str(uuid.uuid4()),
        "sid": session_id,
        "sig": hashlib.sha256(f"{session_id}{at}".encode()).hexdigest(),
    }
    return jwt.encode(claims, secret, algorithm="HS256")


def is_id_token(token: str, client_id: str, secret: str, shop: str, epoch_seconds: float) -> bool:
    """True for a token of ours, for this app and shop, that has not run out at `epoch_seconds`."""
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            audience=client_id,
            options={
                "require": ["exp", "nbf", "dest"],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except jwt.InvalidTokenError:
        return False
    is_fresh = claims["nbf"] - LEEWAY_SECONDS <= epoch_seconds < claims["exp"] + LEEWAY_SECONDS
    return bool(is_fresh and claims["dest"] == f"https://{shop}")
