"""Turns what went wrong into an answer that says what to do; a stack trace goes to the log, never out."""

from __future__ import annotations

import structlog
from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

log = structlog.get_logger()

_WORDS = {
    400: "The request could not be read.",
    401: "Please open the app from your shop's admin.",
    403: "This is not allowed.",
    404: "There is nothing here.",
    405: "This address does not take that kind of request.",
    413: "That is too large.",
    429: "Too many requests; please wait a minute.",
}


def install_error_pages(app: Flask) -> None:
    @app.errorhandler(HTTPException)
    def answer_http_error(error: HTTPException) -> ResponseReturnValue:
        status = error.code or 500
        return _answer(_WORDS.get(status, error.name), status)

    @app.errorhandler(OperationalError)
    @app.errorhandler(InterfaceError)
    @app.errorhandler(PoolTimeoutError)
    def answer_database_away(error: Exception) -> ResponseReturnValue:
        log.warning("database_away", reason=type(error).__name__)
        body, status = _answer("The database can't be reached right now; please try again in a minute.", 503)
        return body, status, {"Retry-After": "10"}

    @app.errorhandler(DBAPIError)
    def answer_database_error(error: DBAPIError) -> ResponseReturnValue:
        """The driver names a connection that broke in the middle of an answer no better than this."""
        return answer_database_away(error) if error.connection_invalidated else answer_bug(error)

    @app.errorhandler(UnicodeDecodeError)
    def answer_unreadable_address(error: UnicodeDecodeError) -> ResponseReturnValue:
        """Some servers hand on an address whose bytes are not UTF-8; that is the sender's mistake."""
        return _answer(_WORDS[400], 400) if error.object == request.query_string else answer_bug(error)

    @app.errorhandler(Exception)
    def answer_bug(error: Exception) -> ResponseReturnValue:
        log.error("unhandled", path=request.path, exc_info=error)
        return _answer("Something went wrong on our side. It has been noted.", 500)


def _answer(message: str, status: int) -> tuple[str | dict[str, str], int]:
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        return render_template("storefront/problem.html", message=message), status
    return {"error": message}, status
