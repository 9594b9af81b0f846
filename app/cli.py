"""The `regulars` command: every line of it calls one use case and says in words what came of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import click

from app.cli_common import open_context, says_errors
from app.settings import ROOT, Settings, in_clear, read_settings


class Group(click.Group):
    """Loads heavy commands only when they are asked for, and turns known errors into one line."""

    lazy: ClassVar[Mapping[str, str]] = {
        **{
            name: f"app.cli_shops:{function}"
            for name, function in {
                "import": "import_",
                "train": "train",
                "roll-back": "roll_back",
                "why": "why",
                "export": "export",
                "erase": "erase",
                "disconnect": "disconnect",
            }.items()
        },
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


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option(
    "--port", default=5100, envvar="PORT", show_default=True, show_envvar=True, type=click.IntRange(1, 65535)
)
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64))
@says_errors
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
@says_errors
def worker(queues: str, concurrency: int) -> None:
    """Process webhooks, send mail and train models."""
    _with_servers_in_environment()
    _celery("worker", "-Q", queues, "-c", str(concurrency), "--without-mingle", "--without-gossip")


@main.command()
@click.option("--schedule", type=click.Path(path_type=Path), help="Keeps what ran when; .regulars/beat.")
@says_errors
def beat(schedule: Path | None) -> None:
    """Tell the workers the time."""
    _with_servers_in_environment()
    _celery("beat", "--schedule", str(schedule or _data_folder() / "beat"))


@main.command()
@says_errors
def migrate() -> None:
    """Bring the database's schema up to date."""
    from app.db.migrate import NotTheOwnerError, upgrade

    settings = _with_servers_in_environment()
    try:
        upgrade(in_clear(settings.migration_database_url or settings.database_url))
    except NotTheOwnerError as error:
        raise click.ClickException(f"{error}: set MIGRATION_DATABASE_URL to the owner's address") from None
    click.echo("The database is up to date.")


@main.command()
def keys() -> None:
    """Print fresh values for SECRET_KEY and ENCRYPTION_KEYS."""
    import secrets

    from cryptography.fernet import Fernet

    click.echo(f"SECRET_KEY={secrets.token_urlsafe(48)}")
    click.echo(f"ENCRYPTION_KEYS={Fernet.generate_key().decode()}")


@main.command("rotate-keys")
@says_errors
def rotate_keys() -> None:
    """Encrypt stored tokens again under the first of ENCRYPTION_KEYS."""
    from app.services.connecting import reseal_all
    from app.services.signin import reseal_people

    n_shops, n_people = reseal_all(open_context()), reseal_people(open_context())
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
@says_errors
def doctor() -> None:
    """Check settings, servers, schema and mail, and say what to do about what is wrong."""
    from app.services.checkup import check_up

    problems = check_up(open_context(), lambda name, outcome: click.echo(f"{name:<12} {outcome}"))
    if problems:
        raise click.ClickException(
            f"{problems} of these {'needs' if problems == 1 else 'need'} your attention"
        )


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
