"""What the demo store knows of the app it hosts, as the Dev Dashboard would: keys, addresses, scopes, subscriptions."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urljoin

from app.demo.pixels import PixelExtension, read_pixel

# Topics an app declares in its toml; the API can't subscribe to the three compliance topics.
COMPLIANCE_TOPICS = ("customers/data_request", "customers/redact", "shop/redact")
DEFAULT_SCOPES = (
    "read_products", "read_orders", "read_customers", "write_discounts", "write_app_proxy", "write_pixels",
    "read_customer_events",
)  # fmt: skip
DEFAULT_OPTIONAL_SCOPES = (
    "read_all_orders",
    "read_inventory",
    "write_products",
    "read_themes",
    "write_customers",
)


@dataclass(frozen=True, slots=True)
class AppConfig:
    client_id: str
    client_secret: str
    app_url: str
    name: str = "Regulars"
    handle: str = "regulars"
    redirect_urls: tuple[str, ...] = ()
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    optional_scopes: tuple[str, ...] = DEFAULT_OPTIONAL_SCOPES
    api_version: str = "2026-07"
    # (topic, address) declared outside the API; never removed, however often they fail.
    subscriptions: tuple[tuple[str, str], ...] = ()
    # (prefix, subpath, address): /apps/regulars/x of the store is answered by <address>/x.
    app_proxy: tuple[str, str, str] | None = None
    # A public app must ask for expiring tokens (since 2026-04-01); a custom app need not.
    is_public: bool = True
    pixel: PixelExtension | None = None
    # Managed installation: the shop grants the scopes itself before it opens the app.
    is_managed: bool = True

    @property
    def app_origin(self) -> str:
        return "/".join(self.app_url.split("/")[:3])


def default_config(client_id: str, client_secret: str, app_url: str) -> AppConfig:
    """An app that declares only what every app must hear, at one address."""
    address = urljoin(app_url, "/webhooks/shopify")
    topics = (*COMPLIANCE_TOPICS, "app/uninstalled", "app/scopes_update")
    return AppConfig(
        client_id,
        client_secret,
        app_url,
        redirect_urls=(urljoin(app_url, "/install/callback"),),
        subscriptions=tuple((topic, address) for topic in topics),
    )


def from_toml(path: Path, client_id: str, client_secret: str, app_url: str) -> AppConfig:
    """Reads the app's own shopify.app.toml, with its addresses moved to where the app runs now.

    Scopes, redirect paths and subscriptions are what the file says, so that what the shop grants and sends here
    is what a deployed app would be granted and sent.
    """
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    access, webhooks = told.get("access_scopes", {}), told.get("webhooks", {})
    moved = default_config(client_id, client_secret, app_url)
    declared_at = told.get("application_url", app_url)
    return replace(
        moved,
        name=told.get("name", moved.name),
        handle=told.get("handle", moved.handle),
        scopes=_scopes(access.get("scopes")) or moved.scopes,
        optional_scopes=_scopes(access.get("optional_scopes")),
        api_version=webhooks.get("api_version", moved.api_version),
        redirect_urls=tuple(
            _moved(u, declared_at, app_url) for u in told.get("auth", {}).get("redirect_urls", ())
        )
        or moved.redirect_urls,
        subscriptions=tuple(
            (topic, _moved(group["uri"], declared_at, app_url))
            for group in webhooks.get("subscriptions", ())
            for topic in (*group.get("topics", ()), *group.get("compliance_topics", ()))
        ),
        app_proxy=_proxy(told.get("app_proxy"), declared_at, app_url),
        pixel=read_pixel(path, told.get("extension_directories", [])),
        is_managed="use_legacy_install_flow" not in access or not access["use_legacy_install_flow"],
    )


def _proxy(told: dict[str, str] | None, declared_at: str, app_url: str) -> tuple[str, str, str] | None:
    if told is None:
        return None
    return told["prefix"], told["subpath"], _moved(told["url"], declared_at, app_url)


def _scopes(told: str | list[str] | None) -> tuple[str, ...]:
    names = told.split(",") if isinstance(told, str) else told or []
    return tuple(name.strip() for name in names if name.strip())


def _moved(address: str, declared_at: str, app_url: str) -> str:
    """`/path` and `https://declared/path` both become `<app_url>/path`; foreign addresses stay as they are."""
    if address.startswith("/"):
        return urljoin(app_url, address)
    if address.startswith(declared_at.rstrip("/")):
        return urljoin(app_url, address[len(declared_at.rstrip("/")) :] or "/")
    return address
