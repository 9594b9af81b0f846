"""Keyed hashes of addresses and ids: enough to recognise a person again, not enough to find out who they are."""

from __future__ import annotations

import base64
import hashlib
import hmac


class Hasher:
    """HMAC-SHA256 under a key derived from the installation's secret, separate for every shop."""

    def __init__(self, secret: bytes) -> None:
        self._key = hashlib.blake2b(secret, person=b"regulars-hash", digest_size=32).digest()

    def email(self, shop_id: int, email: str) -> bytes:
        return self._digest(f"email|{shop_id}|{normalise_email(email)}")

    def person(self, email: str) -> bytes:
        """A merchant's address: the same for every shop, because a person may own several."""
        return self._digest(f"person|{normalise_email(email)}")

    def customer(self, shop_id: int, platform_customer_id: str) -> bytes:
        return self._digest(f"customer|{shop_id}|{platform_customer_id}")

    def token(self, *parts: object) -> str:
        """43 letters, digits, - and _ that nobody can guess and that are the same for the same parts."""
        digest = self._digest("|".join(("token", *map(str, parts))))
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def _digest(self, text: str) -> bytes:
        return hmac.new(self._key, text.encode(), hashlib.sha256).digest()


def normalise_email(email: str) -> str:
    """The form under which two spellings of one address meet: no surrounding space, lower case."""
    return email.strip().lower()
