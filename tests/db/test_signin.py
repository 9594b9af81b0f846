"""Links work once and not for long; sessions end; what was let go is gone. All of it holds without Redis."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
import time_machine
from cryptography.fernet import Fernet
from sqlalchemy import text

from app.clock import real_now
from app.db.session import Database
from app.mail.transports import transport_from_url
from app.services import signin
from app.services.signin.links import MAIL_LIFE, look_at_link, make_link, use_link
from app.services.signin.people import find_person
from app.services.vault import Vault
from tests.conftest import Shop, make_shop
from tests.fixtures.smtp_server import Fault, SmtpServerDouble

ADA = "ada@example.com"


@pytest.fixture(autouse=True)
def _clock_standing_still():
    """A link lives for a minute; how long a test takes has nothing to do with it."""
    with time_machine.travel(real_now(), tick=False):
        yield


@pytest.fixture
def shop(context) -> Shop:
    return make_shop(context, "ada-tea.example", "Ada's Tea", platform="woocommerce", email=ADA)


def link_to(context, shop, email=ADA, name="Ada"):
    """A link's token, as the shop's admin gets it."""
    url = signin.one_time_link(context, shop.shop_id, email=email, name=name)
    assert url.startswith(f"{context.settings.app_url}/sign-in/")
    return url.rpartition("/")[2]


def enter_by_mail(context, email=ADA):
    """A cookie of somebody who has shown that they read this address's mail."""
    url = make_link(context, find_person(context, email), kind="mail", life=MAIL_LIFE, now=real_now())
    return signin.enter(context, url.rpartition("/")[2], "Safari on Mac")


def enter(context, shop, email=ADA, before=None):
    """A cookie of somebody whom the shop's admin sent."""
    cookie = signin.enter(context, link_to(context, shop, email), "Firefox on Windows", before=before)
    assert cookie is not None
    return cookie


def later(**step):
    return time_machine.travel(real_now() + timedelta(**step), tick=False)


def test_a_link_of_the_shops_admin_signs_in_once(context, shop):
    token = link_to(context, shop)
    invited = look_at_link(context, token)
    assert (invited.kind, invited.person.email) == ("desk", ADA)
    assert [one.name for one in invited.shops] == ["Ada's Tea"]
    cookie = signin.enter(context, token, "Firefox on Windows")
    found = signin.find_session(context, cookie)
    assert (found.person.email, found.shop.shop_id) == (ADA, shop.shop_id)
    assert signin.enter(context, token, "Firefox on Windows") is None
    assert look_at_link(context, token) is None


def test_a_link_of_the_shops_admin_lives_for_a_minute(context, shop):
    token = link_to(context, shop)
    with later(seconds=59):
        assert look_at_link(context, token) is not None
    with later(seconds=61):
        assert look_at_link(context, token) is None
        assert use_link(context, token) is None


def test_a_link_works_once_however_many_press_at_once_and_with_redis_wiped(context, shop):
    token = link_to(context, shop)
    context.redis.flushall()
    with ThreadPoolExecutor(4) as pool:
        cookies = list(pool.map(lambda _: signin.enter(context, token, "Chrome on Android"), range(8)))
    assert len([cookie for cookie in cookies if cookie]) == 1


def test_neither_tokens_nor_addresses_lie_in_the_database_in_the_clear(context, shop, owner):
    token = link_to(context, shop)
    cookie = signin.enter(context, token, "Firefox on Windows")
    with owner.connect() as connection:
        for table in ("people", "memberships", "sign_in_links", "person_sessions"):
            rows = connection.execute(text(f"SELECT {table}::text FROM {table}")).scalars().all()
            assert rows
            for row in rows:
                assert not any(
                    secret in row or secret.encode().hex() in row for secret in (token, cookie, ADA, "Ada")
                )


@pytest.mark.parametrize("token", ["", "x", "\0", "é", "a" * 5000, "../../etc", "\ud800"])
def test_a_token_that_is_none_opens_nothing(context, shop, token):
    assert look_at_link(context, token) is None
    assert signin.enter(context, token, "Firefox") is None
    assert signin.find_session(context, token) is None


def test_a_session_ends_after_a_week_of_silence_and_after_a_month_in_any_case(context, shop):
    cookie = enter(context, shop)
    with later(days=6, hours=23):
        assert signin.find_session(context, cookie) is not None
    with later(days=7, hours=1):
        assert signin.find_session(context, cookie) is not None  # seen a day before
    with later(days=15):
        assert signin.find_session(context, cookie) is None
    other = enter(context, shop)
    for day in range(1, 30):
        with later(days=day):
            assert signin.find_session(context, other) is not None
    with later(days=30, minutes=1):
        assert signin.find_session(context, other) is None


def test_signing_in_closes_what_the_browser_had_open_and_never_goes_on_with_it(context, shop):
    planted = enter(context, shop, "mallory@example.com")
    cookie = enter(context, shop, before=planted)
    assert cookie != planted
    assert signin.find_session(context, planted) is None
    assert signin.find_session(context, cookie).person.email == ADA


def test_sessions_are_listed_and_ended_one_by_one_or_all_others(context, shop):
    cookies = [enter(context, shop) for _ in range(3)]
    here = signin.find_session(context, cookies[0])
    listed = signin.list_sessions(context, here)
    assert len(listed) == 3
    assert [one.session_id for one in listed if one.is_this] == [here.session_id]
    second = signin.find_session(context, cookies[1])
    assert signin.revoke_session(context, here, second.session_id)
    assert not signin.revoke_session(context, here, second.session_id)
    assert signin.find_session(context, cookies[1]) is None
    assert signin.revoke_others(context, here) == 1
    assert signin.find_session(context, cookies[2]) is None
    assert signin.find_session(context, cookies[0]) is not None
    signin.sign_out(context, cookies[0])
    assert signin.find_session(context, cookies[0]) is None


def test_a_person_has_several_shops_and_chooses_among_them_only(context, shop):
    second = make_shop(context, "ada-cups.example", "Ada's Cups", platform="woocommerce", email=ADA)
    bens = make_shop(context, "ben.example", "Ben's", platform="woocommerce", email="ben@example.com")
    enter(context, second)
    enter(context, shop)
    here = signin.find_session(context, cookie := enter_by_mail(context))
    assert signin.choose_shop(context, here, shop.shop_id)
    here = signin.find_session(context, cookie)
    assert [one.name for one in signin.reachable_shops(context, here.person, real_now())] == [
        "Ada's Cups",
        "Ada's Tea",
    ]
    assert signin.choose_shop(context, here, second.shop_id)
    moved = signin.find_session(context, cookie)
    assert moved.shop.shop_id == second.shop_id
    assert moved.csrf != here.csrf
    assert not signin.choose_shop(context, here, bens.shop_id)
    assert signin.find_session(context, cookie).shop.shop_id == second.shop_id


def test_a_shop_that_names_anothers_owner_lets_in_to_itself_alone(context, shop):
    """Anybody may connect a shop of their own, and its admin may say of anybody that it is Ada."""
    enter(context, shop)
    ada = signin.find_session(context, adas_cookie := enter_by_mail(context))
    bens = make_shop(context, "ben.example", "Ben's", platform="woocommerce", email="ben@example.com")
    token = link_to(context, bens, ADA, name="")
    invited = look_at_link(context, token)
    assert ([one.shop_id for one in invited.shops], invited.person.name) == ([bens.shop_id], "")
    pretended = signin.find_session(context, cookie := signin.enter(context, token, "Firefox"))
    assert (pretended.shop.shop_id, pretended.person.name) == (bens.shop_id, "")
    assert [one.shop_id for one in signin.reachable_shops(context, pretended.person, real_now())] == [
        bens.shop_id
    ]
    assert not signin.choose_shop(context, pretended, shop.shop_id)
    assert [one.session_id for one in signin.list_sessions(context, pretended)] == [pretended.session_id]
    assert not signin.revoke_session(context, pretended, ada.session_id)
    assert signin.revoke_others(context, pretended) == 0
    assert signin.find_session(context, adas_cookie).shop.shop_id == shop.shop_id
    with context.db.shop(bens.shop_id) as connection:
        connection.execute(text("DELETE FROM memberships"))
    assert signin.find_session(context, cookie) is None


def test_whom_the_shop_named_once_is_let_go_when_it_names_another(context, shop):
    """An employee whom the shop's admin sent may come for 90 days; the owner for as long as they are named."""
    ben = enter(context, shop, "ben@example.com")
    ada = enter(context, shop)
    with context.db.shop(shop.shop_id) as connection:
        connection.execute(text("UPDATE memberships SET vouched_at = vouched_at - interval '91 days'"))
    assert signin.find_session(context, ben) is None
    assert signin.find_session(context, ada) is not None
    with context.db.shop(shop.shop_id) as connection:
        connection.execute(text("UPDATE shops SET email = 'carol@example.com'"))
    assert signin.find_session(context, ada) is None


def test_a_shop_whose_admin_embeds_ours_is_never_reached_by_a_session(context, ada):
    token = link_to(context, ada, "owner@example.com")
    assert look_at_link(context, token).shops == ()
    assert signin.enter(context, token, "Firefox") is None


def test_what_has_ended_is_thrown_away_and_so_are_those_no_shop_lets_in(context, shop, owner):
    enter(context, shop)
    kept = enter(context, shop, "ben@example.com")

    def count(table):
        with owner.connect() as connection:
            return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar()

    with later(days=2):
        signin.forget_old(context)
        assert (count("sign_in_links"), count("person_sessions")) == (0, 2)
        assert signin.find_session(context, kept) is not None
    with later(days=32):
        signin.forget_old(context)
    assert (count("person_sessions"), count("people")) == (0, 2)
    with context.db.shop(shop.shop_id) as connection:
        connection.execute(text("DELETE FROM memberships"))
    assert signin.forget_strangers(context) == 2
    assert count("people") == 0


def test_addresses_are_sealed_again_under_the_newest_key(context, shop, owner):
    enter(context, shop)
    with owner.connect() as connection:
        before = connection.execute(text("SELECT email FROM people")).scalar()
    assert signin.reseal_people(context) == 1
    with owner.connect() as connection:
        assert connection.execute(text("SELECT email FROM people")).scalar() != before
    assert signin.find_session(context, enter(context, shop)).person.email == ADA


# -- mailed links --------------------------------------------------------------------------------------------


@pytest.fixture
def server():
    with SmtpServerDouble() as double:
        yield double


@pytest.fixture
def posting(context, server):
    """The same house with a mail server."""
    transport = transport_from_url(server.url)
    yield replace(context, transport=transport)
    transport.close()


def mailed(server):
    """The links in the mails the server took, and whom each went to."""
    found = []
    for mail in server.mails:
        body = message_from_bytes(mail.raw, policy=policy.default).get_body(("plain",)).get_content()
        found.append((mail.recipients[0], re.search(r"/sign-in/(\S+)", body)[1]))
    return found


def test_a_link_is_mailed_to_whom_the_shop_itself_names(posting, shop, server):
    signin.mail_link(posting, " ADA@Example.com ")
    assert ("messaging.mail_sign_in_links",) in posting.queue.nudges
    assert signin.mail_asked(posting) == 1
    [(recipient, token)] = mailed(server)
    assert recipient == ADA
    cookie = signin.enter(posting, token, "Safari on iPhone")
    assert signin.find_session(posting, cookie).shop.shop_id == shop.shop_id
    assert signin.enter(posting, token, "Safari on iPhone") is None
    assert signin.mail_asked(posting) == 0


def test_a_mailed_link_lives_for_a_quarter_of_an_hour(posting, shop, server):
    signin.mail_link(posting, ADA)
    signin.mail_asked(posting)
    [(_, token)] = mailed(server)
    with later(minutes=14, seconds=59):
        assert look_at_link(posting, token) is not None
    with later(minutes=15, seconds=1):
        assert signin.enter(posting, token, "Firefox") is None


def test_nobody_is_mailed_whom_no_shop_knows_and_nobody_whose_shop_embeds_ours(posting, shop, ada, server):
    for stranger in ("eve@example.com", "owner@example.com", "ada@example.com.evil.example"):
        signin.mail_link(posting, stranger)
    assert signin.mail_asked(posting) == 0
    assert server.mails == []


def test_whom_the_shops_admin_sent_is_mailed_for_ninety_days(posting, shop, server):
    enter(posting, shop, "ben@example.com")
    signin.mail_link(posting, "ben@example.com")
    assert signin.mail_asked(posting) == 1
    with later(days=91):
        signin.mail_link(posting, "ben@example.com")
        assert signin.mail_asked(posting) == 0


def test_five_mails_go_to_one_person_within_an_hour(posting, shop, server):
    for _ in range(7):
        signin.mail_link(posting, ADA)
    assert signin.mail_asked(posting) == 5
    with later(minutes=61):
        signin.mail_link(posting, ADA)
        assert signin.mail_asked(posting) == 1


def test_a_mail_server_that_is_away_is_tried_again_for_ten_minutes(posting, shop, server):
    server.fault = Fault.RECIPIENT_452
    signin.mail_link(posting, ADA)
    assert signin.mail_asked(posting) == 0
    server.fault = Fault.NONE
    assert signin.mail_asked(posting) == 1
    server.fault = Fault.RECIPIENT_452
    signin.mail_link(posting, ADA)
    with later(minutes=11):
        assert signin.mail_asked(posting) == 0
    server.fault = Fault.NONE
    assert signin.mail_asked(posting) == 0
    assert len(server.mails) == 1


def test_what_was_asked_for_while_the_database_was_away_is_mailed_and_what_cannot_be_read_holds_up_nobody(
    posting, shop, server
):
    lost = replace(posting, vault=Vault([Fernet.generate_key().decode()]))
    signin.mail_link(lost, ADA)
    signin.mail_link(posting, ADA)
    away = Database("postgresql://nobody@127.0.0.1:1/nothing")
    assert signin.mail_asked(replace(posting, db=away)) == 0
    away.close()
    assert signin.mail_asked(posting) == 1
    assert [recipient for recipient, _ in mailed(server)] == [ADA]
    assert signin.mail_asked(posting) == 0


def test_the_mail_says_who_asked_for_what_and_has_no_list_headers(posting, shop, server):
    with posting.db.shop(shop.shop_id) as connection:
        connection.execute(text("UPDATE shops SET name = 'Ada <b>& Co</b>\r\nBcc: eve@example.com'"))
    signin.mail_owner(posting, shop.shop_id)
    assert signin.mail_asked(posting) == 1
    message = message_from_bytes(server.mails[0].raw, policy=policy.default)
    assert message["List-Unsubscribe"] is None
    assert message["Bcc"] is None
    assert message["Auto-Submitted"] == "auto-generated"
    assert "just connected" in message.get_body(("plain",)).get_content()
    html = message.get_body(("html",)).get_content()
    assert "<b>&" not in html
    assert html.count("/sign-in/") == 1


def test_what_was_asked_for_lies_in_redis_sealed(posting, shop):
    signin.mail_link(posting, ADA)
    everything = b"".join(
        value for key in posting.redis.scan_iter() for value in posting.redis.lrange(key, 0, -1)
    )
    assert everything
    assert b"ada" not in everything
