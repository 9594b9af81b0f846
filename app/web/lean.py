"""Leaves out what Flask and its limiter do at every request and no page of ours needs; decides nothing else.

Together they cost more than half of a shelf's answer.
"""

from __future__ import annotations

from flask import Flask, Request
from flask.sessions import NullSession, SessionInterface
from flask_limiter import Limiter


class NoSession(SessionInterface):
    """No session: merchants prove themselves by token, shoppers stay unknown. Writing to one is an error."""

    def open_session(self, app: Flask, request: Request) -> NullSession:
        del app, request
        return NullSession()


class RouteLimiter(Limiter):
    """Counts calls of the routes that declare a limit, and leaves all others alone.

    The extension looks limits up before every request, for limits of the whole application; there are none.
    """

    def _check_request_limit(self, callable_name: str | None = None, in_middleware: bool = True) -> None:
        if not in_middleware:
            super()._check_request_limit(callable_name, in_middleware)
