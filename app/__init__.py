"""Regulars: brings a small shop's buyers back. `create_app` is the only Flask assembly."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.services.context import Context
    from app.settings import Settings


def create_app(settings: Settings | None = None, context: Context | None = None) -> Flask:
    """Assemble the web application. Settings come from the environment unless given; nothing connects yet."""
    from flask import Flask
    from flask_limiter.util import get_remote_address
    from werkzeug.middleware.proxy_fix import ProxyFix

    from app.logs import configure_logs
    from app.settings import ROOT, in_clear, read_settings
    from app.web.admin import admin_blueprint
    from app.web.connect import connect_blueprint
    from app.web.errors import install_error_pages
    from app.web.health import health_blueprint
    from app.web.install import install_blueprint
    from app.web.lean import NoSession, RouteLimiter
    from app.web.plugin import plugin_blueprint
    from app.web.pluginzip import pluginzip_blueprint
    from app.web.proxy import proxy_blueprint
    from app.web.recipient import recipient_blueprint
    from app.web.security import install_headers
    from app.web.shelf import WarmShelves
    from app.web.signin import signin_blueprint
    from app.web.storefront import storefront_blueprint
    from app.web.webhooks import webhooks_blueprint
    from app.wiring import build_context, with_servers

    if context is None:
        settings = settings or read_settings()
        configure_logs(settings.log_level)
        context = build_context(with_servers(settings))
    settings = context.settings
    app = Flask("regulars", root_path=str(ROOT), template_folder="templates", static_folder="static")
    app.secret_key = settings.secret_key.get_secret_value()
    app.config["MAX_CONTENT_LENGTH"] = 256 * 1024  # forms; webhooks set their own
    app.session_interface = NoSession()
    limiter = RouteLimiter(
        get_remote_address,
        app=app,
        storage_uri=in_clear(settings.redis_url),
        in_memory_fallback_enabled=True,
        headers_enabled=False,
    )
    install_headers(app, context)
    install_error_pages(app)
    app.register_blueprint(webhooks_blueprint(context))
    app.register_blueprint(storefront_blueprint(context, limiter))
    app.register_blueprint(proxy_blueprint(context, limiter))
    app.register_blueprint(recipient_blueprint(context))
    app.register_blueprint(install_blueprint(context))
    app.register_blueprint(connect_blueprint(context, limiter))
    app.register_blueprint(plugin_blueprint(context, limiter))
    app.register_blueprint(pluginzip_blueprint(context))
    app.register_blueprint(signin_blueprint(context, limiter))
    app.register_blueprint(admin_blueprint(context))
    app.register_blueprint(health_blueprint(context))
    app.wsgi_app = WarmShelves(context, app.wsgi_app)  # type: ignore[method-assign]
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app
