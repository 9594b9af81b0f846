"""Shopify as a store platform: ties the rooms of this folder to the Platform protocol and decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from time import monotonic, sleep
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import requests

from app.domain.events import CommerceEvent
from app.platforms.base import (
    ConnectedShop,
    Credentials,
    Envelope,
    InstallCallback,
    InstallRefusedError,
    InstallRequest,
    MerchantSession,
    Redirect,
    SecretLookup,
)
from app.platforms.extras import Feature
from app.platforms.shopify import envelope as envelopes
from app.platforms.shopify import install, permissions, read, signatures
from app.platforms.shopify.client import ShopifyClient
from app.platforms.shopify.graphql import GraphQL, new_session
from app.platforms.shopify.names import handle_of, parse_shop_domain
from app.platforms.shopify.tokens import TokenEndpoint


class ShopifyPlatform:
    """The Platform protocol for Shopify; stateless but for its pool of connections."""

    name = "shopify"
    features: tuple[Feature, ...] = tuple(permissions.SCOPES_OF)
    embeds_admin = True
    asks_erasure = True

    def __init__(
        self,
        api_key: str,
        api_secrets: Sequence[bytes],
        scopes: Sequence[str],
        api_version: str,
        base_url: str | None,
        app_url: str,
        session: requests.Session | None = None,
        pause: Callable[[float], None] = sleep,
        is_own_store: bool = False,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        """Take the app's own credentials, newest secret first; `base_url` stands in for `https://{shop}`.

        `pause` waits for so many seconds, `seconds` tells how many have passed; together they are a clock.
        `is_own_store`: app and shop belong to one organisation in the Dev Dashboard.
        """
        self._api_key = api_key
        self._secrets = tuple(secret for secret in api_secrets if secret)
        self._scopes = tuple(scopes)
        self._api_version = api_version
        self._base_url = base_url.rstrip("/") if base_url else None
        self._app_url = app_url.rstrip("/")
        self._session = session or new_session()
        self._pause, self._seconds = pause, seconds
        self._is_own_store = is_own_store

    def begin_install(self, request: InstallRequest) -> Redirect:
        return install.authorize_url(request, self._secrets, self._api_key, self._scopes, self._base_url)

    def complete_install(self, callback: InstallCallback) -> Credentials:
        shop, code = install.verify_callback(callback, self._secrets)
        credentials = self._tokens().grant(shop, code, callback.now)
        if missing := install.missing_scopes(credentials.scopes, self._scopes):
            raise InstallRefusedError(
                f"the shop granted {', '.join(credentials.scopes) or 'nothing'}; {', '.join(missing)} is missing"
            )
        return credentials

    def verify_launch(self, query: Mapping[str, Sequence[str]], now: datetime) -> str:
        return signatures.verify_query(query, self._secrets, now)

    def verify_app_proxy(self, query: Mapping[str, Sequence[str]], now: datetime) -> str:
        """Check a call that came through the shop's app proxy; return the shop's domain or raise ForgedError."""
        return signatures.verify_app_proxy(query, self._secrets, now)

    def verify_session(self, token: str, now: datetime) -> MerchantSession:
        return install.verify_session_token(token, self._secrets, self._api_key, now)

    def exchange_session(self, session: MerchantSession, now: datetime) -> Credentials:
        return self._tokens().exchange(session.shop_domain, session.token, now)

    def refresh(self, shop_domain: str, refresh_token: str | None, now: datetime) -> Credentials:
        if self._is_own_store:
            return self._tokens().own(shop_domain, now)
        return self._tokens().refresh(shop_domain, refresh_token, now)

    def open_envelope(self, headers: Mapping[str, str], raw: bytes, secrets: SecretLookup) -> Envelope:
        """Verify a webhook. Shopify signs with the app's secret, so a lookup that knows none is no obstacle."""
        shop = parse_shop_domain(envelopes.header_of(headers, "shop-domain"))
        known = tuple(secrets(shop)) if shop else ()
        return envelopes.open_envelope(headers, raw, known or self._secrets)

    def read(self, envelope: Envelope) -> Sequence[CommerceEvent]:
        return read.read(envelope)

    def client(self, shop: ConnectedShop) -> ShopifyClient:
        graphql = GraphQL(
            session=self._session,
            endpoint=f"{install.shop_url(shop.domain, self._base_url)}/admin/api/{self._api_version}/graphql.json",
            shop_domain=shop.domain,
            access_token=shop.access_token,
            renew=shop.renew,
            pause=self._pause,
            now=self._seconds,
        )
        return ShopifyClient(graphql, app_url=self._app_url, api_key=self._api_key, base_url=self._base_url)

    def lacking(self, granted: Sequence[str], features: Sequence[Feature]) -> tuple[Feature, ...]:
        return permissions.lacking(granted, features)

    def permission_url(self, shop_domain: str, features: Sequence[Feature]) -> str:
        return permissions.permission_url(self._admin(shop_domain), self._api_key, features)

    def with_code(self, url: str, code: str) -> str:
        """`discount=` is Shopify's own for cart permalinks; that recovery links take it is told by Klaviyo's help."""
        parts = urlsplit(url)
        kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != "discount"]
        return urlunsplit(parts._replace(query=urlencode([*kept, ("discount", code)])))

    def frame_ancestors(self, shop_domain: str | None) -> tuple[str, ...]:
        """Shopify's own check calls anything wider than this one shop and its admin a high risk."""
        if shop_domain is None:
            return ("'none'",)
        demo = (self._base_url,) if self._base_url else ()
        return (f"https://{shop_domain}", "https://admin.shopify.com", *demo)

    def admin_url(self, shop_domain: str) -> str:
        return f"{self._admin(shop_domain)}/apps/{self._api_key}"

    def cart_link(self, public_url: str, lines: Sequence[tuple[str, int]]) -> str:
        """A cart permalink: it refills the cart and goes on to the checkout (Shopify, "Create cart permalinks")."""
        pairs = ",".join(f"{variant}:{quantity}" for variant, quantity in lines if quantity > 0)
        return f"{public_url.rstrip('/')}/cart/{pairs}" if pairs else f"{public_url.rstrip('/')}/cart"

    def _admin(self, shop_domain: str) -> str:
        if self._base_url:
            return f"{self._base_url}/admin"
        return f"https://admin.shopify.com/store/{handle_of(shop_domain)}"

    def _tokens(self) -> TokenEndpoint:
        return TokenEndpoint(
            session=self._session,
            api_key=self._api_key,
            api_secret=self._secrets[0] if self._secrets else b"",
            base_url=self._base_url,
            pause=self._pause,
        )
