"""The commands for one shop: its history, its model, its people, and its goodbye."""

from __future__ import annotations

import json
from pathlib import Path

import click

from app.cli_common import open_context, says_errors, shop_id_of, shop_option


@click.command("import")
@click.argument("orders", required=False, type=click.Path(path_type=Path))
@shop_option
@says_errors
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

    context = open_context()
    shop_id = shop_id_of(context, domain)
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
    context = open_context()
    done = import_orders_file(context, shop_id_of(context, domain), file)
    for reject in sorted(done.rejects + done.remarks):
        click.echo(f"line {reject.line}: {reject.reason}", err=True)
    click.echo(
        f"{done.n_orders} orders were added; {done.n_rejected} lines could not be read and"
        f" {done.n_unknown_products} of the file's products are not in the shop."
    )


@click.command()
@shop_option
@says_errors
def train(domain: str | None) -> None:
    """Learn from a shop's orders and publish what holds up."""
    from app.services import jobs, training

    context = open_context()
    shop_id = shop_id_of(context, domain)
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


@click.command("roll-back")
@shop_option
@says_errors
def roll_back(domain: str | None) -> None:
    """Put the previous model's lists back."""
    from app.services.training import roll_back as put_back

    context = open_context()
    model_id = put_back(context, shop_id_of(context, domain))
    if model_id is None:
        raise click.ClickException("there is no earlier model to go back to")
    click.echo(f"Model {model_id} is published again.")


@click.command()
@click.argument("product")
@shop_option
@says_errors
def why(product: str, domain: str | None) -> None:
    """Say why PRODUCT (the platform's id) has the recommendations it has."""
    from rich.console import Console
    from rich.table import Table

    from app.services.recommending import explain
    from app.services.shops import get_shop

    context = open_context()
    shop_id = shop_id_of(context, domain)
    with context.db.shop(shop_id) as connection:
        explained = explain(connection, get_shop(connection, shop_id), product)
    if explained is None:
        raise click.ClickException(f"the shop has no product {product}")
    table = Table("product", "evidence", "shown", title=explained.product.title)
    for reason in explained.reasons:
        table.add_row(reason.card.title, reason.in_words, "yes" if reason.is_shown else "no")
    Console().print(table)


@click.command()
@shop_option
@click.argument("person")
@says_errors
def export(person: str, domain: str | None) -> None:
    """Print everything stored of PERSON (an e-mail address or a customer id) as JSON."""
    from app.services.privacy import export_person
    from app.services.shops import get_shop

    context = open_context()
    shop_id = shop_id_of(context, domain)
    with context.db.shop(shop_id) as connection:
        found = export_person(context, connection, get_shop(connection, shop_id), person)
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))


@click.command()
@shop_option
@click.argument("person")
@click.confirmation_option(prompt="This can't be undone. Forget this person?")
@says_errors
def erase(person: str, domain: str | None) -> None:
    """Forget PERSON (an e-mail address or a customer id) and print the receipt."""
    from app.domain.events import ErasureRequested
    from app.services.privacy import erase_person
    from app.services.shops import get_shop

    context = open_context()
    shop_id = shop_id_of(context, domain)
    is_email = "@" in person
    request = ErasureRequested(None if is_email else person, person if is_email else None)
    with context.db.shop(shop_id) as connection:
        receipt = erase_person(context, connection, get_shop(connection, shop_id), request)
    click.echo(json.dumps(receipt, indent=2))


@click.command()
@shop_option
@click.confirmation_option(
    prompt="Its keys are forgotten and its planned mail is stopped. Disconnect the shop?"
)
@says_errors
def disconnect(domain: str | None) -> None:
    """Disconnect a shop that was connected by its address: take out of it what is ours, and forget its keys."""
    from app.platforms.asked import KeyDropPlatform
    from app.services import leaving, parting
    from app.services.shops import get_shop

    context = open_context()
    shop_id = shop_id_of(context, domain)
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
