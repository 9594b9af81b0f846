"""What a platform may offer beyond shelves and mails: features that a merchant switches on, and permits, one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from app.domain.offers import Offer
from app.domain.themelists import Found, ListKind

# What a merchant may switch on that needs a permission of its own, asked for only then.
Feature = Literal["theme_lists", "codes", "all_orders", "visits"]


@dataclass(frozen=True, slots=True)
class ThemeListRef:
    """One list of one product, by the platform's id of the product."""

    platform_product_id: str
    kind: ListKind


@dataclass(frozen=True, slots=True)
class ThemeListState:
    """A list as the shop holds it: read, in the platform's own words, and the mark of this very version."""

    found: Found
    raw: str | None = None
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class ThemeListChange:
    """What a list is to say; None takes it away. It is made only where the shop still holds version `mark`."""

    ref: ThemeListRef
    product_ids: tuple[str, ...] | None
    mark: str | None


class ThemeLists(Protocol):
    """The lists a theme shows by itself. Asks the shop slowly, so that other calls find room beside it."""

    # Changes to one call.
    batch_size: int

    def prepare(self) -> None:
        """Let the shop know such lists; done before the first is written."""
        ...

    def read(self, platform_product_ids: Sequence[str]) -> Mapping[ThemeListRef, ThemeListState]:
        """Every list of these products, also those there are not; products that are gone are left out."""
        ...

    def write(self, changes: Sequence[ThemeListChange]) -> Mapping[ThemeListRef, str]:
        """Make the changes; returns those the shop refused, with its reason, which stand as they stood."""
        ...


class DiscountCodes(Protocol):
    """Discounts with many single-use codes."""

    # Codes to one call.
    batch_size: int

    def open(self, offer: Offer, first_code: str) -> str:
        """Make the discount with its first code, or find the one an earlier call made; its id."""
        ...

    def add(self, discount: str, codes: Sequence[str]) -> list[str]:
        """Add codes; returns those that now work."""
        ...

    def is_live(self, discount: str, code: str) -> bool:
        """Whether the shop still takes `code`, one of this discount's, or the merchant has ended it."""
        ...

    def close(self, discount: str) -> None:
        """Take the discount with all its codes away; one that is gone is no error."""
        ...


@runtime_checkable
class ExtrasClient(Protocol):
    """A ShopClient of a platform with extras (see ExtrasPlatform)."""

    def granted_scopes(self) -> tuple[str, ...]:
        """What this shop lets the app do now."""
        ...

    @property
    def theme_lists(self) -> ThemeLists: ...
    @property
    def codes(self) -> DiscountCodes: ...


@runtime_checkable
class ExtrasPlatform(Protocol):
    """A Platform with features that a merchant may switch on and permit; one without them has none of this."""

    features: tuple[Feature, ...]

    def lacking(self, granted: Sequence[str], features: Sequence[Feature]) -> tuple[Feature, ...]:
        """Which of these features can't work with the scopes granted."""
        ...

    def permission_url(self, shop_domain: str, features: Sequence[Feature]) -> str:
        """Where the merchant is asked for what these features need."""
        ...

    def with_code(self, url: str, code: str) -> str:
        """A link into the shop's cart or checkout that puts this code on it."""
        ...


@runtime_checkable
class ProxiedPlatform(Protocol):
    """A Platform that passes calls to a shop's own domain on to the app, signed."""

    def verify_app_proxy(self, query: Mapping[str, Sequence[str]], now: datetime) -> str:
        """Check such a call and return the shop's domain. Raises ForgedError."""
        ...
