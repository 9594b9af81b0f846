"""Understands what mail servers answer: whether an address is dead, and what may be kept of their words."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

# "Bad mailbox", "bad system", "bad syntax", "moved", "null MX", "disabled" (RFC 3463 §3.2, §3.3; RFC 7505):
# nothing else says that the address itself is dead. 5.7.x is about us, 5.2.2 is a full mailbox.
_DEAD_ADDRESS: Final = frozenset(("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"))
# Plain codes that mean "no such mailbox" when they answer RCPT (RFC 5321 §4.2.3); 552 and 554 do not.
_DEAD_AT_RECIPIENT: Final = frozenset((550, 551, 553))
_STATUS: Final = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_ADDRESS: Final = re.compile(r"[^\s<>()\[\]:;,\"']+@[^\s<>()\[\]:;,\"']+")
_MAX_REASON_CHARACTERS: Final = 200

# Greylisting opens after about five minutes (RFC 6647 §2.1 has 1 min to 24 h as its range).
GREYLIST_DELAY: Final = timedelta(minutes=5)
# A full disk, a wrong password, a refused certificate: somebody has to see to it first.
SLOW_DELAY: Final = timedelta(minutes=15)
# A server that is away or restarting is mostly back in a minute.
CONNECT_DELAY: Final = timedelta(minutes=1)


def status_of(text: str) -> str | None:
    """Return the enhanced status code (`5.1.1`, RFC 3463) in a reply, if it has one."""
    found = _STATUS.search(text)
    return found.group(1) if found else None


def is_dead_address(code: int, text: str, *, answers_recipient: bool) -> bool:
    """Tell whether a refusal means that the address will never take mail: a hard bounce.

    Without an enhanced code, only an answer to RCPT can mean it: after DATA, 550 is about the content.
    """
    status = status_of(text)
    if status is not None and status != "5.0.0":
        return code >= 500 and status in _DEAD_ADDRESS
    return answers_recipient and code in _DEAD_AT_RECIPIENT


def delay_after(code: int) -> timedelta:
    """Return how long to wait at least before a temporary refusal is worth another try."""
    return SLOW_DELAY if code == 452 else GREYLIST_DELAY


def scrub(reply: bytes | str) -> str:
    """Return a server's words fit to be stored: on one line, cut, and without anybody's address."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    text = "".join(character if character.isprintable() else " " for character in text)
    return _ADDRESS.sub("[address]", " ".join(text.split()))[:_MAX_REASON_CHARACTERS]
