"""What is counted, from when to when, for whom: the reports beside slow and obvious sums."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from app.domain.incremental import Counted
from app.services import reporting
from app.services.context import Context
from app.services.reporting import Comparison, DayOfRevenue, Figures, Place, last_days
from tests.conftest import NOW, MovableClock, Shop
from tests.web.adminkit import Furniture


@contextmanager
def furniture(context: Context, shop: Shop) -> Iterator[Furniture]:
    with context.db.shop(shop.shop_id) as connection:
        yield Furniture(context, connection, shop)


def figures_of(context: Context, shop: Shop, timezone: str = "Europe/Athens") -> Figures:
    with context.db.shop(shop.shop_id) as connection:
        period = last_days(context.clock.now(), timezone)
        return reporting.home_figures(connection, shop.shop_id, "EUR", period)


def test_a_period_is_28_of_the_shops_own_days_and_the_one_before_as_long() -> None:
    period = last_days(NOW, "Europe/Athens")
    # Summer time ended on 25 October: the first day began at 21:00 UTC, today at 22:00.
    assert period.starts_at == datetime(2026, 10, 23, 21, 0, tzinfo=UTC)
    assert period.before_starts_at == datetime(2026, 9, 25, 21, 0, tzinfo=UTC)
    assert period.before_ends_at == datetime(2026, 10, 23, 9, 0, tzinfo=UTC)
    assert (period.days[0], period.days[-1], len(period.days)) == (date(2026, 10, 24), date(2026, 11, 20), 28)


@pytest.mark.parametrize(
    ("timezone", "first"),
    [
        ("Pacific/Auckland", date(2026, 10, 24)),
        ("Pacific/Honolulu", date(2026, 10, 24)),
        ("Mars/Olympus", date(2026, 10, 24)),
    ],
)
def test_a_period_ends_today_wherever_the_shop_is(timezone: str, first: date) -> None:
    period = last_days(NOW, timezone)
    assert period.days[0] == first
    assert len(period.days) == 28


def test_an_order_belongs_to_the_day_it_was_placed_on_in_the_shop(context: Context, ada: Shop) -> None:
    midnight = datetime(2026, 11, 18, 22, 0, tzinfo=UTC)
    with furniture(context, ada) as made:
        message_id = made.message("sent", days_ago=3, clicked=True)
        made.order(100, days_ago=0, message_id=message_id, placed_at=midnight - timedelta(seconds=1))
        made.order(20, days_ago=0, message_id=message_id, placed_at=midnight)
    days = {day.day: day for day in figures_of(context, ada).days}
    assert days[date(2026, 11, 18)] == DayOfRevenue(date(2026, 11, 18), mail=100)
    assert days[date(2026, 11, 19)] == DayOfRevenue(date(2026, 11, 19), mail=20)
    hawaii = {day.day: day.mail for day in figures_of(context, ada, "Pacific/Honolulu").days}
    assert hawaii[date(2026, 11, 18)] == 120


def test_an_order_with_both_credits_counts_once_and_for_the_mail(context: Context, ada: Shop) -> None:
    with furniture(context, ada) as made:
        message_id = made.message("sent", days_ago=3, clicked=True)
        made.order(7000, days_ago=1, message_id=message_id, shelf_lines=((2, 1500),))
    current = figures_of(context, ada).current
    assert (current.mail_revenue, current.shelf_revenue, current.revenue) == (7000, 0, 7000)


def test_what_was_cancelled_deleted_a_test_or_in_the_future_earned_nothing(
    context: Context, ada: Shop
) -> None:
    with furniture(context, ada) as made:
        message_id = made.message("sent", days_ago=3, clicked=True)
        for wrong in ({"cancelled_at": NOW}, {"removed_at": NOW}, {"is_test": True}):
            made.order(7000, days_ago=1, message_id=message_id, **wrong)
        made.order(7000, days_ago=-1, message_id=message_id)
        made.order(7000, days_ago=1)
    current = figures_of(context, ada).current
    assert (current.revenue, current.n_recovered, current.n_other_currency) == (0, 0, 0)


def test_other_currencies_are_counted_but_never_added(context: Context, ada: Shop) -> None:
    with furniture(context, ada) as made:
        message_id = made.message("sent", days_ago=3, clicked=True)
        made.order(7000, days_ago=1, message_id=message_id, currency="USD")
        made.order(500, days_ago=1, message_id=message_id)
    current = figures_of(context, ada).current
    assert (current.mail_revenue, current.recovered_revenue, current.n_other_currency) == (500, 500, 1)
    assert current.n_recovered == 2


def test_the_holdout_is_asked_the_same_question_as_the_mailed(context: Context, ada: Shop) -> None:
    with furniture(context, ada) as made:
        for n, state in enumerate(["sent", "handed_over", "unknown", "failed"]):
            made.message(state, days_ago=20, person=f"m{n}@example.com")
        made.message("skipped", days_ago=20, reason="holdout", person="h@example.com")
        # Held back for other reasons: in neither group, whatever the draw would have said.
        made.message("skipped", days_ago=20, reason="ordered", person="o@example.com")
        made.order(100, days_ago=19, person="m0@example.com")
        made.order(100, days_ago=18, person="m0@example.com")
        made.order(100, days_ago=12.9, person="m1@example.com")
        made.order(100, days_ago=20.1, person="m2@example.com")
        made.order(100, days_ago=19, person="h@example.com")
        made.order(100, days_ago=19, person="o@example.com")
    found = figures_of(context, ada)
    assert found.comparisons == {"abandoned_cart": Comparison(Counted(4, 1), Counted(1, 1))}
    assert found.all_mails == Comparison(Counted(4, 1), Counted(1, 1))
    assert found.current.n_held_out == 1
    assert found.current.n_skipped == 2  # the one held out among them


def test_bens_orders_mails_and_visits_are_not_adas(context: Context, ada: Shop, ben: Shop) -> None:
    with furniture(context, ben) as made:
        message_id = made.message("sent", days_ago=3, clicked=True)
        made.order(7000, days_ago=1, message_id=message_id)
        made.visits("impression", 10, days_ago=1)
    assert figures_of(context, ada).current == reporting.Totals()
    assert figures_of(context, ben).current.mail_revenue == 7000


def test_the_sums_agree_with_a_slow_count_over_a_random_month(context: Context, ada: Shop) -> None:
    random = Random(20)
    period = last_days(NOW, "Europe/Athens")
    mail: dict[bool, int] = {True: 0, False: 0}
    shelf: dict[bool, int] = {True: 0, False: 0}
    with furniture(context, ada) as made:
        message_id = made.message("sent", days_ago=70, clicked=True)
        for _ in range(200):
            days_ago, total, quantity = random.uniform(0, 70), random.randint(1, 9999), random.randint(1, 4)
            by_mail = random.random() < 0.5
            lines = () if by_mail else ((quantity, total),)
            made.order(
                total, days_ago=days_ago, message_id=message_id if by_mail else None, shelf_lines=lines
            )
            at = NOW - timedelta(days=days_ago)
            is_current = at >= period.starts_at
            if is_current or period.before_starts_at <= at <= period.before_ends_at:
                mail[is_current] += total if by_mail else 0
                shelf[is_current] += 0 if by_mail else quantity * total
    found = figures_of(context, ada)
    assert (found.current.mail_revenue, found.before.mail_revenue) == (mail[True], mail[False])
    assert (found.current.shelf_revenue, found.before.shelf_revenue) == (shelf[True], shelf[False])
    assert sum(day.mail for day in found.days) == mail[True]
    assert sum(day.shelf for day in found.days) == shelf[True]


def test_a_ledger_with_many_of_one_moment_is_paged_without_loss(context: Context, ada: Shop) -> None:
    with furniture(context, ada) as made:
        made_ids = {made.message("skipped", days_ago=1 + n // 30, reason="ordered") for n in range(90)}
        seen: list[int] = []
        after: Place | None = None
        while True:
            page = reporting.ledger_page(
                made.connection, ada.shop_id, shown="skipped", flow=None, after=after
            )
            seen += [entry.message_id for entry in page.entries]
            if page.next_place is None:
                break
            after = Place.parse(str(page.next_place))
    assert len(seen) == 90
    assert set(seen) == made_ids


def test_the_checklist_follows_what_really_is(context: Context, ada: Shop, clock: MovableClock) -> None:
    def states() -> list[str]:
        with context.db.shop(ada.shop_id) as connection:
            from app.services.shops import get_shop

            steps = reporting.checklist(
                get_shop(connection, ada.shop_id), reporting.standing(connection, ada.shop_id)
            )
            return [step.state for step in steps]

    assert states() == ["done", "open", "open", "open", "open", "open", "open"]
    with furniture(context, ada) as made:
        made.job("import", "failed", error="x")
    assert states()[1] == "failed"
    with furniture(context, ada) as made:
        made.job("import", "running", progress={"phase": "orders", "n_done": 5, "n_total": None})
    assert states()[1] == "running"
    with furniture(context, ada) as made:
        made.model("refused", days_ago=0)
        made.visits("impression", 1, days_ago=0)
        made.policy()
        made.flow("win_back")
    assert states() == ["done", "running", "open", "done", "done", "open", "done"]
    with furniture(context, ada) as made:
        made.model("published", days_ago=0)
    assert states()[2] == "done"
    del clock


def test_progress_without_a_known_total_has_no_share(context: Context, ada: Shop) -> None:
    with furniture(context, ada) as made:
        made.job("import", "running", progress={"phase": "orders", "n_done": 5, "n_total": 0})
        job = reporting.standing(made.connection, ada.shop_id).jobs["import"]
    assert (job.share, job.n_done, job.phase, job.is_unfinished) == (None, 5, "orders", True)


def test_a_card_of_another_version_is_read_without_its_sentences(context: Context, ada: Shop) -> None:
    with furniture(context, ada) as made:
        made.model("published", days_ago=1, card={"strengths": "not a list", "numbers": {"n_orders": 7}})
        card = reporting.standing(made.connection, ada.shop_id).model
    assert card is not None
    assert (card.headline, card.strengths, card.numbers) == ("", (), {"n_orders": 7})
