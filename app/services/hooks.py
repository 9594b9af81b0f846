"""Gives each shop an address and a secret of its own for webhooks, for platforms that sign with one per shop."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.platforms.base import Hook
from app.services.context import Context
from app.services.shops import ShopRecord, find_shop_id_by_key, get_shop

# The shop's public key and a hash, as `hook_of` writes them; nothing else is looked up.
_TOKEN = re.compile(r"\A[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{43}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class KnownHook:
    """The shop behind a webhook's address."""

    shop_id: int
    platform: str
    domain: str
    hook: Hook

    def secrets(self, sender: str) -> Sequence[bytes]:
        """What may have signed, if this shop sent it: a copy of it under another address knows the secret too.

        `www.` makes no difference to a shop, and so not here.
        """
        is_shop = sender.removeprefix("www.") == self.domain.removeprefix("www.")
        return (self.hook.secret.encode(),) if is_shop else ()


def hook_of(context: Context, shop: ShopRecord) -> Hook:
    """The shop's address part and secret: derived, so there is nothing to store, and new with each connection."""
    connection = (shop.shop_id, int(shop.installed_at.timestamp() * 1_000_000))
    return Hook(
        token=f"{shop.public_key}.{context.hasher.token('hook address', *connection)}",
        secret=context.hasher.token("hook secret", *connection),
    )


def find_hook(context: Context, token: str) -> KnownHook | None:
    """The connected shop whose webhooks come to this address; None for an address that is (no longer) one."""
    if not _TOKEN.match(token):
        return None
    public_key = token.partition(".")[0]
    with context.db.nobody() as connection:
        shop_id = find_shop_id_by_key(connection, public_key)
    if shop_id is None:
        return None
    with context.db.shop(shop_id) as connection:
        shop = get_shop(connection, shop_id)
    hook = hook_of(context, shop)
    if not hmac.compare_digest(hook.token.encode(), token.encode("utf-8", "surrogatepass")):
        return None
    return KnownHook(shop_id, shop.platform, shop.domain, hook)
