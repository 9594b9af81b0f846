"""Encrypts what may not lie in the database in the clear, and knows which key did it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class VaultError(Exception):
    """A stored secret can't be opened with any of ENCRYPTION_KEYS; put the old key back behind the new one."""


class Vault:
    """MultiFernet over the configured keys: the newest seals, every one opens."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self.key_id = hashlib.sha256(keys[0].encode()).hexdigest()[:12]

    def seal(self, secret: str) -> bytes:
        return self._fernet.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str:
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise VaultError from None

    def reseal(self, sealed: bytes) -> bytes:
        """Seal again under the newest key."""
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken:
            raise VaultError from None
