"""Signed links in mails: who and what a click is about, readable by anybody, forgeable by nobody; no address inside."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

# A cart or a recommendation older than this is of no use to anybody, and a mail may lie unread for weeks.
_CLICK_LIFETIME: Final = timedelta(days=90)


class BadLinkError(ValueError):
    """The link is not one of ours, or was cut short on its way; open it from the mail again."""


class ExpiredLinkError(BadLinkError):
    """The link has expired."""


class Purpose(StrEnum):
    """What a link does. Each purpose has its own salt, so a link can't be used for another one."""

    RESUME = "resume"
    CLICK = "click"
    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"


class Target(StrEnum):
    """What was clicked in the mail; with `index` it names the line or recommendation, counted from 0."""

    LINE = "line"
    RECOMMENDATION = "recommendation"
    SHOP = "shop"


# A way to opt out never expires: a mail can be read years later, and its "no" still counts (RFC 8058 §7).
_LIFETIMES: Final = {Purpose.RESUME: _CLICK_LIFETIME, Purpose.CLICK: _CLICK_LIFETIME}


@dataclass(frozen=True, slots=True)
class Link:
    """A link that was read back. `target` and `index` are set for clicks only."""

    purpose: Purpose
    shop_id: int
    message_id: int
    target: Target | None = None
    index: int | None = None


class LinkSigner:
    """Signs with the newest of `secret_keys` (newest first) and reads what any of them has signed."""

    def __init__(self, secret_keys: Sequence[str]) -> None:
        if not secret_keys or not all(secret_keys):
            raise ValueError("a link signer needs at least one key, and no empty one")
        self._secret_keys = tuple(reversed(secret_keys))  # itsdangerous wants the newest last

    def resume(self, shop_id: int, message_id: int) -> str:
        """Sign the way back into the cart that `message_id` is about."""
        return self._sign(Purpose.RESUME, shop_id, message_id)

    def unsubscribe(self, shop_id: int, message_id: int) -> str:
        """Sign the one-click opt-out of the person `message_id` went to; it never expires."""
        return self._sign(Purpose.UNSUBSCRIBE, shop_id, message_id)

    def preferences(self, shop_id: int, message_id: int) -> str:
        """Sign the way to the mail preferences of the person `message_id` went to; it never expires."""
        return self._sign(Purpose.PREFERENCES, shop_id, message_id)

    def click(self, shop_id: int, message_id: int, target: Target, index: int = 0) -> str:
        """Sign a counted click on one thing in the mail. Where it leads is looked up, never carried along."""
        return self._sign(Purpose.CLICK, shop_id, message_id, target.value, index)

    def read(self, purpose: Purpose | str, token: str) -> Link:
        """Return what `token` was signed for.

        Raises:
            ExpiredLinkError: it is ours, but older than a link of this purpose may be.
            BadLinkError: it is not ours, was changed, or was signed for another purpose.
        """
        purpose = Purpose(purpose)
        lifetime = _LIFETIMES.get(purpose)
        try:
            fields = self._serializer(purpose).loads(token, max_age=_seconds(lifetime))
        except SignatureExpired:
            raise ExpiredLinkError(
                f"the link is more than {lifetime.days if lifetime else 0} days old"
            ) from None
        except BadData:
            raise BadLinkError(BadLinkError.__doc__) from None
        return _link(purpose, fields)

    def _sign(self, purpose: Purpose, *fields: int | str) -> str:
        return str(self._serializer(purpose).dumps(list(fields)))

    def _serializer(self, purpose: Purpose) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(
            list(self._secret_keys),
            salt=f"regulars.mail.link.{purpose}",
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )


def _seconds(lifetime: timedelta | None) -> int | None:
    return int(lifetime.total_seconds()) if lifetime else None


def _link(purpose: Purpose, fields: Any) -> Link:
    if purpose is Purpose.CLICK:
        shop_id, message_id, target, index = fields
        return Link(purpose, shop_id, message_id, Target(target), index)
    shop_id, message_id = fields
    return Link(purpose, shop_id, message_id)
