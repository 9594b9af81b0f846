"""Makes, changes and takes away the one web pixel an app may have in the shop, refused with Shopify's user errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from app.demo.amounts import gid
from app.demo.fields import AccessDeniedError, Caller, number_of
from app.demo.mutations_discounts import Payload, problem
from app.demo.queries import pixel_object
from app.demo.tokens import covers


def _create(caller: Caller, root: Any, args: dict[str, Any]) -> Payload:
    _require_events(caller, "webPixelCreate")
    if caller.shop.web_pixel is not None:
        return {"webPixel": None, "userErrors": [_wrong("Web pixel is taken.", "TAKEN")]}
    return _keep(caller, caller.store.world.new_id(), args["webPixel"]["settings"])


def _update(caller: Caller, root: Any, args: dict[str, Any]) -> Payload:
    _require_events(caller, "webPixelUpdate")
    if not _is_the_one(caller, args["id"]):
        return {"webPixel": None, "userErrors": [_wrong("Web pixel not found.", "NOT_FOUND")]}
    return _keep(caller, number_of(args["id"], "WebPixel"), args["webPixel"]["settings"])


def _delete(caller: Caller, root: Any, args: dict[str, Any]) -> Payload:
    if not _is_the_one(caller, args["id"]):
        return {"deletedWebPixelId": None, "userErrors": [_wrong("Web pixel not found.", "NOT_FOUND")]}
    caller.shop.web_pixel = None
    return {"deletedWebPixelId": args["id"], "userErrors": []}


def _require_events(caller: Caller, field: str) -> None:
    """Beside write_pixels, which the field itself asks for."""
    if not covers(caller.token.scopes, "read_customer_events"):
        required = "`write_pixels` access scope. Also: The app requires read_customer_events access scope."
        raise AccessDeniedError(f"Access denied for {field} field. Required access: {required}", required)


def _is_the_one(caller: Caller, of_id: str) -> bool:
    kept = caller.shop.web_pixel
    return kept is not None and gid("WebPixel", kept[0]) == of_id


def _keep(caller: Caller, number: int, told: Any) -> Payload:
    """Settings come as an object or as a JSON text of one, and have to fit the deployed extension's."""
    pixel = caller.shop.config.pixel
    if pixel is None:
        return {"webPixel": None, "userErrors": [_wrong("No extension found.", "NO_EXTENSION")]}
    try:
        settings = json.loads(told) if isinstance(told, str) else told
    except ValueError:
        return {
            "webPixel": None,
            "userErrors": [_wrong("Settings is not valid JSON.", "INVALID_CONFIGURATION_JSON")],
        }
    if (reason := pixel.wrong_with(settings)) is not None:
        return {"webPixel": None, "userErrors": [_wrong(reason, "INVALID_SETTINGS")]}
    caller.shop.web_pixel = (number, settings)
    return {"webPixel": pixel_object(number, settings), "userErrors": []}


def _wrong(message: str, code: str) -> dict[str, Any]:
    return problem("ErrorsWebPixelUserError", message, None, code=code)


PIXEL_MUTATIONS: dict[str, Callable[[Caller, Any, dict[str, Any]], Payload]] = {
    "webPixelCreate": _create,
    "webPixelUpdate": _update,
    "webPixelDelete": _delete,
}
