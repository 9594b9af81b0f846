"""Writes the mails that go to merchants: no list, nothing to unsubscribe from, English as the admin is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from app.mail.compose import begin_message, finish_message
from app.mail.render import Rendered, fill
from app.mail.values import one_line


def render_notice(name: str, values: Mapping[str, Any]) -> Rendered:
    """Render the mail `name` of templates/emails; every value is escaped where it stands in HTML."""
    texts = {"preheader": str(values.get("preheader", ""))}
    return fill(name, {**values, "t": texts})


def compose_notice(
    rendered: Rendered,
    *,
    sender: str,
    sender_name: str,
    recipient: str,
    message_id: str,
    date: datetime,
    sign: Callable[[bytes], bytes] | None = None,
) -> bytes:
    """Return the mail as bytes, ready for DATA.

    Raises:
        BadAddressError: the sender or the recipient is no address.
    """
    message = begin_message(
        rendered,
        sender=sender,
        sender_name=one_line(sender_name),
        reply_to=None,
        recipient=recipient,
        message_id=message_id,
        date=date,
    )
    # Out-of-office replies to it would help nobody (RFC 3834 §5).
    message["Auto-Submitted"] = "auto-generated"
    return finish_message(message, rendered, sign)
