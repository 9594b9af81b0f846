"""Rows go to PostgreSQL in batches, and all of them arrive."""

import pytest
from sqlalchemy import text

from app.db import bulk


@pytest.mark.parametrize("n_rows", [0, 1, 250])
def test_rows_of_many_batches_arrive_once_each(context, ada, monkeypatch, n_rows):
    monkeypatch.setattr(bulk, "BATCH_CHARACTERS", 40)
    names = [f"Ναί\t{number}\n🎄" for number in range(n_rows)]
    with context.db.shop(ada.shop_id) as connection:
        staged = bulk.stage(connection, "bulk_test", "id bigint, name text", enumerate(names))
        found = connection.execute(text("SELECT id, name FROM bulk_test ORDER BY id")).all()
    assert staged == n_rows
    assert [tuple(row) for row in found] == list(enumerate(names))
