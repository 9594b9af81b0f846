"""The one frozen Settings, read once from the environment; each that is missing or wrong is named in a line."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.clock import Clock

ROOT = Path(__file__).resolve().parent.parent

# What our GraphQL operations and the app proxy need; nothing more (App Store requirement 3.2). The same as in
# shopify.app.toml.
DEFAULT_SCOPES = "read_products,read_orders,read_customers,read_themes,write_app_proxy"


_HTTP, _POSTGRESQL = ("https", "http"), ("postgresql", "postgres", "postgresql+psycopg2")

# Which schemes an address may have.
_SCHEMES: dict[str, tuple[str, ...]] = {
    "app_url": _HTTP,
    "shopify_base_url": _HTTP,
    "app_bridge_url": _HTTP,
    "database_url": _POSTGRESQL,
    "migration_database_url": _POSTGRESQL,
    "redis_url": ("redis", "rediss", "unix"),
    "broker_url": ("redis", "rediss", "amqp", "amqps"),
    "smtp_url": ("smtp", "smtps"),
}

# What a setting that can be wrong has to be, in the words of the line that names it.
_WANTED = {
    "secret_key": "32 random characters or more; `regulars keys` makes one",
    "encryption_keys": "Fernet keys, newest first, separated by commas; `regulars keys` makes one",
    "app_url": "where this installation is reached, https://… (or http:// on this machine)",
    "shopify_base_url": "an address, https://… (or http:// on this machine)",
    "app_bridge_url": "an address, https://… (or http:// on this machine)",
    "database_url": "postgresql://user:password@host:5432/database",
    "migration_database_url": "postgresql://owner:password@host:5432/database",
    "redis_url": "redis://host:6379/0 (rediss:// with TLS)",
    "broker_url": "redis://host:6379/1 or amqp://user:password@host:5672/",
    "smtp_url": "smtp://user:password@host:587 or smtps://user:password@host:465",
    "shopify_api_version": "a version of Shopify's API, as in 2026-07",
    "shopify_is_own_store": "true or false",
    "lost_access_days": "days, 30 to 3650",
    "trusted_proxies": "how many reverse proxies stand before this app, 0 to 5",
    "log_level": "DEBUG, INFO, WARNING or ERROR",
    "regulars_clock": "start|real epoch|speed, as the demo sets it; leave it unset in production",
}


def in_clear(secret: SecretStr | None) -> str:
    """What a secret setting holds, for whoever needs it right now; empty where it is unset."""
    return secret.get_secret_value() if secret else ""


class SettingsError(Exception):
    """A setting is missing or wrong."""


class Settings(BaseSettings):
    """Every setting with its meaning. Names in the environment are the same in upper case.

    Whatever holds a password is a SecretStr, so that no log and no traceback shows it.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    app_url: Annotated[str, Field(description="Where this installation is reached from outside.")] = (
        "http://127.0.0.1:5100"
    )
    secret_key: Annotated[
        SecretStr, Field(description="Signs links and cookies; 32 random characters or more.", min_length=32)
    ]
    encryption_keys: Annotated[
        tuple[SecretStr, ...],
        NoDecode,
        Field(description="Fernet keys for stored tokens, newest first, separated by commas.", min_length=1),
    ]
    database_url: Annotated[
        SecretStr | None, Field(description="PostgreSQL 15 or newer; embedded PostgreSQL when unset.")
    ] = None
    migration_database_url: Annotated[
        SecretStr | None, Field(description="The schema owner's address; DATABASE_URL when unset.")
    ] = None
    redis_url: Annotated[
        SecretStr | None, Field(description="Redis 6 or newer; embedded Redis when unset.")
    ] = None
    broker_url: Annotated[
        SecretStr | None, Field(description="Celery's broker (Redis or RabbitMQ); REDIS_URL when unset.")
    ] = None
    shopify_api_key: Annotated[str, Field(description="Client id of the Shopify app.")] = ""
    shopify_api_secret: Annotated[SecretStr, Field(description="Client secret of the Shopify app.")] = (
        SecretStr("")
    )
    shopify_api_secret_previous: Annotated[
        SecretStr, Field(description="The secret before the last rotation; accepted beside the new one.")
    ] = SecretStr("")
    shopify_api_version: Annotated[str, Field(pattern=r"^20\d\d-(01|04|07|10)$")] = "2026-07"
    shopify_scopes: Annotated[tuple[str, ...], NoDecode] = tuple(DEFAULT_SCOPES.split(","))
    shopify_base_url: Annotated[
        str | None, Field(description="Takes the place of https://{shop}; the demo store sets it.")
    ] = None
    shopify_is_own_store: Annotated[
        bool,
        Field(
            description="The app and the shop belong to one organisation: tokens are had by the app's own credentials."
        ),
    ] = False
    app_bridge_url: str = "https://cdn.shopify.com/shopifycloud/app-bridge.js"
    smtp_url: Annotated[
        SecretStr | None,
        Field(description="smtp://user:password@host:587 or smtps://…; mail is printed when unset."),
    ] = None
    mail_domain: Annotated[str, Field(description="The domain our Message-IDs and bounces live under.")] = (
        "localhost"
    )
    mail_from: Annotated[str, Field(description="Sender address; the shop's name stands before it.")] = (
        "shop@localhost"
    )
    dkim_key_file: Path | None = None
    dkim_selector: str = "regulars"
    lost_access_days: Annotated[
        int,
        Field(ge=30, le=3650, description="How long a shop that lets us in no more is kept for coming back."),
    ] = 180
    trusted_proxies: Annotated[int, Field(ge=0, le=5, description="Reverse proxies before this app.")] = 0
    log_level: Annotated[str, Field(pattern=r"^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"
    regulars_clock: Annotated[
        str | None, Field(description="The demo's clock: start|real epoch|speed. Never set it in production.")
    ] = None

    @field_validator("encryption_keys", "shopify_scopes", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("encryption_keys")
    @classmethod
    def _fernet(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for key in keys:
            Fernet(key.get_secret_value())
        return keys

    @field_validator("app_url", "shopify_base_url")
    @classmethod
    def _without_slash(cls, value: str | None) -> str | None:
        return value.rstrip("/") if value else value

    @field_validator(*_SCHEMES)
    @classmethod
    def _address(cls, value: str | SecretStr | None, info: ValidationInfo) -> str | SecretStr | None:
        if value is not None:
            address = urlsplit(value.get_secret_value() if isinstance(value, SecretStr) else value)
            # Reading the port raises ValueError where it is none.
            if address.scheme not in _SCHEMES[str(info.field_name)] or address.port == 0:
                raise ValueError
        return value

    @field_validator("regulars_clock")
    @classmethod
    def _clock(cls, value: str | None) -> str | None:
        if value is not None:
            Clock.parse(value)
        return value

    def clock(self) -> Clock:
        return Clock.parse(self.regulars_clock) if self.regulars_clock else Clock()

    def period(self, seconds: float) -> timedelta:
        """Turn a period of the shop's time into real time: a faster clock shortens it, to 1 s at least."""
        return timedelta(seconds=max(1.0, seconds / self.clock().speed))


def read_settings(**overrides: Any) -> Settings:
    """Read Settings from the environment.

    Raises:
        SettingsError: a line for each setting that is missing or wrong, with what it has to be.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
    missing = {str(one["loc"][0]): one["type"] == "missing" for one in problems}
    raise SettingsError(
        "\n".join(
            f"{name.upper()} {'is not set' if is_missing else 'is wrong'}: {_wanted(name)}"
            for name, is_missing in missing.items()
        )
    )


def _wanted(name: str) -> str:
    """What this setting has to be; for one that can hardly be wrong, what it means."""
    return _WANTED.get(name) or Settings.model_fields[name].description or "look at the README, Settings"
