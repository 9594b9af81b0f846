"""Who may call the shop's API: the installation, its scopes, access and refresh tokens. Rules only; no HTTP."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from app.demo.config import AppConfig
from app.demo.live import DemoStoreError

# shopify.dev, Offline access tokens: one hour, and ninety days to refresh.
ACCESS_SECONDS = 3600
REFRESH_SECONDS = 7_776_000
# Online tokens end with the merchant's session; Shopify says 86399.
ONLINE_SECONDS = 86_399
# A token by client credentials (shopify.dev, Authenticate an app for stores in your organization).
OWN_SECONDS = 86_399
# An authorization code is for the very next request.
CODE_SECONDS = 600


class GrantRefusedError(DemoStoreError):
    """The token endpoint refused this grant."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


@dataclass(slots=True)
class Token:
    value: str
    scopes: tuple[str, ...]
    kind: str  # offline | online | permanent
    # Wall-clock seconds; None never runs out.
    expires_at_seconds: float | None
    # The refresh token issued beside it, whose predecessor ends once this token is used.
    refresh: str | None = None


@dataclass(slots=True)
class Installation:
    scopes: tuple[str, ...]
    installed_at_seconds: float
    generation: int


@dataclass
class TokenOffice:
    """Tokens run out by the wall clock, however fast the shop's clock is: the caller checks them in real time."""

    config: AppConfig
    real: Callable[[], float] = time.time
    access_seconds: int = ACCESS_SECONDS
    installation: Installation | None = None
    n_refreshes: int = 0
    n_exchanges: int = 0
    _tokens: dict[str, Token] = field(default_factory=dict)
    _codes: dict[str, tuple[tuple[str, ...], float]] = field(default_factory=dict)
    # The refresh token that works now and the one before it, with when each runs out.
    _refresh: tuple[str, float] | None = None
    _previous: tuple[str, float] | None = None
    _generation: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    # -- installing --------------------------------------------------------------------------------------

    def install(self, scopes: Iterable[str]) -> Installation:
        with self._lock:
            self._generation += self.installation is None
            self.installation = Installation(tuple(dict.fromkeys(scopes)), self.real(), self._generation)
            return self.installation

    def uninstall(self) -> None:
        """Every token ends at once."""
        with self._lock:
            self.installation = None
            self._refresh = self._previous = None
            self._tokens.clear()
            self._codes.clear()

    def change_scopes(self, scopes: Iterable[str]) -> tuple[str, ...]:
        """Tokens speak for the installation, so what they may do changes with it."""
        with self._lock:
            if self.installation is None:
                raise GrantRefusedError("app_not_installed", "the app isn't installed in this shop")
            before, after = self.installation.scopes, tuple(dict.fromkeys(scopes))
            self.installation.scopes = after
            for token in self._tokens.values():
                token.scopes = after
            return before

    # -- granting ----------------------------------------------------------------------------------------

    def new_code(self) -> str:
        with self._lock:
            code = secrets.token_hex(16)
            self._codes[code] = (self._installed().scopes, self.real() + CODE_SECONDS)
            return code

    def redeem_code(self, code: str, expiring: bool) -> dict[str, object]:
        with self._lock:
            _, until = self._codes.pop(code, ((), 0.0))
            if self.real() >= until:
                raise GrantRefusedError(
                    "invalid_request", "The authorization code was not found or was already used"
                )
            return self._offline(expiring)

    def exchange(self, expiring: bool, online: bool) -> dict[str, object]:
        """For an id token that the caller has verified."""
        with self._lock:
            self.n_exchanges += 1
            return self._online() if online else self._offline(expiring)

    def grant_own(self) -> dict[str, object]:
        """For an app of the shop's own organisation; a day long, and nothing to refresh it with."""
        with self._lock:
            if self.config.is_public:
                raise GrantRefusedError(
                    "shop_not_permitted", "The app and the shop are of different organizations"
                )
            scopes = self._installed().scopes
            until = self.real() + OWN_SECONDS
            token = self._issue(Token(f"shpat_{secrets.token_hex(16)}", scopes, "offline", until))
            return {"access_token": token.value, "scope": ",".join(scopes), "expires_in": OWN_SECONDS}

    def migrate(self, permanent: str) -> dict[str, object]:
        """Trades a token that never ends for an expiring pair; there is no way back."""
        with self._lock:
            token = self._tokens.get(permanent)
            if token is None or token.kind != "permanent":
                raise GrantRefusedError(
                    "invalid_subject_token", "The subject token is not a non-expiring access token"
                )
            answer = self._offline(expiring=True)
            del self._tokens[permanent]
            return answer

    def refresh(self, token: str) -> dict[str, object]:
        """The newest refresh token works once; the one before it works until its replacement is used."""
        with self._lock:
            for known in (self._refresh, self._previous):
                if known is not None and secrets.compare_digest(known[0], token) and self.real() < known[1]:
                    self.n_refreshes += 1
                    answer = self._offline(expiring=True)
                    self._previous = known
                    return answer
            raise GrantRefusedError(
                "invalid_grant", "The refresh token is invalid, expired or was used already"
            )

    # -- using -------------------------------------------------------------------------------------------

    def check(self, value: str) -> Token | None:
        """The token if it may be used now; using it ends the refresh token before its own."""
        with self._lock:
            token = self._tokens.get(value)
            if token is None:
                return None
            if token.expires_at_seconds is not None and self.real() >= token.expires_at_seconds:
                del self._tokens[value]
                return None
            if self._refresh is not None and token.refresh == self._refresh[0]:
                self._previous = None
            return token

    def expire_all(self) -> int:
        """Ends every access token now, refresh tokens excepted: an hour passing in a moment."""
        with self._lock:
            n_ended = len(self._tokens)
            self._tokens.clear()
            return n_ended

    # -- inside ------------------------------------------------------------------------------------------

    def _installed(self) -> Installation:
        if self.installation is None:
            raise GrantRefusedError("app_not_installed", "the app isn't installed in this shop")
        return self.installation

    def _offline(self, expiring: bool) -> dict[str, object]:
        scopes = self._installed().scopes
        if not expiring:
            if self.config.is_public:
                raise GrantRefusedError(
                    "invalid_request", "Public apps must request expiring tokens: send expiring=1"
                )
            token = self._issue(Token(f"shpat_{secrets.token_hex(16)}", scopes, "permanent", None))
            return {"access_token": token.value, "scope": ",".join(scopes)}
        refresh = f"shprt_{secrets.token_hex(16)}"
        until = self.real() + self.access_seconds
        token = self._issue(Token(f"shpat_{secrets.token_hex(16)}", scopes, "offline", until, refresh))
        self._refresh, self._previous = (refresh, self.real() + REFRESH_SECONDS), None
        return {
            "access_token": token.value,
            "scope": ",".join(scopes),
            "expires_in": self.access_seconds,
            "refresh_token": refresh,
            "refresh_token_expires_in": REFRESH_SECONDS,
        }

    def _online(self) -> dict[str, object]:
        scopes = self._installed().scopes
        until = self.real() + ONLINE_SECONDS
        token = self._issue(Token(f"shpat_{secrets.token_hex(16)}", scopes, "online", until))
        return {
            "access_token": token.value,
            "scope": ",".join(scopes),
            "expires_in": ONLINE_SECONDS,
            "associated_user_scope": ",".join(scopes),
            "associated_user": ASSOCIATED_USER,
        }

    def _issue(self, token: Token) -> Token:
        self._tokens[token.value] = token
        return token


# The one merchant who works in this shop's admin.
ASSOCIATED_USER: dict[str, object] = {
    "id": 548380011,
    "first_name": "Ada",
    "last_name": "Moran",
    "email": "ada@example.com",
    "email_verified": True,
    "account_owner": True,
    "locale": "en",
    "collaborator": False,
}


def covers(granted: Iterable[str], wanted: str) -> bool:
    """write_x implies read_x."""
    held = set(granted)
    return wanted in held or (wanted.startswith("read_") and f"write_{wanted[5:]}" in held)
