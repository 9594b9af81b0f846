"""What the links in a mail lead to: back into the cart, to a product, out of the mails; no cookie, no log-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from app.domain.consent import Scope
from app.mail.links import BadLinkError, Link, Purpose
from app.mail.pages import page_texts, topics
from app.services import messaging
from app.services.context import Context
from app.services.messaging import Reader
from app.services.shops import UnknownShopError

_TOPICS = (Scope.ABANDONED_CART, Scope.WIN_BACK)


def recipient_blueprint(context: Context) -> Blueprint:
    blueprint = Blueprint("recipient", __name__)

    @blueprint.errorhandler(BadLinkError)
    @blueprint.errorhandler(UnknownShopError)
    def answer_bad_link(_error: Exception) -> ResponseReturnValue:
        """One answer for a forged, a cut and an expired link: nothing can be learned by trying."""
        texts = page_texts(request.accept_languages.best)
        return render_template("recipient/bad_link.html", t=texts, shop_url=""), 404

    @blueprint.get("/r/<token>")
    def show_cart(token: str) -> ResponseReturnValue:
        return _follow(context, context.links.read(Purpose.RESUME, token))

    @blueprint.get("/c/<token>")
    def show_clicked(token: str) -> ResponseReturnValue:
        return _follow(context, context.links.read(Purpose.CLICK, token))

    @blueprint.get("/u/<token>")
    def show_unsubscribe(token: str) -> ResponseReturnValue:
        """Asks only: mail scanners open every link (RFC 8058 §1)."""
        link = context.links.read(Purpose.UNSUBSCRIBE, token)
        with context.db.shop(link.shop_id) as connection:
            reader = messaging.reader_of(connection, link)
        return _page("unsubscribe", reader, state="ask")

    @blueprint.post("/u/<token>")
    def receive_unsubscribe(token: str) -> ResponseReturnValue:
        """A mail program's one click (RFC 8058), or a button of our page; whatever else is posted is a no too."""
        link = context.links.read(Purpose.UNSUBSCRIBE, token)
        is_back = request.form.get("action") == "resubscribe"
        with context.db.shop(link.shop_id) as connection:
            reader = messaging.reader_of(connection, link)
            if is_back:
                messaging.resubscribe(connection, link.shop_id, link.message_id)
            else:
                messaging.unsubscribe(connection, link.shop_id, link.message_id, context.clock.now())
        return _page("unsubscribe", reader, state="undone" if is_back else "done")

    @blueprint.get("/p/<token>")
    def show_preferences(token: str) -> ResponseReturnValue:
        return _preferences(context, token, lambda connection, link: None, is_saved=False)

    @blueprint.post("/p/<token>")
    def receive_preferences(token: str) -> ResponseReturnValue:
        is_none = request.form.get("action") == "stop_all"
        ticked = () if is_none else request.form.getlist("topic")
        wanted = [scope for scope in _TOPICS if scope.value in ticked]

        def save(connection: Connection, link: Link) -> None:
            now = context.clock.now()
            messaging.set_preferences(connection, link.shop_id, link.message_id, wanted, now)

        return _preferences(context, token, save, is_saved=True)

    return blueprint


def _follow(context: Context, link: Link) -> ResponseReturnValue:
    # A HEAD is a scanner looking at the link, not a person.
    is_counted = request.method == "GET"
    destination = messaging.follow(context, link, context.clock.now(), is_counted=is_counted)
    if destination.url is None:
        return _page("resume_gone", destination.reader), 410
    response = make_response(redirect(destination.url))
    # The token names the message; the shop's own scripts need not see it.
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response


def _preferences(
    context: Context, token: str, change: Callable[[Connection, Link], None], *, is_saved: bool
) -> ResponseReturnValue:
    link = context.links.read(Purpose.PREFERENCES, token)
    with context.db.shop(link.shop_id) as connection:
        reader = messaging.reader_of(connection, link)
        change(connection, link)
        wanted = messaging.preferences(connection, link.shop_id, link.message_id)
    texts = page_texts(reader.locale, reader.shop_name)
    boxes = topics(texts, {scope.value: scope in wanted for scope in _TOPICS})
    return _page("preferences", reader, topics=boxes, is_saved=is_saved)


def _page(name: str, reader: Reader, **values: Any) -> str:
    texts = page_texts(reader.locale, reader.shop_name)
    return render_template(f"recipient/{name}.html", t=texts, shop_url=reader.shop_url, **values)
