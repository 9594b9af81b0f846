"""Looks shops up and keeps what their merchants chose; it never decides what the choices mean."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from datetime import datetime, time
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, select, text, update

from app.db.models import Shop
from app.db.session import Database
from app.domain.policy import ShopPolicy, heard_beside

T = TypeVar("T")


class UnknownShopError(Exception):
    """No such shop is installed here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopRecord:
    """A shop as services see it."""

    shop_id: int
    platform: str
    domain: str
    public_key: str
    name: str
    public_url: str
    email: str | None
    currency: str
    timezone: str
    country: str | None
    locale: str
    state: str
    holdout_salt: bytes
    policy: ShopPolicy
    n_orders_since_training: int
    trained_at: datetime | None
    installed_at: datetime
    uninstalled_at: datetime | None
    # What else in the shop mails about carts, by name.
    other_senders: tuple[str, ...] = ()
    # What stands between us and the shop and won't pass by itself, in words.
    connection_trouble: str | None = None
    # Since when it has not let us in, how often its owner was told since, and when last.
    access_lost_at: datetime | None = None
    n_access_notices: int = 0
    access_told_at: datetime | None = None

    @property
    def conflicts(self) -> tuple[str, ...]:
        """The other senders that the merchant has not said to be off: no cart reminder goes out beside them."""
        return heard_beside(self.other_senders, self.policy.cart)


def find_shop_id(connection: Connection, platform: str, domain: str) -> int | None:
    return cast(
        "int | None",
        connection.execute(
            text("SELECT find_shop(:platform, :domain)"), {"platform": platform, "domain": domain}
        ).scalar(),
    )


def find_shop_id_by_store(connection: Connection, platform: str, store_id: str) -> int | None:
    """The shop with this mark of its own, under whatever address; a connected one before others."""
    return cast(
        "int | None",
        connection.execute(
            text("SELECT find_shop_by_store(:platform, :store)"), {"platform": platform, "store": store_id}
        ).scalar(),
    )


def find_shop_id_by_key(connection: Connection, public_key: str) -> int | None:
    return cast(
        "int | None",
        connection.execute(text("SELECT find_shop_by_key(:key)"), {"key": public_key}).scalar(),
    )


def find_public_key(db: Database, platform: str, domain: str) -> str | None:
    """Under which key the shop's storefront asks; None for a shop that was never installed here."""
    with db.nobody() as connection:
        shop_id = find_shop_id(connection, platform, domain)
    if shop_id is None:
        return None
    with db.shop(shop_id) as connection:
        return get_shop(connection, shop_id).public_key


def connected_shops(db: Database) -> list[int]:
    """The ids of every connected shop."""
    with db.nobody() as connection:
        return [int(row[0]) for row in connection.execute(text("SELECT connected_shops()"))]


def every_shop(db: Database) -> list[int]:
    """The ids of all shops that were ever connected, those that left among them."""
    with db.nobody() as connection:
        return [int(row[0]) for row in connection.execute(text("SELECT every_shop()"))]


def get_shop(connection: Connection, shop_id: int) -> ShopRecord:
    """Read the shop this transaction was opened for.

    Raises:
        UnknownShopError: it does not exist (or the transaction was opened for another).
    """
    row = connection.execute(select(Shop.__table__).where(Shop.shop_id == shop_id)).mappings().one_or_none()
    if row is None:
        raise UnknownShopError
    values = {field.name: row[field.name] for field in fields(ShopRecord) if field.name in row}
    values["locale"] = row["locale"] or "en"
    values["other_senders"] = tuple(row["other_senders"])
    return ShopRecord(**values, policy=policy_from(row["settings"]))


def hold_shop(connection: Connection, shop_id: int) -> ShopRecord:
    """Read the shop, and let nobody connect it, or change it otherwise, before this transaction is over.

    Raises:
        UnknownShopError: as `get_shop`.
    """
    connection.execute(select(Shop.shop_id).where(Shop.shop_id == shop_id).with_for_update(key_share=True))
    return get_shop(connection, shop_id)


def mark_access_lost(connection: Connection, shop_id: int, now: datetime) -> bool:
    """The shop does not let us in any more: its merchant has to connect it again."""
    changed = connection.execute(
        update(Shop)
        .where(Shop.shop_id == shop_id, Shop.state == "connected")
        .values(state="needs_reconnect", access_lost_at=now, n_access_notices=0)
    )
    return changed.rowcount > 0


def save_policy(connection: Connection, shop_id: int, policy: ShopPolicy) -> None:
    connection.execute(update(Shop).where(Shop.shop_id == shop_id).values(settings=policy_as_json(policy)))


def policy_from(stored: dict[str, Any]) -> ShopPolicy:
    """Read a stored policy; keys it lacks have their defaults, keys it no longer knows are left out."""
    return _overlay(ShopPolicy(), stored)


def policy_as_json(policy: ShopPolicy) -> dict[str, Any]:
    return cast("dict[str, Any]", _plain(asdict(policy)))


def _overlay(defaults: T, stored: dict[str, Any]) -> T:
    changes: dict[str, Any] = {}
    for field in fields(defaults):  # type: ignore[arg-type]
        if field.name not in stored:
            continue
        default, value = getattr(defaults, field.name), stored[field.name]
        if is_dataclass(default):
            changes[field.name] = _overlay(default, value)
        elif isinstance(default, tuple):
            changes[field.name] = tuple(value)
        else:
            changes[field.name] = time.fromisoformat(value) if isinstance(default, time) else value
    return replace(defaults, **changes)  # type: ignore[type-var]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return value.isoformat() if isinstance(value, time) else value
