"""What every admin page shares: the merchant's shop, the formats, the frame around it, toasts and refusals."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from typing import Any

from flask import Blueprint, Response, g, make_response, render_template, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from flask_babel import Babel
from sqlalchemy import Connection

from app.mail.prices import babel_locale
from app.platforms.asked import KeyDropPlatform, PluginPlatform
from app.services.context import Context
from app.services.shops import ShopRecord, get_shop
from app.settings import ROOT
from app.web.admin.formats import LANGUAGE, Formats, locale_of
from app.web.security import merchant_required

View = Callable[..., ResponseReturnValue]

# htmx takes this status as the end of polling.
STOP_POLLING = 286

# (endpoint, English label, icon); the order of the navigation.
NAVIGATION = (
    ("admin.show_home", "Home", "home"),
    ("admin.show_recommendations", "Recommendations", "spark"),
    ("admin.show_messages", "Messages", "mail"),
    ("admin.show_activity", "Activity", "pulse"),
    ("admin.show_settings", "Settings", "dials"),
)


class Desk:
    """Registers admin routes, and renders their pages for the shop that the session was verified for."""

    def __init__(self, context: Context, blueprint: Blueprint) -> None:
        self.context = context
        self.blueprint = blueprint
        self._guard = merchant_required(context)
        blueprint.record_once(_speak)

    def route(self, rule: str, view: View, *, methods: tuple[str, ...] = ("GET",)) -> None:
        """Add a route that only a merchant with a verified session reaches."""
        self.blueprint.add_url_rule(
            rule, endpoint=view.__name__, view_func=self._guard(view), methods=list(methods)
        )

    def shop(self, connection: Connection) -> ShopRecord:
        """The shop of this request, the only one this connection can see."""
        return get_shop(connection, g.shop_id)

    def render(
        self,
        template: str,
        shop: ShopRecord,
        *,
        status: int = 200,
        toast: str | None = None,
        shown_as: str | None = None,
        **values: Any,
    ) -> Response:
        """Render a page or a part of one. `toast` is said once; `shown_as` is the address the browser shows."""
        settings = self.context.settings
        html = render_template(
            template,
            shop=shop,
            fmt=self.formats(shop),
            asset=asset,
            navigation=NAVIGATION,
            api_key=settings.shopify_api_key,
            app_bridge_url=settings.app_bridge_url,
            signed_in=g.get("signed_in"),
            has_plugin=isinstance(self.context.platforms[shop.platform], PluginPlatform),
            admin_url=self.context.platforms[shop.platform].admin_url(shop.domain),
            **values,
        )
        response = make_response(html, status)
        if toast is not None:
            response.headers["HX-Trigger"] = json.dumps({"toast": toast})
        if shown_as is not None:
            response.headers["HX-Push-Url"] = shown_as
        return response

    def formats(self, shop: ShopRecord) -> Formats:
        return Formats(
            locale=locale_of(shop.country),
            country=shop.country,
            language=babel_locale(shop.locale).language,
            timezone=shop.timezone,
            currency=shop.currency,
            now=self.context.clock.now(),
        )

    def connect_url(self, shop: ShopRecord) -> str:
        """Where the merchant connects this shop again by its address; empty where its own admin does that."""
        if not isinstance(self.context.platforms[shop.platform], KeyDropPlatform):
            return ""
        return url_for("connect.show_form", store=shop.domain)

    def not_found(self, shop: ShopRecord, what: str) -> Response:
        """The page for an address that leads to nothing of this shop's."""
        return self.render("admin/not_found.html", shop, status=404, what=what)


def own_address(shop: ShopRecord) -> str | None:
    """The address of the merchant who looks: whose, the session says, or else the shop."""
    signed_in = g.get("signed_in")
    return str(signed_in.person.email) if signed_in is not None else shop.email


@cache
def asset(name: str) -> str:
    """The address of a file in static/admin that changes when the file does, so it may be kept for long."""
    content = (ROOT / "static" / "admin" / name).read_bytes()
    version = hashlib.blake2b(content, digest_size=6).hexdigest()
    return url_for("static", filename=f"admin/{name}", v=version)


def _speak(state: BlueprintSetupState) -> None:
    """Let templates translate; the texts themselves are English, so that is what an unknown language gets."""
    if "babel" not in state.app.extensions:
        Babel(state.app, default_locale=LANGUAGE)
