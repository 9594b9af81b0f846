"""What a platform offers beside `ShopClient` when its webhooks can't be rested on; services ask by capability."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol, runtime_checkable

from app.domain.events import Cart, CommerceEvent, Kind


@runtime_checkable
class AskedClient(Protocol):
    """Reads a shop that does not tell everything by itself. Every method may raise PlatformError."""

    def carts(self, since: datetime) -> Iterator[Cart]:
        """Begun purchases, and orders not paid yet, that changed since then."""
        ...

    def look_up(self, kind: Kind, platform_id: str) -> CommerceEvent | None:
        """One thing as it is now; None when there is none of this kind under this id."""
        ...

    def order_ids(self) -> Iterator[str]:
        """The ids of all orders that are not drafts, the newest first."""
        ...


@runtime_checkable
class KeyDropPlatform(Protocol):
    """A platform whose merchants type their shop's address, and whose shop's server hands over the keys."""

    def probe(self, typed: str) -> str:
        """Look whether a shop that can be connected stands at this address; return its domain.

        Raises:
            InstallRefusedError: in a merchant's words, what stands in the way and what to do.
        """
        ...
