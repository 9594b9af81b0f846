"""The demo's inbox takes mails over real SMTP and shows what was sent, byte for byte."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.demo.inbox import N_MAILS_KEPT, Inbox, inbox_blueprint

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox(now=lambda: NOW) as started:
        yield started


@pytest.fixture
def reader(inbox: Inbox) -> FlaskClient:
    app = Flask("inbox-test", static_folder=None)
    app.register_blueprint(inbox_blueprint(inbox))
    return app.test_client()


def letter(to: str = "cleo@example.com", subject: str = "Ο καφές σας – hier") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Ada <ada@example.org>", to, subject
    message["List-Unsubscribe"] = "<https://app.example/u/1>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content("Your cart: http://shop.example/cart?x=1\nBye")
    message.add_alternative(
        '<html><head></head><body><a href="http://shop.example/r?a=1&amp;b=2">Resume</a>'
        "<script>alert(1)</script></body></html>",
        subtype="html",
    )
    return message


def send(inbox: Inbox, message: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", inbox.port, timeout=60) as connection:
        connection.send_message(message)


def test_a_mail_sent_over_smtp_is_kept_as_it_was_sent(inbox: Inbox) -> None:
    send(inbox, letter())
    (mail,) = inbox.wait_for("cleo@example.com")
    assert mail.subject == "Ο καφές σας – hier"
    assert (mail.recipients, mail.sender, mail.received_at) == (("cleo@example.com",), "ada@example.org", NOW)
    assert mail.text.startswith("Your cart:")
    assert mail.links == ("http://shop.example/r?a=1&b=2", "http://shop.example/cart?x=1")
    assert mail.raw.replace(b"\r\n", b"\n") == letter_bytes(mail.raw)


def letter_bytes(raw: bytes) -> bytes:
    """The mail written again by the standard library, with the boundary the sent one had."""
    again = letter()
    again.set_boundary(raw.split(b'boundary="')[1].split(b'"')[0].decode())
    return again.as_bytes()


def test_mails_are_found_by_recipient_newest_first(inbox: Inbox) -> None:
    for to, subject in [
        ("cleo@example.com", "one"),
        ("dan@example.com", "two"),
        ("cleo@example.com", "three"),
    ]:
        send(inbox, letter(to, subject))
    assert [mail.subject for mail in inbox.wait_for("CLEO@", 2)] == ["three", "one"]
    assert len(inbox.mails()) == 3


def test_waiting_ends_when_the_time_is_up(inbox: Inbox) -> None:
    assert inbox.wait_for("nobody@example.com", timeout_seconds=0.01) == []


def test_the_json_has_what_a_program_asks_for(inbox: Inbox, reader: FlaskClient) -> None:
    send(inbox, letter())
    inbox.wait_for("cleo")
    (told,) = reader.get("/inbox.json?to=cleo").json
    assert told["id"] == 1
    assert told["to"] == ["cleo@example.com"]
    assert ["List-Unsubscribe", "<https://app.example/u/1>"] in told["headers"]
    assert told["received_at"] == "2026-11-21T12:00:00+00:00"
    assert set(told) == {"id", "to", "from", "subject", "received_at", "headers", "links", "text", "html"}
    assert reader.get("/inbox.json?to=dan").json == []


def test_a_mails_html_cannot_run_scripts_or_reach_the_inbox(inbox: Inbox, reader: FlaskClient) -> None:
    send(inbox, letter())
    inbox.wait_for("cleo")
    page, part = reader.get("/inbox/1"), reader.get("/inbox/1/html")
    assert 'sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"' in page.text
    assert "alert(1)" not in page.text
    policy = part.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox;")
    assert "default-src 'none'" in policy
    assert '<head><base target="_blank">' in part.text


@pytest.mark.parametrize("part", ["html", "text", "headers", "links", "raw", "other"])
def test_every_part_of_a_mail_opens(inbox: Inbox, reader: FlaskClient, part: str) -> None:
    send(inbox, letter())
    inbox.wait_for("cleo")
    assert reader.get(f"/inbox/1?part={part}").status_code == 200
    assert reader.get("/inbox/1/raw").data == inbox.mails()[0].raw
    assert reader.get("/inbox/2").status_code == 404


def test_the_list_is_shown_filtered_and_emptied(inbox: Inbox, reader: FlaskClient) -> None:
    assert "No mail yet" in reader.get("/inbox").text
    send(inbox, letter())
    inbox.wait_for("cleo")
    assert "Ο καφές σας" in reader.get("/inbox?to=cleo").text
    assert "Nothing for" in reader.get("/inbox?to=dan").text
    reader.post("/inbox/clear")
    assert inbox.mails() == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no headers at all",
        b"Subject: =?bad?q?x?=\r\nContent-Type: text/plain; charset=nonsense\r\n\r\n\xff\xfe",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--y\r\n",
        b"Content-Transfer-Encoding: base64\r\nContent-Type: text/html; charset=utf-8\r\n\r\n!!!",
    ],
)
def test_a_malformed_mail_is_shown_as_far_as_it_goes(inbox: Inbox, reader: FlaskClient, raw: bytes) -> None:
    mail = inbox.take(raw, ("cleo@example.com",), "")
    assert mail.raw == raw
    for part in ("html", "text", "headers", "raw"):
        assert reader.get(f"/inbox/{mail.id}?part={part}").status_code == 200
    assert reader.get("/inbox").status_code == 200


def test_the_oldest_mails_go_when_there_are_too_many() -> None:
    inbox = Inbox(now=lambda: NOW)
    for number in range(N_MAILS_KEPT + 2):
        inbox.take(b"Subject: %d\r\n\r\n" % number, ("cleo@example.com",), "")
    assert len(inbox.mails()) == N_MAILS_KEPT
    assert inbox.mails()[-1].subject == "2"


def test_a_given_port_is_used_and_free_again_after_stopping() -> None:
    first = Inbox()
    first.start()
    port = first.port
    first.stop()
    assert first.port == 0
    with Inbox(port=port) as second:
        assert second.port == port
