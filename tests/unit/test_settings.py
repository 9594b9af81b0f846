"""Every setting that is missing or wrong is named at once, a line each, in words that say what it has to be."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from app.cli import main
from app.settings import Settings, SettingsError, read_settings
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
    assert (settings.app_url, settings.database_url) == ("https://shop.example.com", socket)
