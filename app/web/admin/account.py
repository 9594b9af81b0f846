"""Account: who is signed in, which of their shops they look at, and in which browsers; for those who sign in here."""

from __future__ import annotations

from flask import Response, g, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.clock import real_now
from app.services import signin
from app.services.signin import SignedIn
from app.web.admin.page import Desk
from app.web.admin.speech import _


def register(desk: Desk) -> None:
    """Add the page and what its buttons do."""
    context = desk.context

    def show_account() -> Response:
        return _account(desk)

    def choose_shop() -> ResponseReturnValue:
        """A page of its own, not a part of one: nothing of the shop before may stay in sight."""
        signed_in, wanted = _signed_in(), request.form.get("shop", "")
        is_number = wanted.isascii() and wanted.isdigit() and len(wanted) <= 18
        if signed_in is None or not is_number or not signin.choose_shop(context, signed_in, int(wanted)):
            return _nothing(desk, _("That is none of the shops you may see."))
        return make_response(redirect(url_for("admin.show_home"), 303))

    def revoke_session(session_id: int) -> Response:
        signed_in = _signed_in()
        if signed_in is None or not signin.revoke_session(context, signed_in, session_id):
            return _nothing(desk, _("There is no such session of yours."))
        return _account(desk, toast=_("That browser is signed out."))

    def revoke_others() -> Response:
        signed_in = _signed_in()
        if signed_in is None:
            return _nothing(desk, _("There is no such session of yours."))
        signin.revoke_others(context, signed_in)
        return _account(desk, toast=_("All other browsers are signed out."))

    def expel_person(person_id: int) -> Response:
        """Not oneself: that is what signing out is for, and nobody shuts the door on themselves by a slip."""
        signed_in = _signed_in()
        if (
            signed_in is None
            or person_id == signed_in.person.person_id
            or not signin.expel(context, g.shop_id, person_id)
        ):
            return _nothing(desk, _("There is no such person to be let in here."))
        return _account(desk, toast=_("They are not let in any more."))

    desk.route("/account", show_account)
    desk.route("/account/people/<int:person_id>/expel", expel_person, methods=("POST",))
    desk.route("/account/shop", choose_shop, methods=("POST",))
    desk.route("/account/sessions/<int:session_id>/revoke", revoke_session, methods=("POST",))
    desk.route("/account/sessions/revoke-others", revoke_others, methods=("POST",))


def _account(desk: Desk, toast: str | None = None) -> Response:
    signed_in = _signed_in()
    if signed_in is None:
        return _nothing(
            desk, _("You are signed in by your shop's own admin; there is nothing to look after here.")
        )
    with desk.context.db.shop(g.shop_id) as connection:
        shop = desk.shop(connection)
    return desk.render(
        "admin/account.html",
        shop,
        toast=toast,
        shown_as=url_for("admin.show_account") if toast is not None else None,
        person=signed_in.person,
        shops=signin.reachable_shops(desk.context, signed_in.person, real_now()),
        sessions=signin.list_sessions(desk.context, signed_in),
        members=signin.list_members(desk.context, g.shop_id),
    )


def _signed_in() -> SignedIn | None:
    found: SignedIn | None = g.get("signed_in")
    return found


def _nothing(desk: Desk, what: str) -> Response:
    with desk.context.db.shop(g.shop_id) as connection:
        shop = desk.shop(connection)
    return desk.not_found(shop, what)
