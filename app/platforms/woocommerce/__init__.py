"""WooCommerce as a store platform: ties the rooms of this folder to the Platform protocol and decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

import requests

from app.domain.events import CommerceEvent
from app.platforms.asked import DeskCall, DeskKind
from app.platforms.base import (
    ConnectedShop,
    Credentials,
    Envelope,
    ForgedError,
    InstallCallback,
    InstallRefusedError,
    InstallRequest,
    MerchantSession,
    NeedsReconnectError,
    Ping,
    Redirect,
    SecretLookup,
)
from app.platforms.extras import Feature
from app.platforms.woocommerce import address, codes, desk, install, read
from app.platforms.woocommerce import envelope as envelopes
from app.platforms.woocommerce.client import WooCommerceClient
from app.platforms.woocommerce.guard import guarded_session
from app.platforms.woocommerce.rest import Rest


class WooCommercePlatform:
    """The Platform protocol for WooCommerce; stateless but for its pool of connections.

    Nothing of the store's admin embeds ours, so there are no signed launches and no session tokens: those
    methods refuse.
    """

    name = "woocommerce"
    features: tuple[Feature, ...] = ("theme_lists", "codes")
    embeds_admin = False
    asks_erasure = False

    def __init__(
        self, app_url: str, *, allows_local: bool = False, session: requests.Session | None = None
    ) -> None:
        """`allows_local` lets a store on this very machine be connected over plain http, to try things out."""
        self._app_url = app_url.rstrip("/")
        self._allows_local = allows_local
        self._session = session or guarded_session(allows_local=allows_local)

    def probe(self, typed: str) -> str:
        """Look whether a store that can be connected stands at this address; return its domain.

        Raises:
            InstallRefusedError: in a merchant's words, what stands in the way and what to do.
        """
        domain = address.parse_address(typed, allows_local=self._allows_local)
        install.probe(Rest(self._session, self._url(domain)))
        return domain

    def begin_install(self, request: InstallRequest) -> Redirect:
        return install.authorize_url(request, allows_local=self._allows_local)

    def complete_install(self, callback: InstallCallback) -> Credentials:
        if callback.shop_domain is None:
            raise InstallRefusedError("The store's answer can't be told apart; please connect it again.")
        keys = install.keys_of(callback)
        install.prove(Rest(self._session, self._url(callback.shop_domain), lambda: keys))
        return Credentials(
            shop_domain=callback.shop_domain, access_token=keys, scopes=(install.SCOPE,), expires_at=None
        )

    def verify_launch(self, query: Mapping[str, Sequence[str]], now: datetime) -> str:
        raise ForgedError("WooCommerce signs no launches")

    def verify_session(self, token: str, now: datetime) -> MerchantSession:
        raise ForgedError("WooCommerce issues no session tokens")

    def exchange_session(self, session: MerchantSession, now: datetime) -> Credentials:
        raise ForgedError("WooCommerce issues no session tokens")

    def refresh(self, shop_domain: str, refresh_token: str | None, now: datetime) -> Credentials:
        raise NeedsReconnectError(f"the keys of {shop_domain} don't renew; connect the store again")

    def open_envelope(self, headers: Mapping[str, str], raw: bytes, secrets: SecretLookup) -> Envelope | Ping:
        return envelopes.open_envelope(headers, raw, secrets, allows_local=self._allows_local)

    def open_call(
        self, kind: DeskKind, headers: Mapping[str, str], raw: bytes, secrets: SecretLookup
    ) -> DeskCall:
        return desk.open_call(kind, headers, raw, secrets, allows_local=self._allows_local)

    def read(self, envelope: Envelope) -> Sequence[CommerceEvent]:
        return read.read(envelope, self._url(envelope.shop_domain))

    def client(self, shop: ConnectedShop) -> WooCommerceClient:
        rest = Rest(self._session, self._url(shop.domain), shop.access_token, shop.turn, shop.renew)
        return WooCommerceClient(rest, shop.domain, self._app_url, shop.hook)

    def frame_ancestors(self, shop_domain: str | None) -> tuple[str, ...]:
        """Nobody frames our pages: merchants come by a link."""
        return ("'none'",)

    def admin_url(self, shop_domain: str) -> str:
        return f"{self._url(shop_domain)}/wp-admin/admin.php?page=regulars"

    def cart_link(self, public_url: str, lines: Sequence[tuple[str, int]]) -> str:
        """For carts that brought no link of their own: core's comes with each draft, the plugin's with each cart."""
        return address.weak_link(public_url, lines)

    def lacking(self, granted: Sequence[str], features: Sequence[Feature]) -> tuple[Feature, ...]:
        return ()  # wc-auth grants all or nothing

    def permission_url(self, shop_domain: str, features: Sequence[Feature]) -> str:
        """Where a store is connected again, which grants everything anew."""
        return f"{self._app_url}/connect/woocommerce?store={quote(shop_domain)}"

    def with_code(self, url: str, code: str) -> str:
        return codes.with_code(url, code)

    def _url(self, domain: str) -> str:
        return address.url_of(domain, allows_local=self._allows_local)
