"""Every setting that is missing or wrong is named at once, a line each, in words that say what it has to be."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import ValidationError
from structlog.processors import LogfmtRenderer

from app.cli import main
from app.logs import redact
from app.settings import _SCHEMES, Settings, SettingsError, in_clear, read_settings
from app.wiring import build_context
from tests.conftest import TEST_KEYS

WRONG: dict[str, str] = {
    "SECRET_KEY": "short",
    "ENCRYPTION_KEYS": "no key",
    "APP_URL": "shop.example.com",
    "SHOPIFY_BASE_URL": "ftp://127.0.0.1",
    "APP_BRIDGE_URL": "app-bridge.js",
    "DATABASE_URL": "localhost",
    "MIGRATION_DATABASE_URL": "postgresql://host:five/regulars",
    "REDIS_URL": "localhost:6379",
    "BROKER_URL": "http://127.0.0.1",
    "SMTP_URL": "smtp://mail.example.com:port",
    "SHOPIFY_API_VERSION": "newest",
    "SHOPIFY_IS_OWN_STORE": "maybe",
    "LOST_ACCESS_DAYS": "29",
    "TRUSTED_PROXIES": "two",
    "LOG_LEVEL": "loud",
    "REGULARS_CLOCK": "noon",
}


def lines_of(**overrides: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read_settings(**overrides)
    return str(caught.value).splitlines()


def test_all_wrong_settings_are_named_at_once_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in WRONG.items():
        monkeypatch.setenv(name, value)
    lines = lines_of()
    assert {line.partition(" ")[0] for line in lines} == set(WRONG)
    for line in lines:
        name, _, wanted = line.partition(" is wrong: ")
        assert wanted
        assert WRONG[name] not in wanted
        assert "Value" not in line


def test_no_setting_is_without_words_for_what_it_has_to_be() -> None:
    told = dict(
        line.split(" is wrong: ") for line in lines_of(**dict.fromkeys(Settings.model_fields, object()))
    )
    assert set(told) == {name.upper() for name in Settings.model_fields}
    assert all(told.values())


def test_a_port_that_is_none_is_told_by_its_name() -> None:
    answer = CliRunner().invoke(main, ["serve"], env={"PORT": "abc"})
    assert answer.exit_code == 2
    last = answer.output.splitlines()[-1]
    assert last.startswith("Error: Invalid value for '--port' (env var: 'PORT'): 'abc' is not")


def test_a_missing_key_says_which_command_makes_one() -> None:
    assert lines_of() == [
        "SECRET_KEY is not set: 32 random characters or more; `regulars keys` makes one",
        "ENCRYPTION_KEYS is not set: Fernet keys, newest first, separated by commas; `regulars keys` makes one",
    ]


def test_keys_of_nothing_but_commas_are_wrong() -> None:
    assert lines_of(**TEST_KEYS | {"encryption_keys": " , "}) == [
        "ENCRYPTION_KEYS is wrong: Fernet keys, newest first, separated by commas; `regulars keys` makes one"
    ]


def test_the_doctor_names_every_wrong_setting_before_it_starts_anything() -> None:
    answer = CliRunner().invoke(main, ["doctor"], env={"LOG_LEVEL": "loud"})
    assert answer.exit_code == 1
    first, *rest = answer.output.splitlines()
    assert first == "Error: 3 settings are wrong"
    assert [line.split()[0] for line in rest] == ["SECRET_KEY", "ENCRYPTION_KEYS", "LOG_LEVEL"]


def test_addresses_as_servers_write_them_are_taken() -> None:
    socket = "postgresql://postgres:@/regulars?host=/var/run/postgresql"
    settings = Settings(
        **TEST_KEYS,  # type: ignore[arg-type]
        app_url="https://shop.example.com/",
        database_url=socket,
        redis_url="unix:///run/redis.sock",
        broker_url="amqps://user:pass@host/",
    )
    assert (settings.app_url, in_clear(settings.database_url)) == ("https://shop.example.com", socket)


# What may stand in each setting that is secret, or holds a secret.
SECRETS: dict[str, str] = {
    "secret_key": "the-key-that-signs-links-and-cookies",
    "encryption_keys": "dGhlLWtleS10aGF0LWVuY3J5cHRzLXRva2Vucy0wMDA=",
    "database_url": "postgresql://ada:pw-database@db.example.com/regulars",
    "migration_database_url": "postgresql://owner:pw-owner@db.example.com/regulars",
    "redis_url": "rediss://:pw-redis@redis.example.com:6379/0",
    "broker_url": "amqps://user:pw-broker@rabbit.example.com/",
    "shopify_api_secret": "the-secret-of-the-app",
    "shopify_api_secret_previous": "the-secret-before-that",
    "smtp_url": "smtp://user:pw-mail@smtp.example.com:587",
}
TOLD = ("the-key", "the-secret", "dGhlLWtleS", "pw-")


def test_no_way_of_showing_settings_shows_a_secret() -> None:
    settings = read_settings(**SECRETS)
    record = redact(None, "info", {"event": "read", "settings": settings, "dumped": settings.model_dump()})
    shown = {
        "repr": repr(settings),
        "str": str(settings),
        "dumped": str(settings.model_dump()),
        "as JSON": settings.model_dump_json(),
        "logged": str(LogfmtRenderer()(None, "info", record)),
    }
    for way, text in shown.items():
        assert "app_url" in text, way
        assert not [secret for secret in TOLD if secret in text], way


def test_no_secret_stands_in_an_error_or_beside_the_parts_that_were_made_of_it() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(**SECRETS | {"broker_url": "http://user:pw-broker@rabbit.example.com/"})  # type: ignore[arg-type]
    assert "broker_url" in str(caught.value)
    assert "pw-broker" not in str(caught.value)
    context = build_context(read_settings(**SECRETS))
    assert not [secret for secret in TOLD if secret in repr(context)]


def test_every_setting_that_can_hold_a_password_is_kept_secret() -> None:
    held = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    assert held == set(SECRETS)
    addresses = {name for name in _SCHEMES if name not in ("app_url", "shopify_base_url", "app_bridge_url")}
    assert addresses <= held
