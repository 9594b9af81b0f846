"""Pages through the ledger of planned mails and shows one of them with all it was decided on; addresses masked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, text

from app.services.reporting.periods import Period

# What the merchant filters by; each stands for one or more stored states.
Shown = Literal["decided", "planned", "sent", "skipped", "failed"]
STATES: Mapping[Shown, tuple[str, ...]] = {
    "decided": ("handed_over", "sent", "skipped", "failed", "unknown"),
    "planned": ("planned", "claimed"),
    "sent": ("handed_over", "sent"),
    "skipped": ("skipped",),
    "failed": ("failed", "unknown"),
}
FLOWS = ("abandoned_cart", "win_back")

# Rows of a page: two screens of a phone, and one index range.
PAGE_LENGTH = 25


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: the next one begins behind this time and id, whatever was added meanwhile."""

    at: datetime
    message_id: int

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.message_id}"

    @classmethod
    def parse(cls, written: str) -> Place | None:
        """Read a place back from an address; None for anything that isn't one."""
        at, _, message_id = written.partition("~")
        try:
            moment = datetime.fromisoformat(at)
            place = cls(moment.astimezone(UTC), int(message_id))
        except (ValueError, OverflowError):
            return None
        return place if moment.tzinfo and 0 < place.message_id < 2**63 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One planned mail. `at` is when it was decided, or when it is due."""

    message_id: int
    flow: str
    step: int
    state: str
    reason: str | None
    recipient: str
    subject_line: str | None
    at: datetime
    due_at: datetime
    decided_at: datetime | None
    sent_at: datetime | None
    clicked_at: datetime | None
    is_credited: bool = False


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """A page of the ledger, and where the next one begins."""

    entries: tuple[Entry, ...]
    next_place: Place | None


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many mails of a period ended in this state for this reason."""

    state: str
    reason: str | None
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CartLine:
    """What lay in the cart, in minor units of `currency`."""

    title: str
    quantity: int
    unit_price: int | None
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditedOrder:
    name: str
    total: int
    currency: str
    placed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDetail:
    """One planned mail with what its decision saw."""

    entry: Entry
    created_at: datetime
    handed_over_at: datetime | None
    n_attempts: int
    arm: str | None
    model_id: int | None
    facts: Mapping[str, Any] = field(default_factory=dict)
    cart_lines: tuple[CartLine, ...] = ()
    orders: tuple[CreditedOrder, ...] = ()


def ledger_page(
    connection: Connection,
    shop_id: int,
    *,
    shown: Shown,
    flow: str | None,
    after: Place | None,
    person: bytes | None = None,
) -> LedgerPage:
    """A page of the ledger: planned ones soonest first, decided ones latest first.

    `person` is the keyed hash of an address: only what was planned for it then. Pages are found by where the
    last one ended, so the thousandth costs what the first does.
    """
    statement = _PLANNED if shown == "planned" else _DECIDED
    rows = connection.execute(
        statement,
        {
            "shop_id": shop_id,
            "states": list(STATES[shown]),
            "flow": flow,
            "person": person,
            "after_at": after.at if after else None,
            "after_id": after.message_id if after else None,
            "n": PAGE_LENGTH + 1,
        },
    ).mappings()
    entries = [_entry(row) for row in rows]
    shown_entries = tuple(entries[:PAGE_LENGTH])
    is_more = len(entries) > PAGE_LENGTH
    return LedgerPage(
        shown_entries, Place(shown_entries[-1].at, shown_entries[-1].message_id) if is_more else None
    )


def reason_counts(connection: Connection, shop_id: int, period: Period) -> tuple[ReasonCount, ...]:
    """How the period's mails ended, most frequent first."""
    rows = connection.execute(
        text(
            "SELECT state, reason, count(*) AS n FROM messages WHERE shop_id = :shop_id"
            " AND decided_at >= :starts_at AND decided_at <= :ends_at"
            " AND state NOT IN ('planned', 'claimed') GROUP BY 1, 2 ORDER BY n DESC, state, reason"
        ),
        {"shop_id": shop_id, "starts_at": period.starts_at, "ends_at": period.ends_at},
    )
    return tuple(ReasonCount(row.state, row.reason, row.n) for row in rows)


def ledger_entry(connection: Connection, shop_id: int, message_id: int) -> EntryDetail | None:
    """One planned mail; None when this shop has no such message."""
    row = connection.execute(_ENTRY, {"shop_id": shop_id, "message_id": message_id}).mappings().one_or_none()
    if row is None:
        return None
    return EntryDetail(
        entry=_entry(row),
        created_at=row["created_at"],
        handed_over_at=row["handed_over_at"],
        n_attempts=row["n_attempts"],
        arm=row["arm"],
        model_id=row["model_id"],
        facts=row["facts"],
        cart_lines=_cart_lines(row["lines"] or []),
        orders=tuple(_credited(found) for found in row["orders"] or []),
    )


def mask(address: str | None) -> str:
    """An address a merchant can recognise a question by, and nobody can write to: c•••@example.com."""
    local, at, host = (address or "").rpartition("@")
    return f"{local[:1]}•••@{host}" if at and local else "•••"


def _entry(row: RowMapping) -> Entry:
    names = (
        "message_id",
        "flow",
        "step",
        "state",
        "reason",
        "subject_line",
        "at",
        "due_at",
        "decided_at",
        "sent_at",
        "clicked_at",
        "is_credited",
    )
    return Entry(recipient=mask(row["recipient"]), **{name: row[name] for name in names})


def _cart_lines(lines: Sequence[Mapping[str, Any]]) -> tuple[CartLine, ...]:
    return tuple(
        CartLine(
            title=str(line.get("title") or ""),
            quantity=int(line.get("quantity") or 0),
            unit_price=line.get("unit_price"),
            currency=str(line.get("currency") or ""),
        )
        for line in lines
        if isinstance(line, dict)
    )


def _credited(found: Mapping[str, Any]) -> CreditedOrder:
    return CreditedOrder(
        name=found["name"],
        total=found["total"],
        currency=found["currency"],
        placed_at=datetime.fromisoformat(found["placed_at"]),
    )


_COLUMNS = """
    m.message_id, m.flow, m.step, m.state, m.reason, m.recipient, m.subject_line, m.due_at, m.decided_at,
    m.sent_at, m.clicked_at,
    m.clicked_at IS NOT NULL AND EXISTS (
        SELECT 1 FROM orders o WHERE o.shop_id = m.shop_id AND o.email_hash = m.email_hash
        AND o.attributed_message_id = m.message_id) AS is_credited"""

# Two statements rather than one with a switch: each is one range of one index.
_DECIDED = text(f"""
    SELECT {_COLUMNS}, m.decided_at AS at FROM messages m
    WHERE m.shop_id = :shop_id AND m.decided_at IS NOT NULL AND m.state = ANY(:states)
      AND (CAST(:flow AS text) IS NULL OR m.flow = :flow)
      AND (CAST(:person AS bytea) IS NULL OR m.email_hash = :person)
      AND (CAST(:after_at AS timestamptz) IS NULL OR (m.decided_at, m.message_id) < (:after_at, :after_id))
    ORDER BY m.decided_at DESC, m.message_id DESC LIMIT :n""")

_PLANNED = text(f"""
    SELECT {_COLUMNS}, m.due_at AS at FROM messages m
    WHERE m.shop_id = :shop_id AND m.state = ANY(:states)
      AND (CAST(:flow AS text) IS NULL OR m.flow = :flow)
      AND (CAST(:person AS bytea) IS NULL OR m.email_hash = :person)
      AND (CAST(:after_at AS timestamptz) IS NULL OR (m.due_at, m.message_id) > (:after_at, :after_id))
    ORDER BY m.due_at, m.message_id LIMIT :n""")

_ENTRY = text(f"""
    SELECT {_COLUMNS}, coalesce(m.decided_at, m.due_at) AS at, m.created_at, m.handed_over_at, m.n_attempts,
           m.arm, m.model_id, m.facts, c.lines,
           (SELECT jsonb_agg(x) FROM (
               SELECT o.name, o.total, o.currency, o.placed_at FROM orders o
               WHERE o.shop_id = m.shop_id AND o.email_hash = m.email_hash
                 AND o.attributed_message_id = m.message_id AND o.removed_at IS NULL
               ORDER BY o.placed_at) x) AS orders
    FROM messages m
    LEFT JOIN enrolments e ON e.shop_id = m.shop_id AND e.enrolment_id = m.enrolment_id
    LEFT JOIN carts c ON c.shop_id = e.shop_id AND c.cart_id = e.cart_id
    WHERE m.shop_id = :shop_id AND m.message_id = :message_id""")
