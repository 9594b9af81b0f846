"""Builds the built-in demo shop: its customers and eighteen months of orders that follow planted habits."""

from __future__ import annotations

import itertools
import random
import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.demo.catalogue import Habits, empty_world, read_habits
from app.demo.habits import Baskets, Pick
from app.demo.people import People, Person
from app.demo.world import Customer, Line, Order, World

HISTORY_DAYS = 548  # eighteen months

N_CUSTOMERS = 920
N_GUEST_ORDERS = 880

# Of the customers: those who come for one re-bought thing, and those who never bought (newsletter only).
SHARE_WITH_HABIT, SHARE_WITHOUT_ORDER = 0.46, 0.04

# state -> share. What a European shop with a pre-checked nothing sees.
CONSENT = {"subscribed": 0.66, "not_subscribed": 0.21, "unsubscribed": 0.10, "pending": 0.03}

# Customers planted to have been quiet, in the last two weeks, for this many times their own rhythm.
QUIET_FOR, N_PLANTED_PER_RATIO, LATELY_DAYS = (1.5, 2.0, 2.5), 26, 14

# The longest rhythm a planted lapse uses (days): a longer one would need years of history.
LONGEST_LAPSE_RHYTHM = 60

# A rhythm is kept to this part; people are not clocks.
WOBBLE = 0.12

SHARE_CANCELLED = 0.015


@dataclass(slots=True)
class _Visit:
    """One order before it has a number."""

    at: datetime
    picks: list[Pick]
    person: Person
    customer: Customer | None = None


@dataclass(slots=True)
class _Plan:
    """When a customer with a habit came first and last, and how often in between."""

    habit: str
    rhythm_days: float
    first_at: datetime
    last_at: datetime
    owned: set[str] = field(default_factory=set)


def build_world(seed: int = 7, ends_at: datetime | None = None) -> World:
    """The whole shop at `ends_at` (default: this hour). The same seed and end give the same shop."""
    ends_at = ends_at or datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    rng = random.Random(seed)
    world = empty_world(ends_at, HISTORY_DAYS, rng)
    builder = _Builder(world, read_habits(), rng)
    visits = builder.customers_visits() + builder.guests_visits()
    _write_orders(world, visits, rng)
    return world


def lapsed_lately(world: World, times_rhythm: float = 1.5, within_days: int = LATELY_DAYS) -> list[int]:
    """Subscribed customers who, in the last days, became quiet for `times_rhythm` × their own median gap.

    Counted from the orders alone, by a customer with three or more of them.
    """
    bought: dict[int, list[datetime]] = defaultdict(list)
    for order in world.orders.values():
        if order.customer_id is not None and order.cancelled_at is None:
            bought[order.customer_id].append(order.created_at)
    found = []
    for customer_id, moments in bought.items():
        moments.sort()
        gaps = [(b - a).total_seconds() for a, b in itertools.pairwise(moments)]
        if len(gaps) < 2 or world.customers[customer_id].marketing_state != "subscribed":
            continue
        lapsed_at = moments[-1] + timedelta(seconds=times_rhythm * statistics.median(gaps))
        if world.starts_at - timedelta(days=within_days) <= lapsed_at <= world.starts_at:
            found.append(customer_id)
    return found


class _Builder:
    """Draws people and their visits."""

    def __init__(self, world: World, habits: Habits, rng: random.Random) -> None:
        self.world, self.habits, self.rng = world, habits, rng
        self.people = People(rng)
        self.baskets = Baskets(world, habits, rng)
        self.zone = ZoneInfo(world.timezone)
        self.begins_at = world.starts_at - timedelta(days=HISTORY_DAYS)

    def customers_visits(self) -> list[_Visit]:
        n_planted = N_PLANTED_PER_RATIO * len(QUIET_FOR)
        n_without = int(N_CUSTOMERS * SHARE_WITHOUT_ORDER)
        n_habit = int(N_CUSTOMERS * SHARE_WITH_HABIT) - n_planted
        visits = []
        for number in range(N_CUSTOMERS - n_without):
            if number < n_planted:
                visits += self._habitual(self._lapsed_plan(QUIET_FOR[number % len(QUIET_FOR)]), "subscribed")
            elif number < n_planted + n_habit:
                visits += self._habitual(self._plan(), None)
            else:
                visits += self._occasional()
        for _ in range(n_without):
            self._customer(self.people.draw(), self._some_time(), None)
        return visits

    def guests_visits(self) -> list[_Visit]:
        visits: list[_Visit] = []
        for _ in range(N_GUEST_ORDERS):
            # Now and then a guest comes back, still as a guest.
            returns = visits and self.rng.random() < 0.12
            person = self.rng.choice(visits).person if returns else self.people.draw()
            at = self._some_time()
            visits.append(_Visit(at, self._any_basket(at), person))
        return visits

    # -- customers with a habit ------------------------------------------------------------------------

    def _habitual(self, plan: _Plan, state: str | None) -> list[_Visit]:
        person = self.people.draw()
        moments = [plan.last_at]
        while True:
            gap = plan.rhythm_days * self.rng.uniform(1 - WOBBLE, 1 + WOBBLE)
            earlier = self._waking(moments[-1] - timedelta(days=gap))
            if earlier < plan.first_at:
                break
            moments.append(earlier)
        moments.reverse()
        customer = self._customer(person, moments[0], state)
        visits = [_Visit(at, self._refill(plan, at, at == moments[0]), person, customer) for at in moments]
        if state is None and self.rng.random() < 0.2:
            at = self._some_time(moments[0])
            visits.append(_Visit(at, self.baskets.for_a_set(at, {plan.habit}), person, customer))
        return visits

    def _refill(self, plan: _Plan, at: datetime, is_first: bool) -> list[Pick]:
        if is_first:
            picks = self.baskets.for_a_first_visit(plan.habit, at)
        else:
            picks = self.baskets.for_a_refill(plan.habit, at, plan.owned)
        plan.owned.update(pick.product.handle for pick in picks)
        return picks

    def _plan(self) -> _Plan:
        """Most still come; some stopped somewhere in the last year."""
        habit = self._habit(999)
        rhythm = self.habits.rebuy_days[habit] * self.rng.uniform(0.94, 1.06)
        now = self.world.starts_at
        if self.rng.random() < 0.68:
            last_at = now - timedelta(days=self.rng.uniform(0.02, 0.95) * rhythm)
        else:
            last_at = now - timedelta(days=rhythm + self.rng.uniform(10, 300))
        n_days = min(self.rng.triangular(rhythm, HISTORY_DAYS, rhythm * 3), (last_at - self.begins_at).days)
        last_at = self._waking(last_at)
        return _Plan(habit, rhythm, last_at - timedelta(days=n_days), last_at)

    def _lapsed_plan(self, quiet_for: float) -> _Plan:
        habit = self._habit(LONGEST_LAPSE_RHYTHM)
        rhythm = self.habits.rebuy_days[habit] * self.rng.uniform(0.97, 1.03)
        quiet_days = quiet_for * rhythm + self.rng.uniform(1, LATELY_DAYS - 1)
        last_at = self._waking(self.world.starts_at - timedelta(days=quiet_days))
        return _Plan(habit, rhythm, last_at - timedelta(days=rhythm * self.rng.uniform(4.5, 6.5)), last_at)

    def _habit(self, longest_days: int) -> str:
        handles = [h for h, days in self.habits.rebuy_days.items() if days <= longest_days]
        return self.rng.choices(handles, [self.habits.popularity[h] for h in handles])[0]

    # -- everybody else --------------------------------------------------------------------------------

    def _occasional(self) -> list[_Visit]:
        person = self.people.draw()
        n_orders = self.rng.choices((1, 2, 3, 4, 6), (0.46, 0.26, 0.14, 0.09, 0.05))[0]
        moments = sorted(self._some_time() for _ in range(n_orders))
        customer = self._customer(person, moments[0], None)
        return [_Visit(at, self._any_basket(at), person, customer) for at in moments]

    def _any_basket(self, at: datetime) -> list[Pick]:
        return self.baskets.for_a_set(at) if self.rng.random() < 0.7 else self.baskets.loose(at)

    def _customer(self, person: Person, created_at: datetime, state: str | None) -> Customer:
        state = state or self.rng.choices(list(CONSENT), list(CONSENT.values()))[0]
        consent_at = None if state == "not_subscribed" else created_at
        if state == "unsubscribed":
            consent_at = self._some_time(created_at)
        customer = Customer(
            id=self.world.new_id(),
            email=person.email,
            first_name=person.first_name,
            last_name=person.last_name,
            locale=person.locale,
            marketing_state=state,
            created_at=created_at,
            updated_at=max(created_at, consent_at or created_at),
            opt_in_level="confirmed_opt_in" if self.rng.random() < 0.3 else "single_opt_in",
            consent_updated_at=consent_at,
        )
        self.world.customers[customer.id] = customer
        return customer

    # -- when ------------------------------------------------------------------------------------------

    def _some_time(self, since: datetime | None = None) -> datetime:
        """A moment of the history, likelier late than early, before Christmas, and at the weekend."""
        since = since or self.begins_at
        n_days = (self.world.starts_at - since).total_seconds() / 86400
        while True:
            at = since + timedelta(days=n_days * self.rng.random() ** 0.85)
            weight = (1.0 if at.month in (11, 12) else 0.5) * (1.0 if at.weekday() > 4 else 0.85)
            if self.rng.random() < weight:
                return max(since, self._waking(at))

    def _waking(self, at: datetime) -> datetime:
        """The same day at an hour at which people shop, never after the end of the history."""
        local = at.astimezone(self.zone)
        hour = int(self.rng.triangular(7, 24, 20)) % 24
        local = local.replace(hour=hour, minute=self.rng.randrange(60), second=self.rng.randrange(60))
        moment = local.astimezone(UTC).replace(microsecond=0)
        return moment if moment < self.world.starts_at else moment - timedelta(days=1)


def _write_orders(world: World, visits: list[_Visit], rng: random.Random) -> None:
    for number, visit in enumerate(sorted(visits, key=lambda each: each.at), start=1001):
        order = _order(world, visit, number, rng)
        world.orders[order.id] = order
        if visit.customer is not None:
            visit.customer.n_orders += 1
            visit.customer.updated_at = max(visit.customer.updated_at, visit.at)


def _order(world: World, visit: _Visit, number: int, rng: random.Random) -> Order:
    cancelled_at = visit.at + timedelta(hours=3) if rng.random() < SHARE_CANCELLED else None
    if cancelled_at and cancelled_at > world.starts_at:
        cancelled_at = None
    landing = rng.choice(("/", "/", f"/products/{visit.picks[0].product.handle}", "/?utm_source=instagram"))
    lines = [
        Line(world.new_id(), pick.product.id, pick.variant.id, pick.quantity, pick.variant.price)
        for pick in visit.picks
    ]
    return Order(
        id=world.new_id(),
        name=f"#{number}",
        created_at=visit.at,
        updated_at=cancelled_at or visit.at,
        lines=lines,
        customer_id=visit.customer.id if visit.customer else None,
        email=visit.person.email,
        cancelled_at=cancelled_at,
        landing_site=landing,
    )
