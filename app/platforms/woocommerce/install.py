"""Asks a merchant for keys through WooCommerce's own wc-auth, and believes them only once the store accepts them."""

from __future__ import annotations

import hmac
import re
from typing import Final
from urllib.parse import urlencode

from app.platforms.base import (
    ForgedError,
    InstallCallback,
    InstallRefusedError,
    InstallRequest,
    NeedsReconnectError,
    PlatformError,
    Redirect,
)
from app.platforms.woocommerce.address import parse_address, url_of
from app.platforms.woocommerce.rest import NotFoundError, Rest

# Letters, digits and spaces only: wc-auth cuts the name at an ampersand (measured). It becomes the key's name.
APP_NAME: Final = "Regulars"
SCOPE: Final = "read_write"
_KEY: Final = re.compile(r"\Ack_[0-9a-f]{40}\Z", re.ASCII)
_SECRET: Final = re.compile(r"\Acs_[0-9a-f]{40}\Z", re.ASCII)


def authorize_url(request: InstallRequest, *, allows_local: bool) -> Redirect:
    """The store's own consent page; `state` comes back as `user_id`, with the keys and with the browser.

    `redirect_uri` is where the browser returns, `callback_uri` where the store's server posts the keys.

    Raises:
        InstallRefusedError: what was typed is not a store's address.
    """
    domain = parse_address((request.query.get("store") or [""])[0], allows_local=allows_local)
    asked = {
        "app_name": APP_NAME,
        "scope": SCOPE,
        "user_id": request.state,
        "return_url": request.redirect_uri,
        "callback_url": request.callback_uri or request.redirect_uri,
    }
    base = url_of(domain, allows_local=allows_local)
    return Redirect(f"{base}/wc-auth/v1/authorize?{urlencode(asked)}", request.state)


def keys_of(callback: InstallCallback) -> str:
    """The keys of wc-auth's callback as `key:secret`. It is not signed: what it says is proven by using them.

    Raises:
        ForgedError: it does not carry the token that was handed out.
        InstallRefusedError: it carries no keys, or keys that may not do what was asked for.
    """
    values = {name: (found or [""])[0] for name, found in callback.query.items()}
    expected = (callback.expected_state or "").encode("utf-8", "surrogatepass")
    given = values.get("user_id", "").encode("utf-8", "surrogatepass")
    if not expected or not hmac.compare_digest(given, expected):
        raise ForgedError("the keys do not come with the token that was handed out")
    key, secret = values.get("consumer_key", ""), values.get("consumer_secret", "")
    if not _KEY.match(key) or not _SECRET.match(secret):
        raise InstallRefusedError("The store sent no keys; please connect it again.")
    if values.get("key_permissions") != SCOPE:
        raise InstallRefusedError(
            f"The store granted {values.get('key_permissions', 'nothing')[:20]!a}; Regulars needs to read and to"
            " write. Please connect it again."
        )
    return f"{key}:{secret}"


def probe(rest: Rest) -> None:
    """Look whether a store that can be connected stands at the address; needs no keys.

    Raises:
        InstallRefusedError: in a merchant's words, what stands in the way and what to do.
    """
    try:
        index = rest.one("", {"_fields": "namespaces"})
    except NeedsReconnectError:
        raise InstallRefusedError(
            f"{rest.host} hides its REST API from visitors, perhaps by a security plugin. Allow /wp-json/ for"
            " WooCommerce and try again."
        ) from None
    except PlatformError as error:
        raise InstallRefusedError(_why_not(rest, error)) from None
    namespaces = index.get("namespaces")
    if not isinstance(namespaces, list) or "wc/v3" not in namespaces:
        raise InstallRefusedError(
            f"{rest.host} runs WordPress without WooCommerce. Switch WooCommerce on there, or type another address."
        )


def prove(rest: Rest) -> None:
    """Use the keys once: only then is it known that they belong to this store and may read it.

    Raises:
        InstallRefusedError: the store does not accept them.
        PlatformError: it did not answer; worth trying again.
    """
    try:
        rest.get("wc/v3/webhooks", {"per_page": 1})
    except NeedsReconnectError:
        raise InstallRefusedError(
            f"{rest.host} does not accept the keys it sent. If its permalinks are set to “Plain”, choose another"
            " setting under Settings > Permalinks and connect again."
        ) from None
    except NotFoundError:
        raise InstallRefusedError(
            f"{rest.host} does not answer at /wp-json/. Choose a setting other than “Plain” under Settings >"
            " Permalinks and connect again."
        ) from None


def _why_not(rest: Rest, error: PlatformError) -> str:
    reason = str(error)
    if "public address" in reason:
        return f"{rest.host} does not lead to a public address. Type the address that shoppers use."
    if "certificate" in reason:
        return (
            f"{rest.host} has no valid https certificate. WooCommerce stores are connected over https only."
        )
    if "redirects" in reason:
        return f"{reason[0].upper()}{reason[1:]}."
    if isinstance(error, NotFoundError) or "refused (404" in reason or "not JSON" in reason:
        return (
            f"{rest.host} does not answer at /wp-json/. If it is a WooCommerce store, choose a setting other than"
            " “Plain” under Settings > Permalinks and try again."
        )
    return f"{rest.host} did not answer over https. Check the address and try again."
