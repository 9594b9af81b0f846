"""Tells what of ours stands in the shop's storefront what it has to know: the theme's blocks, and the web pixel."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.platforms.base import NeedsReconnectError, PlatformError, StorefrontSetup
from app.platforms.fields import Body
from app.platforms.shopify.graphql import GraphQL, operation

log = logging.getLogger(__name__)


@dataclass(slots=True)
class ShopifyStorefront:
    """One shop's storefront, as far as it is ours."""

    graphql: GraphQL
    app_url: str

    def publish(self, setup: StorefrontSetup) -> None:
        """Give the blocks the shop's public key and our address, and make the pixel be there, or not be there.

        The blocks read metafields of our own installation as `app.metafields.regulars`, so that no merchant types
        either; an app's own metafields need no scope. Both are taken or neither (metafieldsSet is atomic).
        """
        installation = Body(self._run("installation", {})).child("currentAppInstallation").text("id")
        metafields = [
            {
                "ownerId": installation,
                "namespace": "regulars",
                "key": key,
                "type": "single_line_text_field",
                "value": value,
            }
            for key, value in (("shop_key", setup.public_key), ("api_url", self.app_url))
        ]
        found = Body(self._run("storefront_settings", {"metafields": metafields})).child("metafieldsSet")
        problems = [problem.text("message") or "" for problem in found.children("userErrors")]
        if installation is None or problems:
            raise PlatformError(
                f"Shopify did not take the shop's key: {'; '.join(problems) or 'no installation'}"
            )
        if setup.counts_visits is not None:
            self._settle_pixel(setup.public_key, is_wanted=setup.counts_visits)

    def _settle_pixel(self, public_key: str, *, is_wanted: bool) -> None:
        """Shopify keeps one web pixel to an app and shop, and runs it once it has settings."""
        wanted = {"accountID": public_key, "endpoint": f"{self.app_url}/storefront/v1/events"}
        held = self._pixel()
        if not is_wanted:
            if held is not None:
                self._change("pixel_delete", {"id": held.need_text("id")})
        elif held is None:
            self._change("pixel_create", {"pixel": {"settings": json.dumps(wanted)}})
        elif _settings_of(held) != wanted:
            variables = {"id": held.need_text("id"), "pixel": {"settings": json.dumps(wanted)}}
            self._change("pixel_update", variables)

    def _pixel(self) -> Body | None:
        """The pixel there is. Where there is none Shopify answers with an error, whose code is not documented."""
        try:
            found = Body(self._run("pixel", {})).child("webPixel")
        except NeedsReconnectError:
            raise
        except PlatformError as error:
            if not error.permanent:
                raise
            return None
        return found if found.text("id") is not None else None

    def _change(self, name: str, variables: Mapping[str, Any]) -> None:
        for answer in self._run(name, variables).values():
            for problem in Body(answer if isinstance(answer, dict) else {}).children("userErrors"):
                # A repeated call finds what its lost first one did.
                if problem.text("code") not in ("TAKEN", "NOT_FOUND"):
                    told = problem.text("message") or "no reason given"
                    raise PlatformError(f"Shopify did not take the web pixel: {told}", permanent=True)
        log.info("%s: %s", self.graphql.shop_domain, name)

    def _run(self, name: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        # Each of them, asked twice, ends as asked once.
        return self.graphql.run(operation(name, is_repeatable=True), variables)


def _settings_of(pixel: Body) -> object:
    """They come back as an object, or as the text they were sent as (the schema's JSON allows both)."""
    held = pixel.fields.get("settings")
    if not isinstance(held, str):
        return held
    try:
        return json.loads(held)
    except ValueError:
        return None
