"""What the check of an installation says of its mail: tried as far as can be without sending one."""

from dataclasses import replace

import pytest
from pydantic import SecretStr

from app.cli_common import shop_id_of
from app.db.session import Database
from app.mail.transports import transport_from_url
from app.services.checkup import check_up
from app.services.shops import UnknownShopError
from tests.conftest import make_shop
from tests.fixtures.smtp_server import Fault, SmtpServerDouble


def said_of_shopify(context, key="", secret=""):
    settings = context.settings.model_copy(
        update={
            "shopify_api_key": key,
            "shopify_api_secret": SecretStr(secret),
            "app_url": "https://regulars.example.com",
        }
    )
    said = {}
    check_up(replace(context, settings=settings), said.__setitem__)
    return said["Shopify"]


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


def test_a_dkim_key_that_cant_be_used_is_told_before_any_mail_goes_unsigned(context, tmp_path):
    settings = context.settings.model_copy(update={"dkim_key_file": tmp_path / "nope.pem"})
    with SmtpServerDouble() as server:
        told = said_of_mail(replace(context, settings=settings), "shop@example.com", server.url)
        assert told == "DKIM_KEY_FILE can't be read: No such file or directory"
        (tmp_path / "nope.pem").write_text("no key")
        told = said_of_mail(replace(context, settings=settings), "shop@example.com", server.url)
        assert told.startswith("DKIM_KEY_FILE holds no usable RSA private key")


def test_a_database_without_our_role_is_told_to_be_migrated(context, database_url, monkeypatch):
    monkeypatch.setattr("app.db.session.APP_ROLE", "made_by_no_migration")
    database, said = Database(database_url), {}
    n_problems = check_up(replace(context, db=database), said.__setitem__)
    database.close()
    assert said["PostgreSQL"] == "holds nothing of ours yet: run `regulars migrate`"
    assert n_problems == sum(outcome != "fine" for outcome in said.values())


def test_without_a_shop_a_command_says_that_one_has_to_be_connected(context):
    with pytest.raises(UnknownShopError, match=r"^no shop is connected here; connect one first$"):
        shop_id_of(context, None)


def test_a_server_that_would_take_it_is_fine_and_gets_no_mail(context):
    with SmtpServerDouble() as server:
        assert said_of_mail(context, "shop@example.com", server.url) == "fine"
        assert server.mails == []


@pytest.mark.parametrize("fault", [Fault.BANNER_554, Fault.SENDER_550])
def test_a_server_that_refuses_the_sender_is_named(context, fault):
    with SmtpServerDouble(fault) as server:
        assert "check SMTP_URL and MAIL_FROM" in said_of_mail(context, "shop@example.com", server.url)


def test_shopifys_keys_are_asked_for_until_only_a_woocommerce_store_is_connected(context):
    assert "are not set" in said_of_shopify(context)
    make_shop(context, "ada-tea.example", "Ada's Tea", platform="woocommerce")
    assert said_of_shopify(context) == "fine"
    assert "are not set" in said_of_shopify(context, key="half of them")
    make_shop(context, "ben-bikes.myshopify.com", "Ben's Bikes")
    assert "are not set" in said_of_shopify(context)
    assert said_of_shopify(context, key="key", secret="secret") == "fine"
