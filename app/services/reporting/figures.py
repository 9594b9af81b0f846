"""The figures on Home: what was credited to mails and shelves, and what the holdout says; read in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, text

from app.domain.incremental import Counted, Interval, difference, is_enough, share_interval
from app.services.reporting.periods import Period

# The holdout is compared over a longer time than the figures: at 10 % of a small shop's carts, 28 days
# hold a handful of people (market.md §4.6).
HOLDOUT_DAYS = 90

# An order this long after the decision still counts for its arm; the same for both arms, so neither is favoured.
WATCHED_DAYS = 7


@dataclass(frozen=True, slots=True)
class DayOfRevenue:
    """Minor units of the shop's currency, credited on one day of the shop's calendar."""

    day: date
    mail: int = 0
    shelf: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """One period in sums. Money is minor units of the shop's currency."""

    mail_revenue: int = 0
    shelf_revenue: int = 0
    n_recovered: int = 0
    recovered_revenue: int = 0
    n_other_currency: int = 0
    n_sent: int = 0
    n_skipped: int = 0
    n_held_out: int = 0
    n_failed: int = 0
    n_unknown: int = 0
    n_shown: int = 0
    n_clicked: int = 0

    @property
    def revenue(self) -> int:
        return self.mail_revenue + self.shelf_revenue

    @property
    def click_rate(self) -> float | None:
        return min(1.0, self.n_clicked / self.n_shown) if self.n_shown else None

    @property
    def click_interval(self) -> Interval | None:
        return share_interval(self.n_clicked, self.n_shown) if self.n_shown else None


_NOBODY = Counted(0, 0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Those who were mailed beside those who were left alone on purpose."""

    mailed: Counted = _NOBODY
    holdout: Counted = _NOBODY

    @property
    def is_enough(self) -> bool:
        return is_enough(self.mailed, self.holdout)

    @property
    def difference(self) -> Interval | None:
        return difference(self.mailed, self.holdout)

    def __add__(self, other: Comparison) -> Comparison:
        return Comparison(_sum(self.mailed, other.mailed), _sum(self.holdout, other.holdout))


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything Home shows in numbers."""

    period: Period
    current: Totals
    before: Totals
    days: tuple[DayOfRevenue, ...]
    comparisons: Mapping[str, Comparison]

    @property
    def all_mails(self) -> Comparison:
        return sum(self.comparisons.values(), Comparison())


def home_figures(connection: Connection, shop_id: int, currency: str, period: Period) -> Figures:
    """Count the period and the one before it."""
    row = connection.execute(
        _FIGURES,
        {
            "shop_id": shop_id,
            "currency": currency,
            "zone": period.timezone,
            "starts_at": period.starts_at,
            "ends_at": period.ends_at,
            "before_starts_at": period.before_starts_at,
            "before_ends_at": period.before_ends_at,
            "held_since": period.ends_at - timedelta(days=HOLDOUT_DAYS),
            "watched": timedelta(days=WATCHED_DAYS),
        },
    ).one()
    orders, messages, visits = row.orders or [], row.messages or [], row.visits or []
    return Figures(
        period,
        _totals(orders, messages, visits, is_current=True),
        _totals(orders, messages, visits, is_current=False),
        _days(orders, period),
        _comparisons(row.arms or []),
    )


def _totals(
    orders: Iterable[dict[str, Any]],
    messages: Iterable[dict[str, Any]],
    visits: Iterable[dict[str, Any]],
    *,
    is_current: bool,
) -> Totals:
    totals = Totals()
    for day in _of(orders, is_current):
        totals = replace(totals, **{name: getattr(totals, name) + day[name] for name in _OF_ORDERS})
    for count in _of(messages, is_current):
        if name := _MESSAGE_COUNTS.get(count["state"]):
            totals = replace(totals, **{name: getattr(totals, name) + count["n"]})
        if count["reason"] == "holdout":
            totals = replace(totals, n_held_out=totals.n_held_out + count["n"])
    for count in _of(visits, is_current):
        totals = replace(totals, n_shown=count["n_shown"], n_clicked=count["n_clicked"])
    return totals


def _of(rows: Iterable[dict[str, Any]], is_current: bool) -> list[dict[str, Any]]:
    return [row for row in rows if row["is_current"] is is_current]


def _days(orders: Iterable[dict[str, Any]], period: Period) -> tuple[DayOfRevenue, ...]:
    found = {
        date.fromisoformat(row["day"]): (row["mail_revenue"], row["shelf_revenue"])
        for row in _of(orders, is_current=True)
    }
    return tuple(DayOfRevenue(day, *found.get(day, (0, 0))) for day in period.days)


def _comparisons(arms: Iterable[dict[str, Any]]) -> dict[str, Comparison]:
    found: dict[str, Comparison] = {}
    for row in arms:
        arm = Counted(row["n_people"], row["n_ordered"])
        side = Comparison(holdout=arm) if row["is_held_out"] else Comparison(mailed=arm)
        found[row["flow"]] = found.get(row["flow"], Comparison()) + side
    return found


def _sum(one: Counted, other: Counted) -> Counted:
    return Counted(one.n_people + other.n_people, one.n_ordered + other.n_ordered)


_OF_ORDERS = ("mail_revenue", "shelf_revenue", "n_recovered", "recovered_revenue", "n_other_currency")

# `handed_over` left us and waits for the mail server's last word: for a person it is sent.
_MESSAGE_COUNTS = {
    "sent": "n_sent",
    "handed_over": "n_sent",
    "skipped": "n_skipped",
    "failed": "n_failed",
    "unknown": "n_unknown",
}

# Four questions in one round trip. An order counts once: in full for the mail that was clicked before it, else
# with the lines that were put into the cart from a shelf. `arms` takes only people for whom nothing but the draw
# decided, and asks of each whether any order of theirs followed, credited or not.
_FIGURES = text("""
    WITH bounds AS (
        SELECT CAST(:starts_at AS timestamptz) AS starts_at, CAST(:ends_at AS timestamptz) AS ends_at,
               CAST(:before_starts_at AS timestamptz) AS before_starts_at,
               CAST(:before_ends_at AS timestamptz) AS before_ends_at
    ), credited AS (
        SELECT o.placed_at, o.total, o.currency = :currency AS is_ours,
               o.attributed_message_id IS NOT NULL AS is_mail, m.flow,
               (SELECT sum(l.quantity * l.unit_price) FROM order_lines l
                WHERE l.shop_id = o.shop_id AND l.order_id = o.order_id AND l.list_id IS NOT NULL) AS from_shelf
        FROM bounds, orders o
        LEFT JOIN messages m ON m.shop_id = o.shop_id AND m.message_id = o.attributed_message_id
        WHERE o.shop_id = :shop_id AND o.placed_at >= bounds.before_starts_at AND o.placed_at <= bounds.ends_at
          AND (o.attributed_message_id IS NOT NULL OR o.attributed_list_id IS NOT NULL)
          AND o.cancelled_at IS NULL AND o.removed_at IS NULL AND NOT o.is_test
    )
    SELECT
      (SELECT jsonb_agg(x) FROM (
          SELECT CAST(placed_at AT TIME ZONE :zone AS date) AS day, placed_at >= starts_at AS is_current,
                 coalesce(sum(total) FILTER (WHERE is_ours AND is_mail), 0) AS mail_revenue,
                 coalesce(sum(from_shelf) FILTER (WHERE is_ours AND NOT is_mail), 0) AS shelf_revenue,
                 count(*) FILTER (WHERE flow = 'abandoned_cart') AS n_recovered,
                 coalesce(sum(total) FILTER (WHERE is_ours AND flow = 'abandoned_cart'), 0) AS recovered_revenue,
                 count(*) FILTER (WHERE NOT is_ours) AS n_other_currency
          FROM credited, bounds WHERE placed_at >= starts_at OR placed_at <= before_ends_at
          GROUP BY 1, 2) x) AS orders,
      (SELECT jsonb_agg(x) FROM (
          SELECT decided_at >= starts_at AS is_current, state, reason, count(*) AS n
          FROM messages, bounds
          WHERE shop_id = :shop_id AND decided_at >= before_starts_at AND decided_at <= ends_at
            AND (decided_at >= starts_at OR decided_at <= before_ends_at)
          GROUP BY 1, 2, 3) x) AS messages,
      (SELECT jsonb_agg(x) FROM (
          SELECT happened_at >= starts_at AS is_current,
                 count(*) FILTER (WHERE kind = 'impression') AS n_shown,
                 count(*) FILTER (WHERE kind = 'click') AS n_clicked
          FROM visits, bounds
          WHERE shop_id = :shop_id AND happened_at >= before_starts_at AND happened_at <= ends_at
            AND (happened_at >= starts_at OR happened_at <= before_ends_at)
          GROUP BY 1) x) AS visits,
      (SELECT jsonb_agg(x) FROM (
          SELECT flow, is_held_out, count(*) AS n_people, count(*) FILTER (WHERE has_ordered) AS n_ordered
          FROM (SELECT m.flow, m.state = 'skipped' AS is_held_out,
                       EXISTS (SELECT 1 FROM orders o
                               WHERE o.shop_id = m.shop_id AND o.email_hash = m.email_hash
                                 AND o.placed_at > m.decided_at AND o.placed_at <= m.decided_at + :watched
                                 AND o.cancelled_at IS NULL AND o.removed_at IS NULL AND NOT o.is_test
                              ) AS has_ordered
                FROM messages m
                WHERE m.shop_id = :shop_id AND m.decided_at >= :held_since AND m.email_hash IS NOT NULL
                  AND (m.state IN ('sent', 'handed_over', 'unknown', 'failed')
                       OR (m.state = 'skipped' AND m.reason = 'holdout'))) people
          GROUP BY 1, 2) x) AS arms""")
