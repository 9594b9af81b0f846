"""Links that sign a merchant in once: made for the shop's own admin or for a mail, and used up in PostgreSQL."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, insert, select, text, update

from app.clock import real_now
from app.db.models import SignInLink
from app.services.context import Context
from app.services.signin.people import Known, Reachable, admit, get_person, reach, reachable_shops

# The shop's admin sends the browser on at once; a mail may be read on the way to another device.
DESK_LIFE = timedelta(seconds=60)
MAIL_LIFE = timedelta(minutes=15)

# Mailed links to one person in an hour: enough for a slow mail server, too few to fill somebody's inbox.
MOST_MAILED = 5


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whom a link that still works lets in, and where to first; None of their shops means nowhere any more."""

    kind: str
    person: Known
    shops: tuple[Reachable, ...]
    shop_id: int | None


def one_time_link(context: Context, shop_id: int, *, email: str, name: str) -> str:
    """An address that signs this person in to this shop, once, within a minute.

    For a call that the shop has signed: the shop's own admin answers for who they are and that they may manage
    it, and the person is known here from then on. Any shop could name any address, so the word of one opens
    none of the others.
    """
    now = real_now()
    person_id = admit(context, shop_id, email, name, now, is_vouched=True)
    return make_link(context, person_id, kind="desk", life=DESK_LIFE, now=now, shop_id=shop_id)


def make_link(
    context: Context, person_id: int, *, kind: str, life: timedelta, now: datetime, shop_id: int | None = None
) -> str:
    token = secrets.token_urlsafe(32)
    with context.db.person(person_id) as connection:
        connection.execute(
            insert(SignInLink).values(
                token_hash=digest(token),
                person_id=person_id,
                shop_id=shop_id,
                kind=kind,
                created_at=now,
                expires_at=now + life,
            )
        )
    return f"{context.settings.app_url}/sign-in/{token}"


def may_be_mailed(context: Context, person_id: int, now: datetime) -> bool:
    """Whether another link may go to this person's inbox within the hour."""
    with context.db.person(person_id) as connection:
        n_mailed = connection.execute(
            select(func.count())
            .select_from(SignInLink)
            .where(
                SignInLink.person_id == person_id,
                SignInLink.kind == "mail",
                SignInLink.created_at > now - timedelta(hours=1),
            )
        ).scalar_one()
    return n_mailed < MOST_MAILED


def look_at_link(context: Context, token: str) -> Invitation | None:
    """Whom the link would let in. Nothing is used up: mail scanners open every link."""
    return _invitation(context, token, is_used=False)


def use_link(context: Context, token: str) -> Invitation | None:
    """Use the link up, whoever else may be doing so at this moment; None when it does not work (any more)."""
    return _invitation(context, token, is_used=True)


def digest(token: str) -> bytes:
    """Under which name a token is kept. It is random and long, so its hash needs no key."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _invitation(context: Context, token: str, *, is_used: bool) -> Invitation | None:
    now, token_hash = real_now(), digest(token)
    with context.db.nobody() as connection:
        found = connection.execute(text("SELECT find_person_by_link(:hash)"), {"hash": token_hash}).scalar()
    if found is None:
        return None
    with context.db.person(int(found)) as connection:
        link = _use(connection, token_hash, now) if is_used else _look(connection, token_hash, now)
    if link is None:
        return None
    kind, shop_id = link
    person = get_person(context, int(found))
    if kind == "desk" and shop_id is not None:
        person = person.sent_by(shop_id)
    if shop_id is None:
        return Invitation(kind, person, tuple(reachable_shops(context, person, now)), None)
    shop = reach(context, person, shop_id, now)
    return Invitation(kind, person, (shop,) if shop else (), shop_id)


def _look(connection: Connection, token_hash: bytes, now: datetime) -> tuple[str, int | None] | None:
    row = connection.execute(select(SignInLink.kind, SignInLink.shop_id).where(*_works(token_hash, now)))
    found = row.one_or_none()
    return (found.kind, found.shop_id) if found else None


def _use(connection: Connection, token_hash: bytes, now: datetime) -> tuple[str, int | None] | None:
    """The row's lock lets one through; whoever waited for it finds the link used."""
    row = connection.execute(
        update(SignInLink)
        .where(*_works(token_hash, now))
        .values(used_at=now)
        .returning(SignInLink.kind, SignInLink.shop_id)
    ).one_or_none()
    return (row.kind, row.shop_id) if row else None


def _works(token_hash: bytes, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        SignInLink.token_hash == token_hash,
        SignInLink.used_at.is_(None),
        SignInLink.expires_at > now,
    )
