"""Sends tasks to the workers by name, so that the app never imports them. A nudge that gets lost does no harm."""

from __future__ import annotations

from typing import Protocol

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

log = structlog.get_logger()

# Which queue a task belongs to; a worker may serve any subset of the three.
ROUTES = {
    "ingest.*": {"queue": "ingest"},
    "messaging.*": {"queue": "send"},
    "upkeep.*": {"queue": "ingest"},
    "training.*": {"queue": "train"},
}


class Queue(Protocol):
    def nudge(self, task: str, *arguments: int) -> bool:
        """Ask a worker to run `task` soon. False: the broker is away; a sweeper will find the work."""
        ...


class CeleryQueue:
    """Nudges through Celery's broker, never waiting long for it."""

    def __init__(self, celery: Celery) -> None:
        self._celery = celery

    def nudge(self, task: str, *arguments: int) -> bool:
        try:
            self._celery.send_task(task, args=list(arguments), retry=False, ignore_result=True)
        except (OperationalError, OSError) as error:
            log.warning("nudge_lost", task=task, reason=type(error).__name__)
            return False
        return True


def make_celery(broker_url: str) -> Celery:
    """A Celery bound to the broker; publishing gives up after a second instead of holding a caller."""
    celery = Celery("regulars", broker=broker_url)
    celery.conf.update(
        task_routes=ROUTES,
        task_ignore_result=True,
        accept_content=["json"],
        broker_connection_timeout=1.0,
        broker_transport_options={"socket_connect_timeout": 1.0, "socket_timeout": 5.0},
    )
    return celery
