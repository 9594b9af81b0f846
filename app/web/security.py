"""Who may see what over HTTP: session tokens and cookies for the admin, headers for every answer; it stores nothing.

A merchant comes one of two ways. Where the platform's admin shows ours in a frame, each call carries its session
token and no cookie. Elsewhere the merchant has signed in here (see `signin`), and a cookie says so; then whatever
changes something also proves that it was asked for on our own page.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, g, make_response, render_template, request
from flask.typing import ResponseReturnValue

from app.clock import real_now
from app.platforms.base import ForgedError, NeedsReconnectError, Platform, PlatformError
from app.services import signin
from app.services.context import Context
from app.services.installing import open_session

P = ParamSpec("P")
log = structlog.get_logger()

# Asks Shopify's App Bridge to fetch a fresh token and repeat the call (shopify-app-js,
# respond-to-invalid-session-token).
RETRY_HEADER = "X-Shopify-Retry-Invalid-Session-Request"

CSRF_HEADER, CSRF_FIELD = "X-CSRF-Token", "csrf"

# What only the platform's admin adds to our address: there the page may fetch a session token.
_LAUNCH = frozenset({"hmac", "shop", "host", "embedded", "session"})


def merchant_required(
    context: Context,
) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Let a view run only for a verified merchant; sets `g.shop_id`, and `g.signed_in` where a cookie says who.

    The shop comes from the token or the session alone. Without a valid one a script gets 401, a page one that
    fetches a token from the platform's admin and loads again, or one that leads to signing in.
    """

    def decorate(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            token, cookie = _session_token(), read_cookie(context)
            if token:
                refusal = _open_embedded(context, token)
            elif cookie and "Authorization" not in request.headers:
                refusal = _open_stand_alone(context, cookie)
            else:
                refusal = _ask_who(context)
            return view(*args, **kwargs) if refusal is None else refusal

        return guarded

    return decorate


def embedding_platform(context: Context) -> Platform:
    """The platform whose admin embeds ours and issues the session tokens."""
    return next(platform for platform in context.platforms.values() if platform.embeds_admin)


def cookie_name(context: Context) -> str:
    """`__Host-`: a browser takes it from this very host and over https only, so that no other can plant one."""
    return "__Host-regulars" if _is_https(context) else "regulars_session"


def read_cookie(context: Context) -> str:
    return request.cookies.get(cookie_name(context), "")


def set_cookie(context: Context, response: Response, value: str) -> None:
    """Keep the session in this browser; an empty value takes it away."""
    response.set_cookie(
        cookie_name(context),
        value,
        max_age=int(signin.LIFE.total_seconds()) if value else 0,
        httponly=True,
        secure=_is_https(context),
        samesite="Lax",
        path="/",
    )


def comes_from_here(context: Context) -> bool:
    """Whether the browser says that one of our own pages sent this; what says nothing is no browser of today."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None and site != "same-origin":
        return False
    own = {_origin_of(context.settings.app_url), _origin_of(request.host_url)}
    return origin is None or origin in own


def _open_embedded(context: Context, token: str) -> ResponseReturnValue | None:
    platform = embedding_platform(context)
    try:
        session = platform.verify_session(token, real_now())
    except ForgedError:
        return _ask_for_token(context)
    g.merchant, g.shop_domain, g.has_bridge = session, session.shop_domain, True
    try:
        g.shop_id = open_session(context, platform.name, session)
    except NeedsReconnectError:
        return _ask_for_token(context)
    except PlatformError as error:
        log.warning("session_not_opened", reason=str(error))
        return render_template("storefront/problem.html", problem="platform"), 503
    return None


def _open_stand_alone(context: Context, cookie: str) -> ResponseReturnValue | None:
    signed_in = signin.find_session(context, cookie)
    if signed_in is None:
        return _ask_who(context)
    g.signed_in, g.shop_id = signed_in, signed_in.shop.shop_id
    if request.method in ("GET", "HEAD"):
        return None
    brought = request.headers.get(CSRF_HEADER) or request.form.get(CSRF_FIELD, "")
    is_ours = hmac.compare_digest(brought.encode("utf-8", "surrogatepass"), signed_in.csrf.encode())
    if is_ours and comes_from_here(context):
        return None
    log.warning("request_not_ours", path=request.path, is_token_right=is_ours)
    return render_template("signin/refused.html", shop_name=signed_in.shop.name), 403


def _session_token() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token
    return request.args.get("id_token", "") if request.method == "GET" else ""


def _ask_who(context: Context) -> ResponseReturnValue:
    """Whoever came from the platform's admin goes on there; anybody else may sign in here."""
    is_launch = not _LAUNCH.isdisjoint(request.args)
    if is_launch or request.method != "GET" or _is_script():
        return _ask_for_token(context)
    return render_template("signin/signed_out.html"), 401


def _ask_for_token(context: Context) -> ResponseReturnValue:
    if _is_script() or request.method != "GET":
        response = make_response({"error": "The session token is missing or no longer valid."}, 401)
        response.headers[RETRY_HEADER] = "1"
        return response
    try:
        # Signed or not, the name only decides who may frame this empty page.
        query = {key: values for key, values in request.args.lists() if key != "id_token"}
        g.shop_domain = embedding_platform(context).verify_launch(query, real_now())
    except ForgedError:
        g.shop_domain = None
    g.has_bridge = True
    page = render_template(
        "admin/bounce.html",
        api_key=context.settings.shopify_api_key,
        app_bridge_url=context.settings.app_bridge_url,
    )
    return make_response(page, 200 if g.shop_domain else 401)


def install_headers(app: Flask, context: Context) -> None:
    """Add the security headers to every answer; the ones that differ per shop come from the verified shop."""
    bridge = _origin_of(context.settings.app_bridge_url)

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        if response.mimetype != "text/html":
            return response
        ancestors = embedding_platform(context).frame_ancestors(g.get("shop_domain"))
        # The one script that is not ours, on the pages that stand in the platform's admin and no others.
        host = f" {bridge}" if g.get("has_bridge") else ""
        response.headers["Content-Security-Policy"] = (
            f"default-src 'self'; script-src 'self'{host}; style-src 'self'; "
            f"img-src 'self' https: data: {_local_images(context)}; connect-src 'self'{host}; "
            f"base-uri 'none'; form-action 'self'; object-src 'none'; frame-ancestors {' '.join(ancestors)}"
        )
        # `same-origin`, so that a form posted here names its origin; nobody else is told where one came from.
        response.headers.setdefault(
            "Referrer-Policy", "same-origin" if g.get("posts_here") or "signed_in" in g else "no-referrer"
        )
        response.headers.setdefault("Cache-Control", "no-store")
        if _is_https(context):
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        return response


def _is_script() -> bool:
    return "Authorization" in request.headers or "HX-Request" in request.headers


def _is_https(context: Context) -> bool:
    return context.settings.app_url.startswith("https://")


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _local_images(context: Context) -> str:
    """The demo store serves its pictures over plain http on this machine."""
    return context.settings.shopify_base_url or ""
