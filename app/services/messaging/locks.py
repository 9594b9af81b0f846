"""What a hand-over holds still while it looks once more: the person, the message, the cart; it decides nothing."""

from __future__ import annotations

from hashlib import blake2b

from sqlalchemy import Connection, text

from app.services.messaging.ledger import Claim
from app.services.messaging.scene import Scene


def follow_address(connection: Connection, claim: Claim, scene: Scene) -> None:
    """A shopper may correct the address after the mail was planned; locks and caps go by the present one."""
    connection.execute(
        _FOLLOW_ADDRESS,
        {
            "shop_id": claim.shop_id,
            "message_id": claim.message_id,
            "fence": claim.fence,
            "email": scene.recipient,
            "email_hash": scene.email_hash,
        },
    )


def lock_person(connection: Connection, shop_id: int, email_hash: bytes | None) -> None:
    """One hand-over per person at a time: two messages at once would each see room under the cap."""
    digest = blake2b(shop_id.to_bytes(8) + (email_hash or b""), digest_size=8, person=b"regulars-person")
    connection.execute(_LOCK_PERSON, {"key": int.from_bytes(digest.digest(), signed=True)})


def lock_message(connection: Connection, claim: Claim) -> bool:
    """Hold the row; False when it is no longer this worker's."""
    row = connection.execute(
        _LOCK_MESSAGE, {"shop_id": claim.shop_id, "message_id": claim.message_id, "fence": claim.fence}
    ).one_or_none()
    return row is not None


def lock_cart(connection: Connection, shop_id: int, cart_id: int) -> bool:
    """Keep the cart as it is until the commit; False, without waiting, when somebody is changing it now."""
    row = connection.execute(_LOCK_CART, {"shop_id": shop_id, "cart_id": cart_id}).one_or_none()
    return row is not None


_FOLLOW_ADDRESS = text("""
    UPDATE messages SET recipient = :email, email_hash = :email_hash
    WHERE shop_id = :shop_id AND message_id = :message_id AND state = 'claimed' AND claimed_until = :fence
      AND email_hash IS DISTINCT FROM :email_hash""")

_LOCK_PERSON = text("SELECT pg_advisory_xact_lock(:key)")

_LOCK_MESSAGE = text("""
    SELECT 1 FROM messages
    WHERE shop_id = :shop_id AND message_id = :message_id AND state = 'claimed' AND claimed_until = :fence
    FOR UPDATE""")

_LOCK_CART = text("SELECT 1 FROM carts WHERE shop_id = :shop_id AND cart_id = :cart_id FOR SHARE SKIP LOCKED")
