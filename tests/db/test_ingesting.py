"""A delivery that brings its worker down costs its neighbours little and itself its place, in the end."""

import pytest
from sqlalchemy import text

from app.platforms.base import Envelope
from app.services import ingesting
from app.services.ingesting import MAX_ATTEMPTS
from tests.conftest import NOW


class WorkerKilledError(BaseException):
    """Stands for a kill -9: nothing in the worker survives to say so."""


@pytest.fixture
def deadly(context, ada, monkeypatch):
    """Three deliveries, of which the first stops whoever reads it."""
    read = context.platforms["shopify"].read

    def read_or_die(envelope):
        if envelope.dedupe_key == "deadly":
            raise WorkerKilledError
        return read(envelope)

    monkeypatch.setattr(type(context.platforms["shopify"]), "read", lambda _, envelope: read_or_die(envelope))
    for key in ("deadly", "neighbour-1", "neighbour-2"):
        envelope = Envelope(
            platform="shopify",
            shop_domain=ada.domain,
            topic="themes/publish",
            dedupe_key=key,
            raw=b"{}",
            event_id=None,
            api_version=None,
            triggered_at=NOW,
            currency="EUR",
        )
        ingesting.accept(context, ada.shop_id, envelope)


def states(context, shop):
    with context.db.shop(shop.shop_id) as connection:
        rows = connection.execute(text("SELECT dedupe_key, state FROM deliveries"))
        return {row.dedupe_key: row.state for row in rows}


@pytest.mark.usefixtures("deadly")
def test_a_deadly_delivery_takes_its_neighbours_down_once_only(context, ada, clock):
    with pytest.raises(WorkerKilledError):
        ingesting.process_shop(context, ada.shop_id)
    clock.advance(seconds=11)
    with pytest.raises(WorkerKilledError):
        ingesting.process_shop(context, ada.shop_id)
    ingesting.process_shop(context, ada.shop_id)
    assert states(context, ada) == {"deadly": "received", "neighbour-1": "done", "neighbour-2": "done"}


@pytest.mark.usefixtures("deadly")
def test_a_deadly_delivery_is_given_up_after_its_attempts(context, ada, clock):
    n_killed = 0
    for _ in range(2 * MAX_ATTEMPTS):
        try:
            ingesting.process_shop(context, ada.shop_id)
        except WorkerKilledError:
            n_killed += 1
        clock.advance(hours=7)
    assert n_killed == MAX_ATTEMPTS
    assert states(context, ada)["deadly"] == "dead"
    assert ingesting.due_shops(context) == []
