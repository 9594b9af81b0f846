"""Opens what the companion plugin asks while somebody waits: verified over the raw bytes, and of the right shape."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from app.platforms.asked import DeskCall, DeskKind
from app.platforms.base import ForgedError, SecretLookup, UnreadableError
from app.platforms.fields import Body
from app.platforms.strictjson import decode_object
from app.platforms.woocommerce.envelope import sender_of

# Which fields each kind of call has beside `at` and `nonce`: exactly these, as the signature covers the body alone and
# a body signed for something else must not pass for one of them.
_FIELDS: Final[Mapping[DeskKind, frozenset[str]]] = {
    "sign_in": frozenset({"user_email", "user_name"}),
    "export": frozenset({"email"}),
    "erase": frozenset({"email"}),
}
_NONCE: Final = re.compile(r"\A[A-Za-z0-9_-]{32,64}\Z", re.ASCII)
_MAX_NAME_LENGTH: Final = 200


def open_call(
    kind: DeskKind,
    headers: Mapping[str, str],
    raw: bytes,
    secrets: SecretLookup,
    *,
    allows_local: bool = False,
) -> DeskCall:
    """Return the verified call.

    Raises:
        ForgedError: not signed by the shop, or not a call of this kind.
    """
    sender_of(headers, raw, secrets, allows_local=allows_local)
    try:
        body = Body(decode_object(raw))
        at, nonce = body.need_time("at"), body.need_text("nonce")
    except UnreadableError as error:
        raise ForgedError(f"the call can't be read: {error}") from None
    if body.fields.keys() != _FIELDS[kind] | {"at", "nonce"} or not _NONCE.match(nonce):
        raise ForgedError("the call is not of the kind its address says")
    email = body.email("user_email" if kind == "sign_in" else "email")
    if email is None:
        raise ForgedError("the call names no address")
    name = (body.text("user_name") or "").strip()
    return DeskCall(at, nonce, email, name[:_MAX_NAME_LENGTH] if name.isprintable() else "")
