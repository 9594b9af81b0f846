"""Hands mail over by SMTP, step by step, and remembers the step at which something went wrong.

It never uses smtplib's `sendmail` or `send_message`: they raise the same error for a server that never
answered and for one that took the mail and then hung up.
"""

from __future__ import annotations

import re
import smtplib
import ssl
import time
from collections.abc import Callable
from typing import Final

from app.mail.addresses import Address, BadAddressError, read_recipient
from app.mail.replies import (
    CONNECT_DELAY,
    GREYLIST_DELAY,
    SLOW_DELAY,
    delay_after,
    is_dead_address,
    scrub,
)
from app.mail.transports import (
    Delivered,
    Handover,
    HandoverSpentError,
    Phase,
    Refused,
    Retry,
    Security,
    SmtpServer,
    Unknown,
)

# Servers close a connection that is used for longer, or count it as abuse (Gmail: 100 mails a connection).
_MAX_MAILS_PER_CONNECTION: Final = 100
_MAX_CONNECTION_SECONDS: Final = 300.0
# RFC 5321 §4.5.3.2 would have 5 min; a worker's task ends after 4, and a server this slow is worth another try.
_COMMAND_SECONDS: Final = 30.0
# After the final dot a server may be filtering the mail; giving up early leaves it unknown whether it went out.
_CONTENT_SECONDS: Final = 120.0


class SmtpTransport:
    """One connection at a time, kept for up to 100 mails or five minutes, asked with NOOP before it is used."""

    def __init__(
        self,
        server: SmtpServer,
        *,
        hello_name: str = "localhost",
        command_seconds: float = _COMMAND_SECONDS,
        content_seconds: float = _CONTENT_SECONDS,
        tls_context: ssl.SSLContext | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._hello_name = hello_name
        self._command_seconds = command_seconds
        self._content_seconds = content_seconds
        self._tls_context = tls_context
        self._monotonic = monotonic
        self._smtp: smtplib.SMTP | None = None
        self._opened_at_seconds = 0.0
        self._n_mails = 0
        self._open: _SmtpHandover | None = None

    def begin(self, sender: str, recipient: str) -> Handover | Retry | Refused:
        if self._open:
            self._open.abandon()
        try:
            address = read_recipient(recipient)
        except BadAddressError as error:
            return Refused(None, str(error), is_hard_bounce=True)
        smtp = self._connection()
        if isinstance(smtp, Retry):
            return smtp
        refusal = self._open_envelope(smtp, sender, address)
        if refusal:
            return refusal
        self._n_mails += 1
        self._open = _SmtpHandover(self, smtp)
        return self._open

    def close(self) -> None:
        if self._open:
            self._open.abandon()
        if self._smtp:
            try:
                self._smtp.quit()
            except OSError:
                self._smtp.close()
        self._smtp = None

    def drop(self) -> None:
        """Close the line without a word; what it was used for has failed."""
        if self._smtp:
            self._smtp.close()
        self._smtp = None

    def reset(self) -> None:
        """Close the envelope on the server, so that the line can be used again."""
        if self._smtp:
            try:
                self._smtp.rset()
            except OSError:
                self.drop()

    def send_content(self, smtp: smtplib.SMTP, raw: bytes) -> Delivered | Retry | Refused | Unknown:
        """DATA, the mail, the final dot. From its first byte on, a lost line means `Unknown`."""
        try:
            smtp.putcmd("data")
            code, reply = smtp.getreply()
        except OSError as error:
            self.drop()
            return Retry(_lost(error), Phase.DATA, GREYLIST_DELAY)
        if code != 354:
            return self._judge(code, reply, Phase.DATA)
        try:
            if smtp.sock:
                smtp.sock.settimeout(self._content_seconds)
            smtp.send(_dot_stuffed(raw))
            code, reply = smtp.getreply()
            if smtp.sock:
                smtp.sock.settimeout(self._command_seconds)
        except OSError as error:
            self.drop()
            return Unknown(f"the connection was lost after the mail was sent: {_lost(error)}")
        if 200 <= code < 300:
            return Delivered(scrub(reply))
        if 400 <= code < 600:
            return self._judge(code, reply, Phase.CONTENT)
        self.drop()
        return Unknown("the server took the mail's last byte and answered with something that is not SMTP")

    def _connection(self) -> smtplib.SMTP | Retry:
        if self._smtp and not self._is_usable(self._smtp):
            self.close()
        if self._smtp is None:
            opened = self._connect()
            if isinstance(opened, Retry):
                return opened
            self._smtp, self._opened_at_seconds, self._n_mails = opened, self._monotonic(), 0
        return self._smtp

    def _is_usable(self, smtp: smtplib.SMTP) -> bool:
        age_seconds = self._monotonic() - self._opened_at_seconds
        if self._n_mails >= _MAX_MAILS_PER_CONNECTION or age_seconds >= _MAX_CONNECTION_SECONDS:
            return False
        try:
            return smtp.noop()[0] == 250
        except OSError:
            return False

    def _connect(self) -> smtplib.SMTP | Retry:
        try:
            smtp = self._greet()
        except smtplib.SMTPConnectError as error:
            delay = CONNECT_DELAY if error.smtp_code < 400 else GREYLIST_DELAY
            return Retry(f"{error.smtp_code} {scrub(error.smtp_error)}", Phase.CONNECT, delay)
        except ssl.SSLError as error:
            return Retry(f"the mail server's certificate was refused: {error.reason}", Phase.TLS, SLOW_DELAY)
        except OSError as error:
            return Retry(f"the mail server can't be reached: {_lost(error)}", Phase.CONNECT, CONNECT_DELAY)
        trouble = self._secure(smtp) or self._log_in(smtp)
        if trouble:
            smtp.close()
        return trouble or smtp

    def _greet(self) -> smtplib.SMTP:
        server = self._server
        if server.security is Security.IMPLICIT:
            return smtplib.SMTP_SSL(
                server.host,
                server.port,
                local_hostname=self._hello_name,
                timeout=self._command_seconds,
                context=self._tls(),
            )
        return smtplib.SMTP(
            server.host, server.port, local_hostname=self._hello_name, timeout=self._command_seconds
        )

    def _secure(self, smtp: smtplib.SMTP) -> Retry | None:
        security = self._server.security
        try:
            smtp.ehlo_or_helo_if_needed()
            is_encrypted = security is Security.IMPLICIT
            if security in (Security.AUTO, Security.REQUIRED) and smtp.has_extn("starttls"):
                smtp.starttls(context=self._tls())
                smtp.ehlo()
                is_encrypted = True
        except smtplib.SMTPHeloError as error:
            return Retry(f"{error.smtp_code} {scrub(error.smtp_error)}", Phase.CONNECT, GREYLIST_DELAY)
        except ssl.SSLError as error:
            return Retry(f"the mail server's certificate was refused: {error.reason}", Phase.TLS, SLOW_DELAY)
        except OSError as error:
            return Retry(_lost(error), Phase.CONNECT, CONNECT_DELAY)
        if not is_encrypted and security is Security.REQUIRED:
            return Retry(
                "the mail server offers no encryption, which tls=required asks for", Phase.TLS, SLOW_DELAY
            )
        if not is_encrypted and self._server.password and not self._server.is_loopback:
            return Retry(
                "the mail server offers no encryption; the password is not sent in the clear",
                Phase.TLS,
                SLOW_DELAY,
            )
        return None

    def _log_in(self, smtp: smtplib.SMTP) -> Retry | None:
        if not self._server.username:
            return None
        try:
            smtp.login(self._server.username, self._server.password or "")
        except smtplib.SMTPResponseException as error:
            return Retry(f"{error.smtp_code} {scrub(error.smtp_error)}", Phase.LOGIN, SLOW_DELAY)
        except smtplib.SMTPNotSupportedError:
            return Retry(
                "the mail server takes no login; leave the user out of SMTP_URL", Phase.LOGIN, SLOW_DELAY
            )
        except OSError as error:
            return Retry(_lost(error), Phase.LOGIN, CONNECT_DELAY)
        return None

    def _tls(self) -> ssl.SSLContext:
        return self._tls_context or ssl.create_default_context()

    def _open_envelope(self, smtp: smtplib.SMTP, sender: str, address: Address) -> Retry | Refused | None:
        if address.needs_smtputf8 and not smtp.has_extn("smtputf8"):
            return Refused(None, "the mail server can't send to an address beyond ASCII (no SMTPUTF8)")
        options = ["SMTPUTF8", "BODY=8BITMIME"] if address.needs_smtputf8 else []
        steps: tuple[tuple[Phase, Callable[[], tuple[int, bytes]]], ...] = (
            (Phase.SENDER, lambda: smtp.mail(sender, options)),
            (Phase.RECIPIENT, lambda: smtp.rcpt(address.wire)),
        )
        for phase, ask in steps:
            try:
                code, reply = ask()
            except OSError as error:
                self.drop()
                return Retry(_lost(error), phase, GREYLIST_DELAY)
            if not 200 <= code < 300:
                return self._judge(code, reply, phase)
        return None

    def _judge(self, code: int, reply: bytes, phase: Phase) -> Retry | Refused:
        reason = f"{code} {scrub(reply)}"
        if code == 421 or not 400 <= code < 600:  # it hangs up, or speaks no SMTP
            self.drop()
        else:
            self.reset()
        if 500 <= code < 600:
            is_dead = is_dead_address(
                code, reply.decode("utf-8", "replace"), answers_recipient=phase is Phase.RECIPIENT
            )
            return Refused(code, reason, is_hard_bounce=is_dead)
        return Retry(reason, phase, delay_after(code))


class _SmtpHandover:
    """An open envelope on the transport's connection."""

    def __init__(self, transport: SmtpTransport, smtp: smtplib.SMTP) -> None:
        self._transport = transport
        self._smtp: smtplib.SMTP | None = smtp

    def deliver(self, raw: bytes) -> Delivered | Retry | Refused | Unknown:
        if self._smtp is None:
            raise HandoverSpentError(HandoverSpentError.__doc__)
        smtp, self._smtp = self._smtp, None
        return self._transport.send_content(smtp, raw)

    def abandon(self) -> None:
        if self._smtp is not None:
            self._smtp = None
            self._transport.reset()


def _dot_stuffed(raw: bytes) -> bytes:
    """End every line with CRLF and double each leading dot (RFC 5321 §4.5.2): no line can end the mail early."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", raw)
    ended = lines if lines.endswith(b"\r\n") else lines + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", ended) + b".\r\n"


def _lost(error: OSError) -> str:
    return scrub(str(error)) or type(error).__name__
