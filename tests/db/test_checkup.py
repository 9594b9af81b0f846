"""What the check of an installation says of its mail: tried as far as can be without sending one."""

from dataclasses import replace

import pytest

from app.mail.transports import transport_from_url
from app.services.checkup import check_up
from tests.fixtures.smtp_server import Fault, SmtpServerDouble


def said_of_mail(context, sender, url):
    settings = context.settings.model_copy(update={"smtp_url": url, "mail_from": sender})
    said = {}
    checked = replace(context, settings=settings, transport=transport_from_url(url))
    check_up(checked, said.__setitem__)
    return said["mail"]


@pytest.mark.parametrize(
    ("sender", "url", "part"),
    [
        ("shop@example.com", None, "SMTP_URL is not set"),
        ("notanaddress", "smtp://127.0.0.1:1", "not a plain name@domain"),
        ("shop@localhost", "smtp://127.0.0.1:1", "MAIL_FROM is not set"),
        ("shop@example.com", "smtp://127.0.0.1:1", "can't be sent"),
    ],
)
def test_what_is_wrong_with_mail_is_said(context, sender, url, part):
    assert part in said_of_mail(context, sender, url)


def test_a_server_that_would_take_it_is_fine_and_gets_no_mail(context):
    with SmtpServerDouble() as server:
        assert said_of_mail(context, "shop@example.com", server.url) == "fine"
        assert server.mails == []


@pytest.mark.parametrize("fault", [Fault.BANNER_554, Fault.SENDER_550])
def test_a_server_that_refuses_the_sender_is_named(context, fault):
    with SmtpServerDouble(fault) as server:
        assert "check SMTP_URL and MAIL_FROM" in said_of_mail(context, "shop@example.com", server.url)
