"""Who is left alone on purpose, so that what the mails earn can be measured; it keeps no lists of people."""

from __future__ import annotations

import hashlib
from enum import StrEnum


class Arm(StrEnum):
    """The two halves of the comparison."""

    MAILED = "mailed"
    HOLDOUT = "holdout"


def arm(salt: bytes, email_hash: bytes, share: float) -> Arm:
    """The arm a person is in: the same answer every time, without anything being stored.

    A larger share only adds people to the holdout, a smaller one only takes some out. The shop's own salt
    makes the arms of two shops independent of each other.
    """
    drawn = hashlib.blake2b(email_hash, key=salt[:64], person=b"regulars-holdout", digest_size=8).digest()
    return Arm.HOLDOUT if int.from_bytes(drawn, "big") < share * 2**64 else Arm.MAILED
