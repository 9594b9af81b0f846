"""Browsers that are signed in: opened by a link, looked up at each request, listed and revoked."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import structlog
from sqlalchemy import ColumnElement, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert

from app.clock import real_now
from app.db.models import PersonSession, SignInLink
from app.services.context import Context
from app.services.signin.links import digest, use_link
from app.services.signin.people import Known, Reachable, get_person, reach, reachable_shops

log = structlog.get_logger()

# Whoever doesn't come for a week, or has not signed in for a month, proves themselves again.
LIFE = timedelta(days=30)
IDLE = timedelta(days=7)
# How exactly `last_seen_at` is kept; a write for each click would be of no use to anybody.
SEEN_EVERY = timedelta(minutes=5)
# What has ended is kept for a day, so that "it was used" can be told from "there never was one" in the database.
KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is looking, at which shop, in which browser. `csrf` is what a form of this very page has to bring."""

    session_id: int
    person: Known
    shop: Reachable
    csrf: str


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One browser in the merchant's list."""

    session_id: int
    browser: str
    created_at: datetime
    last_seen_at: datetime
    is_this: bool


def enter(context: Context, link_token: str, browser: str, *, before: str | None = None) -> str | None:
    """Use a link up and open a session; the cookie's new value, or None where the link does not work.

    The browser's cookie from before, `before`, never becomes the new one, and what it opened is closed.
    """
    invited = use_link(context, link_token)
    if invited is None or not invited.shops:
        return None
    now, token = real_now(), secrets.token_urlsafe(32)
    if before:
        sign_out(context, before)
    with context.db.person(invited.person.person_id) as connection:
        connection.execute(
            insert(PersonSession).values(
                token_hash=digest(token),
                person_id=invited.person.person_id,
                shop_id=invited.shop_id or invited.shops[0].shop_id,
                kind=invited.kind,
                browser=browser[:80],
                created_at=now,
                last_seen_at=now,
                expires_at=now + LIFE,
            )
        )
    log.info("signed_in", person_id=invited.person.person_id, kind=invited.kind)
    return token


def find_session(context: Context, token: str) -> SignedIn | None:
    """The session behind a cookie, if it still holds and a shop of the person's can be seen."""
    now, person_id = real_now(), _person_of(context, token)
    if person_id is None:
        return None
    with context.db.person(person_id) as connection:
        row = connection.execute(select(PersonSession.__table__).where(*_holds(token, now))).one_or_none()
        if row is not None and row.last_seen_at < now - SEEN_EVERY:
            connection.execute(
                update(PersonSession)
                .where(PersonSession.session_id == row.session_id)
                .values(last_seen_at=now)
            )
    if row is None:
        return None
    person = get_person(context, person_id)
    if row.kind == "desk":
        person = person.sent_by(row.shop_id)
    shop = reach(context, person, row.shop_id, now) or next(iter(reachable_shops(context, person, now)), None)
    if shop is None:
        return None
    return SignedIn(row.session_id, person, shop, csrf_token(context, token, shop.shop_id))


def csrf_token(context: Context, token: str, shop_id: int) -> str:
    """Bound to the session and to the shop: a form opened for one shop is never carried out on another."""
    key = context.settings.secret_key.get_secret_value().encode()
    return hmac.new(key, f"regulars-csrf|{token}|{shop_id}".encode(), sha256).hexdigest()


def choose_shop(context: Context, signed_in: SignedIn, shop_id: int) -> bool:
    """Look at another of one's shops from now on; False where the person may not."""
    if reach(context, signed_in.person, shop_id, real_now()) is None:
        return False
    with context.db.person(signed_in.person.person_id) as connection:
        connection.execute(
            update(PersonSession)
            .where(PersonSession.session_id == signed_in.session_id)
            .values(shop_id=shop_id)
        )
    return True


def list_sessions(context: Context, signed_in: SignedIn) -> list[OpenSession]:
    """Every browser in which this person is signed in, the latest seen first; see `_theirs`."""
    now = real_now()
    with context.db.person(signed_in.person.person_id) as connection:
        rows = connection.execute(
            select(PersonSession.__table__)
            .where(
                *_theirs(signed_in),
                PersonSession.expires_at > now,
                PersonSession.last_seen_at > now - IDLE,
            )
            .order_by(PersonSession.last_seen_at.desc(), PersonSession.session_id.desc())
        ).all()
    return [
        OpenSession(
            row.session_id,
            row.browser,
            row.created_at,
            row.last_seen_at,
            row.session_id == signed_in.session_id,
        )
        for row in rows
    ]


def revoke_session(context: Context, signed_in: SignedIn, session_id: int) -> bool:
    """End one of the person's own sessions; False when there is none such."""
    with context.db.person(signed_in.person.person_id) as connection:
        ended = connection.execute(
            update(PersonSession)
            .where(*_theirs(signed_in), PersonSession.session_id == session_id)
            .values(revoked_at=real_now())
        )
    return ended.rowcount == 1


def revoke_others(context: Context, signed_in: SignedIn) -> int:
    """End every session of the person's but this one; returns how many."""
    with context.db.person(signed_in.person.person_id) as connection:
        ended = connection.execute(
            update(PersonSession)
            .where(*_theirs(signed_in), PersonSession.session_id != signed_in.session_id)
            .values(revoked_at=real_now())
        )
    return ended.rowcount


def sign_out(context: Context, token: str) -> None:
    """End the session behind a cookie, if there is one."""
    person_id = _person_of(context, token)
    if person_id is not None:
        with context.db.person(person_id) as connection:
            connection.execute(
                update(PersonSession)
                .where(PersonSession.token_hash == digest(token), PersonSession.revoked_at.is_(None))
                .values(revoked_at=real_now())
            )


def forget_old(context: Context) -> None:
    """Delete the links and sessions that ended more than a day ago."""
    until = real_now() - KEPT
    with context.db.nobody() as connection:
        found = connection.execute(text("SELECT people_with_old_sign_ins(:until)"), {"until": until})
        people = [int(person_id) for person_id in found.scalars()]
    for person_id in people:
        with context.db.person(person_id) as connection:
            for table in (SignInLink, PersonSession):
                connection.execute(
                    delete(table).where(table.person_id == person_id, table.expires_at <= until)
                )


def _person_of(context: Context, token: str) -> int | None:
    with context.db.nobody() as connection:
        found = connection.execute(
            text("SELECT find_person_by_session(:hash)"), {"hash": digest(token)}
        ).scalar()
    return None if found is None else int(found)


def _theirs(signed_in: SignedIn) -> tuple[ColumnElement[bool], ...]:
    """The sessions somebody may look after: all of theirs, or those that the one shop which sent them opened."""
    person = signed_in.person
    open_ones = (PersonSession.person_id == person.person_id, PersonSession.revoked_at.is_(None))
    if person.only_shop_id is None:
        return open_ones
    return (*open_ones, PersonSession.kind == "desk", PersonSession.shop_id == person.only_shop_id)


def _holds(token: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        PersonSession.token_hash == digest(token),
        PersonSession.revoked_at.is_(None),
        PersonSession.expires_at > now,
        PersonSession.last_seen_at > now - IDLE,
    )
