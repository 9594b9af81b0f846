"""Tasks that keep models current."""

from __future__ import annotations

import time
from functools import cache

from celery import shared_task

from app.services import jobs, learning, training
from app.services.shops import connected_shops
from workers.celery_app import context
from workers.slots import long_work


@cache
def memory() -> learning.Memory:
    """The models this process has at hand."""
    return learning.Memory()


@shared_task(name="training.plan")
def plan() -> None:
    shop_ids = connected_shops(context().db)
    due = [shop_id for shop_id in shop_ids if training.plan_training(context(), shop_id)]
    if due:
        context().queue.nudge("upkeep.run_jobs")
    for shop_id in shop_ids:
        learning.ask_to_learn(context(), shop_id)


@shared_task(name="training.run")
def run(shop_id: int, job_id: int) -> None:
    with long_work() as is_free:
        if not is_free:
            return
        with jobs.lease(context(), shop_id, job_id) as job:
            if job is not None:
                training.train(context(), job)
    # Orders that came while it was training.
    learning.ask_to_learn(context(), shop_id)


@shared_task(name="training.learn")
def learn(shop_id: int) -> None:
    time.sleep(memory().pause_seconds(shop_id))
    if learning.learn(context(), shop_id, memory()) is not None:
        # Orders that came while it was learning: whoever brought them found this worker at it.
        learning.ask_to_learn(context(), shop_id)
