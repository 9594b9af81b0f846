"""Who may see what over HTTP: session tokens for the admin, headers for every answer; it stores nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, g, make_response, render_template, request
from flask.typing import ResponseReturnValue

from app.clock import real_now
from app.platforms.base import ForgedError, MerchantSession, NeedsReconnectError, PlatformError
from app.services.context import Context
from app.services.installing import open_session

P = ParamSpec("P")
log = structlog.get_logger()

# The platform whose admin embeds ours and issues the session tokens.
EMBEDDING_PLATFORM = "shopify"

# Asks Shopify's App Bridge to fetch a fresh token and repeat the call (shopify-app-js,
# respond-to-invalid-session-token).
RETRY_HEADER = "X-Shopify-Retry-Invalid-Session-Request"


def merchant_required(
    context: Context,
) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Let a view run only for a verified merchant; sets `g.shop_id`, `g.shop_domain` and `g.merchant`.

    The shop comes from the token alone. Without a valid token a script gets 401, a page the bounce page,
    which fetches a token from the platform's admin and loads again.
    """

    def decorate(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            try:
                session = _session(context)
            except ForgedError:
                return _ask_for_token(context)
            g.merchant, g.shop_domain = session, session.shop_domain
            try:
                g.shop_id = open_session(context, EMBEDDING_PLATFORM, session)
            except NeedsReconnectError:
                return _ask_for_token(context)
            except PlatformError as error:
                log.warning("session_not_opened", reason=str(error))
                return render_template("storefront/problem.html", problem="platform"), 503
            return view(*args, **kwargs)

        return guarded

    return decorate


def _session(context: Context) -> MerchantSession:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = request.args.get("id_token", "") if request.method == "GET" else ""
    if not token:
        raise ForgedError("no session token")
    return context.platforms[EMBEDDING_PLATFORM].verify_session(token, real_now())


def _ask_for_token(context: Context) -> ResponseReturnValue:
    is_script = "Authorization" in request.headers or "HX-Request" in request.headers
    if is_script or request.method != "GET":
        response = make_response({"error": "The session token is missing or no longer valid."}, 401)
        response.headers[RETRY_HEADER] = "1"
        return response
    platform = context.platforms[EMBEDDING_PLATFORM]
    try:
        # Signed or not, the name only decides who may frame this empty page.
        query = {key: values for key, values in request.args.lists() if key != "id_token"}
        g.shop_domain = platform.verify_launch(query, real_now())
    except ForgedError:
        g.shop_domain = None
    page = render_template(
        "admin/bounce.html",
        api_key=context.settings.shopify_api_key,
        app_bridge_url=context.settings.app_bridge_url,
    )
    return make_response(page, 200 if g.shop_domain else 401)


def install_headers(app: Flask, context: Context) -> None:
    """Add the security headers to every answer; the ones that differ per shop come from the verified shop."""
    bridge = urlsplit(context.settings.app_bridge_url)
    bridge_origin = f"{bridge.scheme}://{bridge.netloc}"

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        if response.mimetype != "text/html":
            return response
        shop_domain = g.get("shop_domain")
        ancestors = context.platforms[EMBEDDING_PLATFORM].frame_ancestors(shop_domain)
        response.headers["Content-Security-Policy"] = (
            f"default-src 'self'; script-src 'self' {bridge_origin}; style-src 'self'; "
            f"img-src 'self' https: data: {_local_images(context)}; connect-src 'self' {bridge_origin}; "
            f"base-uri 'none'; form-action 'self'; object-src 'none'; frame-ancestors {' '.join(ancestors)}"
        )
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        response.headers.setdefault("Cache-Control", "no-store")
        if context.settings.app_url.startswith("https://"):
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        return response


def _local_images(context: Context) -> str:
    """The demo store serves its pictures over plain http on this machine."""
    return context.settings.shopify_base_url or ""
