"""Reports that come back, in the shapes that real servers give them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.bounces import BounceReport, ReportKind, read_report

MESSAGE_ID = "7c0f5d0e-42@larkspur.example"
CLEO = "cleo@customers.example.com"


def delivery_report(
    status: str, diagnostic: str, *, action: str = "failed", copy: str = "message/rfc822"
) -> bytes:
    return f"""\
From: MAILER-DAEMON@mx.example
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Thu, 5 Mar 2026 12:30:00 +0000

Final-Recipient: rfc822; {CLEO}
Original-Recipient: rfc822;other@customers.example.com
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {diagnostic}

--b
Content-Type: {copy}

From: shop@larkspur.example
Message-ID: <{MESSAGE_ID}>
Subject: Your cart

Hello
--b--
""".replace("\n", "\r\n").encode()


def complaint(feedback_type: str) -> bytes:
    return f"""\
From: feedback@mailbox.example
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is an abuse report.
--b
Content-Type: message/feedback-report

Feedback-Type: {feedback_type}
User-Agent: Somebody/1.0
Version: 1
Original-Rcpt-To: <{CLEO}>

--b
Content-Type: text/rfc822-headers

Message-ID: <{MESSAGE_ID}>
Subject: Your cart

--b--
""".encode()


@pytest.mark.parametrize("copy", ["message/rfc822", "text/rfc822-headers"])
@pytest.mark.parametrize(
    ("status", "diagnostic", "is_hard"),
    [
        ("5.1.1", "550 5.1.1 User unknown", True),
        ("5.0.0", "550-5.1.1 The email account does not exist", True),
        ("5.2.1", "550 5.2.1 Mailbox disabled", True),
        ("5.1.10", "556 5.1.10 Null MX", True),
        ("5.2.2", "552 5.2.2 Mailbox full", False),
        ("5.7.26", "550-5.7.26 This mail is unauthenticated", False),
        ("5.0.0", "554 Message looks like spam", False),
        ("4.4.7", "451 4.4.7 Message expired", False),
    ],
)
def test_a_bounce_is_hard_only_when_the_address_is_dead(
    status: str, diagnostic: str, is_hard: bool, copy: str
) -> None:
    report = read_report(delivery_report(status, diagnostic, copy=copy))
    assert report == BounceReport(ReportKind.BOUNCE, MESSAGE_ID, is_hard, status, CLEO)


def test_a_delay_is_no_bounce() -> None:
    report = read_report(delivery_report("4.4.1", "connection timed out", action="delayed"))
    assert report == BounceReport(ReportKind.DELAYED, MESSAGE_ID, False, "4.4.1", CLEO)


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded", ""])
def test_good_news_is_no_report(action: str) -> None:
    assert read_report(delivery_report("2.0.0", "250 OK", action=action)) is None


def test_a_complaint_names_the_mail_and_the_person() -> None:
    assert read_report(complaint("abuse")) == BounceReport(
        ReportKind.COMPLAINT, MESSAGE_ID, False, None, CLEO
    )


def test_not_spam_is_no_complaint() -> None:
    assert read_report(complaint("not-spam")) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Subject: Out of office\r\n\r\nI am away",
        b"Content-Type: multipart/report; boundary=b\r\n\r\n--b--",
        b"Content-Type: multipart/report\r\n\r\nno boundary",
        b"\xff\xfe\x00",
    ],
)
def test_anything_else_is_no_report(raw: bytes) -> None:
    assert read_report(raw) is None


def test_a_report_without_our_mail_has_no_message_id() -> None:
    raw = delivery_report("5.1.1", "550 5.1.1 User unknown").replace(b"Message-ID", b"X-Other")
    report = read_report(raw)
    assert report is not None
    assert report.message_id is None


def test_the_address_stays_out_of_the_repr() -> None:
    assert CLEO not in repr(read_report(complaint("abuse")))


@given(st.integers(min_value=0, max_value=600), st.binary(max_size=12))
def test_a_damaged_report_never_breaks_the_reader(at: int, noise: bytes) -> None:
    raw = delivery_report("5.1.1", "550 5.1.1 User unknown")
    read_report(raw[:at] + noise + raw[at + len(noise) :])
    read_report(raw[:at])
