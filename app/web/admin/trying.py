"""A flow's mail, sent to the merchant who wants to see it: the button, and what became of it."""

from __future__ import annotations

from flask import Response, g
from redis.exceptions import RedisError

from app.domain.flows import FlowKind
from app.services.messaging import FLOW_KINDS, TestMail, TooManyTestsError, ask_for_test, find_test
from app.web.admin.page import STOP_POLLING, Desk, own_address
from app.web.admin.speech import _


def register(desk: Desk) -> None:
    """Add the button of each flow, and the answer it waits for."""
    context = desk.context

    def send_test(flow: str) -> Response:
        """To the merchant's own address and no other."""
        with context.db.shop(g.shop_id) as connection:
            email = own_address(desk.shop(connection))
        if flow not in FLOW_KINDS or not email:
            return _answer(desk, flow, problem=_("We know no address of yours to send it to."))
        try:
            name = ask_for_test(context, g.shop_id, FlowKind(flow), email)
        except TooManyTestsError:
            return _answer(desk, flow, problem=_("That were many tests. Try again in an hour."))
        except RedisError:
            return _answer(desk, flow, problem=_("That is not possible right now; try again in a minute."))
        return _answer(desk, flow, name=name)

    def show_test(flow: str, name: str) -> Response:
        try:
            test = find_test(context, g.shop_id, name)
        except RedisError:
            test = None
        if test is None:
            return _answer(desk, flow, problem=_("Nothing is known of that test any more. Ask for another."))
        return _answer(desk, flow, name=name, test=test)

    desk.route("/settings/test/<flow>", send_test, methods=("POST",))
    desk.route("/settings/test/<flow>/<name>", show_test)


def _answer(
    desk: Desk, flow: str, *, name: str = "", test: TestMail | None = None, problem: str | None = None
) -> Response:
    with desk.context.db.shop(g.shop_id) as connection:
        shop = desk.shop(connection)
    is_over = problem is not None or (test is not None and test.state != "waiting")
    problem = problem or (test.problem if test else None)
    return desk.render(
        "admin/_mail_test.html",
        shop,
        status=STOP_POLLING if is_over and name else 200,
        flow=flow if flow in FLOW_KINDS else FLOW_KINDS[0],
        test_name=name,
        is_over=is_over,
        sent_to=test.email if test and test.state == "sent" else None,
        test_address=own_address(shop),
        problem=problem,
    )
