"""A shop can't see another shop: the database says so, whatever the code asks."""

import pytest
import time_machine
from sqlalchemy import insert, select, text
from sqlalchemy.exc import ProgrammingError

from app.clock import real_now
from app.db.models import Base, Flow, Job, Membership, Person, PersonSession, Shop, SignInLink
from app.services import signin
from tests.conftest import NOW, make_shop

PEOPLE = (Person, SignInLink, PersonSession)
TENANTS = [table for table in Base.metadata.sorted_tables if table not in {one.__table__ for one in PEOPLE}]


def test_ben_sees_none_of_adas_rows_in_any_table(context, ada, ben):
    with context.db.shop(ada.shop_id) as connection:
        connection.execute(
            insert(Job).values(shop_id=ada.shop_id, kind="import", state="done", created_at=NOW)
        )
    with context.db.shop(ben.shop_id) as connection:
        for table in TENANTS:
            shops = {row.shop_id for row in connection.execute(select(table.c.shop_id))}
            assert shops <= {ben.shop_id}, table.name


def test_without_a_shop_nothing_is_seen(context, ada):
    with context.db.nobody() as connection:
        for table in TENANTS:
            assert connection.execute(select(table.c.shop_id)).all() == [], table.name


def test_a_row_of_another_shop_can_be_neither_written_nor_moved(context, ada, ben):
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        context.db.shop(ben.shop_id) as connection,
    ):
        connection.execute(
            insert(Job).values(shop_id=ada.shop_id, kind="import", state="done", created_at=NOW)
        )
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        context.db.shop(ben.shop_id) as connection,
    ):
        connection.execute(text("UPDATE flows SET shop_id = :ada"), {"ada": ada.shop_id})
    with context.db.shop(ben.shop_id) as connection:
        assert connection.execute(text("UPDATE shops SET name = 'mine'")).rowcount == 1
        assert connection.execute(text("DELETE FROM flows")).rowcount == 2


def test_the_shop_of_one_transaction_is_forgotten_by_the_next(context, ada):
    with context.db.shop(ada.shop_id) as connection:
        assert connection.execute(select(Shop.shop_id)).scalars().all() == [ada.shop_id]
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar()
    # The pool hands its connections out in turn, and tests before this one may have opened many.
    for _ in range(context.db.engine.pool.size() + 1):
        with context.db.nobody() as connection:
            assert connection.execute(select(Flow.kind)).all() == []
            if connection.execute(text("SELECT pg_backend_pid()")).scalar() == pid:
                return
    pytest.fail("the pool never handed the same connection out again")


def test_looking_across_shops_tells_ids_and_nothing_else(context, ada, ben):
    with context.db.nobody() as connection:
        assert connection.execute(text("SELECT connected_shops()")).scalars().all() == [
            ada.shop_id,
            ben.shop_id,
        ]
        assert (
            connection.execute(text("SELECT find_shop('shopify', :d)"), {"d": ben.domain}).scalar()
            == ben.shop_id
        )
        assert (
            connection.execute(text("SELECT find_shop_by_key(:k)"), {"k": ada.public_key}).scalar()
            == ada.shop_id
        )
    with pytest.raises(ProgrammingError, match="permission denied"), context.db.nobody() as connection:
        connection.execute(text("SET ROLE regulars_scheduler; SELECT name FROM shops"))


# -- merchants, who may own several shops ---------------------------------------------------------------------


@pytest.fixture
def signed_in(context):
    """Ada and Ben, each signed in at a shop of their own; who they are by their names."""
    people = {}
    for name in ("ada", "ben"):
        email = f"{name}@example.com"
        shop = make_shop(context, f"{name}.example", name, platform="woocommerce", email=email)
        with time_machine.travel(real_now(), tick=False):
            link = signin.one_time_link(context, shop.shop_id, email=email, name=name)
            cookie = signin.enter(context, link.rpartition("/")[2], "Firefox on Windows")
        people[name] = signin.find_session(context, cookie)
    return people


def test_a_person_sees_their_own_links_sessions_and_shops_and_nobody_elses(context, signed_in):
    ada = signed_in["ada"]
    with context.db.person(ada.person.person_id) as connection:
        for table in (*PEOPLE, Membership):
            found = connection.execute(select(table.person_id)).scalars().all()
            assert found == [ada.person.person_id], table.__tablename__
        assert connection.execute(select(Membership.shop_id)).scalars().all() == [ada.shop.shop_id]
        assert connection.execute(select(Shop.shop_id)).all() == []


def test_a_shop_sees_who_may_come_and_none_of_their_links_and_sessions(context, signed_in):
    ada = signed_in["ada"]
    with context.db.shop(ada.shop.shop_id) as connection:
        assert connection.execute(select(Person.person_id)).scalars().all() == [ada.person.person_id]
        assert connection.execute(select(Membership.person_id)).scalars().all() == [ada.person.person_id]
        assert connection.execute(select(SignInLink.person_id)).all() == []
        assert connection.execute(select(PersonSession.person_id)).all() == []


def test_without_a_shop_or_a_person_nobody_is_seen(context, signed_in):
    with context.db.nobody() as connection:
        for table in (*PEOPLE, Membership):
            assert connection.execute(select(table.person_id)).all() == [], table.__tablename__


def test_nobody_lets_themselves_into_a_shop_or_writes_into_anothers_sessions(context, signed_in):
    ada, ben = signed_in["ada"], signed_in["ben"]
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        context.db.person(ben.person.person_id) as connection,
    ):
        connection.execute(
            insert(Membership).values(
                shop_id=ada.shop.shop_id, person_id=ben.person.person_id, created_at=NOW, vouched_at=NOW
            )
        )
    with context.db.person(ben.person.person_id) as connection:
        assert connection.execute(text("UPDATE person_sessions SET browser = 'mine'")).rowcount == 1
        assert connection.execute(text("DELETE FROM memberships")).rowcount == 0
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        context.db.person(ben.person.person_id) as connection,
    ):
        connection.execute(text("UPDATE person_sessions SET person_id = :ada"), {"ada": ada.person.person_id})
    assert not signin.revoke_session(context, ben, ada.session_id)
    assert not signin.choose_shop(context, ben, ada.shop.shop_id)


def test_looking_people_up_tells_ids_and_nothing_else(context, signed_in):
    with pytest.raises(ProgrammingError, match="permission denied"), context.db.nobody() as connection:
        connection.execute(text("SET ROLE regulars_scheduler; SELECT email FROM people"))
    with pytest.raises(ProgrammingError, match="permission denied"), context.db.nobody() as connection:
        connection.execute(text("SET ROLE regulars_scheduler; SELECT shop_id FROM person_sessions"))
