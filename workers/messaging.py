"""Tasks that plan mails and send what is due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from celery import shared_task

from app.services import messaging, offers, signin
from app.services.context import Context
from app.services.shops import connected_shops
from workers.celery_app import context
from workers.rounds import each_shop


@shared_task(name="messaging.send_due")
def send_due() -> None:
    each_shop(context(), messaging.due_shops(context()), _at_this_moment(messaging.send_due), "not_sent")


@shared_task(name="messaging.mail_sign_in_links")
def mail_sign_in_links() -> None:
    signin.mail_asked(context())


@shared_task(name="messaging.send_tests")
def send_tests() -> None:
    messaging.send_tests(context())


@shared_task(name="messaging.plan")
def plan() -> None:
    each_shop(
        context(),
        connected_shops(context().db),
        _at_this_moment(messaging.plan_abandoned_carts),
        "not_planned",
    )


@shared_task(name="messaging.plan_win_backs")
def plan_win_backs() -> None:
    each_shop(
        context(), connected_shops(context().db), _at_this_moment(messaging.plan_win_backs), "not_planned"
    )


@shared_task(name="messaging.make_codes")
def make_codes() -> None:
    each_shop(context(), connected_shops(context().db), offers.make_ahead, "codes_not_made")


def _at_this_moment(do: Callable[[Context, int, datetime], object]) -> Callable[[Context, int], object]:
    return lambda context, shop_id: do(context, shop_id, context.clock.now())
