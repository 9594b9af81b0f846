"""Reads e-mail addresses strictly, international ones included; it looks nothing up and repeats none in an error."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from email_validator import EmailNotValidError, validate_email

# Our own sender is set by the operator and may be `shop@localhost` on a laptop, which no recipient may be.
_SENDER: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?"
)


class BadAddressError(ValueError):
    """An e-mail address can't be read."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address as SMTP takes it. `needs_smtputf8`: its local part is beyond ASCII (RFC 6531)."""

    wire: str
    needs_smtputf8: bool

    def __repr__(self) -> str:
        # An address in a log is personal data that outlives its erasure.
        return f"Address(***, needs_smtputf8={self.needs_smtputf8})"


def read_recipient(text: str) -> Address:
    """Read a customer's address; a domain beyond ASCII is put into its ASCII form (IDNA).

    Raises:
        BadAddressError: it is no address mail could be sent to.
    """
    try:
        # Test domains pass: whether one exists is for the server to say, and demos need them.
        found = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise BadAddressError("the recipient's address is not one that mail can be sent to") from None
    if found.ascii_email is None:
        return Address(found.normalized, needs_smtputf8=True)
    return Address(found.ascii_email, needs_smtputf8=False)


def read_sender(text: str) -> str:
    """Check the operator's own sender address.

    Raises:
        BadAddressError: it is not a plain `name@domain`.
    """
    if not _SENDER.fullmatch(text):
        raise BadAddressError("the sender's address is not a plain name@domain; set MAIL_FROM to one")
    return text
