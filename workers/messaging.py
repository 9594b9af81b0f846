"""Tasks that plan mails and send what is due."""

from __future__ import annotations

import structlog
from celery import shared_task

from app.platforms.base import PlatformError
from app.services import messaging, offers, signin
from app.services.shops import connected_shops
from workers.celery_app import context

log = structlog.get_logger()


@shared_task(name="messaging.send_due")
def send_due() -> None:
    for shop_id in messaging.due_shops(context()):
        messaging.send_due(context(), shop_id, context().clock.now())


@shared_task(name="messaging.mail_sign_in_links")
def mail_sign_in_links() -> None:
    signin.mail_asked(context())


@shared_task(name="messaging.plan")
def plan() -> None:
    for shop_id in connected_shops(context().db):
        messaging.plan_abandoned_carts(context(), shop_id, context().clock.now())


@shared_task(name="messaging.plan_win_backs")
def plan_win_backs() -> None:
    for shop_id in connected_shops(context().db):
        messaging.plan_win_backs(context(), shop_id, context().clock.now())


@shared_task(name="messaging.make_codes")
def make_codes() -> None:
    for shop_id in connected_shops(context().db):
        try:
            offers.make_ahead(context(), shop_id)
        except PlatformError as error:
            log.warning("codes_not_made", shop_id=shop_id, reason=str(error))
