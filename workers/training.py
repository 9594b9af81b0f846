"""Tasks that keep models current."""

from __future__ import annotations

from celery import shared_task

from app.services import jobs, training
from app.services.shops import connected_shops
from workers.celery_app import context


@shared_task(name="training.plan")
def plan() -> None:
    due = [shop_id for shop_id in connected_shops(context().db) if training.plan_training(context(), shop_id)]
    if due:
        context().queue.nudge("upkeep.run_jobs")


@shared_task(name="training.run")
def run(shop_id: int, job_id: int) -> None:
    with jobs.lease(context(), shop_id, job_id) as job:
        if job is not None:
            training.train(context(), job)
