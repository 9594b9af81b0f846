"""Celery from the same Settings and wiring as the web; a worker builds its context after the fork, not before."""

from __future__ import annotations

import os
from functools import cache

# One fit a process: LightFM's OpenMP threads hang in a forked child (recommender.md §2).
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from celery import Celery

from app.logs import configure_logs
from app.queue import make_celery
from app.services.context import Context
from app.settings import Settings, read_settings
from app.wiring import broker_url, build_context, with_servers
from workers.schedule import beat_schedule

# Longer than the longest task, training aside, which renews its own lease in PostgreSQL.
VISIBILITY_SECONDS = 900


@cache
def settings() -> Settings:
    found = read_settings()
    configure_logs(found.log_level)
    return with_servers(found)


@cache
def context() -> Context:
    """Everything a task may reach for; one per worker process."""
    return build_context(settings())


def make_worker_celery() -> Celery:
    """The worker's Celery: late acknowledgement, so that a killed worker's task is run again."""
    celery = make_celery(broker_url(settings()))
    celery.conf.update(
        include=["workers.ingest", "workers.training", "workers.messaging", "workers.upkeep"],
        beat_schedule=beat_schedule(settings()),
        timezone="UTC",
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_SECONDS,
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 1,
        },
        worker_soft_shutdown_timeout=30,
        worker_enable_soft_shutdown_on_idle=True,
        worker_max_tasks_per_child=500,
        worker_eta_task_limit=1000,
        worker_hijack_root_logger=False,
        task_soft_time_limit=None,
    )
    return celery


celery = make_worker_celery()
