"""What a store platform must offer; services know platforms only through these protocols."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from app.domain.catalog import Product
from app.domain.events import CommerceEvent, Customer, Order

ExportKind = Literal["products", "customers", "orders"]


class PlatformError(Exception):
    """The platform did not do what was asked."""

    def __init__(
        self, message: str | None = None, *, permanent: bool = False, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(message or (self.__class__.__doc__ or "").strip().splitlines()[0])
        self.permanent = permanent
        self.retry_after_seconds = retry_after_seconds


class NeedsReconnectError(PlatformError):
    """The shop's access is no longer valid; the merchant has to open the app once to reconnect it."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, permanent=True)


class NeedsApprovalError(PlatformError):
    """The platform has not approved this app for the data that was asked for."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, permanent=True)


class ForgedError(Exception):
    """The signature does not match; nothing in the message may be believed."""


class InstallRefusedError(Exception):
    """The install request can't be accepted; the message says what was wrong and what to do."""


class UnreadableError(ValueError):
    """A validly signed delivery can't be understood; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A verified webhook: who sent it, about what, and the bytes as they arrived.

    `dedupe_key` is chosen by the adapter so that two facts never share one and one fact never has two.
    `currency` is the shop's own; whoever hands the envelope to `read` fills it in, because Shopify's product
    webhooks carry prices without one.
    """

    platform: str
    shop_domain: str
    topic: str
    dedupe_key: str
    raw: bytes
    event_id: str | None = None
    api_version: str | None = None
    triggered_at: datetime | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Ping:
    """A platform's test call; it is answered with 200 and forgotten."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where the merchant's browser goes next, with what must be bound to that browser by a signed cookie."""

    url: str
    state: str | None = None


@dataclass(frozen=True, slots=True)
class InstallRequest:
    """The signed launch as it arrived: every query parameter, repeated ones included."""

    query: Mapping[str, Sequence[str]]
    redirect_uri: str
    state: str
    now: datetime  # real time, not the shop's clock: signatures age in real time
    # Where the platform's server answers, when that is another address than the browser returns to.
    callback_uri: str | None = None


@dataclass(frozen=True, slots=True)
class InstallCallback:
    """The platform's answer to a grant, beside the state the browser's cookie holds."""

    query: Mapping[str, Sequence[str]]
    expected_state: str | None
    redirect_uri: str
    now: datetime
    # The shop the state was handed out for, where the answer itself names none.
    shop_domain: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An access token with its refresh token; `repr` shows neither."""

    shop_domain: str
    access_token: str = field(repr=False)
    scopes: tuple[str, ...] = ()
    expires_at: datetime | None = None
    refresh_token: str | None = field(default=None, repr=False)
    refresh_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MerchantSession:
    """Who is looking at the admin pages, proven by the platform's session token."""

    shop_domain: str
    merchant_id: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a shop's own webhooks are sent, by an unguessable part of the address, and what signs them."""

    token: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ConnectedShop:
    """A shop and the way to a currently valid access token for it.

    `renew` is told which token the shop refused and returns another; it raises NeedsReconnectError when there
    is none. Without it a refused token is the end.
    """

    shop_id: int
    domain: str
    access_token: Callable[[], str] = field(repr=False)
    renew: Callable[[str], str] | None = field(default=None, repr=False)
    # For platforms that sign each shop's webhooks with a secret of its own.
    hook: Callable[[], Hook] | None = field(default=None, repr=False)
    # Held during a request, where a shop must not be asked two things at once.
    turn: Callable[[], AbstractContextManager[object]] = field(default=nullcontext, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopProfile:
    """What the platform says of the shop itself."""

    name: str
    domain: str  # the platform's permanent name of the shop
    public_url: str  # where shoppers see it, https://host
    email: str | None
    currency: str
    timezone: str
    country: str | None = None
    locale: str | None = None
    # The shop's own mark, the same under another address; None where the domain is permanent.
    store_id: str | None = None


@dataclass(frozen=True, slots=True)
class ExportState:
    """How far a bulk export is. `reason` says in words why it failed."""

    is_ready: bool
    is_failed: bool = False
    n_objects: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CartRef:
    """Everything by which a purchase could be recognised as this cart's."""

    cart_token: str
    checkout_token: str | None = None
    email: str | None = None
    platform_customer_id: str | None = None


@dataclass(frozen=True, slots=True)
class WebhookHealth:
    """Which topics are subscribed, which were missing and have been repaired, and which the shop refuses."""

    subscribed: tuple[str, ...]
    repaired: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorefrontSetup:
    """What our part of a shop's storefront has to know."""

    public_key: str
    shop_name: str = ""
    takes_typed_addresses: bool = False
    # Something else in the shop mails about carts, so that this app does not.
    is_conflicted: bool = False
    # Whether the storefront is to tell what consenting visitors do; None: that may not be asked of the shop.
    counts_visits: bool | None = None


@dataclass(frozen=True, slots=True)
class StorefrontStatus:
    """Whether the shelf is really switched on in the live theme. None: the platform does not let us see.

    `part_url`: where the merchant gets our part of the storefront, which this shop lacks.
    """

    is_embedded: bool | None
    placement_url: str | None = None
    part_url: str | None = None


SecretLookup = Callable[[str], Sequence[bytes]]  # shop domain -> secrets that may have signed, newest first


# Ids in one question whether they still exist (Shopify takes lists of 250).
MOST_ASKED = 250


class ShopClient(Protocol):
    """Reads and writes one shop. Every method may raise PlatformError."""

    def profile(self) -> ShopProfile: ...
    def count(self, kind: ExportKind, between: tuple[int, int] | None = None) -> int | None:
        """How many there are, of all or of those whose ids lie between these two, both included."""
        ...

    def missing(self, kind: ExportKind, ids: Sequence[int]) -> set[int]:
        """Those of the ids, MOST_ASKED at most, that the shop does not have (any more)."""
        ...

    def begin_export(self, kind: ExportKind, after: int | None = None) -> str:
        """Ask for everything of a kind, or all whose ids are above `after`; returns a handle that survives restarts."""
        ...

    def export_state(self, handle: str) -> ExportState: ...
    def read_export(
        self, kind: ExportKind, handle: str, *, n_skip: int = 0
    ) -> Iterator[Product | Customer | Order]:
        """Stream a finished export in a stable order, leaving out the first `n_skip` objects."""
        ...

    def export_reach(self, kind: ExportKind, handle: str) -> tuple[int, int]:
        """Of an export that broke off: the id up to which its file is whole, and how many that are; (0, 0) for none."""
        ...

    def products(self, since: datetime | None = None) -> Iterator[Product]: ...
    def customers(self, since: datetime | None = None) -> Iterator[Customer]: ...
    def orders(self, since: datetime | None = None) -> Iterator[Order]: ...
    def has_ordered(self, cart: CartRef, since: datetime) -> bool:
        """The live check before a send: has this person, or this cart, become an order since `since`?"""
        ...

    def ensure_webhooks(self) -> WebhookHealth: ...
    def publish_setup(self, setup: StorefrontSetup) -> None:
        """Let our part of the shop's storefront know what it has to; a shop that lacks it is no error."""
        ...

    def storefront_status(self) -> StorefrontStatus: ...


class Platform(Protocol):
    """A store platform: stateless, one instance per platform."""

    name: str
    # Whether its admin shows ours in a frame and says who is looking; where not, merchants sign in here.
    embeds_admin: bool
    # Whether it asks, some time after a shop left, that nothing of the shop be kept.
    asks_erasure: bool

    def begin_install(self, request: InstallRequest) -> Redirect: ...
    def complete_install(self, callback: InstallCallback) -> Credentials: ...
    def verify_launch(self, query: Mapping[str, Sequence[str]], now: datetime) -> str:
        """Check a signed launch and return the shop's domain. Raises ForgedError."""
        ...

    def verify_session(self, token: str, now: datetime) -> MerchantSession:
        """Check every claim of a session token. Raises ForgedError."""
        ...

    def exchange_session(self, session: MerchantSession, now: datetime) -> Credentials:
        """Trade a session token for the shop's own access token.

        Raises:
            ForgedError: the platform no longer accepts the session token.
            PlatformError: it did not answer, or refuses this app.
        """
        ...

    def refresh(self, shop_domain: str, refresh_token: str | None, now: datetime) -> Credentials:
        """Trade the refresh token for a new pair. Raises NeedsReconnectError when the pair is dead or there is none."""
        ...

    def open_envelope(self, headers: Mapping[str, str], raw: bytes, secrets: SecretLookup) -> Envelope | Ping:
        """Verify a webhook over its raw bytes. Raises ForgedError."""
        ...

    def read(self, envelope: Envelope) -> Sequence[CommerceEvent]:
        """Say what an envelope means. Pure: no I/O. Raises UnreadableError."""
        ...

    def client(self, shop: ConnectedShop) -> ShopClient: ...

    def frame_ancestors(self, shop_domain: str | None) -> tuple[str, ...]:
        """The origins that may show our admin pages in a frame for this shop."""
        ...

    def admin_url(self, shop_domain: str) -> str:
        """Where the merchant finds the app inside the platform's admin."""
        ...

    def cart_link(self, public_url: str, lines: Sequence[tuple[str, int]]) -> str:
        """A link that refills a cart from (variant id, quantity) pairs on any device."""
        ...
