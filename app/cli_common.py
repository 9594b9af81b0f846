"""What the commands share: errors in one line, what a use case needs, and the shop that is meant."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import click

from app.settings import SettingsError, read_settings

P = ParamSpec("P")
T = TypeVar("T")


def says_errors(function: Callable[P, T]) -> Callable[P, T]:
    """One line on standard error and exit code 1 instead of a stack trace, for what an operator can mend."""

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        from sqlalchemy.exc import OperationalError

        from app.embedded import EmbeddedServerError
        from app.platforms.base import PlatformError
        from app.services.orderfile import OrderFileError
        from app.services.shops import UnknownShopError
        from app.services.vault import VaultError

        mendable = (
            EmbeddedServerError,
            PlatformError,
            UnknownShopError,
            VaultError,
            OrderFileError,
        )

        try:
            return function(*args, **kwargs)
        except SettingsError as error:
            lines = str(error).splitlines()
            told = lines[0] if len(lines) == 1 else "\n  ".join([f"{len(lines)} settings are wrong", *lines])
            raise click.ClickException(told) from None
        except mendable as error:
            raise click.ClickException(str(error) or (error.__class__.__doc__ or "").strip()) from None
        except OperationalError as error:
            reason = str(error.orig).strip().splitlines()[0]
            raise click.ClickException(f"PostgreSQL can't be reached: {reason}") from None

    return wrapped


def open_context() -> Any:
    from app.logs import configure_logs
    from app.wiring import build_context, with_servers

    settings = read_settings()
    configure_logs(settings.log_level)
    return build_context(with_servers(settings))


def shop_id_of(context: Any, domain: str | None) -> int:
    """The shop of that domain, or the only one there is."""
    from app.services.shops import UnknownShopError, connected_shops, find_shop_id

    if domain is not None:
        with context.db.nobody() as connection:
            for platform in context.platforms:
                shop_id = find_shop_id(connection, platform, domain)
                if shop_id is not None:
                    return shop_id
        raise UnknownShopError(f"{domain} is not installed here")
    shops = connected_shops(context.db)
    if not shops:
        raise UnknownShopError("no shop is connected here; connect one first")
    if len(shops) != 1:
        raise UnknownShopError(f"{len(shops)} shops are connected here; name one with --shop")
    return shops[0]


shop_option = click.option(
    "--shop", "domain", help="The shop's domain; may be left out where there is one shop."
)
