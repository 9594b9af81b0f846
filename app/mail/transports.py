"""How mail leaves the house: a hand-over in two steps, so that the ledger can commit between them.

`begin` opens the envelope (EHLO, MAIL, RCPT): nothing has left, and a crash costs nothing. The caller then
commits "handed over" and calls `deliver`, which alone can end in `Unknown`. Each outcome is a value; no
transport raises for what a server says or does.
"""

from __future__ import annotations

import email
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email import policy
from enum import StrEnum
from typing import ClassVar, Final, Protocol, TextIO
from urllib.parse import parse_qs, unquote, urlsplit

from app.mail.addresses import BadAddressError, read_recipient


class Phase(StrEnum):
    """Where in the conversation something happened."""

    CONNECT = "connect"
    TLS = "tls"
    LOGIN = "login"
    SENDER = "sender"
    RECIPIENT = "recipient"
    DATA = "data"
    CONTENT = "content"


@dataclass(frozen=True, slots=True)
class Delivered:
    """The server took the mail over and answers for it now."""

    reply: str


@dataclass(frozen=True, slots=True)
class Retry:
    """Nothing was taken over; try again, at the earliest after `after`."""

    permanent: ClassVar[bool] = False

    reason: str
    phase: Phase
    after: timedelta


@dataclass(frozen=True, slots=True)
class Refused:
    """The server will never take this mail. `is_hard_bounce`: because the address is dead."""

    permanent: ClassVar[bool] = True

    code: int | None
    reason: str
    is_hard_bounce: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """The line broke while the mail was going over: it may have arrived, so it must not be sent again."""

    reason: str


class HandoverSpentError(RuntimeError):
    """This hand-over is over: it was delivered, abandoned, or followed by another; begin a new one."""


class Handover(Protocol):
    """An open envelope. It is good for one `deliver` or one `abandon`."""

    def deliver(self, raw: bytes) -> Delivered | Retry | Refused | Unknown:
        """Send the mail's bytes and wait for the server's word."""

    def abandon(self) -> None:
        """Close the envelope without a mail; safe to call at any time."""


class MailTransport(Protocol):
    """One way out. Not shared between threads; an open hand-over ends when the next one begins."""

    def begin(self, sender: str, recipient: str) -> Handover | Retry | Refused:
        """Open an envelope; nothing is sent yet."""

    def close(self) -> None:
        """Let go of the connection; `begin` opens a new one."""


class ConsoleTransport:
    """Prints mails in place of sending them: for a first run without a mail server."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._open: _ConsoleHandover | None = None

    def begin(self, sender: str, recipient: str) -> Handover | Retry | Refused:
        self.close()
        try:
            address = read_recipient(recipient)
        except BadAddressError as error:
            return Refused(None, str(error), is_hard_bounce=True)
        self._open = _ConsoleHandover(lambda raw: self._write(sender, address.wire, raw))
        return self._open

    def close(self) -> None:
        if self._open:
            self._open.abandon()
        self._open = None

    def _write(self, sender: str, recipient: str, raw: bytes) -> None:
        message = email.message_from_bytes(raw, policy=policy.default)
        body = message.get_body(("plain",))
        stream = self._stream or sys.stdout
        stream.write(f"From: {sender}\nTo: {recipient}\nSubject: {message['Subject']}\n\n")
        stream.write((body.get_content() if body else "").rstrip() + "\n" + "-" * 72 + "\n")
        stream.flush()


class _ConsoleHandover:
    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write: Callable[[bytes], None] | None = write

    def deliver(self, raw: bytes) -> Delivered | Retry | Refused | Unknown:
        if self._write is None:
            raise HandoverSpentError(HandoverSpentError.__doc__)
        write, self._write = self._write, None
        write(raw)
        return Delivered("printed")

    def abandon(self) -> None:
        self._write = None


class Security(StrEnum):
    """How a connection is encrypted. AUTO: with STARTTLS wherever it is offered."""

    AUTO = "auto"
    REQUIRED = "required"
    IMPLICIT = "implicit"
    OFF = "off"


class BadSmtpUrlError(ValueError):
    """SMTP_URL can't be read; write smtp://user:password@host:587 or smtps://user:password@host:465."""


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where and how to hand mail over. Its repr never shows the password."""

    host: str
    port: int
    security: Security = Security.AUTO
    username: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"SmtpServer({self.host}:{self.port}, {self.security})"

    @property
    def is_loopback(self) -> bool:
        return self.host in ("localhost", "127.0.0.1", "::1")


_SCHEMES: Final = {"smtp": (587, Security.AUTO), "smtps": (465, Security.IMPLICIT)}


def read_smtp_url(url: str) -> SmtpServer:
    """Read `smtp://user:password@host:587?tls=required` (`tls`: auto, required, off) or `smtps://…`.

    User and password are percent-encoded where they hold `@`, `:` or `/`.

    Raises:
        BadSmtpUrlError: naming the part that can't be read, never its password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadSmtpUrlError("the port in SMTP_URL is not a number from 1 to 65535") from None
    if parts.scheme not in _SCHEMES:
        raise BadSmtpUrlError("SMTP_URL must begin with smtp:// or smtps://")
    if not parts.hostname:
        raise BadSmtpUrlError("SMTP_URL names no host")
    default_port, security = _SCHEMES[parts.scheme]
    wanted = parse_qs(parts.query).get("tls", [security.value])[0]
    if parts.scheme == "smtp" and wanted not in ("auto", "required", "off"):
        raise BadSmtpUrlError("tls in SMTP_URL is one of auto, required, off")
    if parts.scheme == "smtp":
        security = Security(wanted)
    username = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return SmtpServer(parts.hostname, port or default_port, security, username, password)


def transport_from_url(url: str | None, *, hello_name: str = "localhost") -> MailTransport:
    """Return the way out that SMTP_URL names; the console when it is None.

    `hello_name` is the name this machine greets mail servers with: MAIL_DOMAIN.

    Raises:
        BadSmtpUrlError: the address can't be read.
    """
    if url is None:
        return ConsoleTransport()
    from app.mail.smtp import SmtpTransport

    return SmtpTransport(read_smtp_url(url), hello_name=hello_name)
