"""What every mail transport keeps to, and what the SMTP one makes of servers that misbehave."""

from __future__ import annotations

import io
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.mail.smtp import SmtpTransport
from app.mail.transports import (
    BadSmtpUrlError,
    ConsoleTransport,
    Delivered,
    HandoverSpentError,
    MailTransport,
    Phase,
    Refused,
    Retry,
    Security,
    SmtpServer,
    Unknown,
    read_smtp_url,
    transport_from_url,
)
from tests.fixtures.smtp_server import PATIENCE_SECONDS, Fault, SmtpServerDouble, patience_with

SENDER = "shop@shop.example"
CLEO = "cleo@customers.example.com"
DAN = "dan@customers.example.com"
RAW = b"Subject: Your cart\r\nContent-Type: text/plain\r\n\r\nHello\r\n"


def smtp_transport(server: SmtpServerDouble, **changes: object) -> SmtpTransport:
    arguments: dict[str, object] = {**patience_with(server.fault), **changes}
    return SmtpTransport(read_smtp_url(server.url), **arguments)  # type: ignore[arg-type]


def hand_over(transport: MailTransport, recipient: str = CLEO, raw: bytes = RAW) -> object:
    """Both steps, as a worker without a ledger would do them."""
    begun = transport.begin(SENDER, recipient)
    return begun if isinstance(begun, (Retry, Refused)) else begun.deliver(raw)


@dataclass
class Harness:
    transport: MailTransport
    n_arrived: Callable[[], int]


@pytest.fixture(params=["smtp", "console"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    if request.param == "console":
        stream = io.StringIO()
        yield Harness(ConsoleTransport(stream), lambda: stream.getvalue().count("Subject: Your cart"))
        return
    with SmtpServerDouble() as server:
        transport = smtp_transport(server)
        yield Harness(transport, lambda: len(server.mails))
        transport.close()


class TestEveryTransport:
    def test_delivers_a_mail_that_was_begun(self, harness: Harness) -> None:
        handover = harness.transport.begin(SENDER, CLEO)
        assert not isinstance(handover, (Retry, Refused))
        assert harness.n_arrived() == 0
        assert isinstance(handover.deliver(RAW), Delivered)
        assert harness.n_arrived() == 1

    def test_sends_nothing_when_a_handover_is_abandoned(self, harness: Harness) -> None:
        handover = harness.transport.begin(SENDER, CLEO)
        assert not isinstance(handover, (Retry, Refused))
        handover.abandon()
        handover.abandon()
        with pytest.raises(HandoverSpentError):
            handover.deliver(RAW)
        assert harness.n_arrived() == 0

    def test_a_handover_delivers_once(self, harness: Harness) -> None:
        handover = harness.transport.begin(SENDER, CLEO)
        assert not isinstance(handover, (Retry, Refused))
        handover.deliver(RAW)
        with pytest.raises(HandoverSpentError):
            handover.deliver(RAW)
        handover.abandon()
        assert harness.n_arrived() == 1

    def test_the_next_handover_ends_the_one_before(self, harness: Harness) -> None:
        first = harness.transport.begin(SENDER, CLEO)
        second = harness.transport.begin(SENDER, DAN)
        assert not isinstance(first, (Retry, Refused))
        assert not isinstance(second, (Retry, Refused))
        with pytest.raises(HandoverSpentError):
            first.deliver(RAW)
        assert isinstance(second.deliver(RAW), Delivered)
        assert harness.n_arrived() == 1

    @pytest.mark.parametrize(
        "address", ["", "cleo", "cleo@", "cleo@x.example.com\r\nRCPT TO:<dan@x.example.com>"]
    )
    def test_refuses_what_is_no_address_without_repeating_it(self, harness: Harness, address: str) -> None:
        outcome = harness.transport.begin(SENDER, address)
        assert outcome == Refused(None, "the recipient's address is not one that mail can be sent to", True)
        assert harness.n_arrived() == 0

    def test_works_again_after_it_was_closed(self, harness: Harness) -> None:
        harness.transport.close()
        assert isinstance(hand_over(harness.transport), Delivered)
        harness.transport.close()
        assert isinstance(hand_over(harness.transport), Delivered)
        assert harness.n_arrived() == 2


MINUTE = timedelta(minutes=1)
# fault → what begin and deliver come to, and how many mails the server has after it
FAULTS: list[tuple[Fault, object, int]] = [
    (Fault.NONE, Delivered("2.0.0 Queued as 1A2B3C"), 1),
    (Fault.SLOW, Delivered("2.0.0 Queued as 1A2B3C"), 1),
    (Fault.BANNER_421, Retry("421 Too busy", Phase.CONNECT, 5 * MINUTE), 0),
    (Fault.BANNER_554, Retry("554 No service", Phase.CONNECT, 5 * MINUTE), 0),
    (Fault.SENDER_451, Retry("451 4.3.0 Try again later", Phase.SENDER, 5 * MINUTE), 0),
    (Fault.SENDER_550, Refused(550, "550 5.7.1 <[address]> is not allowed to send"), 0),
    (
        Fault.GREYLIST_451,
        Retry("451 4.7.1 Greylisted, please try again in 300 seconds", Phase.RECIPIENT, 5 * MINUTE),
        0,
    ),
    (Fault.RECIPIENT_421, Retry("421 4.7.0 Too many connections, closing", Phase.RECIPIENT, 5 * MINUTE), 0),
    (Fault.RECIPIENT_452, Retry("452 4.2.2 <[address]> Mailbox is full", Phase.RECIPIENT, 15 * MINUTE), 0),
    (
        Fault.RECIPIENT_550,
        Refused(550, "550 5.1.1 <[address]>: Recipient address rejected: no such user", is_hard_bounce=True),
        0,
    ),
    (Fault.RECIPIENT_550_POLICY, Refused(550, "550 5.7.26 This mail is unauthenticated"), 0),
    (Fault.RECIPIENT_554, Refused(554, "554 Transaction failed for [address]"), 0),
    (Fault.RECIPIENT_DROP, Retry("Connection unexpectedly closed", Phase.RECIPIENT, 5 * MINUTE), 0),
    (Fault.DATA_451, Retry("451 4.3.0 Try again later", Phase.DATA, 5 * MINUTE), 0),
    (Fault.DATA_554, Refused(554, "554 5.5.1 No valid recipients"), 0),
    (Fault.DROP_BEFORE_DATA, Retry("Connection unexpectedly closed", Phase.DATA, 5 * MINUTE), 0),
    (Fault.CONTENT_421, Retry("421 4.3.2 Shutting down", Phase.CONTENT, 5 * MINUTE), 0),
    (Fault.CONTENT_451, Retry("451 4.3.0 Try again later", Phase.CONTENT, 5 * MINUTE), 0),
    (Fault.CONTENT_550, Refused(550, "550 Message refused"), 0),
    (Fault.CONTENT_554, Refused(554, "554 5.6.0 Message looks like spam"), 0),
    (
        Fault.CONTENT_NOISE,
        Unknown("the server took the mail's last byte and answered with something that is not SMTP"),
        1,
    ),
    (
        Fault.DROP_AFTER_DOT,
        Unknown("the connection was lost after the mail was sent: Connection unexpectedly closed"),
        1,
    ),
    (
        Fault.STALL_AFTER_DOT,
        Unknown("the connection was lost after the mail was sent: Connection unexpectedly closed: timed out"),
        1,
    ),
]


class TestSmtpFaults:
    @pytest.mark.parametrize(
        ("fault", "expected", "n_taken"), FAULTS, ids=[fault.name for fault, *_ in FAULTS]
    )
    def test_each_fault_comes_to_its_outcome(self, fault: Fault, expected: object, n_taken: int) -> None:
        with SmtpServerDouble(fault) as server:
            transport = smtp_transport(server)
            assert hand_over(transport) == expected
            assert len(server.wait_for_mails(n_taken)) == n_taken
            transport.close()

    @pytest.mark.parametrize("fault", [Fault.BANNER_STALL, Fault.BANNER_DROP, Fault.BANNER_NOISE])
    def test_a_server_that_never_greets_is_tried_again(self, fault: Fault) -> None:
        with SmtpServerDouble(fault) as server:
            outcome = smtp_transport(server).begin(SENDER, CLEO)
        assert isinstance(outcome, Retry)
        assert (outcome.phase, outcome.after) == (Phase.CONNECT, MINUTE)

    def test_a_server_that_is_away_is_tried_again(self) -> None:
        with SmtpServerDouble() as server:
            gone = read_smtp_url(server.url)
        outcome = SmtpTransport(gone, command_seconds=PATIENCE_SECONDS).begin(SENDER, CLEO)
        assert isinstance(outcome, Retry)
        assert (outcome.phase, outcome.after) == (Phase.CONNECT, MINUTE)

    @pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.GREYLIST_451])
    def test_the_same_transport_delivers_once_the_fault_is_over(self, fault: Fault) -> None:
        with SmtpServerDouble(fault) as server:
            transport = smtp_transport(server)
            hand_over(transport, CLEO)
            server.fault = Fault.NONE
            transport._command_seconds = transport._content_seconds = PATIENCE_SECONDS
            assert isinstance(hand_over(transport, DAN), Delivered)
            assert [mail.recipients for mail in server.mails][-1] == (DAN,)
            transport.close()

    def test_a_greylisted_mail_goes_out_once_on_the_second_try(self) -> None:
        with SmtpServerDouble(Fault.GREYLIST_451) as server:
            transport = smtp_transport(server)
            assert isinstance(hand_over(transport), Retry)
            assert isinstance(hand_over(transport), Delivered)
            assert [mail.recipients for mail in server.mails] == [(CLEO,)]
            transport.close()

    def test_no_outcome_repeats_an_address(self) -> None:
        for fault in Fault:
            with SmtpServerDouble(fault) as server:
                transport = smtp_transport(server, command_seconds=0.2, content_seconds=0.2)
                assert "@" not in repr(hand_over(transport)), fault
                transport.close()


class TestSmtpContent:
    @pytest.mark.parametrize(
        ("raw", "arrives"),
        [
            (b"A: b\r\n\r\n.\r\nstill here\r\n", b"A: b\r\n\r\n.\r\nstill here\r\n"),
            (b"A: b\n\n.\nlone feeds\n", b"A: b\r\n\r\n.\r\nlone feeds\r\n"),
            (b"A: b\r\n\r\nno end of line", b"A: b\r\n\r\nno end of line\r\n"),
            (b"A: b\r\r\n.\rMAIL FROM:<x@y.example>\r", b"A: b\r\n\r\n.\r\nMAIL FROM:<x@y.example>\r\n"),
        ],
    )
    def test_no_line_of_a_mail_can_end_it_early(self, raw: bytes, arrives: bytes) -> None:
        with SmtpServerDouble() as server:
            transport = smtp_transport(server)
            assert isinstance(hand_over(transport, raw=raw), Delivered)
            assert [mail.raw for mail in server.mails] == [arrives]
            transport.close()

    def test_an_address_beyond_ascii_needs_a_server_that_knows_it(self) -> None:
        with SmtpServerDouble() as server:
            transport = smtp_transport(server)
            assert isinstance(hand_over(transport, "κλειώ@customers.example.com"), Delivered)
            assert server.mails[0].recipients == ("κλειώ@customers.example.com",)
            transport.close()
        with SmtpServerDouble(Fault.NO_SMTPUTF8) as server:
            transport = smtp_transport(server)
            outcome = hand_over(transport, "κλειώ@customers.example.com")
            assert outcome == Refused(
                None, "the mail server can't send to an address beyond ASCII (no SMTPUTF8)"
            )
            transport.close()

    def test_a_domain_beyond_ascii_goes_out_in_its_ascii_form(self) -> None:
        with SmtpServerDouble(Fault.NO_SMTPUTF8) as server:
            transport = smtp_transport(server)
            assert isinstance(hand_over(transport, "cleo@bücher.example.com"), Delivered)
            assert server.mails[0].recipients == ("cleo@xn--bcher-kva.example.com",)
            transport.close()


class TestSmtpConnection:
    def test_is_kept_for_the_next_mail_and_asked_with_noop_first(self) -> None:
        with SmtpServerDouble() as server:
            transport = smtp_transport(server)
            for _ in range(3):
                hand_over(transport)
            transport.close()
            assert (server.n_connections, len(server.mails)) == (1, 3)
            assert server.commands == ["EHLO"] + ["MAIL", "RCPT", "DATA", "NOOP"] * 2 + [
                "MAIL",
                "RCPT",
                "DATA",
                "QUIT",
            ]

    def test_is_renewed_after_100_mails(self) -> None:
        with SmtpServerDouble() as server:
            transport = smtp_transport(server)
            for _ in range(100):
                hand_over(transport)
            assert server.n_connections == 1
            hand_over(transport)
            transport.close()
            assert (server.n_connections, len(server.mails)) == (2, 101)

    def test_is_renewed_after_five_minutes(self) -> None:
        clock = iter([0.0, 299.0, 300.0, 300.0])
        with SmtpServerDouble() as server:
            transport = smtp_transport(server, monotonic=lambda: next(clock))
            hand_over(transport)
            hand_over(transport)
            assert server.n_connections == 1
            hand_over(transport)
            transport.close()
            assert (server.n_connections, len(server.mails)) == (2, 3)

    def test_that_the_server_closed_meanwhile_costs_no_mail(self) -> None:
        with SmtpServerDouble(Fault.DROP_AFTER_DOT) as server:
            transport = smtp_transport(server)
            assert isinstance(hand_over(transport), Unknown)
            server.fault = Fault.NONE
            hand_over(transport)
            server.hang_up()
            assert isinstance(hand_over(transport), Delivered)
            assert len(server.mails) == 3
            transport.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a self-signed certificate for localhost, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


class TestSmtpSecurity:
    def test_encrypts_wherever_the_server_offers_it(
        self, certificate: Path, server_tls: ssl.SSLContext
    ) -> None:
        with SmtpServerDouble(tls=server_tls) as server:
            trusting = ssl.create_default_context(cafile=certificate)
            transport = SmtpTransport(SmtpServer("localhost", server.port), tls_context=trusting)
            assert isinstance(hand_over(transport), Delivered)
            assert server.n_encrypted == 1
            transport.close()

    def test_speaks_tls_from_the_first_byte_for_smtps(
        self, certificate: Path, server_tls: ssl.SSLContext
    ) -> None:
        with SmtpServerDouble(tls=server_tls, is_implicit_tls=True) as server:
            trusting = ssl.create_default_context(cafile=certificate)
            transport = SmtpTransport(read_smtp_url(f"smtps://localhost:{server.port}"), tls_context=trusting)
            assert isinstance(hand_over(transport), Delivered)
            assert server.n_encrypted == 1
            transport.close()

    @pytest.mark.parametrize("is_implicit_tls", [False, True])
    def test_never_falls_back_from_a_certificate_it_does_not_trust(
        self, server_tls: ssl.SSLContext, is_implicit_tls: bool
    ) -> None:
        with SmtpServerDouble(tls=server_tls, is_implicit_tls=is_implicit_tls) as server:
            scheme = "smtps" if is_implicit_tls else "smtp"
            outcome = hand_over(SmtpTransport(read_smtp_url(f"{scheme}://localhost:{server.port}")))
            assert isinstance(outcome, Retry)
            assert outcome.phase is Phase.TLS
            assert server.mails == []

    def test_sends_nothing_without_encryption_where_it_is_required(self) -> None:
        with SmtpServerDouble() as server:
            outcome = hand_over(SmtpTransport(read_smtp_url(f"{server.url}?tls=required")))
            assert outcome == Retry(
                "the mail server offers no encryption, which tls=required asks for",
                Phase.TLS,
                timedelta(minutes=15),
            )
            assert server.mails == []

    def test_never_sends_a_password_in_the_clear_over_a_network(self) -> None:
        with SmtpServerDouble(login=("ada", "secret")) as server:
            # 127.0.0.2 is this machine too, but not one of the names that count as such.
            there = replace(read_smtp_url(server.url), host="127.0.0.2", username="ada", password="secret")
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(
                    "smtplib.SMTP._get_socket",
                    lambda smtp, host, port, timeout: __import__("socket").create_connection(
                        ("127.0.0.1", port), timeout
                    ),
                )
                outcome = hand_over(SmtpTransport(there))
            assert isinstance(outcome, Retry)
            assert outcome.phase is Phase.TLS
            assert "AUTH" not in server.commands

    @pytest.mark.parametrize(("password", "is_right"), [("s:e@c/ret", True), ("wrong", False)])
    def test_logs_in_with_the_user_of_the_url(self, password: str, is_right: bool) -> None:
        with SmtpServerDouble(login=("ada@larkspur", "s:e@c/ret")) as server:
            quoted = password.replace(":", "%3A").replace("@", "%40").replace("/", "%2F")
            url = f"smtp://ada%40larkspur:{quoted}@127.0.0.1:{server.port}"
            transport = transport_from_url(url)
            outcome = hand_over(transport)
            if is_right:
                assert isinstance(outcome, Delivered)
            else:
                reason = "535 5.7.8 Wrong user or password"
                assert outcome == Retry(reason, Phase.LOGIN, timedelta(minutes=15))
            assert len(server.mails) == int(is_right)
            transport.close()

    def test_says_so_when_a_server_takes_no_login(self) -> None:
        with SmtpServerDouble() as server:
            outcome = hand_over(transport_from_url(f"smtp://ada:secret@127.0.0.1:{server.port}"))
        assert outcome == Retry(
            "the mail server takes no login; leave the user out of SMTP_URL",
            Phase.LOGIN,
            timedelta(minutes=15),
        )


class TestSmtpUrl:
    @pytest.mark.parametrize(
        ("url", "server"),
        [
            ("smtp://mail.example", SmtpServer("mail.example", 587)),
            ("smtp://mail.example:25?tls=off", SmtpServer("mail.example", 25, Security.OFF)),
            ("smtp://mail.example?tls=required", SmtpServer("mail.example", 587, Security.REQUIRED)),
            ("smtps://a:b%3Ac@mail.example", SmtpServer("mail.example", 465, Security.IMPLICIT, "a", "b:c")),
            ("smtp://[::1]:2525", SmtpServer("::1", 2525)),
        ],
    )
    def test_is_read(self, url: str, server: SmtpServer) -> None:
        assert read_smtp_url(url) == server

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "mail.example:25",
            "http://ada:hunter2@mail.example",
            "smtp://",
            "smtp://ada:hunter2@mail.example:x",
            "smtp://ada:hunter2@mail.example:99999",
            "smtp://ada:hunter2@mail.example?tls=maybe",
        ],
    )
    def test_that_is_wrong_is_refused_without_its_password(self, url: str) -> None:
        with pytest.raises(BadSmtpUrlError) as caught:
            read_smtp_url(url)
        assert "hunter2" not in str(caught.value)

    def test_keeps_the_password_out_of_every_repr(self) -> None:
        assert (
            repr(read_smtp_url("smtps://ada:hunter2@mail.example"))
            == "SmtpServer(mail.example:465, implicit)"
        )

    def test_none_prints_mails(self) -> None:
        assert isinstance(transport_from_url(None), ConsoleTransport)


def test_the_console_shows_a_mail_as_a_person_reads_it() -> None:
    stream = io.StringIO()
    raw = (
        b"Subject: =?utf-8?b?zpHOsw==?=\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nzpPOtc65zrEK\r\n"
    )
    hand_over(ConsoleTransport(stream), raw=raw)
    assert stream.getvalue() == (
        "From: shop@shop.example\nTo: cleo@customers.example.com\nSubject: Αγ\n\nΓεια\n" + "-" * 72 + "\n"
    )
