"""The demo's inbox: a real SMTP server on loopback that keeps every mail, and the pages that show them."""

from __future__ import annotations

import asyncio
import email
import email.policy
import itertools
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue

# RFC 5321 §4.5.3.1 leaves the size to the server; Gmail takes 25 MB, the demo's mails are under 1 MB.
LARGEST_MAIL_BYTES = 10_000_000

# Far above what the server takes to listen on a busy machine, so that only a hang fails.
START_SECONDS = 60.0

# A demo left running for a week must not fill the memory; the oldest mails go first.
N_MAILS_KEPT = 5_000

LINK_IN_TEXT = re.compile(r"https?://[^\s<>\"')\]]+")


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as it came in; `raw` is what was sent, byte for byte."""

    id: int
    recipients: tuple[str, ...]
    sender: str
    received_at: datetime
    raw: bytes
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    links: tuple[str, ...]

    def header(self, name: str) -> str:
        return next((value for each, value in self.headers if each.casefold() == name.casefold()), "")

    @property
    def subject(self) -> str:
        return self.header("Subject")

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "to": list(self.recipients),
            "from": self.header("From"),
            "subject": self.subject,
            "received_at": self.received_at.isoformat(),
            "headers": [list(each) for each in self.headers],
            "links": list(self.links),
            "text": self.text,
            "html": self.html,
        }


def read_mail(
    number: int, raw: bytes, recipients: tuple[str, ...], sender: str, received_at: datetime
) -> Mail:
    """Parses leniently: whatever was sent is shown, also when it is malformed."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    text, html = _part(message, "plain"), _part(message, "html")
    return Mail(
        id=number,
        recipients=recipients,
        sender=sender,
        received_at=received_at,
        raw=raw,
        headers=tuple((name, _header_text(value)) for name, value in message.items()),
        text=text,
        html=html,
        links=_links(text, html),
    )


def _part(message: EmailMessage, subtype: str) -> str:
    part = message.get_body(preferencelist=(subtype,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, KeyError, UnicodeError):
        # An unknown charset or an encoding that lies: show what can be read.
        content = part.get_payload(decode=True)
        return content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)


def _header_text(value: object) -> str:
    return re.sub(r"\s+", " ", str(value)).strip()


class _LinkReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href")
        if tag == "a" and target and target.startswith(("http://", "https://", "mailto:")):
            self.found.append(target)


def _links(text: str, html: str) -> tuple[str, ...]:
    """Every address a reader could follow, each once, those of the HTML part first."""
    reader = _LinkReader()
    reader.feed(html)
    return tuple(dict.fromkeys([*reader.found, *LINK_IN_TEXT.findall(text)]))


class Inbox:
    """Keeps mails, newest last, and receives them over SMTP while started."""

    def __init__(self, port: int = 0, now: Callable[[], datetime] | None = None) -> None:
        self._wanted_port = port
        self._now = now or (lambda: datetime.now(UTC))
        self._mails: dict[int, Mail] = {}
        self._numbers = itertools.count(1)
        self._changed = threading.Condition()
        self._server: _Server | None = None

    @property
    def port(self) -> int:
        """Where mails are taken, on 127.0.0.1; 0 while stopped."""
        return self._server.port_in_use if self._server else 0

    def start(self) -> None:
        server = _Server(_Taking(self), self._wanted_port)
        server.start()
        self._server = server

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Inbox:
        self.start()
        return self

    def __exit__(self, *_problem: object) -> None:
        self.stop()

    def take(self, raw: bytes, recipients: tuple[str, ...], sender: str) -> Mail:
        with self._changed:
            mail = read_mail(next(self._numbers), raw, recipients, sender, self._now())
            self._mails[mail.id] = mail
            while len(self._mails) > N_MAILS_KEPT:
                del self._mails[next(iter(self._mails))]
            self._changed.notify_all()
            return mail

    def mails(self, to: str = "") -> list[Mail]:
        """Newest first; `to` is a part of a recipient's address, in any case."""
        wanted = to.casefold().strip()
        with self._changed:
            found = [m for m in self._mails.values() if any(wanted in r.casefold() for r in m.recipients)]
        return found[::-1]

    def mail(self, number: int) -> Mail | None:
        with self._changed:
            return self._mails.get(number)

    def wait_for(self, to: str, n_mails: int = 1, timeout_seconds: float = 10.0) -> list[Mail]:
        """Returns when as many mails to `to` are there, or when the time is up with those that are."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.mails(to)) >= n_mails, timeout_seconds)
        return self.mails(to)

    def clear(self) -> None:
        with self._changed:
            self._mails.clear()


class _Taking:
    """aiosmtpd's handler; its method names are aiosmtpd's."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        raw = envelope.original_content or b""
        self._inbox.take(raw, tuple(envelope.rcpt_tos), envelope.mail_from or "")
        return "250 Taken"


class _Server(Controller):
    """A controller that can be given port 0: the kernel picks a free one."""

    def __init__(self, handler: _Taking, port: int) -> None:
        super().__init__(
            handler,
            hostname="127.0.0.1",
            port=port,
            ready_timeout=START_SECONDS,
            data_size_limit=LARGEST_MAIL_BYTES,
        )

    def _trigger_server(self) -> None:
        # aiosmtpd connects to its own port to see it alive; by then it has to know which one it got.
        self.port = self.port_in_use
        super()._trigger_server()  # type: ignore[no-untyped-call]

    @property
    def port_in_use(self) -> int:
        if not isinstance(self.server, asyncio.Server) or not self.server.sockets:
            return 0
        return int(self.server.sockets[0].getsockname()[1])


def inbox_blueprint(inbox: Inbox) -> Blueprint:
    """`/inbox` for people, `/inbox.json` for programs."""
    pages = Blueprint(
        "inbox",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path="/inbox/assets",
    )
    _add_list(pages, inbox)
    _add_mail(pages, inbox)
    return pages


def _add_list(pages: Blueprint, inbox: Inbox) -> None:
    @pages.get("/inbox")
    def show_inbox() -> ResponseReturnValue:
        to = request.args.get("to", "")
        return render_template(
            "inbox/list.html", mails=inbox.mails(to)[:200], to=to, n_all=len(inbox.mails())
        )

    @pages.get("/inbox.json")
    def show_inbox_json() -> ResponseReturnValue:
        return jsonify([mail.as_json() for mail in inbox.mails(request.args.get("to", ""))])

    @pages.post("/inbox/clear")
    def receive_clear() -> ResponseReturnValue:
        inbox.clear()
        return redirect("/inbox", 303)


def _add_mail(pages: Blueprint, inbox: Inbox) -> None:
    def found(number: int) -> Mail:
        mail = inbox.mail(number)
        if mail is None:
            abort(404)
        return mail

    @pages.get("/inbox/<int:number>")
    def show_mail(number: int) -> ResponseReturnValue:
        mail = found(number)
        part = request.args.get("part", "html" if mail.html else "text")
        return render_template("inbox/mail.html", mail=mail, part=part, to=request.args.get("to", ""))

    @pages.get("/inbox/<int:number>/html")
    def show_html(number: int) -> ResponseReturnValue:
        """The HTML part as a mail program shows it: no script, links in a new tab.

        Of our origin, so that the page around it can see how tall it is; without script that gives it nothing.
        """
        answer = Response(_with_base(found(number).html), mimetype="text/html")
        answer.headers["Content-Security-Policy"] = (
            "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox;"
            " default-src 'none'; img-src * data:; style-src 'unsafe-inline'; font-src *"
        )
        return answer

    @pages.get("/inbox/<int:number>/raw")
    def show_raw(number: int) -> ResponseReturnValue:
        return Response(found(number).raw, mimetype="text/plain; charset=utf-8")


def _with_base(html: str) -> str:
    """Links leave the frame; the tag goes where a head begins, or in front of everything."""
    base = '<base target="_blank">'
    replaced, n_found = re.subn(
        r"(<head[^>]*>)", lambda match: match[1] + base, html, count=1, flags=re.IGNORECASE
    )
    return replaced if n_found else base + html
