"""The way in for merchants whose shop's admin does not embed ours: ask for a link, press its button, sign out."""

from __future__ import annotations

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from redis.exceptions import RedisError

from app.mail.addresses import BadAddressError, read_recipient
from app.services import signin
from app.services.context import Context
from app.web.browsers import name_browser
from app.web.security import comes_from_here, read_cookie, set_cookie

# Longer ones are none of ours.
LONGEST_TOKEN = 100


def signin_blueprint(context: Context, limiter: Limiter) -> Blueprint:
    blueprint = Blueprint("signin", __name__)

    @blueprint.before_request
    def name_our_origin() -> None:
        g.posts_here = True

    @blueprint.get("/sign-in")
    def show_form() -> ResponseReturnValue:
        cookie = read_cookie(context)
        if cookie and signin.find_session(context, cookie) is not None:
            return redirect(url_for("admin.show_home"), 303)
        return render_template("signin/form.html")

    @blueprint.post("/sign-in")
    @limiter.limit("5 per minute; 30 per hour", key_func=get_remote_address)
    def ask_for_link() -> ResponseReturnValue:
        """The same answer, as fast, for an address that is known and for one that is not."""
        if not comes_from_here(context):
            return render_template("signin/refused.html", shop_name=None), 403
        typed = request.form.get("email", "").strip()[:254]
        try:
            read_recipient(typed)
        except BadAddressError:
            problem = "That is not an e-mail address. One looks like shop@example.com."
            return render_template("signin/form.html", email=typed, problem=problem), 422
        try:
            signin.mail_link(context, typed)
        except RedisError:
            problem = "Signing in by mail is not possible right now; please try again in a minute."
            return render_template("signin/form.html", email=typed, problem=problem), 503
        return render_template("signin/asked.html", minutes=signin.MAIL_MINUTES)

    @blueprint.get("/sign-in/<token>")
    @limiter.limit("60 per minute", key_func=get_remote_address)
    def show_link(token: str) -> ResponseReturnValue:
        """Asks only: mail scanners open every link."""
        invited = signin.look_at_link(context, token) if len(token) <= LONGEST_TOKEN else None
        if invited is None or not invited.shops:
            return _spent()
        return render_template("signin/link.html", invited=invited)

    @blueprint.post("/sign-in/<token>")
    @limiter.limit("20 per minute; 120 per hour", key_func=get_remote_address)
    def receive_button(token: str) -> ResponseReturnValue:
        """Sign in. Another site's page must not: its merchant would then look after somebody else's shop."""
        if not comes_from_here(context):
            return render_template("signin/refused.html", shop_name=None), 403
        before, browser = read_cookie(context), name_browser(request.headers.get("User-Agent", ""))
        cookie = None
        if len(token) <= LONGEST_TOKEN:
            cookie = signin.enter(context, token, browser, before=before or None)
        if cookie is None:
            return _spent()
        response = make_response(redirect(url_for("admin.show_home"), 303))
        set_cookie(context, response, cookie)
        return response

    @blueprint.post("/sign-out")
    def sign_out() -> ResponseReturnValue:
        """Needs no token: the worst another site could do is to sign a merchant out, and it may not do that either."""
        if not comes_from_here(context):
            return render_template("signin/refused.html", shop_name=None), 403
        signin.sign_out(context, read_cookie(context))
        response = make_response(redirect(url_for("signin.show_form"), 303))
        set_cookie(context, response, "")
        return response

    return blueprint


def _spent() -> ResponseReturnValue:
    """One answer for a link that is used, too old, cut or invented."""
    response: Response = make_response(render_template("signin/spent.html"), 404)
    return response
