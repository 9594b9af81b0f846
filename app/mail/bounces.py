"""Reads what comes back: delivery reports (RFC 3464) and complaints (RFC 5965). It believes none of them.

Anybody can write to the bounce address: only a report about a message of ours (`message_id`) may have effects.
"""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import policy
from email.message import Message
from enum import StrEnum
from typing import Any, Final

from app.mail.replies import is_dead_address

_MESSAGE_ID: Final = re.compile(r"<([^<>\s@]{1,200}@[^<>\s@]{1,200})>")
# A report is a few kB; a larger one carries the whole mail back, whose end tells nothing new (bytes).
_MAX_REPORT_BYTES: Final = 256 * 1024


class ReportKind(StrEnum):
    """`DELAYED`: the server goes on trying; nothing is to be done."""

    BOUNCE = "bounce"
    DELAYED = "delayed"
    COMPLAINT = "complaint"


@dataclass(frozen=True, slots=True)
class BounceReport:
    """One report. `message_id` is `id@domain` of our mail, `code` the status (`5.1.1`) of a bounce.

    `recipient` is there to be hashed and compared with the ledger; it stays out of the repr.
    """

    kind: ReportKind
    message_id: str | None
    is_hard: bool
    code: str | None
    recipient: str | None = field(default=None, repr=False)


def read_report(raw: bytes) -> BounceReport | None:
    """Return what a mail to the bounce address reports; None for anything that is no report."""
    message = email.message_from_bytes(raw[:_MAX_REPORT_BYTES], policy=policy.compat32)
    if message.get_content_type() != "multipart/report":
        return None
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status":
            return _bounce(message, list(_blocks(part)))
        if part.get_content_type() == "message/feedback-report":
            return _complaint(message, next(_blocks(part), None))
    return None


def _blocks(part: Message[str, str]) -> Iterator[Message[str, str]]:
    payload: Any = part.get_payload()
    if isinstance(payload, list):
        yield from (block for block in payload if isinstance(block, Message))


def _bounce(report: Message[str, str], blocks: list[Message[str, str]]) -> BounceReport | None:
    for block in blocks:
        action = _field(block, "Action").lower()
        if action not in ("failed", "delayed"):
            continue
        status = _first_word(_field(block, "Status"))
        words = f"{status or ''} {_field(block, 'Diagnostic-Code')}"
        is_hard = action == "failed" and is_dead_address(
            _reply_code(words), _precise(status, words), answers_recipient=False
        )
        kind = ReportKind.BOUNCE if action == "failed" else ReportKind.DELAYED
        recipient = _address(_field(block, "Final-Recipient") or _field(block, "Original-Recipient"))
        return BounceReport(kind, _message_id(report), is_hard, status, recipient)
    return None


def _complaint(report: Message[str, str], block: Message[str, str] | None) -> BounceReport | None:
    if block is None or _field(block, "Feedback-Type").lower() not in ("abuse", "fraud", "other"):
        return None
    recipient = _address(_field(block, "Original-Rcpt-To") or _field(block, "Removal-Recipient"))
    return BounceReport(ReportKind.COMPLAINT, _message_id(report), False, None, recipient)


def _message_id(report: Message[str, str]) -> str | None:
    """The id in the copy of our mail; many complaints carry only its headers, as text."""
    for part in report.walk():
        if part.get_content_type() == "message/rfc822":
            found = _id_in(next((block.get("Message-ID") for block in _blocks(part)), None))
        elif part.get_content_type() == "text/rfc822-headers":
            copied: Any = part.get_payload(decode=True)
            found = _id_in(email.message_from_bytes(copied or b"", policy=policy.compat32).get("Message-ID"))
        else:
            continue
        if found:
            return found
    return _id_in(report.get("In-Reply-To")) or _id_in(report.get("References"))


def _id_in(text: object) -> str | None:
    found = _MESSAGE_ID.search(str(text or ""))
    return found.group(1) if found else None


def _field(block: Message[str, str], name: str) -> str:
    # With bytes beyond ASCII in it, a field is a Header object and no str.
    return str(block.get(name) or "").strip()


def _address(text: str) -> str | None:
    """The address in `rfc822; cleo@example.com` or `<cleo@example.com>`."""
    found = text.rpartition(";")[2].strip().strip("<>").strip()
    return found if found.count("@") == 1 and " " not in found else None


def _first_word(text: str) -> str | None:
    words = text.split()
    return words[0] if words else None


def _reply_code(words: str) -> int:
    found = re.search(r"\b([45]\d\d)\b", words)
    return int(found.group(1)) if found else 100 * int(words[0]) if words[:1].isdigit() else 500


def _precise(status: str | None, words: str) -> str:
    """A status of `5.0.0` says nothing; what the far server said may."""
    return words.partition(" ")[2] if status == "5.0.0" else words
