"""Flows, the people in them, and the ledger of every planned mail."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.models.base import Base, OwnId, ShopId, TenantId


class Flow(Base):
    """A flow of a shop, by its kind. `settings` holds the merchant's own words and waiting times."""

    __tablename__ = "flows"

    shop_id: Mapped[ShopId]
    # abandoned_cart | win_back
    kind: Mapped[str] = mapped_column(primary_key=True)
    is_active: Mapped[bool]
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    activated_at: Mapped[datetime | None]


class Enrolment(Base):
    """A person in a flow because of one subject: this cart, or this long absence. One subject enrols once."""

    __tablename__ = "enrolments"
    __table_args__ = (
        UniqueConstraint("shop_id", "flow", "subject"),
        Index("ix_enrolments_email", "shop_id", "email_hash"),
    )

    shop_id: Mapped[ShopId]
    enrolment_id: Mapped[OwnId]
    flow: Mapped[str]
    # One cart, `cart:12`, or one absence of a customer, `absence:7:19540` (the last order as a Unix day).
    subject: Mapped[str]
    cart_id: Mapped[int | None]
    customer_id: Mapped[int | None]
    email_hash: Mapped[bytes | None]
    # active | ended
    state: Mapped[str]
    created_at: Mapped[datetime]


class Message(Base):
    """One planned mail and its fate. Every state but `planned` and `claimed` is final or waits for a human."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("shop_id", "enrolment_id", "step"),
        UniqueConstraint("shop_id", "rfc_message_id"),
        ForeignKeyConstraint(
            ["shop_id", "enrolment_id"], ["enrolments.shop_id", "enrolments.enrolment_id"], ondelete="CASCADE"
        ),
        Index("ix_messages_due", "due_at", postgresql_where=text("state = 'planned'")),
        Index(
            "ix_messages_claimed",
            "claimed_until",
            postgresql_where=text("state IN ('claimed', 'handed_over')"),
        ),
        Index(
            "ix_messages_waiting",
            "shop_id",
            "email_hash",
            postgresql_where=text("state IN ('planned', 'claimed')"),
        ),
        Index("ix_messages_sent_to", "shop_id", "email_hash", "sent_at"),
        Index("ix_messages_decided", "shop_id", "decided_at"),
    )

    shop_id: Mapped[TenantId]
    message_id: Mapped[OwnId]
    enrolment_id: Mapped[int]
    flow: Mapped[str]
    step: Mapped[int] = mapped_column(Integer)
    # planned | claimed | handed_over | sent | skipped | failed | unknown
    state: Mapped[str] = mapped_column(server_default=text("'planned'"))
    # Why it was skipped, failed, put off or became unknown, in the words of domain/flows.
    reason: Mapped[str | None]
    # What the decision saw, without addresses.
    facts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    arm: Mapped[str | None]
    email_hash: Mapped[bytes | None]
    recipient: Mapped[str | None]
    subject_line: Mapped[str | None]
    rfc_message_id: Mapped[UUID]
    model_id: Mapped[int | None]
    n_attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    due_at: Mapped[datetime]
    # Real time: a lease ends when the worker that held it is gone, however fast the shop's clock runs.
    claimed_until: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    handed_over_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    clicked_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
