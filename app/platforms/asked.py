"""What a platform offers beside `ShopClient` when its webhooks can't be rested on; services ask by capability."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from app.domain.events import Cart, CommerceEvent, Kind
from app.platforms.base import SecretLookup

# What a companion plugin asks of us while a merchant or a shopper waits.
DeskKind = Literal["sign_in", "export", "erase"]


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


@runtime_checkable
class GuestClient(Protocol):
    """A guest in a shop: others mail from it as well, and what is ours there has to be taken out when we go."""

    def other_senders(self) -> tuple[str, ...]:
        """The names of what else in the shop mails about carts left behind."""
        ...

    def part(self) -> None:
        """Take out of the shop what is ours in it and can be taken out: it is being disconnected."""
        ...


@dataclass(frozen=True, slots=True)
class DeskCall:
    """A verified call of a companion plugin; whether it is fresh is not known yet. `repr` names nobody."""

    at: datetime
    nonce: str
    email: str = field(repr=False)
    name: str = field(default="", repr=False)


@runtime_checkable
class PluginPlatform(Protocol):
    """A platform with a companion plugin of ours in its shops."""

    def open_call(
        self, kind: DeskKind, headers: Mapping[str, str], raw: bytes, secrets: SecretLookup
    ) -> DeskCall:
        """Verify a call over its raw bytes, and that it says what this kind of call says and nothing else.

        Raises:
            ForgedError: the shop did not sign it, or signed it for something else.
        """
        ...
