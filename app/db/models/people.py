"""Merchants as persons, which shops they may see, their links and sessions; a person may own several shops."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.models.base import Base, ShopId


class Person(Base):
    """Somebody who signs in here. The address lies sealed beside its keyed hash, by which it is found."""

    __tablename__ = "people"
    __table_args__ = (UniqueConstraint("email_hash"),)

    person_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    email_hash: Mapped[bytes] = mapped_column(LargeBinary)
    email: Mapped[bytes] = mapped_column(LargeBinary)
    # What the shop's own admin calls them; empty where nobody has said.
    name: Mapped[bytes] = mapped_column(LargeBinary)
    key_id: Mapped[str]
    created_at: Mapped[datetime]


class Membership(Base):
    """A shop's word that a person may see it. Only the shop's own transaction writes it; both may read it."""

    __tablename__ = "memberships"

    shop_id: Mapped[ShopId]
    person_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("people.person_id", ondelete="CASCADE"), primary_key=True
    )
    created_at: Mapped[datetime]
    # When the shop's own admin sent them last; None: it never has, they are who the shop names as its owner.
    vouched_at: Mapped[datetime | None]


class SignInLink(Base):
    """A way in that works once; only a hash of its token is kept. `used_at` is what makes it once."""

    __tablename__ = "sign_in_links"
    __table_args__ = (Index("ix_sign_in_links_person", "person_id", "created_at"),)

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.person_id", ondelete="CASCADE"))
    # Where it leads; None: to the shop they saw last, or any of theirs.
    shop_id: Mapped[int | None] = mapped_column(ForeignKey("shops.shop_id"))
    # mail | desk
    kind: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class PersonSession(Base):
    """A browser that is signed in; only a hash of its cookie is kept. All times are real, not the shop's."""

    __tablename__ = "person_sessions"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        Index("ix_person_sessions_person", "person_id"),
    )

    session_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.person_id", ondelete="CASCADE"))
    # The shop this browser looks at now.
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.shop_id"))
    # By which kind of link it was opened. `desk`: by the word of that one shop, so it never looks at another.
    kind: Mapped[str]
    # "Firefox on Windows": enough to recognise one's own.
    browser: Mapped[str]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
