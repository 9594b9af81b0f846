"""The commands that judge and apply the recommender on an order file; they must not need a database."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import TaskID

    from app.services.evaluating import Evaluation, Tell

# Columns of what is written to a file or a pipe; the tables fit.
PIPED_WIDTH = 100

# What is too long for the head of a column.
_SHORT = {"coverage10": "cover10", "cold_hr10": "cold10", "tail_hr10": "tail10"}

# Whether it is there the reader says, in one line like all that may be wrong with it.
_ORDERS = click.argument("orders", type=click.Path(path_type=Path))
_SEED = click.option("--seed", default=7, show_default=True, help="Of everything drawn.")


@click.command()
@_ORDERS
@click.option(
    "--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Write the numbers here."
)
@click.option("--task", type=click.Choice(["also-bought", "for-you"]), help="Judge one task only.")
@click.option(
    "--test-share",
    default=0.15,
    show_default=True,
    type=click.FloatRange(0, 0.9, min_open=True),
    help="Newest share of the orders to be judged on.",
)
@_SEED
def evaluate(orders: Path, json_path: Path | None, task: str | None, test_share: float, seed: int) -> None:
    """Back-test the recommender on an order history (CSV, gzip allowed). Needs no database."""
    from app.services.evaluating import evaluate_file, method_rows
    from app.services.orderfile import OrderFileError

    try:
        with _telling() as tell:
            evaluation = evaluate_file(orders, task=task, test_share=test_share, seed=seed, tell=tell)
    except OrderFileError as error:
        raise click.ClickException(str(error)) from error
    _show(evaluation)
    if json_path is not None:
        json_path.write_text(
            json.dumps(method_rows(evaluation), indent=1, ensure_ascii=False) + "\n", "utf-8"
        )


@click.command()
@_ORDERS
@click.option(
    "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="JSON lines file."
)
@click.option(
    "-n", "n", default=10, show_default=True, type=click.IntRange(1, 100), help="Products per list."
)
@_SEED
def recommend(orders: Path, out: Path, n: int, seed: int) -> None:
    """Learn from a whole order history and write every product's and customer's lists. Needs no database."""
    from app.services.evaluating import recommend_file
    from app.services.orderfile import OrderFileError

    try:
        with _telling() as tell:
            n_products, n_customers, notes = recommend_file(orders, out, n=n, seed=seed, tell=tell)
    except OrderFileError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{out} can't be written: {error.strerror or error}") from None
    for note in notes:
        click.echo(note, err=True)
    click.echo(f"{n_products:,} products and {n_customers:,} customers written to {out}")


@contextmanager
def _telling() -> Iterator[Tell]:
    """Say on standard error what is being done: bars on a terminal, a line for each step elsewhere."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    console = Console(stderr=True)
    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    )  # fmt: skip
    steps: dict[str, TaskID] = {}
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:

        def tell(what: str, n_done: int, n_all: int | None) -> None:
            if what not in steps:
                finish()
                steps[what] = bars.add_task(what, total=n_all)
                # A file that can't be read shall be told in one line, so the first step is not.
                if not console.is_terminal and len(steps) > 1:
                    click.echo(f"{what} …", err=True)
            bars.update(steps[what], completed=n_done)

        def finish() -> None:
            for task in bars.tasks:
                bars.update(task.id, total=task.total or 1, completed=task.total or 1)

        yield tell
        finish()


def _show(evaluation: Evaluation) -> None:
    from rich.console import Console

    report, written = evaluation.report, evaluation.card
    console = Console(width=None if Console().is_terminal else PIPED_WIDTH)
    for task in dict.fromkeys(score.task for score in report.scores if score.n_queries):
        console.print(_table(evaluation, task), "")
    console.print(
        f"{report.n_train_orders:,} orders to learn from, {report.n_test_orders:,} newer ones to be judged on, "
        f"{report.n_items:,} products; read in {evaluation.read_seconds:.1f} s, peak {evaluation.peak_mb:.0f} MB.",
        highlight=False,
    )
    sentences = (written.headline, *written.strengths, *written.weaknesses, *written.data, *written.advice)
    for sentence in (*sentences, report.reason, *evaluation.notes):
        console.print(f"- {sentence}", highlight=False, markup=False)


def _table(evaluation: Evaluation, task: str) -> Any:
    from rich.table import Table

    titles = {
        "also-bought": "also bought",
        "for-you": "for you: everything",
        "discover": "for you: new to the customer",
    }
    scores = [score for score in evaluation.report.scores if score.task == task]
    n_queries = scores[0].n_queries
    title = f"{titles[task]} ({n_queries:,} questions)"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("method", no_wrap=True)
    main = "recall10" if task != "also-bought" else "hr10"
    columns = ["hr4", "hr10", "ndcg10", "mrr10", "recall10", "coverage10"]
    columns += ["cold_hr10", "tail_hr10"] if task == "also-bought" else []
    for name in (*columns, f"{main} 95 %", "train s", "lists/s"):
        table.add_column(_SHORT.get(name, name), justify="right", no_wrap=True)
    for score in scores:
        low, high = score.ci[main]
        values = [_number(getattr(score, name)) for name in columns]
        speed = f"{score.n_lists / score.rank_seconds:,.0f}" if score.rank_seconds > 0 else "-"
        style = "bold" if score.method == "regulars" else None
        row = (score.method, *values, f"{low:.3f}…{high:.3f}", f"{score.train_seconds:.1f}", speed)
        table.add_row(*row, style=style)
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
