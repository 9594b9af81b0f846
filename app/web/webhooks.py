"""The platforms' webhooks: verify, store, answer. Nothing else happens before the answer."""

from __future__ import annotations

import threading
import time

import structlog
from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.db.session import DatabaseAwayError
from app.platforms.base import ForgedError, Ping
from app.services.context import Context
from app.services.hooks import KnownHook, find_hook
from app.services.ingesting import accept
from app.services.shops import find_shop_id

log = structlog.get_logger()

# An order of 10,000 line items is about 4 MB (reliability.md §1: at least 5 MB).
MAX_BODY_BYTES = 5 * 1024 * 1024

# How long nudges are gathered: a burst of webhooks costs the broker one message per shop, not one each; sending
# one costs as much as accepting four webhooks.
NUDGE_SECONDS = 0.25

# How long a webhook's address is believed without looking again whether its shop is still connected.
HOOK_SECONDS = 60.0


def webhooks_blueprint(context: Context) -> Blueprint:
    blueprint = Blueprint("webhooks", __name__)
    shops, hooks = ShopLookup(context), HookLookup(context)
    nudger = Nudger(context)

    @blueprint.post("/webhooks/<platform_name>")
    def receive_webhook(platform_name: str) -> ResponseReturnValue:
        platform = context.platforms.get(platform_name)
        if platform is None:
            return "", 404
        request.max_content_length = MAX_BODY_BYTES
        raw = request.get_data(cache=False)
        try:
            envelope = platform.open_envelope(dict(request.headers), raw, _no_shop_secrets)
        except ForgedError:
            return "", 401
        if isinstance(envelope, Ping):
            return "", 200
        shop_id = shops.find(platform_name, envelope.shop_domain)
        if shop_id is None:
            # Truly signed, for a shop that was never here: there is nothing to store it under, or to forget.
            log.info("webhook_of_unknown_shop", topic=envelope.topic)
            return "", 200
        accept(context, shop_id, envelope)
        nudger.nudge(shop_id)
        return "", 200

    @blueprint.post("/webhooks/<platform_name>/<hook_token>")
    def receive_own_webhook(platform_name: str, hook_token: str) -> ResponseReturnValue:
        """For platforms that sign with a secret per shop: the address says which shop's."""
        platform = context.platforms.get(platform_name)
        if platform is None:
            return "", 404
        request.max_content_length = MAX_BODY_BYTES
        raw = request.get_data(cache=False)
        known = hooks.find(platform_name, hook_token)
        try:
            envelope = platform.open_envelope(
                dict(request.headers), raw, known.secrets if known else _no_shop_secrets
            )
        except ForgedError as error:
            log.info("webhook_refused", shop_id=known.shop_id if known else None, reason=str(error))
            return "", 401
        if isinstance(envelope, Ping) or known is None:
            return "", 200
        accept(context, known.shop_id, envelope)
        nudger.nudge(known.shop_id)
        return "", 200

    @blueprint.errorhandler(DatabaseAwayError)
    def answer_later(error: DatabaseAwayError) -> ResponseReturnValue:
        """The sender keeps it and tries again; an answer of 200 would lose it."""
        log.warning("database_away", reason=type(error.__cause__).__name__)
        return "", 503, {"Retry-After": "10"}

    return blueprint


def _no_shop_secrets(_shop_domain: str) -> tuple[bytes, ...]:
    """Shopify signs with the app's own secret; a platform with a secret per shop looks it up here."""
    return ()


class ShopLookup:
    """Shop ids by platform and domain, remembered: an id never changes once it is given."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[tuple[str, str], int] = {}

    def find(self, platform: str, domain: str) -> int | None:
        key = (platform, domain)
        if key not in self._known:
            with self._context.db.nobody() as connection:
                shop_id = find_shop_id(connection, platform, domain)
            if shop_id is None:
                return None
            self._known[key] = shop_id
        return self._known[key]


class HookLookup:
    """Shops by the address of their webhooks, remembered for a minute: a new connection has a new one."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[str, tuple[float, KnownHook]] = {}

    def find(self, platform: str, token: str) -> KnownHook | None:
        looked_up_at, known = self._known.get(token, (0.0, None))
        if known is None or time.monotonic() - looked_up_at > HOOK_SECONDS:
            known = find_hook(self._context, token)
            if known is None:  # a stranger's guesses are not remembered
                self._known.pop(token, None)
                return None
            self._known[token] = (time.monotonic(), known)
        return known if known.platform == platform else None


class Nudger:
    """Tells the workers, beside the request and never within it, that a shop's inbox has something."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._waiting: set[int] = set()
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def nudge(self, shop_id: int) -> None:
        with self._lock:
            self._waiting.add(shop_id)
            if self._thread is None:
                # Started at the first webhook, so that it lives in the process that serves, not its parent.
                self._thread = threading.Thread(target=self._run, name="nudger", daemon=True)
                self._thread.start()
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            time.sleep(NUDGE_SECONDS)
            self._wake.clear()
            with self._lock:
                shop_ids, self._waiting = self._waiting, set()
            for shop_id in shop_ids:
                self._context.queue.nudge("ingest.process_shop", shop_id)
