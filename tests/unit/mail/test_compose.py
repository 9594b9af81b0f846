"""The bytes of a mail: headers that mailbox providers ask for, and none that anybody smuggled in."""

from __future__ import annotations

import email
import re
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from app.mail.addresses import Address, BadAddressError, read_recipient
from app.mail.compose import BadHeaderError, compose
from app.mail.render import Rendered, render
from app.mail.samples import sample_mail
from app.mail.signing import DkimUnavailableError, dkim_signer

RENDERED = Rendered(subject="Your cart", html="<p>Hello</p>\n", text="Hello\n", preheader="")
# As long as ours get: an address, a purpose, a token.
LONG_URL = "https://regulars.larkspur.example/u/" + "eyJ-abc_DEF.0123456789" * 9
MAILTO = "mailto:unsubscribe@larkspur.example?subject=7.42"
DEFAULTS: dict[str, object] = {
    "sender": "shop@larkspur.example",
    "sender_name": "Larkspur & Co",
    "reply_to": "ada@larkspur.example",
    "recipient": "cleo@customers.example.com",
    "message_id": "7c0f5d0e-42@larkspur.example",
    "unsubscribe_url": LONG_URL,
    "unsubscribe_mailto": MAILTO,
    "list_id": "abandoned-cart.shop-7.larkspur.example",
    "feedback_id": "abandoned_cart:shop-7:regulars",
    "date": datetime(2026, 3, 5, 12, 30, tzinfo=UTC),
}


def composed(rendered: Rendered = RENDERED, **changes: object) -> bytes:
    return compose(rendered, **(DEFAULTS | changes))  # type: ignore[arg-type]


def parsed(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def header_lines(raw: bytes) -> list[bytes]:
    return raw.partition(b"\r\n\r\n")[0].split(b"\r\n")


def test_has_the_headers_of_a_marketing_mail() -> None:
    message = parsed(composed())
    assert {name: str(message[name]) for name in message} == {
        "From": "Larkspur & Co <shop@larkspur.example>",
        "To": "cleo@customers.example.com",
        "Reply-To": "ada@larkspur.example",
        "Subject": "Your cart",
        "Date": "Thu, 05 Mar 2026 12:30:00 +0000",
        "Message-ID": "<7c0f5d0e-42@larkspur.example>",
        "List-Unsubscribe": f"<{LONG_URL}>, <{MAILTO}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-ID": "<abandoned-cart.shop-7.larkspur.example>",
        "Feedback-ID": "abandoned_cart:shop-7:regulars",
        "MIME-Version": "1.0",
        "Content-Type": message["Content-Type"],
    }


def test_a_long_unsubscribe_link_stays_whole_on_one_line() -> None:
    lines = [line for line in header_lines(composed()) if line.startswith(b"List-Unsubscribe:")]
    assert lines == [f"List-Unsubscribe: <{LONG_URL}>, <{MAILTO}>".encode()]
    assert len(LONG_URL) > 200
    assert b"=?" not in lines[0]


def test_text_comes_first_and_both_parts_are_whole() -> None:
    rendered = render("abandoned_cart", sample_mail("abandoned_cart"), "el")
    parts = list(parsed(composed(rendered)).iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert parts[0].get_content().splitlines() == rendered.text.splitlines()
    assert parts[1].get_content().splitlines() == rendered.html.splitlines()


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=150))
@settings(max_examples=100, deadline=None)
def test_every_line_is_ascii_and_short_and_the_subject_survives(subject: str) -> None:
    raw = composed(Rendered(subject, "<p>" + "ш" * 3000, "x" * 3000, ""), sender_name=subject)
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    for line in raw.split(b"\r\n"):
        assert len(line) <= 78 or line.startswith((b"List-Unsubscribe:", b"Message-ID:"))
    assert all(len(word) <= 75 for line in header_lines(raw) for word in re.findall(rb"=\?\S+\?=", line))
    assert "".join(parsed(raw)["Subject"].split()) == "".join(subject.split())


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\v", "\f", "\x85", "\u2028", "\u2029", "\x00"])
class TestHeaderInjection:
    def test_is_stripped_from_names_and_subjects(self, break_: str) -> None:
        evil = f"Larkspur{break_}Bcc: dan@customers.example.com"
        raw = composed(Rendered(evil, "<p>", "x", ""), sender_name=evil)
        assert not any(line.lower().startswith(b"bcc") for line in header_lines(raw))
        assert parsed(raw)["Subject"] == "Larkspur Bcc: dan@customers.example.com"
        assert parsed(raw)["Bcc"] is None

    @pytest.mark.parametrize(
        "name",
        sorted(set(DEFAULTS) - {"sender_name", "date"}),
    )
    def test_is_refused_everywhere_else(self, name: str, break_: str) -> None:
        evil = f"{DEFAULTS[name]}{break_}Bcc: dan@customers.example.com"
        with pytest.raises((BadAddressError, BadHeaderError)) as caught:
            composed(**{name: evil})
        assert "dan@" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("unsubscribe_url", "javascript:alert(1)"),
        ("unsubscribe_url", "https://a.example/é"),
        ("unsubscribe_url", "https://a.example/>,<x"),
        ("unsubscribe_url", "https://a.example/" + "x" * 600),
        ("unsubscribe_mailto", "unsubscribe@larkspur.example"),
        ("message_id", "no-domain"),
        ("list_id", "with space"),
        ("feedback_id", ""),
        ("date", datetime(2026, 3, 5)),  # noqa: DTZ001 - that is the fault
    ],
)
def test_what_can_not_be_a_header_is_refused(name: str, value: object) -> None:
    with pytest.raises(BadHeaderError):
        composed(**{name: value})


def test_the_second_way_to_unsubscribe_and_the_reply_address_may_be_left_out() -> None:
    message = parsed(composed(unsubscribe_mailto=None, reply_to=None, sender_name=""))
    assert message["List-Unsubscribe"] == f"<{LONG_URL}>"
    assert message["Reply-To"] is None
    assert message["From"] == "shop@larkspur.example"


class TestAddresses:
    @pytest.mark.parametrize(
        ("text", "address"),
        [
            ("cleo@customers.example.com", Address("cleo@customers.example.com", False)),
            ("Cleo.B+x@Customers.Example.com", Address("Cleo.B+x@customers.example.com", False)),
            ("cleo@bücher.example.com", Address("cleo@xn--bcher-kva.example.com", False)),
            ("κλειώ@bücher.example.com", Address("κλειώ@bücher.example.com", True)),
            ("cleo@shop.test", Address("cleo@shop.test", False)),
        ],
    )
    def test_of_recipients_are_brought_into_one_form(self, text: str, address: Address) -> None:
        assert read_recipient(text) == address

    @pytest.mark.parametrize(
        "text", ["", "cleo", "cleo@localhost", "a b@x.example.com", "Cleo <c@x.example.com>", "c@[127.0.0.1]"]
    )
    def test_that_are_none_are_refused_without_repeating_them(self, text: str) -> None:
        with pytest.raises(BadAddressError) as caught:
            read_recipient(text)
        assert not text or text not in str(caught.value)

    def test_stay_out_of_reprs(self) -> None:
        assert "cleo" not in repr(read_recipient("cleo@customers.example.com"))

    def test_of_the_sender_may_be_on_this_machine(self) -> None:
        assert parsed(composed(sender="shop@localhost"))["From"] == "Larkspur & Co <shop@localhost>"

    @pytest.mark.parametrize(
        "sender", ["", "shop", "Shop <shop@x.example>", "shop@x.example>", "é@x.example"]
    )
    def test_of_the_sender_must_be_plain(self, sender: str) -> None:
        with pytest.raises(BadAddressError, match="MAIL_FROM"):
            composed(sender=sender)

    def test_beyond_ascii_are_written_as_they_are(self) -> None:
        raw = composed(recipient="κλειώ@bücher.example.com")
        assert "To: κλειώ@bücher.example.com".encode() in header_lines(raw)


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = tmp_path_factory.mktemp("dkim") / "key.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    return path


def published_key(key_file: Path) -> bytes:
    key = serialization.load_pem_private_key(key_file.read_bytes(), None).public_key()
    lines = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).splitlines()
    return b"v=DKIM1; k=rsa; p=" + b"".join(lines[1:-1])


class TestDkim:
    def test_verifies_and_covers_both_unsubscribe_headers(self, key_file: Path) -> None:
        signer = dkim_signer(key_file, "regulars", "shop@larkspur.example")
        assert signer is not None
        rendered = render("win_back", sample_mail("win_back"), "ru")
        raw = composed(rendered, sign=signer.sign)
        asked: list[bytes] = []

        def dns(name: bytes, timeout: int = 5) -> bytes:
            asked.append(name)
            return published_key(key_file)

        assert dkim.verify(raw, dnsfunc=dns)
        assert asked == [b"regulars._domainkey.larkspur.example."]
        signature = "".join(parsed(raw)["DKIM-Signature"].split())
        covered = signature.partition("h=")[2].partition(";")[0].split(":")
        assert covered.count("from") == 2
        assert {"list-unsubscribe", "list-unsubscribe-post", "to", "subject", "date", "message-id"} <= set(
            covered
        )
        for header in (b"Reply-To", b"List-Unsubscribe"):
            changed = raw.replace(b"\r\n" + header + b": ", b"\r\n" + header + b": x", 1)
            assert changed != raw
            assert not dkim.verify(changed, dnsfunc=dns)
        assert not dkim.verify(raw.replace(b"From: ", b"From: evil@x.example\r\nFrom: ", 1), dnsfunc=dns)

    def test_is_off_without_a_key(self) -> None:
        assert dkim_signer(None, "regulars", "shop@larkspur.example") is None

    def test_says_what_is_wrong_before_any_mail_is_sent(self, key_file: Path, tmp_path: Path) -> None:
        rubbish = tmp_path / "rubbish.pem"
        rubbish.write_text("no key")
        with pytest.raises(DkimUnavailableError, match="can't be read: No such file"):
            dkim_signer(tmp_path / "absent.pem", "regulars", "shop@larkspur.example")
        with pytest.raises(DkimUnavailableError, match="no usable RSA private key"):
            dkim_signer(rubbish, "regulars", "shop@larkspur.example")
        with pytest.raises(DkimUnavailableError, match="not a name of DNS"):
            dkim_signer(key_file, "a b", "shop@larkspur.example")

    def test_keeps_the_key_out_of_its_repr(self, key_file: Path) -> None:
        assert "PRIVATE" not in repr(dkim_signer(key_file, "regulars", "shop@larkspur.example"))


@pytest.mark.parametrize(
    "name",
    [
        "Larkspur, ceo@bank.example, " + "a" * 60,
        "x\\" * 20 + ", ceo@bank.example",
        'a"' * 45,
        "<ceo@bank.example>",
    ],
)
def test_a_shops_name_never_becomes_a_second_sender(name: str) -> None:
    """Python's own folder drops the quotes of a long name, and what is in it turns into addresses."""
    (sender,) = parsed(composed(sender_name=name))["From"].addresses
    assert (sender.addr_spec, "".join(sender.display_name.split())) == (
        "shop@larkspur.example",
        "".join(name.split()),
    )
