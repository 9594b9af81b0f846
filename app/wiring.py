"""The only place that chooses implementations: engine, Redis, queue, mail transport, platforms."""

from __future__ import annotations

import atexit
from collections.abc import Mapping

import redis
import structlog
from pydantic import SecretStr

from app.db.session import Database
from app.embedded import EmbeddedRedis, start_postgres, start_redis
from app.mail.links import LinkSigner
from app.mail.transports import transport_from_url
from app.platforms.base import Platform
from app.platforms.shopify import ShopifyPlatform
from app.platforms.woocommerce import WooCommercePlatform
from app.queue import CeleryQueue, Queue, make_celery
from app.services.context import Context
from app.services.hashing import Hasher
from app.services.vault import Vault
from app.settings import ROOT, Settings, in_clear

log = structlog.get_logger()

# Where the embedded servers keep their data.
DATA = ROOT / ".regulars"


def with_servers(settings: Settings) -> Settings:
    """Return Settings whose PostgreSQL and Redis exist: those named, or embedded ones started now."""
    changes: dict[str, SecretStr] = {}
    if settings.database_url is None:
        changes["database_url"] = SecretStr(start_postgres(DATA / "postgres"))
        log.info("embedded_postgres", folder=".regulars/postgres", reason="DATABASE_URL is not set")
    if settings.redis_url is None:
        server: EmbeddedRedis = start_redis(DATA / "redis")
        atexit.register(server.stop)
        changes["redis_url"] = SecretStr(server.url)
        log.info("embedded_redis", folder=".regulars/redis", reason="REDIS_URL is not set")
    return settings.model_copy(update=changes)


def build_context(settings: Settings, *, queue: Queue | None = None, pool_size: int = 8) -> Context:
    """Assemble everything a use case may reach for. Nothing connects before it is used."""
    if settings.database_url is None or settings.redis_url is None:
        raise ValueError("build_context needs servers: pass Settings through with_servers first")
    return Context(
        settings=settings,
        clock=settings.clock(),
        db=Database(in_clear(settings.database_url), pool_size=pool_size),
        redis=redis.Redis.from_url(
            in_clear(settings.redis_url),
            socket_connect_timeout=0.5,
            socket_timeout=1.0,
            health_check_interval=30,
        ),
        queue=queue or CeleryQueue(make_celery(broker_url(settings))),
        platforms=platforms(settings),
        vault=Vault([key.get_secret_value() for key in settings.encryption_keys]),
        hasher=Hasher(settings.secret_key.get_secret_value().encode()),
        links=LinkSigner([settings.secret_key.get_secret_value()]),
        transport=transport_from_url(
            in_clear(settings.smtp_url) or None,
            hello_name=settings.mail_domain,
        ),
    )


def platforms(settings: Settings) -> Mapping[str, Platform]:
    """Every platform this installation serves, by name."""
    secrets = (settings.shopify_api_secret, settings.shopify_api_secret_previous)
    return {
        "shopify": ShopifyPlatform(
            api_key=settings.shopify_api_key,
            api_secrets=[
                secret.get_secret_value().encode() for secret in secrets if secret.get_secret_value()
            ],
            scopes=settings.shopify_scopes,
            api_version=settings.shopify_api_version,
            base_url=settings.shopify_base_url,
            app_url=settings.app_url,
            is_own_store=settings.shopify_is_own_store,
        ),
        # Stores hand their keys to https only; an installation without it is one for trying things out.
        "woocommerce": WooCommercePlatform(
            settings.app_url, allows_local=settings.app_url.startswith("http://")
        ),
    }


def broker_url(settings: Settings) -> str:
    return in_clear(settings.broker_url or settings.redis_url)
