"""Writes and hands over mails that go to a merchant; whether one is due is somebody else's affair."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from app.mail.notices import compose_notice, render_notice
from app.mail.signing import sign_with
from app.mail.transports import Delivered, Refused, Retry, Unknown
from app.mail.values import one_line
from app.services.context import Context

Handed = Delivered | Refused | Retry | Unknown

_BRAND = "Regulars"

# Characters of a shop's name in a mail.
LONGEST_NAME = 60


def name_in_mail(name: str) -> str:
    """A shop names itself, and not every shop that is connected is honest: its name is a name, not a message."""
    return one_line(name)[:LONGEST_NAME]


def write_notice(
    context: Context, name: str, recipient: str, values: Mapping[str, Any], now: datetime
) -> bytes:
    """The mail `name` of templates/emails with these values, ready to be handed over.

    Raises:
        BadAddressError: the recipient is no address.
    """
    settings = context.settings
    return compose_notice(
        render_notice(name, values),
        sender=settings.mail_from,
        sender_name=_BRAND,
        recipient=recipient,
        message_id=f"{uuid4()}@{settings.mail_domain}",
        date=now,
        sign=sign_with(settings.dkim_key_file, settings.dkim_selector, settings.mail_from),
    )


def send_notice(
    context: Context, name: str, recipient: str, values: Mapping[str, Any], now: datetime
) -> Handed:
    """Write it and hand it over.

    Raises:
        BadAddressError: the recipient is no address.
    """
    return hand_over(context, recipient, write_notice(context, name, recipient, values, now))


def hand_over(context: Context, recipient: str, raw: bytes) -> Handed:
    """Give a written mail to the mail server."""
    envelope = context.transport.begin(context.settings.mail_from, recipient)
    if isinstance(envelope, Retry | Refused):
        return envelope
    return envelope.deliver(raw)
