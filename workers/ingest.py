"""Tasks that empty the inbox."""

from __future__ import annotations

from celery import shared_task

from app.services import ingesting, learning
from workers.celery_app import context


@shared_task(name="ingest.process_shop")
def process_shop(shop_id: int) -> None:
    if ingesting.process_shop(context(), shop_id).n_done:
        learning.ask_to_learn(context(), shop_id)


@shared_task(name="ingest.sweep")
def sweep() -> None:
    for shop_id in ingesting.due_shops(context()):
        process_shop(shop_id)
