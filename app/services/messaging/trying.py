"""Sends a flow's mail to the merchant who wants to see it: their own products and texts, and counted nowhere.

No message, no enrolment and no click is stored for it, its links lead to the shop's front page, and nobody but the
merchant gets it. What is asked for waits in Redis, sealed, for minutes; should it be lost, the merchant asks again.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from html import escape
from typing import Literal, cast
from uuid import uuid4

import structlog
from sqlalchemy import Connection

from app.clock import real_now
from app.domain.flows import FlowKind
from app.domain.money import Money
from app.domain.offers import GivenCode, end_of
from app.domain.quiet import zone_named
from app.mail.addresses import BadAddressError
from app.mail.context import CartMail, LineView, MailContext, PersonView, RecommendationView, WinBackMail
from app.mail.notices import compose_notice
from app.mail.render import Rendered, render
from app.mail.transports import Delivered, Retry, Unknown
from app.services.context import Context
from app.services.limits import may_again
from app.services.messaging.settings import flow_texts
from app.services.messaging.writing import N_RECOMMENDATIONS, offer_view, sender_name, shop_view, signing
from app.services.notices import hand_over
from app.services.recommending import ProductCard, for_mail
from app.services.shops import ShopRecord, get_shop
from app.services.vault import VaultError

log = structlog.get_logger()

# Enough to try wordings, too few to fill an inbox.
MOST_AN_HOUR = 10
HOUR_SECONDS = 3600
# As long as somebody may look at the page that waits for it.
LIFE_SECONDS = 600
# A mail server that is away for longer: the merchant is told, and asks again.
PATIENCE = timedelta(minutes=2)

_ASKED = "mail-tests"
_N_LINES = 2
# What a code of the shop's would look like; it is none.
_SAMPLE_CODE = "YOUR-CODE-HERE"
_MARK = "Test"


class TooManyTestsError(Exception):
    """That were many test mails within the hour; try again later."""


@dataclass(frozen=True, slots=True)
class TestMail:
    """One test and what became of it; `problem` is in words. `state`: waiting, sent, failed."""

    __test__ = False

    shop_id: int
    flow: str
    email: str
    asked_at: float
    state: Literal["waiting", "sent", "failed"] = "waiting"
    problem: str | None = None


def ask_for_test(context: Context, shop_id: int, flow: FlowKind, email: str) -> str:
    """Have a worker send the flow's mail to this address; the name under which its outcome is found.

    Raises:
        TooManyTestsError: they have had enough for an hour.
        RedisError: it can't be noted; nothing will be sent.
    """
    if not may_again(context, f"mail-tests:{shop_id}", most=MOST_AN_HOUR, seconds=HOUR_SECONDS):
        raise TooManyTestsError
    name = secrets.token_hex(16)
    _save(context, name, TestMail(shop_id, flow.value, email, real_now().timestamp()))
    context.redis.rpush(_ASKED, name)
    context.queue.nudge("messaging.send_tests")
    return name


def find_test(context: Context, shop_id: int, name: str) -> TestMail | None:
    """What became of a test of this shop's; None when it is too long ago, or another's."""
    found = _read(context, name)
    return found if found is not None and found.shop_id == shop_id else None


def send_tests(context: Context) -> int:
    """Send the tests that wait; returns how many went out."""
    n_waiting, n_sent = context.redis.llen(_ASKED), 0
    for _ in range(n_waiting):
        name = cast("bytes | None", context.redis.lpop(_ASKED))
        if name is None:
            break
        asked = _read(context, name.decode())
        if asked is None:
            continue
        done = _attempt(context, asked)
        if done.state == "waiting":
            context.redis.rpush(_ASKED, name)
            continue
        _save(context, name.decode(), done)
        n_sent += done.state == "sent"
        log.info("mail_test", shop_id=asked.shop_id, flow=asked.flow, state=done.state)
    return n_sent


def _attempt(context: Context, asked: TestMail) -> TestMail:
    try:
        problem, is_passing = _send(context, asked)
    except Exception as error:  # noqa: BLE001  one that goes wrong holds up no other
        log.error("mail_test_broke", shop_id=asked.shop_id, error=type(error).__name__)
        problem, is_passing = "It could not be written.", False
    if problem is None:
        return replace(asked, state="sent")
    if is_passing and real_now().timestamp() - asked.asked_at < PATIENCE.total_seconds():
        return asked
    return replace(asked, state="failed", problem=problem)


def _send(context: Context, asked: TestMail) -> tuple[str | None, bool]:
    """Write it and hand it over: what went wrong, in words, and whether that may pass."""
    flow, now = FlowKind(asked.flow), context.clock.now()
    with context.db.shop(asked.shop_id) as connection:
        shop = get_shop(connection, asked.shop_id)
        mail = _example(connection, shop, flow, now)
        texts = flow_texts(connection, asked.shop_id, flow)
    if mail is None:
        return "There is no product to show in it yet: it works once your products are in.", False
    try:
        raw = compose_notice(
            _marked(render(mail.name, mail, shop.locale, overrides=texts)),
            sender=context.settings.mail_from,
            sender_name=sender_name(shop),
            recipient=asked.email,
            message_id=f"{uuid4()}@{context.settings.mail_domain}",
            date=now,
            sign=signing(context),
        )
    except BadAddressError:
        return "Your address, as we know it, takes no mail.", False
    except ValueError as error:
        return f"Your texts can't be used: {error}", False
    outcome = hand_over(context, asked.email, raw)
    if isinstance(outcome, Delivered | Unknown):
        return None, False
    return f"The mail server said: {outcome.reason}", isinstance(outcome, Retry)


def _example(connection: Connection, shop: ShopRecord, flow: FlowKind, now: datetime) -> MailContext | None:
    """The mail as somebody would get it who had the shop's bestsellers in the cart, or had bought them."""
    shown = for_mail(connection, shop, customer_id=None, n=_N_LINES)
    lines = tuple(_line(card, card.price) for card in shown if card.price is not None)
    if not lines:
        return None
    beside = [card.platform_product_id for card in shown]
    cards = for_mail(connection, shop, customer_id=None, cart_product_ids=beside, n=N_RECOMMENDATIONS)
    url, view, person = shop.public_url, shop_view(shop), PersonView()
    recommendations = tuple(
        RecommendationView(
            title=card.title,
            url=card.url,
            price=card.price,
            price_varies=card.price_varies,
            image_url=card.image_url,
        )
        for card in cards
    )
    if flow is FlowKind.WIN_BACK:
        return WinBackMail(
            shop=view,
            person=person,
            last_order_at=now - timedelta(days=shop.policy.win_back.default_days),
            lines=lines,
            visit_url=url,
            unsubscribe_url=url,
            preferences_url=url,
            recommendations=recommendations,
        )
    total = Money(sum(line.line_total.amount for line in lines), lines[0].unit_price.currency)
    return CartMail(
        shop=view,
        person=person,
        lines=lines,
        total=total,
        resume_url=url,
        unsubscribe_url=url,
        preferences_url=url,
        recommendations=recommendations,
        offer=offer_view(_sample_code(shop, now), shop) if shop.policy.offer.is_on else None,
    )


def _line(card: ProductCard, price: Money) -> LineView:
    return LineView(
        title=card.title,
        quantity=1,
        unit_price=price,
        line_total=price,
        url=card.url,
        image_url=card.image_url,
    )


def _sample_code(shop: ShopRecord, now: datetime) -> GivenCode:
    offer = shop.policy.offer
    return GivenCode(_SAMPLE_CODE, offer.percent, end_of(now, zone_named(shop.timezone), offer.valid_days))


def _marked(rendered: Rendered) -> Rendered:
    """Say in every part that it is a test, before anything else."""
    told = "This is a test that you asked for. Only you get it, and nothing of it is counted."
    bar = (
        '<div style="padding:10px 24px;background:#1d2b26;color:#ffffff;text-align:center;'
        f'font:14px/20px sans-serif;">{escape(told)}</div>'
    )
    html, n_bodies = re.subn(r"<body[^>]*>", lambda found: found[0] + bar, rendered.html, count=1)
    if n_bodies == 0:
        html = bar + html
    return replace(
        rendered, subject=f"[{_MARK}] {rendered.subject}", html=html, text=f"{told}\n\n{rendered.text}"
    )


def _read(context: Context, name: str) -> TestMail | None:
    """What is kept under a name; None for nothing, or what was sealed by a key that is gone."""
    sealed = cast("bytes | None", context.redis.get(_key(name)))
    if sealed is None:
        return None
    try:
        return TestMail(**json.loads(context.vault.open(sealed)))
    except VaultError:
        return None


def _save(context: Context, name: str, test: TestMail) -> None:
    context.redis.set(_key(name), context.vault.seal(json.dumps(asdict(test))), ex=LIFE_SECONDS)


def _key(name: str) -> str:
    return f"mail-test:{name}"
