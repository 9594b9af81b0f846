"""Lets an answer that makes no sense be the platform's error, as every other failure of a call is."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from app.platforms.base import PlatformError, UnreadableError

Asked = ParamSpec("Asked")
Built = TypeVar("Built")


def understood(call: Callable[Asked, Built]) -> Callable[Asked, Built]:
    """Turn UnreadableError into PlatformError."""

    @wraps(call)
    def checked(*args: Asked.args, **kwargs: Asked.kwargs) -> Built:
        try:
            return call(*args, **kwargs)
        except UnreadableError as error:
            raise PlatformError(f"the shop's answer makes no sense ({error})") from error

    return checked
