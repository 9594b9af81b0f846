"""Sends requests only to public addresses: checks what a name resolves to at the moment of connecting.

A store's address is the merchant's word. Checked before connecting, a name could resolve to something else a
moment later; so the connection resolves the name itself, looks at every address, and connects to one of those.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError

# `is_global` of Python 3.11 says yes to these (measured), and each leads inside: NAT64 and 6to4 wrap any IPv4
# address, fec0::/10 is the old site-local, 168.63.129.16 is Azure's host, 192.88.99.0/24 was 6to4's relay.
_DENIED: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/23",
        "2002::/16",
        "fec0::/10",
        "::/96",
        "100.64.0.0/10",
        "168.63.129.16/32",
        "192.88.99.0/24",
        "192.0.0.0/24",
    )
)


class ForbiddenAddressError(NewConnectionError):
    """The name leads to an address that is not public."""


def is_public(text: str) -> bool:
    """Whether an address is somewhere on the public Internet; nothing that could be this machine or its network."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_multicast or not address.is_global:
        return False
    return not any(address.version == net.version and address in net for net in _DENIED)


def _is_loopback(text: str) -> bool:
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _connect(connection: HTTPConnection) -> socket.socket:
    """Resolve, check every address, and connect to the first that answers.

    One address that is not public refuses the name as a whole: an honest store has none.
    """
    timeout = connection.timeout if isinstance(connection.timeout, (int, float)) else 10.0
    host = connection._dns_host.strip("[]")
    try:
        found = socket.getaddrinfo(host, connection.port, 0, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NewConnectionError(connection, "the name can't be resolved") from None
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    may_be_local = isinstance(connection, _LocalConnection)
    if not addresses or not all(
        is_public(each) or (may_be_local and _is_loopback(each)) for each in addresses
    ):
        raise ForbiddenAddressError(connection, "the name leads to an address that is not public")
    for address in addresses:
        try:
            return socket.create_connection((address, connection.port), timeout=timeout)
        except OSError:
            continue
    raise NewConnectionError(connection, "none of its addresses answers")


class _Connection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self)


class _LocalConnection(HTTPConnection):
    """Plain http, to this machine only: see `_LocalPool`."""

    def _new_conn(self) -> socket.socket:
        return _connect(self)


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection


class _LocalPool(HTTPConnectionPool):
    ConnectionCls = _LocalConnection


class _Adapter(HTTPAdapter):
    def __init__(self, *, allows_local: bool) -> None:
        self._allows_local = allows_local
        super().__init__(pool_connections=32, pool_maxsize=4, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        manager: PoolManager = self.poolmanager
        pools: dict[str, Any] = {"https": _Pool}
        if self._allows_local:
            pools["http"] = _LocalPool
        manager.pool_classes_by_scheme = pools


def guarded_session(*, allows_local: bool = False) -> requests.Session:
    """A session that reaches public addresses over https, and this machine over http where that is allowed.

    It takes no proxy, certificate or password from the environment.
    """
    session = requests.Session()
    session.trust_env = False
    session.adapters.clear()
    adapter = _Adapter(allows_local=allows_local)
    session.mount("https://", adapter)
    if allows_local:
        session.mount("http://", adapter)
    return session
