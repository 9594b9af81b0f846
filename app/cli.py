"""The `regulars` command: every line of it calls one use case and says in words what came of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, ClassVar, ParamSpec, TypeVar

import click

from app.settings import ROOT, Settings, SettingsError, in_clear, read_settings

P = ParamSpec("P")
T = TypeVar("T")


class Group(click.Group):
    """Loads heavy commands only when they are asked for, and turns known errors into one line."""

    lazy: ClassVar[Mapping[str, str]] = {
        "evaluate": "app.cli_evaluate:evaluate",
        "recommend": "app.cli_evaluate:recommend",
        "demo": "app.cli_demo:demo",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *self.lazy])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.lazy:
            from importlib import import_module

            module, _, name = self.lazy[cmd_name].partition(":")
            command: click.Command = getattr(import_module(module), name)
            return command
        return super().get_command(ctx, cmd_name)


@click.group(cls=Group)
@click.version_option(package_name="regulars")
def main() -> None:
    """Regulars brings a small shop's buyers back."""


def _says_errors(function: Callable[P, T]) -> Callable[P, T]:
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


def _context() -> Any:
    from app.logs import configure_logs
    from app.wiring import build_context, with_servers

    settings = read_settings()
    configure_logs(settings.log_level)
    return build_context(with_servers(settings))


def _shop_id(context: Any, domain: str | None) -> int:
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
    if len(shops) != 1:
        raise UnknownShopError(f"{len(shops)} shops are connected here; name one with --shop")
    return shops[0]


shop_option = click.option(
    "--shop", "domain", help="The shop's domain; may be left out where there is one shop."
)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=lambda: int(os.environ.get("PORT", "5100")), type=int, help="5100, or PORT.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64))
@_says_errors
def serve(host: str, port: int, workers: int) -> None:
    """Serve the web application."""
    _with_servers_in_environment()
    web_server("app:create_app", host=host, port=port, workers=workers).serve()


def web_server(target: str, *, host: str, port: int, workers: int) -> Any:
    """A granian over a WSGI application factory, with the flags we serve with."""
    from granian.constants import Interfaces
    from granian.server import Server

    return Server(
        target,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=8,
        factory=True,
        log_access=False,
        respawn_failed_workers=True,
    )


@main.command()
@click.option("--queues", default="ingest,send,train", show_default=True)
@click.option("--concurrency", default=2, show_default=True, type=click.IntRange(1, 64))
@_says_errors
def worker(queues: str, concurrency: int) -> None:
    """Process webhooks, send mail and train models."""
    _with_servers_in_environment()
    _celery("worker", "-Q", queues, "-c", str(concurrency), "--without-mingle", "--without-gossip")


@main.command()
@click.option("--schedule", type=click.Path(path_type=Path), help="Keeps what ran when; .regulars/beat.")
@_says_errors
def beat(schedule: Path | None) -> None:
    """Tell the workers the time."""
    _with_servers_in_environment()
    _celery("beat", "--schedule", str(schedule or _data_folder() / "beat"))


@main.command()
@_says_errors
def migrate() -> None:
    """Bring the database's schema up to date."""
    from app.db.migrate import upgrade

    settings = _with_servers_in_environment()
    upgrade(in_clear(settings.migration_database_url or settings.database_url))
    click.echo("The database is up to date.")


@main.command()
def keys() -> None:
    """Print fresh values for SECRET_KEY and ENCRYPTION_KEYS."""
    import secrets

    from cryptography.fernet import Fernet

    click.echo(f"SECRET_KEY={secrets.token_urlsafe(48)}")
    click.echo(f"ENCRYPTION_KEYS={Fernet.generate_key().decode()}")


@main.command("import")
@click.argument("orders", required=False, type=click.Path(path_type=Path))
@shop_option
@_says_errors
def import_(orders: Path | None, domain: str | None) -> None:
    """Import a shop's history, or go on where an import was interrupted.

    With ORDERS, a CSV file (Shopify's and WooCommerce's order exports are recognised), older orders are
    added that the platform does not export any more.
    """
    if orders is not None:
        _import_file(orders, domain)
        return
    from app.services import importing, jobs
    from app.services.installing import start_import
    from app.services.progress import show_progress

    context = _context()
    shop_id = _shop_id(context, domain)
    start_import(context, shop_id)
    for owner, job_id, kind in jobs.open_jobs(context):
        if owner == shop_id and kind == "import":
            with show_progress(context, shop_id), jobs.lease(context, shop_id, job_id) as job:
                if job is None:
                    raise click.ClickException("a worker is importing this shop right now")
                importing.run_import(context, job)
                click.echo(
                    "Imported: " + ", ".join(f"{n} {kind}" for kind, n in job.progress["totals"].items())
                )
            return
    raise click.ClickException("a worker is importing this shop right now; see the admin for its progress")


def _import_file(path: Path, domain: str | None) -> None:
    from app.services.backfilling import import_orders_file
    from app.services.orderfile import read_orders

    file = read_orders(path)  # a wrong one ends here, before any server is started
    context = _context()
    done = import_orders_file(context, _shop_id(context, domain), file)
    for reject in sorted(done.rejects + done.remarks):
        click.echo(f"line {reject.line}: {reject.reason}", err=True)
    click.echo(
        f"{done.n_orders} orders were added; {done.n_rejected} lines could not be read and"
        f" {done.n_unknown_products} of the file's products are not in the shop."
    )


@main.command()
@shop_option
@_says_errors
def train(domain: str | None) -> None:
    """Learn from a shop's orders and publish what holds up."""
    from app.services import jobs, training

    context = _context()
    shop_id = _shop_id(context, domain)
    with context.db.shop(shop_id) as connection:
        jobs.enqueue_job(connection, shop_id, "training", context.clock.now())
    for owner, job_id, kind in jobs.open_jobs(context):
        if owner == shop_id and kind == "training":
            with jobs.lease(context, shop_id, job_id) as job:
                if job is None:
                    raise click.ClickException("a worker is training this shop right now")
                trained = training.train(context, job)
            click.echo(
                f"Model {trained.model_id}: {trained.n_orders} orders, {trained.seconds} s. {trained.reason}"
            )
            return
    raise click.ClickException("a worker is training this shop right now")


@main.command("roll-back")
@shop_option
@_says_errors
def roll_back(domain: str | None) -> None:
    """Put the previous model's lists back."""
    from app.services.training import roll_back as put_back

    context = _context()
    model_id = put_back(context, _shop_id(context, domain))
    if model_id is None:
        raise click.ClickException("there is no earlier model to go back to")
    click.echo(f"Model {model_id} is published again.")


@main.command()
@click.argument("product")
@shop_option
@_says_errors
def why(product: str, domain: str | None) -> None:
    """Say why PRODUCT (the platform's id) has the recommendations it has."""
    from rich.console import Console
    from rich.table import Table

    from app.services.recommending import explain
    from app.services.shops import get_shop

    context = _context()
    shop_id = _shop_id(context, domain)
    with context.db.shop(shop_id) as connection:
        explained = explain(connection, get_shop(connection, shop_id), product)
    if explained is None:
        raise click.ClickException(f"the shop has no product {product}")
    table = Table("product", "evidence", "shown", title=explained.product.title)
    for reason in explained.reasons:
        table.add_row(reason.card.title, reason.in_words, "yes" if reason.is_shown else "no")
    Console().print(table)


@main.command()
@shop_option
@click.argument("person")
@_says_errors
def export(person: str, domain: str | None) -> None:
    """Print everything stored of PERSON (an e-mail address or a customer id) as JSON."""
    from app.services.privacy import export_person
    from app.services.shops import get_shop

    context = _context()
    shop_id = _shop_id(context, domain)
    with context.db.shop(shop_id) as connection:
        found = export_person(context, connection, get_shop(connection, shop_id), person)
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))


@main.command()
@shop_option
@click.argument("person")
@click.confirmation_option(prompt="This can't be undone. Forget this person?")
@_says_errors
def erase(person: str, domain: str | None) -> None:
    """Forget PERSON (an e-mail address or a customer id) and print the receipt."""
    from app.domain.events import ErasureRequested
    from app.services.privacy import erase_person
    from app.services.shops import get_shop

    context = _context()
    shop_id = _shop_id(context, domain)
    is_email = "@" in person
    request = ErasureRequested(None if is_email else person, person if is_email else None)
    with context.db.shop(shop_id) as connection:
        receipt = erase_person(context, connection, get_shop(connection, shop_id), request)
    click.echo(json.dumps(receipt, indent=2))


@main.command()
@shop_option
@click.confirmation_option(
    prompt="Its keys are forgotten and its planned mail is stopped. Disconnect the shop?"
)
@_says_errors
def disconnect(domain: str | None) -> None:
    """Disconnect a shop that was connected by its address: take out of it what is ours, and forget its keys."""
    from app.platforms.asked import KeyDropPlatform
    from app.services import leaving, parting
    from app.services.shops import get_shop

    context = _context()
    shop_id = _shop_id(context, domain)
    with context.db.shop(shop_id) as connection:
        shop = get_shop(connection, shop_id)
    if not isinstance(context.platforms[shop.platform], KeyDropPlatform):
        raise click.ClickException(f"{shop.domain} is disconnected by uninstalling the app in its own admin")
    leaving.leave(context, shop_id)
    if not parting.run_now(context, shop_id):
        click.echo(f"{shop.domain} mails nobody any more. A worker goes on taking out what is ours in it.")
        return
    click.echo(
        f"{shop.domain} is disconnected. Revoke its key in the store: WooCommerce > Settings > Advanced > REST API."
    )
    with context.db.shop(shop_id) as connection:
        left = leaving.remaining(connection, shop_id).left
    for name, reason in left.items():
        click.echo(f"Our {name} could not be taken out of it: {reason}", err=True)


@main.command("rotate-keys")
@_says_errors
def rotate_keys() -> None:
    """Encrypt stored tokens again under the first of ENCRYPTION_KEYS."""
    from app.services.connecting import reseal_all
    from app.services.signin import reseal_people

    n_shops, n_people = reseal_all(_context()), reseal_people(_context())
    click.echo(
        f"{n_shops} shops' tokens and {n_people} merchants' addresses now lie under the newest key;"
        " the older keys may go."
    )


@main.command()
@click.option(
    "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The zip to write."
)
def plugin(out: Path) -> None:
    """Pack the WooCommerce plugin without an address in it, as wordpress.org takes it."""
    from app.services.pluginzip import PluginFilesError, pack_plugin

    try:
        out.write_bytes(pack_plugin(None).content)
    except PluginFilesError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{out} can't be written: {error.strerror}") from None
    click.echo(f"{out} is the plugin. Type the address of your Regulars on its page, WooCommerce > Regulars.")


@main.command()
@_says_errors
def doctor() -> None:
    """Check settings, servers, schema and mail, and say what to do about what is wrong."""
    from app.services.checkup import check_up

    problems = check_up(_context(), lambda name, outcome: click.echo(f"{name:<12} {outcome}"))
    if problems:
        raise click.ClickException(f"{problems} of these need your attention")


def _with_servers_in_environment() -> Settings:
    """Make sure there are servers and that the processes we start use the same ones."""
    from app.logs import configure_logs
    from app.wiring import with_servers

    settings = read_settings()
    configure_logs(settings.log_level)
    settings = with_servers(settings)
    os.environ["DATABASE_URL"] = in_clear(settings.database_url)
    os.environ["REDIS_URL"] = in_clear(settings.redis_url)
    return settings


def _celery(*arguments: str) -> None:
    """Become Celery: signals reach it directly, and an embedded server of ours stops when it does."""
    from celery.bin.celery import celery

    os.chdir(ROOT)
    celery.main(args=["-A", "workers.celery_app", *arguments, "--loglevel", "INFO"], prog_name="regulars")


def _data_folder() -> Path:
    from app.wiring import DATA

    DATA.mkdir(exist_ok=True)
    return DATA
