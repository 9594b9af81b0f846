"""One demo shop put together: the running store, its API's rules and its post. Holds the parts; decides little."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from graphql import GraphQLSchema, build_schema

from app.demo import records
from app.demo.amounts import gid, utc_ms
from app.demo.bulk import BulkDesk
from app.demo.config import AppConfig
from app.demo.live import CodeBatch
from app.demo.signing import host_parameter, id_token, signed_query
from app.demo.store import DemoStore
from app.demo.throttle import Bucket
from app.demo.tokens import Installation, TokenOffice
from app.demo.webhooks import Post
from app.services.orderfile import Reject

# An app that was removed is told to forget the shop after 48 hours (shopify.dev, Privacy law compliance).
SHOP_REDACT_AFTER_HOURS = 48


@cache
def read_schema() -> GraphQLSchema:
    return build_schema((Path(__file__).parent / "schema.graphql").read_text(encoding="utf-8"))


class DemoShop:
    """The store with everything Shopify puts around it. Security times are wall-clock, records are in shop time."""

    def __init__(self, store: DemoStore, config: AppConfig, real: Callable[[], float] | None = None) -> None:
        self.store, self.config = store, config
        self.real = real or store.clock.real
        self.office = TokenOffice(config, self.real)
        self.post = Post(store, config, lambda: self.office.installation is not None)
        self.bulk = BulkDesk(store)
        self.bucket = Bucket(real=self.real)
        # The merchant's browser session in the admin; `sid` of id tokens.
        self.session_id = secrets.token_hex(16)
        self.web_pixel: tuple[int, Any] | None = None
        # Lines of the order file behind this shop that could not be read.
        self.rejects: list[Reject] = []
        self.code_batches: dict[int, CodeBatch] = {}

    @property
    def schema(self) -> GraphQLSchema:
        return read_schema()

    def close(self) -> None:
        self.post.stop()
        self.bulk.close()

    # -- the app's life in this shop ---------------------------------------------------------------------

    def install(self, with_optional: bool = True) -> Installation:
        """The merchant pressed Install; `with_optional` is the box below the list of scopes."""
        optional = self.config.optional_scopes if with_optional else ()
        return self.office.install((*self.config.scopes, *optional))

    def uninstall(self) -> None:
        """Tokens end first, then the app is told; what it subscribed through the API goes with it."""
        if self.office.installation is None:
            return
        self.office.uninstall()
        self.store.tell_app("app/uninstalled", records.shop(self.store))
        self.post.remove_api_made()
        self._remove_app_parts()
        self.send_shop_redact(SHOP_REDACT_AFTER_HOURS)

    def _remove_app_parts(self) -> None:
        """Blocks, embeds, pixel and the app's own metafields go with the app."""
        store = self.store
        with store.lock:
            store.theme.embeds.clear()
            store.theme.blocks.clear()
            kept = {key: m for key, m in store.metafields.items() if key[0] != gid("AppInstallation", 1)}
            store.metafields = kept
            self.web_pixel = None

    def send_shop_redact(self, after_hours: float = 0) -> None:
        due_at = self.store.now() + timedelta(hours=after_hours)
        self.store.tell_app("shop/redact", records.shop_redact(self.store), due_at)

    def change_scopes(self, scopes: list[str]) -> None:
        """Grants or takes back scopes, and tells app/scopes_update."""
        before = self.office.change_scopes(scopes)
        self.store.tell_app(
            "app/scopes_update",
            {
                "id": 1,
                "shop_id": gid("Shop", self.store.shop_id),
                "previous": list(before),
                "current": list(dict.fromkeys(scopes)),
                "updated_at": utc_ms(self.store.now()),
            },
        )

    # -- addresses ---------------------------------------------------------------------------------------

    @property
    def host(self) -> str:
        """What the `host` parameter says: where this shop's admin is, without the scheme."""
        return host_parameter(f"{self.store.base_url.partition('://')[2]}/admin")

    def new_id_token(self) -> str:
        config, shop = self.config, self.store.world.shop_domain
        return id_token(config.client_id, config.client_secret, shop, self.session_id, self.real())

    def launch_query(self, embedded: bool = True) -> dict[str, str]:
        """The signed query every opening of the app carries."""
        query = {"shop": self.store.world.shop_domain, "timestamp": str(int(self.real())), "host": self.host}
        if embedded:
            query |= {
                "embedded": "1",
                "id_token": self.new_id_token(),
                "locale": self.store.world.locale.partition("-")[0],
                "session": self.session_id,
            }
        return signed_query(self.config.client_secret, query)
