"""The way in for WooCommerce stores: the address is typed, the store hands over its keys, and progress is shown."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from flask import Blueprint, g, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from itsdangerous import BadSignature, URLSafeTimedSerializer
from redis.exceptions import RedisError

from app.platforms.base import InstallRefusedError
from app.services import keydrop
from app.services.context import Context
from app.services.keydrop import KeyDrop
from app.web.security import comes_from_here

log = structlog.get_logger()

COOKIE = "__regulars_connect"
PLATFORM = "woocommerce"

# Longer ones are none of ours.
LONGEST_TOKEN = 300


def connect_blueprint(context: Context, limiter: Limiter) -> Blueprint:
    blueprint = Blueprint("connect", __name__, url_prefix="/connect/woocommerce")
    signer = URLSafeTimedSerializer(context.settings.secret_key.get_secret_value(), salt="regulars-connect")

    @blueprint.get("")
    def show_form() -> ResponseReturnValue:
        return render_template("connect/form.html", store=request.args.get("store", "")[:200])

    @blueprint.post("")
    @limiter.limit("10 per minute", key_func=get_remote_address)
    def begin_connection() -> ResponseReturnValue:
        """Look at the store and send the merchant to its own consent page.

        By a page, not a redirect: browsers apply `form-action` to where a form's answer redirects.
        """
        typed = request.form.get("store", "")[:500]
        try:
            begun = keydrop.begin(
                context,
                PLATFORM,
                typed,
                takes_typed_addresses=request.form.get("takes_typed_addresses") == "yes",
                has_moved=request.form.get("has_moved") == "yes",
                return_uri=_outside(context, "connect.show_progress"),
                keys_uri=_outside(context, "connect.receive_keys"),
            )
        except InstallRefusedError as error:
            return render_template("connect/form.html", store=typed[:200], problem=str(error)), 422
        except RedisError:
            problem = "Connecting is not possible right now; please try again in a minute."
            return render_template("connect/form.html", store=typed[:200], problem=problem), 503
        response = make_response(render_template("connect/away.html", url=begun.url))
        response.set_cookie(
            COOKIE,
            signer.dumps(begun.token),
            max_age=keydrop.LIFE_SECONDS,
            httponly=True,
            secure=context.settings.app_url.startswith("https://"),
            samesite="Lax",
            path="/connect",
        )
        return response

    @blueprint.post("/keys")
    @limiter.limit("120 per minute", key_func=get_remote_address)
    def receive_keys() -> ResponseReturnValue:
        """The store's server: exactly 200, and at once. Anything else makes the store throw the keys away."""
        request.max_content_length = keydrop.MAX_KEYS_BYTES
        try:
            keydrop.receive_keys(context, request.get_data(cache=False))
        except keydrop.UnknownKeyDropError:
            return "", 403
        except RedisError:
            return "", 503
        return "", 200

    @blueprint.get("/progress")
    def show_progress() -> ResponseReturnValue:
        """Where the store sends the browser back, and where it waits. `success=1` in the address proves nothing."""
        try:
            token = str(signer.loads(request.cookies.get(COOKIE, ""), max_age=keydrop.LIFE_SECONDS))
            drop = keydrop.progress(context, token)
        except BadSignature:
            drop = None
        except RedisError:
            return render_template("storefront/problem.html", problem="platform"), 503
        if drop is None:
            return render_template("connect/lost.html"), 404
        is_denied = drop.state == "pending" and request.args.get("success") == "0"
        imported = keydrop.import_state(context, drop.shop_id) if drop.shop_id is not None else None
        seen = f"{drop.state}-{imported or ''}-{'problem' if drop.problem else ''}"
        if "HX-Request" in request.headers and request.args.get("seen") == seen:
            return "", 204  # the page stays as it is
        return render_template(
            "connect/progress.html", drop=drop, imported=imported, is_denied=is_denied, seen=seen
        )

    @blueprint.get("/moved/<token>")
    @limiter.limit("60 per minute", key_func=get_remote_address)
    def show_move(token: str) -> ResponseReturnValue:
        """Asks only: mail scanners open every link."""
        g.posts_here = True
        return _move(keydrop.look_at_move, token)

    @blueprint.post("/moved/<token>")
    @limiter.limit("20 per minute", key_func=get_remote_address)
    def confirm_move(token: str) -> ResponseReturnValue:
        if not comes_from_here(context):
            return render_template("signin/refused.html", shop_name=None), 403
        return _move(keydrop.confirm_move, token, is_confirmed=True)

    def _move(
        do: Callable[[Context, str], KeyDrop | None], token: str, *, is_confirmed: bool = False
    ) -> ResponseReturnValue:
        try:
            drop = do(context, token[:LONGEST_TOKEN])
        except RedisError:
            return render_template("storefront/problem.html", problem="platform"), 503
        if drop is None:
            return render_template("connect/lost.html"), 404
        return render_template(
            "connect/moved.html", drop=drop, is_confirmed=is_confirmed or drop.state != "owner_asked"
        )

    return blueprint


def _outside(context: Context, endpoint: str) -> str:
    """An address of ours as the store's server and the merchant's browser reach it."""
    return f"{context.settings.app_url}{url_for(endpoint)}"
