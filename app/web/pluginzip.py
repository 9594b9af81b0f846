"""Serves the WooCommerce plugin as a zip that knows this app's address; public, as it holds nothing secret."""

from __future__ import annotations

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from app.services.context import Context
from app.services.pluginzip import pack_plugin


def pluginzip_blueprint(context: Context) -> Blueprint:
    blueprint = Blueprint("pluginzip", __name__)

    @blueprint.get("/plugin/woocommerce/regulars.zip")
    def show_plugin_zip() -> ResponseReturnValue:
        packed = pack_plugin(context.settings.app_url)
        response = Response(packed.content, mimetype="application/zip")
        response.headers["Content-Disposition"] = 'attachment; filename="regulars.zip"'
        response.headers["Cache-Control"] = "public, max-age=300"
        response.set_etag(packed.etag)
        return response.make_conditional(request)

    return blueprint
