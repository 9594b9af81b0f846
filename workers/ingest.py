"""Tasks that empty the inbox."""

from __future__ import annotations

from celery import shared_task

from app.services import ingesting, learning
from workers.celery_app import context
from workers.rounds import each_shop


@shared_task(name="ingest.process_shop")
def process_shop(shop_id: int) -> None:
    if ingesting.process_shop(context(), shop_id).n_done:
        learning.ask_to_learn(context(), shop_id)


@shared_task(name="ingest.sweep")
def sweep() -> None:
    each_shop(
        context(),
        ingesting.due_shops(context()),
        lambda _, shop_id: process_shop(shop_id),
        "inbox_not_emptied",
    )
