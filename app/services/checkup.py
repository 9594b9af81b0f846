"""Looks an installation over and says in words what is wrong and what to do; it changes nothing."""

from __future__ import annotations

from collections.abc import Callable

from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import DataError, OperationalError, SQLAlchemyError

from app.mail.addresses import BadAddressError, read_sender
from app.mail.signing import DkimUnavailableError, dkim_signer
from app.mail.transports import Refused, Retry
from app.services.context import Context
from app.services.shops import connected_shops, get_shop


def check_up(context: Context, tell: Callable[[str, str], None]) -> int:
    """Run every check, tell each outcome, and return how many need attention."""
    n_problems = 0
    for name, check in _CHECKS.items():
        problem = check(context)
        tell(name, problem or "fine")
        n_problems += problem is not None
    return n_problems


def _database(context: Context) -> str | None:
    try:
        with context.db.nobody() as connection:
            version = connection.execute(
                text("SELECT current_setting('server_version_num')::int")
            ).scalar_one()
            role = connection.execute(text("SELECT current_user")).scalar_one()
    except DataError:
        # Our role is made by the first migration.
        return "holds nothing of ours yet: run `regulars migrate`"
    except SQLAlchemyError as error:
        return f"can't be used ({type(error).__name__}): check DATABASE_URL, then run `regulars migrate`"
    if version < 150000:
        return f"is version {version // 10000}; 15 or newer is needed"
    return None if role == "regulars_app" else f"is used as {role} instead of regulars_app"


def _schema(context: Context) -> str | None:
    try:
        connected_shops(context.db)
    except OperationalError:
        return "can't be looked at while PostgreSQL is away"
    except SQLAlchemyError:
        return "is not up to date: run `regulars migrate`"
    return None


def _redis(context: Context) -> str | None:
    try:
        policy = context.redis.config_get("maxmemory-policy").get("maxmemory-policy", "noeviction")
    except RedisError as error:
        return f"can't be reached ({type(error).__name__}): check REDIS_URL"
    return (
        None
        if policy == "noeviction"
        else f"evicts ({policy}); set maxmemory-policy noeviction, it holds the queue"
    )


def _shopify(context: Context) -> str | None:
    settings = context.settings
    keys = (settings.shopify_api_key, settings.shopify_api_secret.get_secret_value())
    if not all(keys) and (any(keys) or not _only_others_are_connected(context)):
        return (
            "SHOPIFY_API_KEY and SHOPIFY_API_SECRET are not set; see the README, Install on Shopify "
            "(not needed once a WooCommerce store is connected, and no other)"
        )
    is_local = settings.shopify_base_url is not None
    return None if is_local or settings.app_url.startswith("https://") else "APP_URL must start with https://"


def _only_others_are_connected(context: Context) -> bool:
    """Shops are connected, and none of them is Shopify's: an installation that needs no app there."""
    platforms = set()
    try:
        for shop_id in connected_shops(context.db):
            with context.db.shop(shop_id) as connection:
                platforms.add(get_shop(connection, shop_id).platform)
    except SQLAlchemyError:
        return False
    return bool(platforms) and "shopify" not in platforms


def _mail(context: Context) -> str | None:
    """Opens an envelope from the sender to itself, and takes it back: nothing is sent."""
    settings = context.settings
    if not settings.smtp_url:
        return "SMTP_URL is not set: mail is printed, not sent"
    try:
        read_sender(settings.mail_from)
    except BadAddressError as error:
        return str(error)
    if settings.mail_from.endswith("@localhost"):
        return "MAIL_FROM is not set: mail from shop@localhost reaches nobody"
    try:
        dkim_signer(settings.dkim_key_file, settings.dkim_selector, settings.mail_from)
    except DkimUnavailableError as error:
        return str(error)
    envelope = context.transport.begin(settings.mail_from, settings.mail_from)
    context.transport.close()
    if isinstance(envelope, Retry | Refused):
        return f"can't be sent: {envelope.reason}; check SMTP_URL and MAIL_FROM"
    return None


_CHECKS = {"PostgreSQL": _database, "schema": _schema, "Redis": _redis, "Shopify": _shopify, "mail": _mail}
