"""Talks to our companion plugin in a shop: how it stands, what it has to know, and farewell; the shop may lack it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from app.platforms.base import Hook, NeedsReconnectError, PlatformError, StorefrontSetup
from app.platforms.fields import Body
from app.platforms.woocommerce.rest import NotFoundError, Rest
from app.platforms.woocommerce.topics import CALLBACK_PATH

# WooCommerce takes its keys for every namespace that begins with `wc-`.
_NAMESPACE: Final = "wc-regulars/v1"
# Where the plugin calls us; the shop's own token follows.
DESK_PATH: Final = "/plugin/woocommerce/"
# Where the merchant gets it.
DOWNLOAD_PATH: Final = "/plugin/woocommerce/regulars.zip"
# Hex characters of the secret's hash by which both sides see that they hold the same one.
_MARK_LENGTH: Final = 16


@dataclass(frozen=True, slots=True)
class Plugin:
    """The plugin of one shop. `rest` must not renew keys: a refusal here does not say that they are dead."""

    rest: Rest
    app_url: str

    def status(self) -> Body | None:
        """How it stands; None for a shop without it."""
        try:
            return Body(self.rest.one(f"{_NAMESPACE}/status"))
        except NotFoundError:
            return None
        except NeedsReconnectError as error:
            raise _refusal(error) from None

    def tell(self, hook: Hook, setup: StorefrontSetup) -> None:
        """Have it know the connection; asked first, and told only where something differs."""
        wanted = {
            "app_url": self.app_url,
            "public_key": setup.public_key,
            "takes_typed_addresses": setup.takes_typed_addresses,
            "is_conflicted": setup.is_conflicted,
        }
        status = self.status()
        if status is None:
            return
        known = {**wanted, "is_connected": True, "secret_mark": mark_of(hook.secret)}
        if all(status.fields.get(name) == value for name, value in known.items()):
            return
        connection = {
            **wanted,
            "hook_url": f"{self.app_url}{CALLBACK_PATH}{hook.token}",
            "desk_url": f"{self.app_url}{DESK_PATH}{hook.token}",
            "secret": hook.secret,
            "shop_name": setup.shop_name,
        }
        try:
            self.rest.put(f"{_NAMESPACE}/connection", connection)
        except NeedsReconnectError as error:
            raise _refusal(error) from None

    def forget(self) -> None:
        """Have it forget us, its secret included. Without the plugin there is nothing to forget."""
        try:
            self.rest.delete(f"{_NAMESPACE}/connection")
        except NeedsReconnectError as error:
            raise _refusal(error) from None


def mark_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:_MARK_LENGTH]


def _refusal(error: NeedsReconnectError) -> PlatformError:
    return PlatformError(f"the plugin is closed to us, perhaps by a security plugin: {error}", permanent=True)
