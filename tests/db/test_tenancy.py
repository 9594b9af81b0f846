"""A shop can't see another shop: the database says so, whatever the code asks."""

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import ProgrammingError

from app.db.models import Base, Flow, Job, Shop
from tests.conftest import NOW


def test_ben_sees_none_of_adas_rows_in_any_table(context, ada, ben):
    with context.db.shop(ada.shop_id) as connection:
        connection.execute(
            insert(Job).values(shop_id=ada.shop_id, kind="import", state="done", created_at=NOW)
        )
    with context.db.shop(ben.shop_id) as connection:
        for table in Base.metadata.sorted_tables:
            shops = {row.shop_id for row in connection.execute(select(table.c.shop_id))}
            assert shops <= {ben.shop_id}, table.name


def test_without_a_shop_nothing_is_seen(context, ada):
    with context.db.nobody() as connection:
        for table in Base.metadata.sorted_tables:
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
    for _ in range(10):
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
