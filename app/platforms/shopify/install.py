"""Decides who is installing and who is looking: grants, callbacks, session tokens; sends nothing itself."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import jwt

from app.platforms.base import (
    ForgedError,
    InstallCallback,
    InstallRefusedError,
    InstallRequest,
    MerchantSession,
    Redirect,
)
from app.platforms.shopify.names import parse_shop_domain
from app.platforms.shopify.signatures import CALLBACK_TOLERANCE_SECONDS, single, verify_query

# Every official library allows this much between Shopify's clock and ours (shopify-api-js, -ruby, -python).
LEEWAY_SECONDS: Final = 10
# Real ones are under 1 kB; a longer one is not worth decoding.
_MAX_TOKEN_LENGTH: Final = 8_192


def authorize_url(
    request: InstallRequest,
    secrets: Sequence[bytes],
    api_key: str,
    scopes: Sequence[str],
    base_url: str | None,
) -> Redirect:
    """Answer a signed launch with the grant screen's address; `state` is to be bound to this browser.

    Raises:
        ForgedError: the launch is not signed by Shopify.
    """
    shop = verify_query(request.query, secrets, request.now)
    parameters = {
        "client_id": api_key,
        "scope": ",".join(scopes),
        "redirect_uri": request.redirect_uri,
        "state": request.state,
    }
    return Redirect(
        f"{shop_url(shop, base_url)}/admin/oauth/authorize?{urlencode(parameters)}", request.state
    )


def verify_callback(callback: InstallCallback, secrets: Sequence[bytes]) -> tuple[str, str]:
    """Check the grant's answer and return (shop domain, code).

    Raises:
        InstallRefusedError: the browser that ends the installation is not the one that began it.
        ForgedError: the answer is not signed by Shopify, or is older than 90 seconds.
    """
    shop = verify_query(callback.query, secrets, callback.now, tolerance_seconds=CALLBACK_TOLERANCE_SECONDS)
    state = single(callback.query, "state") or ""
    expected = callback.expected_state or ""
    if not expected or not hmac.compare_digest(_bytes(state), _bytes(expected)):
        raise InstallRefusedError(
            "this browser did not begin the installation; open the app from the Shopify admin to begin again"
        )
    code = single(callback.query, "code")
    if not code:
        raise InstallRefusedError("Shopify sent no code; open the app from the Shopify admin to begin again")
    return shop, code


def missing_scopes(granted: Iterable[str], wanted: Iterable[str]) -> tuple[str, ...]:
    """The wanted scopes that were not granted. A write scope includes its read scope."""
    held = set(granted)
    held |= {f"read_{scope.removeprefix('write_')}" for scope in held if scope.startswith("write_")}
    return tuple(scope for scope in wanted if scope not in held)


def verify_session_token(
    token: str, secrets: Iterable[bytes], api_key: str, now: datetime
) -> MerchantSession:
    """Check every claim of App Bridge's session token and return who it names.

    The shop comes from `dest`, never from a parameter (shopify-api-ruby 16.3.0). `exp` is required: the
    official Python library takes tokens without one.

    Raises:
        ForgedError: which claim was wrong.
    """
    claims = _decode(token, secrets)
    if not hmac.compare_digest(_bytes(str(claims.get("aud"))), _bytes(api_key)):
        raise ForgedError("the session token is for another app (aud)")
    _check_times(claims, now)
    shop = _shop_of(claims.get("dest"))
    if shop is None or shop != _shop_of(claims.get("iss")):
        raise ForgedError("the session token's dest and iss are not the same shop")
    merchant = claims.get("sub")
    if not isinstance(merchant, str) or not merchant:
        raise ForgedError("the session token names nobody (sub)")
    return MerchantSession(shop_domain=shop, merchant_id=merchant, token=token)


def shop_url(shop: str, base_url: str | None) -> str:
    """The shop's own address; the demo store stands in for it on this machine."""
    return base_url or f"https://{shop}"


def _decode(token: str, secrets: Iterable[bytes]) -> Mapping[str, Any]:
    if not token.isascii() or len(token) > _MAX_TOKEN_LENGTH:
        raise ForgedError("the session token is not one")
    # Times are checked against the moment handed in, the audience as the one text it has to be.
    unchecked = {f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")}
    for secret in secrets:
        if not secret:
            continue
        try:
            return jwt.decode(token, secret, algorithms=["HS256"], options=unchecked)  # type: ignore[arg-type]
        except jwt.InvalidSignatureError:
            continue
        except (jwt.PyJWTError, ValueError, RecursionError):
            break
    raise ForgedError("the session token is not signed by Shopify with this app's secret")


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    at = now.timestamp()
    expires_at, starts_at = _seconds(claims, "exp"), _seconds(claims, "nbf")
    if at - expires_at > LEEWAY_SECONDS:
        raise ForgedError(f"the session token expired {at - expires_at:.0f} s ago (exp)")
    if starts_at - at > LEEWAY_SECONDS:
        raise ForgedError(f"the session token begins in {starts_at - at:.0f} s (nbf); check this clock")
    if _seconds(claims, "iat") - at > LEEWAY_SECONDS:
        raise ForgedError("the session token was issued in the future (iat); check this clock")


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 2**40:
        raise ForgedError(f"the session token has no {name}, or not a moment")
    return value


def _shop_of(address: Any) -> str | None:
    """`https://{shop}` or `https://{shop}/admin`, and nothing more."""
    if not isinstance(address, str) or not address.startswith("https://") or not address.isprintable():
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    is_plain = parts.path in ("", "/", "/admin", "/admin/") and not parts.query and not parts.fragment
    shop = parse_shop_domain(parts.netloc) if is_plain else None
    return shop if shop == parts.netloc.lower() else None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
