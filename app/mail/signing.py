"""DKIM signatures, for operators who run their own mail server; a provider's relay signs by itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

# Both unsubscribe headers must be covered (RFC 8058 §4); From twice, so that a second one can't be added.
_HEADER_NAMES: Final = """
    from from reply-to to subject date message-id mime-version content-type
    list-unsubscribe list-unsubscribe-post list-id feedback-id
"""
_SIGNED_HEADERS: Final = tuple(_HEADER_NAMES.split())
_DNS_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")


class DkimUnavailableError(Exception):
    """Mails can't be signed with DKIM."""


@dataclass(frozen=True, slots=True)
class DkimSigner:
    """Signs a composed mail for `domain` (the sender's), with the key published under `selector`."""

    domain: str
    selector: str
    private_key_pem: bytes = field(repr=False)

    def sign(self, raw: bytes) -> bytes:
        """Return `raw` with a DKIM-Signature before it; headers that the mail lacks are left out."""
        import dkim

        present = {name.lower() for name in re.findall(rb"(?m)^([!-9;-~]+):", raw.partition(b"\r\n\r\n")[0])}
        wanted = [name.encode() for name in _SIGNED_HEADERS if name.encode() in present]
        signature: bytes = dkim.sign(
            raw,
            self.selector.encode(),
            self.domain.encode(),
            self.private_key_pem,
            # relaxed: relays re-wrap headers and trim trailing space, and that must not break it.
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=wanted,
        )
        return signature + raw


def dkim_signer(key_file: Path | None, selector: str, sender: str) -> DkimSigner | None:
    """Return a signer for the domain of `sender`, or None when no key is set.

    Raises:
        DkimUnavailableError: dkimpy is not installed, the key can't be used, or a name is none of DNS.
    """
    if key_file is None:
        return None
    try:
        import dkim  # noqa: F401 - optional: whether it is there is the question
    except ImportError:
        raise DkimUnavailableError(
            "DKIM_KEY_FILE is set, but dkimpy is missing: pip install dkimpy"
        ) from None
    domain = sender.rpartition("@")[2]
    for name in (domain, selector):
        if not _DNS_NAME.fullmatch(name):
            raise DkimUnavailableError(
                f"{name[:60]!r} is not a name of DNS; look at MAIL_FROM and DKIM_SELECTOR"
            )
    signer = DkimSigner(domain, selector, _read_key(key_file))
    try:
        signer.sign(b"From: a@b.example\r\n\r\ntrial\r\n")
    except Exception as error:  # noqa: BLE001 - dkimpy lets ASN.1 and arithmetic errors of all kinds through
        raise DkimUnavailableError(
            f"DKIM_KEY_FILE holds no usable RSA private key in PEM ({type(error).__name__})"
        ) from None
    return signer


@lru_cache(maxsize=1)
def _signer(key_file: Path | None, selector: str, sender: str) -> DkimSigner | None:
    return dkim_signer(key_file, selector, sender)


def sign_with(key_file: Path | None, selector: str, sender: str) -> Callable[[bytes], bytes] | None:
    """What signs a composed mail of this sender's, or None when no key is set; the key is read once."""
    signer = _signer(key_file, selector, sender)
    return signer.sign if signer else None


def _read_key(key_file: Path) -> bytes:
    try:
        return key_file.read_bytes()
    except OSError as error:
        raise DkimUnavailableError(f"DKIM_KEY_FILE can't be read: {error.strerror}") from None
