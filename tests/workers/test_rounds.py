"""A round through the shops reaches all of them, whatever one of them does."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from app.db.session import Database
from app.platforms.base import PlatformError
from workers.rounds import each_shop


@pytest.mark.parametrize(
    "trouble", [PlatformError("away"), TypeError("unhashable type"), ValueError("cleo@example.com")]
)
def test_a_shop_on_which_we_break_holds_up_no_other(context, trouble, capfd):
    reached = []

    def do(_context, shop_id):
        reached.append(shop_id)
        if shop_id == 1:
            raise trouble

    each_shop(context, [1, 2, 3], do, "not_done")
    assert reached == [1, 2, 3]
    assert "cleo@example.com" not in "".join(capfd.readouterr())


def test_a_statement_that_one_shops_rows_break_holds_up_no_other(context):
    reached = []

    def divide(context, shop_id):
        with context.db.shop(shop_id) as connection:
            reached.append(connection.execute(text("SELECT 6 / :n"), {"n": shop_id - 1}).scalar())

    each_shop(context, [1, 2, 3], divide, "not_done")
    assert reached == [6, 3]


def test_a_database_that_is_away_ends_the_round(context):
    away, reached = Database("postgresql://nobody@127.0.0.1:1/nothing"), []

    def look(_context, shop_id):
        reached.append(shop_id)
        with away.shop(shop_id):
            pass

    with pytest.raises(Exception, match="refused"):
        each_shop(context, [1, 2], look, "not_done")
    away.close()
    assert reached == [1]
