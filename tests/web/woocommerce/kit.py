"""What tests beside a WooCommerce store do over and over: connect it, import it, read what is stored."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from app.services import importing, ingesting, jobs, keydrop, parting
from app.services.context import Context
from tests.fixtures.woocommerce_store import WooStore, url_query

FORM = "/connect/woocommerce"
HERE = "http://127.0.0.1:5100"


def begin(client: FlaskClient, store: WooStore, **more: str) -> str:
    answer = client.post(FORM, data={"store": store.base_url, **more})
    assert answer.status_code == 200, answer.text
    page = answer.text.replace("&amp;", "&")
    return page.partition('href="http://127.0.0.1')[2].partition('"')[0]


def approve(client: FlaskClient, store: WooStore, **more: str) -> tuple[TestResponse, dict[str, Any], str]:
    """Begin at our form, approve at the store; the answer our route gave to the store's server."""
    url = f"http://127.0.0.1{begin(client, store, **more)}"
    keys, back = store.approve(url)
    answer = client.post(url_query(url)["callback_url"].removeprefix(HERE), json=keys)
    return answer, keys, back


def connected(context: Context, client: FlaskClient, store: WooStore, **more: str) -> int:
    answer, _, _ = approve(client, store, **more)
    assert answer.status_code == 200
    assert keydrop.take_keys(context) == 1
    with context.db.nobody() as connection:
        return int(connection.execute(text("SELECT connected_shops()")).scalar_one())


def imported(context: Context, client: FlaskClient, store: WooStore, **more: str) -> int:
    shop_id = connected(context, client, store, **more)
    for shop, job_id, kind in jobs.open_jobs(context):
        if kind == "import":
            with jobs.lease(context, shop, job_id) as job:
                assert job is not None
                importing.run_import(context, job)
    return shop_id


def part(context: Context) -> None:
    """What a worker does for a shop that is leaving."""
    for shop, job_id, kind in jobs.open_jobs(context):
        if kind == "leaving":
            with jobs.lease(context, shop, job_id) as job:
                assert job is not None
                parting.run(context, job)


def rows(owner: Engine, statement: str) -> list[dict[str, Any]]:
    with owner.connect() as connection:
        return [dict(row) for row in connection.execute(text(statement)).mappings()]


def drain(context: Context, shop_id: int) -> int:
    drained = ingesting.process_shop(context, shop_id)
    assert drained.n_failed == 0
    return drained.n_done
