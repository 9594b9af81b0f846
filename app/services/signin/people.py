"""Who a merchant is and which shops they may see; it signs nobody in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from app.db.models import Membership, Person, Shop
from app.services.context import Context
from app.services.hashing import normalise_email

# Whom a shop's own admin sent may come by mail too, for so long; after that the admin has to send them again, so
# that somebody who was let go there is let go here.
VOUCHED_FOR = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Known:
    """A merchant, in the clear.

    `only_shop_id`: nobody but this shop's own admin says that it is them. It answers for itself, and for no other
    shop that knows the same address.
    """

    person_id: int
    email: str
    name: str
    only_shop_id: int | None = None

    def sent_by(self, shop_id: int) -> Known:
        """The same person as far as one shop's word goes; what another shop calls them is left out."""
        return replace(self, name="", only_shop_id=shop_id)


@dataclass(frozen=True, slots=True)
class Reachable:
    """A shop that a merchant may see."""

    shop_id: int
    name: str
    domain: str


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody a shop lets in: its owner, or whom its own admin sent last at `vouched_at`."""

    person_id: int
    email: str
    vouched_at: datetime | None
    is_owner: bool


def admit(context: Context, shop_id: int, email: str, name: str, now: datetime, *, is_vouched: bool) -> int:
    """Note that this shop lets this person in; returns their id. One transaction, or nobody has come."""
    address = normalise_email(email)
    with context.db.shop(shop_id) as connection:
        person_id = _claim(context, connection, address, name, now)
        vouched_at = now if is_vouched else None
        row = insert(Membership).values(
            shop_id=shop_id, person_id=person_id, created_at=now, vouched_at=vouched_at
        )
        if is_vouched:
            row = row.on_conflict_do_update(
                index_elements=["shop_id", "person_id"], set_={"vouched_at": vouched_at}
            )
        else:
            row = row.on_conflict_do_nothing()
        connection.execute(row)
    return person_id


def find_person(context: Context, email: str) -> int | None:
    with context.db.nobody() as connection:
        return _find(connection, context.hasher.person(email))


def get_person(context: Context, person_id: int) -> Known:
    with context.db.person(person_id) as connection:
        row = connection.execute(select(Person.__table__).where(Person.person_id == person_id)).one()
    return Known(person_id, context.vault.open(row.email), context.vault.open(row.name))


def owned_shops(context: Context, email: str) -> list[int]:
    """The shops that name this address as their own, where merchants sign in here."""
    with context.db.nobody() as connection:
        found = connection.execute(
            text("SELECT shops_owned_by(:email)"), {"email": normalise_email(email)}
        ).scalars()
        shop_ids = [int(shop_id) for shop_id in found]
    return [shop_id for shop_id in shop_ids if _signs_in_here(context, shop_id)]


def reachable_shops(context: Context, person: Known, now: datetime) -> list[Reachable]:
    """Every shop this person may see now, by name."""
    with context.db.person(person.person_id) as connection:
        shop_ids = connection.execute(
            select(Membership.shop_id).where(Membership.person_id == person.person_id)
        ).scalars()
        known = [int(shop_id) for shop_id in shop_ids]
    found = [reach(context, person, shop_id, now) for shop_id in known]
    return sorted((shop for shop in found if shop), key=lambda shop: (shop.name.lower(), shop.shop_id))


def reach(context: Context, person: Known, shop_id: int, now: datetime) -> Reachable | None:
    """The shop, if it lets this person in now: it names their address, or its admin sent them not long ago."""
    if person.only_shop_id not in (None, shop_id):
        return None
    with context.db.shop(shop_id) as connection:
        shop = connection.execute(select(Shop.__table__).where(Shop.shop_id == shop_id)).one_or_none()
        row = connection.execute(
            select(Membership.vouched_at).where(
                Membership.shop_id == shop_id, Membership.person_id == person.person_id
            )
        ).one_or_none()
    if shop is None or row is None or context.platforms[shop.platform].embeds_admin:
        return None
    is_owner = normalise_email(shop.email or "") == person.email
    is_vouched = row.vouched_at is not None and row.vouched_at > now - VOUCHED_FOR
    return Reachable(shop_id, shop.name or shop.domain, shop.domain) if is_owner or is_vouched else None


def list_members(context: Context, shop_id: int) -> list[Member]:
    """Everybody the shop lets in, those who came last first."""
    with context.db.shop(shop_id) as connection:
        owner = normalise_email(
            connection.execute(select(Shop.email).where(Shop.shop_id == shop_id)).scalar() or ""
        )
        rows = connection.execute(
            select(Person.person_id, Person.email, Membership.vouched_at, Membership.created_at)
            .join(Membership, Membership.person_id == Person.person_id)
            .where(Membership.shop_id == shop_id)
            .order_by(func.coalesce(Membership.vouched_at, Membership.created_at).desc(), Person.person_id)
        ).all()
    members = []
    for row in rows:
        email = context.vault.open(row.email)
        members.append(Member(row.person_id, email, row.vouched_at, is_owner=email == owner))
    return members


def expel(context: Context, shop_id: int, person_id: int) -> bool:
    """Let somebody into this shop no more, from their next click on; False when they were not let in.

    The owner is who the shop itself names: only the shop can change that.
    """
    if not any(one.person_id == person_id and not one.is_owner for one in list_members(context, shop_id)):
        return False
    with context.db.shop(shop_id) as connection:
        gone = connection.execute(
            delete(Membership).where(Membership.shop_id == shop_id, Membership.person_id == person_id)
        )
    return gone.rowcount == 1


def reseal_people(context: Context) -> int:
    """Encrypt every merchant's address again under the newest key; returns how many."""
    with context.db.nobody() as connection:
        everyone = [int(found) for found in connection.execute(text("SELECT everyone()")).scalars()]
    for person_id in everyone:
        with context.db.person(person_id) as connection:
            row = connection.execute(
                select(Person.__table__).where(Person.person_id == person_id).with_for_update()
            ).one_or_none()
            if row is not None:
                sealed = {"email": context.vault.reseal(row.email), "name": context.vault.reseal(row.name)}
                connection.execute(
                    update(Person)
                    .where(Person.person_id == person_id)
                    .values(key_id=context.vault.key_id, **sealed)
                )
    return len(everyone)


def forget_strangers(context: Context) -> int:
    """Delete whom no shop lets in any more, with their links and sessions; returns how many those were."""
    with context.db.nobody() as connection:
        strangers = [int(found) for found in connection.execute(text("SELECT people_of_no_shop()")).scalars()]
    for person_id in strangers:
        with context.db.person(person_id) as connection:
            connection.execute(delete(Person).where(Person.person_id == person_id))
    return len(strangers)


def _claim(context: Context, connection: Connection, address: str, name: str, now: datetime) -> int:
    """Find the person's row, or make it, in a shop's transaction that becomes the person's as well.

    The id is drawn first: row security lets a person write only their own row.
    """
    email_hash = context.hasher.person(address)
    person_id = _find(connection, email_hash)
    if person_id is None:
        drawn = connection.execute(
            text("SELECT nextval(pg_get_serial_sequence('people', 'person_id'))")
        ).scalar_one()
        _become(connection, int(drawn))
        connection.execute(
            _INSERT_PERSON,
            {
                "person_id": drawn,
                "email_hash": email_hash,
                "email": context.vault.seal(address),
                "name": context.vault.seal(name),
                "key_id": context.vault.key_id,
                "now": now,
            },
        )
        person_id = _find(connection, email_hash)
        if person_id is None:
            raise RuntimeError("a person was stored but can't be found")
    _become(connection, person_id)
    if name:
        connection.execute(
            update(Person)
            .where(Person.person_id == person_id)
            .values(name=context.vault.seal(name), key_id=context.vault.key_id)
        )
    return person_id


def _find(connection: Connection, email_hash: bytes) -> int | None:
    found = connection.execute(text("SELECT find_person(:hash)"), {"hash": email_hash}).scalar()
    return None if found is None else int(found)


def _become(connection: Connection, person_id: int) -> None:
    connection.execute(text("SELECT set_config('app.person_id', :id, true)"), {"id": str(person_id)})


def _signs_in_here(context: Context, shop_id: int) -> bool:
    with context.db.shop(shop_id) as connection:
        platform = connection.execute(select(Shop.platform).where(Shop.shop_id == shop_id)).scalar()
    return platform is not None and not context.platforms[platform].embeds_admin


# Two who come at the same moment: the second insert does nothing and both use the first row.
_INSERT_PERSON = text(
    "INSERT INTO people (person_id, email_hash, email, name, key_id, created_at) OVERRIDING SYSTEM VALUE"
    " VALUES (:person_id, :email_hash, :email, :name, :key_id, :now) ON CONFLICT (email_hash) DO NOTHING"
)
