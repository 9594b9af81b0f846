"""Assembles the merchant's pages; what they show comes from services, who may see them is security's."""

from __future__ import annotations

from flask import Blueprint

from app.services.context import Context
from app.settings import ROOT
from app.web.admin import account, activity, disconnect, home, messages, recommendations, settings, trying
from app.web.admin.page import Desk


def admin_blueprint(context: Context) -> Blueprint:
    """Every page of the admin under /admin, each behind a verified session of a merchant."""
    blueprint = Blueprint("admin", __name__, url_prefix="/admin", template_folder=str(ROOT / "templates"))
    desk = Desk(context, blueprint)
    for pages in (home, recommendations, messages, activity, settings, trying, disconnect, account):
        pages.register(desk)
    return blueprint
