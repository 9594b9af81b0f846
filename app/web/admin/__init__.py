"""The merchant's pages: shown inside the platform's admin, in its session, for one shop."""

from app.web.admin.blueprint import admin_blueprint

__all__ = ["admin_blueprint"]
