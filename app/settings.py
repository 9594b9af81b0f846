"""The one frozen Settings, read once from the environment; a missing or wrong one is named in one line."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.clock import Clock

ROOT = Path(__file__).resolve().parent.parent

# What our GraphQL operations and the app proxy need; nothing more (App Store requirement 3.2). The same as in
# shopify.app.toml.
DEFAULT_SCOPES = "read_products,read_orders,read_customers,read_themes"


class SettingsError(Exception):
    """A setting is missing or wrong."""


class Settings(BaseSettings):
    """Every setting with its meaning. Names in the environment are the same in upper case."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    app_url: Annotated[str, Field(description="Where this installation is reached from outside.")] = (
        "http://127.0.0.1:5100"
    )
    secret_key: Annotated[
        SecretStr, Field(description="Signs links and cookies; 32 random characters or more.", min_length=32)
    ]
    encryption_keys: Annotated[
        tuple[SecretStr, ...],
        NoDecode,
        Field(description="Fernet keys for stored tokens, newest first, separated by commas."),
    ]
    database_url: Annotated[
        str | None, Field(description="PostgreSQL 15 or newer; embedded PostgreSQL when unset.")
    ] = None
    migration_database_url: Annotated[
        str | None, Field(description="The schema owner's address; DATABASE_URL when unset.")
    ] = None
    redis_url: Annotated[str | None, Field(description="Redis 6 or newer; embedded Redis when unset.")] = None
    broker_url: Annotated[
        str | None, Field(description="Celery's broker (Redis or RabbitMQ); REDIS_URL when unset.")
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
        if not keys:
            raise ValueError("at least one key is needed")
        for key in keys:
            try:
                Fernet(key.get_secret_value())
            except ValueError:
                raise ValueError(
                    "a Fernet key is 32 bytes in URL-safe base64; `regulars keys` prints a fresh one"
                ) from None
        return keys

    @field_validator("app_url", "shopify_base_url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("https://", "http://")):
            raise ValueError("an address starts with https:// (or http:// on this machine)")
        return value.rstrip("/") if value else value

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
        SettingsError: one line naming the first setting that is missing or wrong, and what to do.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "settings"
        field = Settings.model_fields.get(str(first["loc"][0]) if first["loc"] else "")
        about = f" ({field.description})" if field and field.description else ""
        what = "is not set" if first["type"] == "missing" else f"is wrong: {first['msg']}"
        raise SettingsError(f"{name} {what}{about}") from None
