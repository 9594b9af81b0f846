"""Tasks that empty the inbox."""

from __future__ import annotations

from celery import shared_task

from app.services import ingesting
from workers.celery_app import context


@shared_task(name="ingest.process_shop")
def process_shop(shop_id: int) -> None:
    ingesting.process_shop(context(), shop_id)


@shared_task(name="ingest.sweep")
def sweep() -> None:
    for shop_id in ingesting.due_shops(context()):
        ingesting.process_shop(context(), shop_id)
