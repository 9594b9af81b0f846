"""The way in: the signed launch from the platform's admin, the grant, and the answer to it."""

from __future__ import annotations

import secrets

import structlog
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeTimedSerializer
from redis.exceptions import RedisError

from app.clock import real_now
from app.platforms.base import (
    ForgedError,
    InstallCallback,
    InstallRefusedError,
    InstallRequest,
    PlatformError,
)
from app.services.context import Context
from app.services.installing import connect, connected_shop_id

log = structlog.get_logger()

# A grant takes a merchant seconds; ten minutes allow for a log-in on the way (reliability.md §4).
STATE_SECONDS = 600
COOKIE = "__regulars_install"


def install_blueprint(context: Context) -> Blueprint:
    blueprint = Blueprint("install", __name__)
    signer = URLSafeTimedSerializer(
        context.settings.secret_key.get_secret_value(), salt="regulars-install-state"
    )

    @blueprint.get("/")
    def begin_launch() -> ResponseReturnValue:
        """The application URL: into the admin when embedded, else to the grant or back to the platform."""
        if request.args.get("embedded") == "1" or "id_token" in request.args:
            return redirect(f"{url_for('admin.show_home')}?{request.query_string.decode()}")
        if "shop" not in request.args:
            return render_template("storefront/landing.html")
        platform = context.platforms["shopify"]
        try:
            domain = platform.verify_launch(request.args.to_dict(flat=False), real_now())
        except ForgedError:
            return _refuse("This link was not signed by Shopify. Open the app from your Shopify admin.", 401)
        if connected_shop_id(context, "shopify", domain) is not None:
            return redirect(platform.admin_url(domain))
        return _begin_grant(context, signer)

    @blueprint.get("/install/shopify/callback")
    def receive_grant() -> ResponseReturnValue:
        """The platform's answer to the grant; the state must be this browser's and is used once."""
        platform = context.platforms["shopify"]
        try:
            expected = _take_state(context, signer)
            credentials = platform.complete_install(
                InstallCallback(
                    request.args.to_dict(flat=False), expected, _redirect_uri(context), real_now()
                )
            )
            connect(context, "shopify", credentials)
        except ForgedError:
            return _refuse("The answer was not signed by Shopify. Begin again from your Shopify admin.", 401)
        except InstallRefusedError as error:
            return _refuse(str(error), 403)
        except PlatformError as error:
            log.warning("install_failed", reason=str(error))
            return _refuse("Shopify did not answer. Nothing was stored; please try again in a minute.", 503)
        response = redirect(platform.admin_url(credentials.shop_domain))
        response.delete_cookie(COOKIE)
        return response

    return blueprint


def _begin_grant(context: Context, signer: URLSafeTimedSerializer) -> ResponseReturnValue:
    state = secrets.token_urlsafe(24)
    try:
        context.redis.set(f"install-state:{state}", b"1", ex=STATE_SECONDS)
        target = context.platforms["shopify"].begin_install(
            InstallRequest(request.args.to_dict(flat=False), _redirect_uri(context), state, real_now())
        )
    except InstallRefusedError as error:
        return _refuse(str(error), 403)
    except RedisError:
        return _refuse("Installing is not possible right now; please try again in a minute.", 503)
    response = redirect(target.url)
    response.set_cookie(
        COOKIE,
        signer.dumps(state),
        max_age=STATE_SECONDS,
        httponly=True,
        secure=context.settings.app_url.startswith("https://"),
        samesite="Lax",
        path="/install",
    )
    return response


def _take_state(context: Context, signer: URLSafeTimedSerializer) -> str | None:
    """The state this browser began with, if nobody has used it yet; None otherwise."""
    try:
        state = str(signer.loads(request.cookies.get(COOKIE, ""), max_age=STATE_SECONDS))
        is_unused = context.redis.getdel(f"install-state:{state}") is not None
    except BadSignature:
        return None
    except RedisError:
        raise PlatformError("the install state can't be checked") from None
    return state if is_unused else None


def _redirect_uri(context: Context) -> str:
    return f"{context.settings.app_url}/install/shopify/callback"


def _refuse(message: str, status: int) -> ResponseReturnValue:
    return render_template("storefront/problem.html", message=message), status
