"""Keeps a forgotten person out of models; taking them off orders and lists is the caller's part."""

from __future__ import annotations

from sqlalchemy import Connection, text


class PersonForgottenError(Exception):
    """A person was forgotten while a model was learning from their orders; it has to be trained again."""


def give_up_artifacts(connection: Connection, shop_id: int) -> int:
    """Drop what the shop's models would learn on from, so that nothing does until a full pass; returns how many.

    Taking one person out of an artifact would leave what they moved in the vectors of products. The full pass
    that follows equals one that never saw them. A worker that has the model at hand lets it go when it finds
    the artifact gone. The caller makes the full pass due, in the same transaction.
    """
    hold_models(connection, shop_id)
    return connection.execute(_DROP_ARTIFACTS, {"shop_id": shop_id}).rowcount


def hold_models(connection: Connection, shop_id: int) -> None:
    """Let publishing and forgetting wait for one another, to the end of the transaction."""
    connection.execute(_HOLD, {"shop_id": shop_id})


def newest_erasure(connection: Connection, shop_id: int) -> tuple[object, ...]:
    """What changes when a person is forgotten."""
    return tuple(connection.execute(_NEWEST_ERASURE, {"shop_id": shop_id}).one())


def name_model_in_receipts(connection: Connection, shop_id: int, model_id: int) -> None:
    """Say in the receipts of those forgotten before it which model was trained without them."""
    connection.execute(_NAME_MODEL, {"shop_id": shop_id, "model_id": model_id})


_DROP_ARTIFACTS = text(
    "UPDATE models SET artifact = NULL, subjects = NULL WHERE shop_id = :shop_id AND artifact IS NOT NULL"
)

_HOLD = text("SELECT pg_advisory_xact_lock(hashtextextended('models of ' || CAST(:shop_id AS text), 0))")

_NEWEST_ERASURE = text("SELECT count(*), max(erased_at) FROM erasures WHERE shop_id = :shop_id")

_NAME_MODEL = text("""
    UPDATE erasures SET receipt = receipt || jsonb_build_object('model_without', CAST(:model_id AS bigint))
    WHERE shop_id = :shop_id AND receipt -> 'model_without' IS NULL""")
