"""Store addresses as merchants type them and as stores write them; pure, and the only place that parses either.

A shop's `domain` is its host, its port where it is not the scheme's own, and the folder WordPress lives in:
`shop.example`, `example.org/shop`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from app.platforms.base import InstallRefusedError

_LABEL: Final = re.compile(r"\A(?!-)[a-z0-9-]{1,63}(?<!-)\Z", re.ASCII)
_FOLDER: Final = re.compile(r"\A[A-Za-z0-9._~-]{1,80}\Z", re.ASCII)
# A host name is 253 characters at most (RFC 1035, section 2.3.4).
_MAX_HOST_LENGTH: Final = 253
_MAX_FOLDERS: Final = 4
# Where merchants stand when they copy the address bar.
_NOT_THE_SHOP: Final = ("wp-admin", "wp-login.php", "wp-json", "wp-content", "index.php")
# Hosts that only the machine itself can be: for trying things out, where the installation allows it.
_LOCAL: Final = ("127.0.0.1", "localhost", "[::1]")


def parse_address(text: str, *, allows_local: bool = False) -> str:
    """Return the domain of a typed store address.

    Raises:
        InstallRefusedError: in a merchant's words, what is wrong with the address and what to do.
    """
    typed = text.strip()
    if not typed:
        raise InstallRefusedError("Type your store's address, as in shop.example.")
    try:
        parts = urlsplit(typed if "://" in typed else f"https://{typed}")
        host, port = (parts.hostname or "").lower().rstrip("."), parts.port
    except ValueError:
        raise InstallRefusedError(_not_an_address(typed)) from None
    if parts.scheme not in ("https", "http") or not typed.isprintable() or "\\" in typed or " " in typed:
        raise InstallRefusedError(_not_an_address(typed))
    if "@" in parts.netloc:
        raise InstallRefusedError("Type the store's address without a user name or a password in it.")
    folder = _folder(parts.path, typed)
    if allows_local and _shown(host) in _LOCAL:
        return f"{_shown(host)}{f':{port}' if port else ''}{folder}"
    if port not in (None, 443, 80):
        raise InstallRefusedError(
            f"Type the store's address without the port {port}: stores are reached at https on port 443."
        )
    return f"{_public_host(host, typed)}{folder}"


def domain_of(address: str | None, *, allows_local: bool = False) -> str | None:
    """The domain of an address that a store writes of itself; None when it is none."""
    try:
        return parse_address(address or "", allows_local=allows_local)
    except InstallRefusedError:
        return None


def url_of(domain: str, *, allows_local: bool = False) -> str:
    """Where a shop is asked: https always, but for this very machine where that is allowed."""
    is_local = allows_local and _host(domain) in _LOCAL
    return f"http://{domain}" if is_local else f"https://{domain}"


def checkout_link(base_url: str, lines: Sequence[tuple[str, int]], coupon: str | None = None) -> str:
    """WooCommerce's own link that fills a cart and opens the checkout (core since 10.0, PR 58140).

    It empties the visitor's cart first; what is sold out is left out with a notice (both measured on 10.5).
    """
    pairs = ",".join(f"{variant}:{quantity}" for variant, quantity in lines if quantity > 0)
    if not pairs:
        return f"{base_url.rstrip('/')}/"
    return f"{base_url.rstrip('/')}/checkout-link/?products={pairs}{f'&coupon={coupon}' if coupon else ''}"


def weak_link(base_url: str, lines: Sequence[tuple[str, int]]) -> str:
    """A link for shops without core's own: it holds one product; of several, it leads to the shop's front page.

    The cart's own page has another name in every language, and no way to be asked for by its purpose.
    """
    pairs = [(variant, quantity) for variant, quantity in lines if quantity > 0]
    if len(pairs) != 1:
        return f"{base_url.rstrip('/')}/"
    return f"{base_url.rstrip('/')}/?{urlencode({'add-to-cart': pairs[0][0], 'quantity': pairs[0][1]})}"


def within(base_url: str, link: str | None) -> str | None:
    """The link under the shop's address, or None for one that leads elsewhere. `www.` makes no difference."""
    try:
        parts, base = urlsplit(link or ""), urlsplit(base_url)
    except ValueError:
        return None
    is_own = parts.netloc.lower().removeprefix("www.") == base.netloc.lower().removeprefix("www.")
    if not is_own or parts.scheme not in ("https", base.scheme) or not parts.path.startswith(f"{base.path}/"):
        return None
    return urlunsplit(parts._replace(scheme=base.scheme, netloc=base.netloc))


def _host(domain: str) -> str:
    host = domain.partition("/")[0]
    return host if host.endswith("]") else re.sub(r":[0-9]+\Z", "", host)


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _folder(path: str, typed: str) -> str:
    folders = [part for part in path.split("/") if part]
    for at, part in enumerate(folders):
        if part.lower() in _NOT_THE_SHOP:
            folders = folders[:at]
            break
    if len(folders) > _MAX_FOLDERS or not all(_FOLDER.match(part) and part.strip(".") for part in folders):
        raise InstallRefusedError(_not_an_address(typed))
    return "".join(f"/{part}" for part in folders)


def _public_host(host: str, typed: str) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        raise InstallRefusedError("Type the store's name, as in shop.example: a number is not accepted.")
    try:
        name = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        raise InstallRefusedError(_not_an_address(typed)) from None
    labels = name.split(".")
    # A last label of digits would be read as an IPv4 address by some resolvers.
    is_name = len(labels) >= 2 and all(_LABEL.match(label) for label in labels) and not labels[-1].isdigit()
    if len(name) > _MAX_HOST_LENGTH or not is_name:
        raise InstallRefusedError(_not_an_address(typed))
    return name


def _not_an_address(typed: str) -> str:
    return f"{typed[:80]!a} is not a store's address. Type it as in shop.example."
