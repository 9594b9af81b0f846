"""The webhook's one round trip: it survives connections that die idle, and sees no shop but the one it sets."""

import pytest
from psycopg2 import errors
from sqlalchemy import text

from app.db.session import APP_ROLE, Database, DatabaseAwayError
from app.settings import in_clear

NOTE = """
    SELECT set_config('app.shop_id', %(shop)s, true);
    INSERT INTO suppressions (shop_id, email_hash, scope, reason, created_at)
    VALUES (%(shop_id)s, %(hash)s, 'all', 'test', now())
    ON CONFLICT DO NOTHING"""


def note(shop, of=None, hash_=b"cleo"):
    return {"shop": str(shop.shop_id), "shop_id": (of or shop).shop_id, "hash": hash_}


@pytest.fixture
def fresh(context):
    """A Database of its own, so that its connections are known."""
    database = Database(in_clear(context.settings.database_url))
    yield database
    database.close()


def n_noted(owner):
    with owner.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM suppressions")).scalar()


def end(owner, drivers):
    """What a restart of PostgreSQL does to connections that lie idle."""
    with owner.connect() as connection:
        for driver in drivers:
            pid = {"pid": driver.info.backend_pid}
            assert connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), pid).scalar() is True


def test_it_is_committed_when_it_returns_and_twice_is_once(fresh, owner, ada):
    for _ in range(2):
        fresh.at_once(NOTE, note(ada))
    assert n_noted(owner) == 1


def test_its_connection_is_used_again_as_the_applications_role(fresh, ada):
    fresh.at_once(NOTE, note(ada))
    (driver,) = fresh._idle
    fresh.at_once(NOTE, note(ada, hash_=b"dan"))
    assert fresh._idle == [driver]
    with driver.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('app.shop_id', true)")
        assert cursor.fetchone() == (APP_ROLE, "")


def test_a_row_of_another_shop_is_refused_and_the_connection_goes_on(fresh, owner, ada, ben):
    with pytest.raises(errors.InsufficientPrivilege):
        fresh.at_once(NOTE, note(ada, of=ben))
    fresh.at_once(NOTE, note(ada))
    assert n_noted(owner) == 1


def test_connections_that_died_idle_cost_nobody_an_answer(fresh, owner, ada):
    idle = [fresh._take()[0] for _ in range(3)]
    fresh._idle.extend(idle)
    end(owner, idle)
    fresh.at_once(NOTE, note(ada))
    assert n_noted(owner) == 1
    assert [driver.closed for driver in fresh._idle] == [0]


def test_a_full_disk_asks_the_sender_to_try_again(fresh, ada):
    with pytest.raises(DatabaseAwayError):
        fresh.at_once("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$", {})
    fresh.at_once(NOTE, note(ada))
    assert len(fresh._idle) == 1


def test_an_unreachable_server_is_said_to_be_away(ada):
    with pytest.raises(DatabaseAwayError):
        Database("postgresql://nobody@127.0.0.1:1/none").at_once(NOTE, note(ada))
