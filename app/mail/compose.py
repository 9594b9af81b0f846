"""Builds the bytes of a mail: MIME parts and headers as Gmail, Yahoo and RFC 8058 want them. It sends nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from email.header import Header
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.policy import EmailPolicy
from typing import Any, Final

from app.mail.addresses import read_recipient, read_sender
from app.mail.render import Rendered
from app.mail.replies import scrub
from app.mail.values import one_line, safe_url

# Python folds a long URL into `=?utf-8?q?…`, which mail programs then can't find (python/cpython#85725, open).
# These headers are checked to be ASCII and short enough, and written on one line.
_UNFOLDED: Final = frozenset(
    ("list-unsubscribe", "list-unsubscribe-post", "list-id", "feedback-id", "message-id")
)
# RFC 5322 §2.1.1 allows 998 characters in a line; the rest is for the header's name and the second address.
_MAX_URL_CHARACTERS: Final = 600
_MAX_NAME_CHARACTERS: Final = 100
# With the header's name before it the line stays within RFC 5322's 78.
_MAX_PLAIN_CHARACTERS: Final = 66
# Needs neither quotes nor encoding in any header: no specials of RFC 5322 §3.2.3, nothing like an encoded word.
_PLAIN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/^_`{|}~ -]*")
_MESSAGE_ID: Final = re.compile(r"<?([A-Za-z0-9._+=-]+@[A-Za-z0-9.-]+)>?")
_MAILTO: Final = re.compile(r"mailto:[!-;=?-~]{3,300}")  # printable ASCII without < and >
_LIST_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,200}")
_FEEDBACK_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,200}")


class BadHeaderError(ValueError):
    """A header can't be written as asked; nothing was composed."""


class _MailPolicy(EmailPolicy):
    """Folds as SMTP wants, but leaves the headers in `_UNFOLDED` in one piece.

    Texts in people's words are encoded by `email.header`: from Python 3.12 on the newer folder lets lines with
    no-break spaces, and the encoded words in them, grow beyond what RFC 5322 and RFC 2047 allow.
    """

    def fold(self, name: str, value: Any) -> str:
        if name.lower() in _UNFOLDED:
            return f"{name}: {value}{self.linesep}"
        if name == "Subject":
            return f"{name}: {_encoded(name, str(value), self.linesep)}{self.linesep}"
        if name == "From" and value.addresses[0].display_name:
            (sender,) = value.addresses
            display_name = _encoded(name, sender.display_name, self.linesep)
            return f"{name}: {display_name}{self.linesep} <{sender.addr_spec}>{self.linesep}"
        folded: str = super().fold(name, value)
        return folded

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() in _UNFOLDED or name in ("Subject", "From"):
            return self.fold(name, value).encode("utf-8" if self.utf8 else "ascii")
        return super().fold_binary(name, value)


def _encoded(name: str, text: str, linesep: str) -> str:
    """A text as RFC 2047 words of at most 75 characters, or as it is where that is plain and short."""
    is_plain = text.isascii() and len(text) <= _MAX_PLAIN_CHARACTERS and _PLAIN.fullmatch(text) is not None
    if is_plain:
        return text
    return Header(text, "utf-8", maxlinelen=70, header_name=name).encode(linesep=linesep)


_POLICY: Final = _MailPolicy(linesep="\r\n", cte_type="7bit", raise_on_defect=True)


def compose(
    rendered: Rendered,
    *,
    sender: str,
    sender_name: str,
    reply_to: str | None,
    recipient: str,
    message_id: str,
    unsubscribe_url: str,
    unsubscribe_mailto: str | None,
    list_id: str,
    feedback_id: str,
    date: datetime,
    sign: Callable[[bytes], bytes] | None = None,
) -> bytes:
    """Return the mail as bytes, ready for DATA; pass them on as they are, a re-parse would fold them anew.

    `message_id` is `id@domain`; `list_id` a dotted name (`win-back.shop-7.example.com`); `feedback_id` up to
    four parts joined by colons; `unsubscribe_mailto` a whole `mailto:` address. `sign` (see `signing`)
    puts a DKIM signature before everything else.

    Raises:
        BadAddressError: the sender, the reply-to or the recipient is no address.
        BadHeaderError: another header can't be written as asked.
    """
    message = begin_message(
        rendered,
        sender=sender,
        sender_name=sender_name,
        reply_to=reply_to,
        recipient=recipient,
        message_id=message_id,
        date=date,
    )
    message["List-Unsubscribe"] = _list_unsubscribe(unsubscribe_url, unsubscribe_mailto)
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["List-ID"] = f"<{_checked('list id', _LIST_ID, list_id)}>"
    message["Feedback-ID"] = _checked("feedback id", _FEEDBACK_ID, feedback_id)
    return finish_message(message, rendered, sign)


def begin_message(
    rendered: Rendered,
    *,
    sender: str,
    sender_name: str,
    reply_to: str | None,
    recipient: str,
    message_id: str,
    date: datetime,
) -> EmailMessage:
    """Return a mail with the headers that every mail has, and no body yet."""
    to = read_recipient(recipient)
    message = EmailMessage(policy=_POLICY.clone(utf8=to.needs_smtputf8))
    name = one_line(sender_name)[:_MAX_NAME_CHARACTERS]
    message["From"] = HeaderAddress(display_name=name, addr_spec=read_sender(sender))
    message["To"] = to.wire
    if reply_to:
        message["Reply-To"] = read_recipient(reply_to).wire
    message["Subject"] = one_line(rendered.subject)
    if date.tzinfo is None:
        raise BadHeaderError("the date has no time zone; pass an aware one")
    message["Date"] = date
    message["Message-ID"] = f"<{_checked('message id', _MESSAGE_ID, message_id)}>"
    return message


def finish_message(message: EmailMessage, rendered: Rendered, sign: Callable[[bytes], bytes] | None) -> bytes:
    """Add both bodies and return the mail's bytes, signed where `sign` does."""
    message.set_content(rendered.text, subtype="plain", charset="utf-8")
    message.add_alternative(rendered.html, subtype="html", charset="utf-8")
    raw = message.as_bytes()
    return sign(raw) if sign else raw


def _list_unsubscribe(url: str, mailto: str | None) -> str:
    """Write the https way first, as Gmail and RFC 8058 prefer it."""
    is_plain = safe_url(url) == url and url.isascii() and not set(url) & set("<>,")
    if not is_plain or len(url) > _MAX_URL_CHARACTERS:
        raise BadHeaderError(
            f"the unsubscribe link ({len(url)} characters) must be a plain http(s) address "
            f"of {_MAX_URL_CHARACTERS} characters at most"
        )
    if mailto is None:
        return f"<{url}>"
    if not _MAILTO.fullmatch(mailto):
        raise BadHeaderError("the unsubscribe address must be a mailto: address in ASCII")
    return f"<{url}>, <{mailto}>"


def _checked(what: str, pattern: re.Pattern[str], value: str) -> str:
    found = pattern.fullmatch(value)
    if found is None:
        raise BadHeaderError(f"the {what} {scrub(value)[:80]!r} does not match {pattern.pattern}")
    return found.group(1) if found.groups() else value
