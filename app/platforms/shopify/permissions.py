"""Scopes that are asked for only when a merchant switches on what needs them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from app.platforms.extras import Feature
from app.platforms.shopify.install import missing_scopes

# The same as `optional_scopes` in shopify.app.toml.
SCOPES_OF: Final[dict[Feature, tuple[str, ...]]] = {
    "theme_lists": ("write_products",),
    "codes": ("write_discounts",),
    "all_orders": ("read_all_orders",),
    "visits": ("write_pixels", "read_customer_events"),
}


def lacking(granted: Sequence[str], features: Sequence[Feature]) -> tuple[Feature, ...]:
    return tuple(feature for feature in features if missing_scopes(granted, SCOPES_OF[feature]))


def permission_url(admin: str, api_key: str, features: Sequence[Feature]) -> str:
    """Shopify's own page for granting optional scopes, as its library for Remix opens it (shopify-app-js)."""
    scopes = ",".join(scope for feature in features for scope in SCOPES_OF[feature])
    return f"{admin}/oauth/install?{urlencode({'client_id': api_key, 'optional_scopes': scopes}, safe=',')}"
