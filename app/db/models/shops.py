"""Shops, the keys to them, and the audit of who touched customers' data."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.models.base import Base, OwnId, ShopId


class Shop(Base):
    """An installed shop: the tenant. `settings` is what the merchant chose; unset keys have defaults."""

    __tablename__ = "shops"
    __table_args__ = (
        UniqueConstraint("platform", "domain"),
        UniqueConstraint("public_key"),
        Index("ix_shops_store", "platform", "store_id"),
    )

    shop_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    platform: Mapped[str]
    domain: Mapped[str]
    public_key: Mapped[str]
    name: Mapped[str]
    public_url: Mapped[str]
    email: Mapped[str | None]
    currency: Mapped[str]
    timezone: Mapped[str]
    country: Mapped[str | None]
    locale: Mapped[str | None]
    # connected | needs_reconnect | leaving | uninstalled
    state: Mapped[str]
    holdout_salt: Mapped[bytes] = mapped_column(LargeBinary)
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    n_orders_since_training: Mapped[int] = mapped_column(server_default=text("0"))
    trained_at: Mapped[datetime | None]
    installed_at: Mapped[datetime]
    uninstalled_at: Mapped[datetime | None]
    # The shop's own mark, the same under another address; a copy of the shop has it too.
    store_id: Mapped[str | None]
    # What else in the shop mails about carts, by name, as the last look found it.
    other_senders: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    # What stands between us and the shop and won't pass by itself, as the last look at its connection found it.
    connection_trouble: Mapped[str | None]
    # Since when it has not answered at all, while that is so.
    silent_since: Mapped[datetime | None]
    # Since when it has not let us in, while that is so, how often its owner was told since, and when last.
    access_lost_at: Mapped[datetime | None]
    n_access_notices: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    access_told_at: Mapped[datetime | None]


class Credential(Base):
    """The shop's tokens, encrypted by the key that `key_id` names; both are always written in one statement."""

    __tablename__ = "credentials"

    shop_id: Mapped[ShopId]
    key_id: Mapped[str]
    access_token: Mapped[bytes] = mapped_column(LargeBinary)
    refresh_token: Mapped[bytes | None] = mapped_column(LargeBinary)
    scopes: Mapped[str]
    # Real time, not the shop's clock: the platform counts these seconds.
    expires_at: Mapped[datetime | None]
    refresh_expires_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class AuditEntry(Base):
    """Who saw or changed customers' data, and when; it names no customer in the clear."""

    __tablename__ = "audit"

    shop_id: Mapped[ShopId]
    audit_id: Mapped[OwnId]
    happened_at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
