"""What a shop's companion plugin asks while somebody waits; answers in JSON, and says to nobody why a call failed."""

from __future__ import annotations

import structlog
from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from redis.exceptions import RedisError

from app.platforms.asked import DeskKind
from app.platforms.base import ForgedError
from app.services import desk
from app.services.context import Context
from app.services.desk import Caller, UnknownDeskError

log = structlog.get_logger()

# A call holds a moment, a nonce, an address and a name.
MAX_CALL_BYTES = 8 * 1024


def plugin_blueprint(context: Context, limiter: Limiter) -> Blueprint:
    blueprint = Blueprint("plugin", __name__, url_prefix="/plugin/<platform_name>/<token>")
    # One shop's calls; and whoever tries addresses.
    per_shop = limiter.limit("60 per minute", key_func=lambda: str((request.view_args or {}).get("token")))
    per_sender = limiter.limit("240 per minute", key_func=get_remote_address)

    def admit(platform_name: str, token: str, kind: DeskKind) -> Caller:
        request.max_content_length = MAX_CALL_BYTES
        raw = request.get_data(cache=False)
        return desk.admit(context, platform_name, token, kind, dict(request.headers), raw)

    @blueprint.post("/sign-in")
    @per_shop
    @per_sender
    def receive_sign_in(platform_name: str, token: str) -> ResponseReturnValue:
        return {"url": desk.sign_in(context, admit(platform_name, token, "sign_in"))}, 200, _PRIVATE

    @blueprint.post("/export")
    @per_shop
    @per_sender
    def receive_export(platform_name: str, token: str) -> ResponseReturnValue:
        return {"items": desk.export(context, admit(platform_name, token, "export"))}, 200, _PRIVATE

    @blueprint.post("/erase")
    @per_shop
    @per_sender
    def receive_erase(platform_name: str, token: str) -> ResponseReturnValue:
        desk.erase(context, admit(platform_name, token, "erase"))
        return {"is_erased": True}, 200, _PRIVATE

    @blueprint.errorhandler(UnknownDeskError)
    def answer_nobody(_error: UnknownDeskError) -> ResponseReturnValue:
        return {"error": "This shop is not connected here."}, 404, _PRIVATE

    @blueprint.errorhandler(ForgedError)
    def answer_forged(error: ForgedError) -> ResponseReturnValue:
        log.info("desk_call_refused", reason=str(error))
        return {"error": "This call is not accepted."}, 401, _PRIVATE

    @blueprint.errorhandler(RedisError)
    def answer_later(error: RedisError) -> ResponseReturnValue:
        log.warning("redis_away", reason=type(error).__name__)
        return {"error": "Please try again in a minute."}, 503, {**_PRIVATE, "Retry-After": "30"}

    return blueprint


_PRIVATE = {"Cache-Control": "no-store"}
