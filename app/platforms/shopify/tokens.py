"""Talks to Shopify's token endpoint: code grant, token exchange, refresh. Never logs what it carries."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import sleep
from typing import Any, Final

import requests

from app.platforms.base import (
    Credentials,
    ForgedError,
    InstallRefusedError,
    NeedsReconnectError,
    PlatformError,
    UnreadableError,
)
from app.platforms.shopify.install import shop_url
from app.platforms.strictjson import decode_object

# Seconds to connect, seconds between bytes. The endpoint answers in well under a second; a merchant waits.
TIMEOUT_SECONDS: Final = (5.0, 15.0)
# Shopify's documented life of an offline token; taken too when the answer leaves it out (app-js #3400).
ASSUMED_LIFE_SECONDS: Final = 3600
# Longest life believed: the refresh token's 90 days.
_MAX_LIFE_SECONDS: Final = 90 * 24 * 3600
# How often a lost answer is asked for again, and how long to wait before each. Since 2026-08-28 the previous
# refresh token stays valid until its replacement is first used, so the same one may be sent again.
_PAUSES_SECONDS: Final = (0.5, 2.0)

_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
_ID_TOKEN: Final = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 (a type's name, RFC 8693)
_OFFLINE: Final = "urn:shopify:params:oauth:token-type:offline-access-token"
# A token goes into a header: printable ASCII and nothing that could end the line.
_TOKEN: Final = re.compile(r"\A[\x21-\x7e]{1,1000}\Z")


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """The endpoint of every shop, with the app's own credentials."""

    session: requests.Session
    api_key: str
    api_secret: bytes
    base_url: str | None
    pause: Callable[[float], None] = sleep

    def grant(self, shop: str, code: str, now: datetime) -> Credentials:
        """Trade a grant's code for an expiring offline token. A code works once, so nothing is repeated.

        Raises:
            InstallRefusedError: Shopify does not accept the code.
            PlatformError: Shopify did not answer, or refuses this app.
        """
        try:
            return self._credentials(shop, self._post(shop, {"code": code, "expiring": "1"}), now)
        except NeedsReconnectError:
            raise InstallRefusedError(
                "Shopify no longer accepts this installation's code; open the app from its admin to begin again"
            ) from None

    def exchange(self, shop: str, session_token: str, now: datetime) -> Credentials:
        """Trade a session token for an expiring offline token.

        Raises:
            ForgedError: Shopify does not accept the session token; it lives for one minute.
            PlatformError: Shopify did not answer, or refuses this app.
        """
        asked = {
            "grant_type": _EXCHANGE,
            "subject_token": session_token,
            "subject_token_type": _ID_TOKEN,
            "requested_token_type": _OFFLINE,
            "expiring": "1",
        }
        return self._credentials(shop, self._patiently(shop, asked), now)

    def own(self, shop: str, now: datetime) -> Credentials:
        """Get a token by the app's credentials alone: it lives a day, and no merchant has to open the app.

        For an app in a store of its own organisation (shopify.dev, "Authenticate an app for stores in your
        organization"); Shopify refuses it to every other.

        Raises:
            NeedsReconnectError: the app is not installed in this shop.
            PlatformError: Shopify did not answer, or refuses this app.
        """
        return self._credentials(shop, self._patiently(shop, {"grant_type": "client_credentials"}), now)

    def refresh(self, shop: str, refresh_token: str | None, now: datetime) -> Credentials:
        """Trade a refresh token for a new pair, asking again with the same one when the answer was lost.

        Raises:
            NeedsReconnectError: the pair is dead, or there is no refresh token.
            PlatformError: Shopify did not answer; the old pair is still to be used.
        """
        if refresh_token is None:
            raise NeedsReconnectError
        asked = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        fresh = self._credentials(shop, self._patiently(shop, asked), now)
        # Without a new one the old one is the only way on; were it dead, the next refresh would say so.
        return fresh if fresh.refresh_token else replace(fresh, refresh_token=refresh_token)

    def _patiently(self, shop: str, asked: Mapping[str, str]) -> Mapping[str, Any]:
        for pause_seconds in _PAUSES_SECONDS:
            try:
                return self._post(shop, asked)
            except PlatformError as error:
                if error.permanent:
                    raise
                self.pause(min(error.retry_after_seconds or pause_seconds, 5.0))
        return self._post(shop, asked)

    def _post(self, shop: str, asked: Mapping[str, str]) -> Mapping[str, Any]:
        address = f"{shop_url(shop, self.base_url)}/admin/oauth/access_token"
        form = {"client_id": self.api_key, "client_secret": self.api_secret.decode(), **asked}
        try:
            answer = self.session.post(
                address,
                data=form,
                headers={"Accept": "application/json"},
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,  # a redirect would carry the client secret elsewhere
            )
        except requests.RequestException as error:
            # The class only: the text may quote the request.
            raise PlatformError(f"{shop} did not answer ({type(error).__name__})") from None
        if answer.status_code != 200:
            raise _refusal(shop, answer)
        try:
            return decode_object(answer.content)
        except UnreadableError as error:
            raise PlatformError(f"{shop} answered with something that is not JSON ({error})") from None

    def _credentials(self, shop: str, answer: Mapping[str, Any], now: datetime) -> Credentials:
        token, refresh_token = answer.get("access_token"), answer.get("refresh_token")
        if not isinstance(token, str) or not _TOKEN.match(token):
            raise PlatformError(f"{shop} answered without an access token")
        is_refreshable = isinstance(refresh_token, str) and _TOKEN.match(refresh_token)
        refresh_life = answer.get("refresh_token_expires_in")
        return Credentials(
            shop_domain=shop,
            access_token=token,
            scopes=_scopes(answer.get("scope")),
            expires_at=now + timedelta(seconds=_life(answer.get("expires_in"), ASSUMED_LIFE_SECONDS)),
            refresh_token=refresh_token if is_refreshable else None,
            refresh_expires_at=now + timedelta(seconds=_life(refresh_life, _MAX_LIFE_SECONDS))
            if is_refreshable
            else None,
        )


def _life(value: Any, otherwise: int) -> int:
    """A life in seconds; anything odd counts as the documented one, so a token is never kept for ever."""
    is_usable = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MAX_LIFE_SECONDS
    return int(value) if is_usable else otherwise


def _scopes(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else []
    return tuple(part.strip() for part in parts if part.strip())


def _refusal(shop: str, answer: requests.Response) -> Exception:
    """Say what a refusal means: ours to fix, the merchant's, or to be tried again."""
    status, reason = answer.status_code, _reason(answer)
    if reason == "invalid_subject_token":
        return ForgedError("Shopify no longer accepts this session token; it lives for one minute")
    if reason in ("invalid_client", "application_cannot_be_found"):
        return PlatformError(
            f"{shop} does not know this app; check SHOPIFY_API_KEY and SHOPIFY_API_SECRET", permanent=True
        )
    if reason == "shop_not_permitted":
        return PlatformError(
            f"{shop} is not of the app's own organization; take SHOPIFY_IS_OWN_STORE out of the settings",
            permanent=True,
        )
    if reason in ("invalid_grant", "invalid_request", "app_not_installed") or status in (401, 403):
        return NeedsReconnectError(f"{shop} no longer accepts its refresh token; open the app to reconnect")
    if status == 429 or status >= 500:
        return PlatformError(f"{shop} answered {status}", retry_after_seconds=retry_after(answer))
    if status in (402, 423):  # frozen for an unpaid bill, or locked; both may end
        return PlatformError(f"{shop} is closed for now ({status})", retry_after_seconds=6 * 3600)
    return PlatformError(f"{shop} refused the request for a token ({status} {reason})", permanent=True)


def _reason(answer: requests.Response) -> str:
    """The error's name where it is a plain one; nothing else of the body is ever repeated."""
    try:
        name = decode_object(answer.content).get("error")
    except UnreadableError:
        return ""
    return name if isinstance(name, str) and re.fullmatch(r"[a-z_]{1,60}", name) else ""


def retry_after(answer: requests.Response) -> float | None:
    """The Retry-After header in seconds; Shopify writes it as a decimal number."""
    try:
        seconds = float(answer.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds <= 24 * 3600 else None
