"""Keeps who may be written to and who must not: appends permissions, sets and lifts suppressions."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, select, text
from sqlalchemy.dialects.postgresql import insert

from app.db.models import ConsentEntry, Suppression
from app.domain import consent as rules
from app.domain.consent import Scope
from app.domain.events import Cart, Consent, ConsentChanged, ConsentState, Order
from app.domain.reasons import Reason
from app.services.hashing import Hasher

# Why an address is suppressed: by the person's own word, which they may take back, or because it is dead.
UNSUBSCRIBED = "unsubscribed"
HARD_BOUNCE = "hard_bounce"


def record_consent(
    connection: Connection,
    shop_id: int,
    email_hash: bytes,
    consent: Consent,
    now: datetime,
    *,
    fallback_at: datetime | None = None,
) -> None:
    """Append a permission or its withdrawal; the same fact again changes nothing.

    A change whose time the platform doesn't tell counts from `fallback_at`, or from now. Anything but a yes
    first waits for a hand-over to this person that is under way: once this transaction has committed, no
    mail is handed over on the strength of the old permission.
    """
    if not rules.may_mail(consent):
        wait_for_handovers(connection, shop_id, [email_hash])
    connection.execute(
        insert(ConsentEntry)
        .values(
            shop_id=shop_id,
            email_hash=email_hash,
            state=consent.state.value,
            opt_in_level=consent.opt_in_level,
            changed_at=consent.changed_at or fallback_at or now,
            source=consent.source,
            recorded_at=now,
        )
        .on_conflict_do_nothing()
    )


def record_change(
    connection: Connection, hasher: Hasher, shop_id: int, event: ConsentChanged, now: datetime
) -> None:
    """Append what a platform's consent event says, for every address the named person is known by."""
    hashes = {hasher.email(shop_id, event.email)} if event.email else set()
    if event.platform_customer_id:
        rows = connection.execute(_HASHES_OF_CUSTOMER, {"shop_id": shop_id, "id": event.platform_customer_id})
        hashes |= {bytes(row.email_hash) for row in rows}
    erased = connection.execute(_ERASED, {"shop_id": shop_id, "hashes": list(hashes)}).scalars()
    for email_hash in hashes - {bytes(subject) for subject in erased}:
        record_consent(connection, shop_id, email_hash, event.consent, now)


def record_told(
    connection: Connection, hasher: Hasher, shop_id: int, purchases: Iterable[Order | Cart], now: datetime
) -> None:
    """Append what buyers said of marketing mail on the way, wherever their orders and carts were read."""
    for told in purchases:
        if told.consent is not None and told.email is not None:
            change = ConsentChanged(told.platform_customer_id, told.email, told.consent)
            record_change(connection, hasher, shop_id, change, now)


def latest_consent(connection: Connection, shop_id: int, email_hash: bytes) -> Consent | None:
    """The permission that holds (see `domain.consent.newest`); None when nothing was ever said."""
    rows = connection.execute(
        select(ConsentEntry.__table__).where(
            ConsentEntry.shop_id == shop_id, ConsentEntry.email_hash == email_hash
        )
    ).mappings()
    return rules.newest(
        Consent(
            state=ConsentState(row["state"]),
            opt_in_level=row["opt_in_level"],
            changed_at=row["changed_at"],
            source=row["source"],
        )
        for row in rows
    )


def suppress(
    connection: Connection, shop_id: int, email_hash: bytes, scope: Scope, reason: str, now: datetime
) -> None:
    """Never write to this address again, within `scope`; planned mails it covers are stopped at once."""
    connection.execute(
        insert(Suppression)
        .values(shop_id=shop_id, email_hash=email_hash, scope=scope.value, reason=reason, created_at=now)
        # A dead address outweighs a no that can be taken back.
        .on_conflict_do_update(
            index_elements=["shop_id", "email_hash", "scope"],
            set_={"reason": reason},
            where=Suppression.reason == UNSUBSCRIBED,
        )
    )
    wait_for_handovers(connection, shop_id, [email_hash])
    connection.execute(
        _STOP_SUPPRESSED,
        {
            "shop_id": shop_id,
            "email_hash": email_hash,
            "scope": scope.value,
            "reason": Reason.SUPPRESSED.value,
            "now": now,
        },
    )


def lift(
    connection: Connection,
    shop_id: int,
    email_hash: bytes,
    scopes: Collection[Scope],
    *,
    reasons: Collection[str] = (UNSUBSCRIBED,),
) -> None:
    """Take suppressions back that were set for one of `reasons`: a person's own no is theirs to take back.

    A dead address stays suppressed whatever is clicked.
    """
    connection.execute(
        delete(Suppression).where(
            Suppression.shop_id == shop_id,
            Suppression.email_hash == email_hash,
            Suppression.scope.in_([scope.value for scope in scopes]),
            Suppression.reason.in_(list(reasons)),
        )
    )


def suppressed_scopes(connection: Connection, shop_id: int, email_hash: bytes) -> frozenset[str]:
    """What this address must not be sent."""
    rows = connection.execute(
        select(Suppression.scope).where(Suppression.shop_id == shop_id, Suppression.email_hash == email_hash)
    )
    return frozenset(rows.scalars())


def is_suppressed(connection: Connection, shop_id: int, email_hash: bytes, flow: str) -> bool:
    return rules.is_suppressed(suppressed_scopes(connection, shop_id, email_hash), flow)


def wait_for_handovers(connection: Connection, shop_id: int, email_hashes: Collection[bytes]) -> None:
    """Lock the waiting mails of these people until this transaction ends.

    A hand-over holds the same lock from its last look at the facts to its commit: it has either happened
    before this returns, or will see what this transaction writes.
    """
    connection.execute(_LOCK_WAITING, {"shop_id": shop_id, "hashes": list(email_hashes)})


_HASHES_OF_CUSTOMER = text("""
    SELECT email_hash FROM customers
    WHERE shop_id = :shop_id AND platform_customer_id = :id AND email_hash IS NOT NULL""")

_ERASED = text("""
    SELECT subject_hash FROM erasures WHERE shop_id = :shop_id AND subject_hash = ANY(:hashes)""")

_LOCK_WAITING = text("""
    SELECT message_id FROM messages
    WHERE shop_id = :shop_id AND email_hash = ANY(:hashes) AND state IN ('planned', 'claimed')
    ORDER BY message_id FOR UPDATE""")

_STOP_SUPPRESSED = text("""
    WITH stopped AS (
        UPDATE messages SET state = 'skipped', reason = :reason, decided_at = :now
        WHERE shop_id = :shop_id AND email_hash = :email_hash AND state IN ('planned', 'claimed')
          AND (:scope = 'all' OR flow = :scope)
        RETURNING enrolment_id)
    UPDATE enrolments SET state = 'ended'
    WHERE shop_id = :shop_id AND enrolment_id IN (SELECT enrolment_id FROM stopped)""")
