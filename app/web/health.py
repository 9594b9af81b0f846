"""Says whether this process lives and whether it can serve; for load balancers, not for people."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.services.context import Context


def health_blueprint(context: Context) -> Blueprint:
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz")
    def show_alive() -> ResponseReturnValue:
        return {"status": "alive"}

    @blueprint.get("/readyz")
    def show_ready() -> ResponseReturnValue:
        """PostgreSQL is needed; Redis is told, but its absence costs only speed."""
        parts = {"postgresql": _reaches_postgresql(context), "redis": _reaches_redis(context)}
        return parts, 200 if parts["postgresql"] else 503

    return blueprint


def _reaches_postgresql(context: Context) -> bool:
    try:
        with context.db.nobody() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True


def _reaches_redis(context: Context) -> bool:
    try:
        return bool(context.redis.ping())
    except RedisError:
        return False
