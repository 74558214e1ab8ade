"""`floorline import`: usage, revenue, costs, outcomes, customers, aliases, exchange rates and Stripe exports."""

import json
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from floorline.cli.margin_text import cents
from floorline.cli.output import emit_json, note
from floorline.clock import timezone
from floorline.errors import BadInput
from floorline.ingest.calls import Pricer
from floorline.jobs.importing import Importing, ImportReport, OnProgress, Problem
from floorline.margin.words import counted
from floorline.money import text
from floorline.pricing.providers import canonical
from floorline.wiring import load_book, load_config, now, open_ledger

SHOWN_PROBLEMS_MAX = 100
KINDS = {
    "usage": "Calls of models, priced as they come in (JSONL, CSV, Parquet).",
    "revenue": "Lines of revenue with the period they pay for.",
    "costs": "Costs that no call carries: GPU hosts, reviewers, support.",
    "outcomes": "Results that users pay for, and their amendments.",
    "customers": "Plan, segment and cohort of customers, and their other names.",
    "aliases": "Other names of customers, plans and features.",
    "fx": "Exchange rates: dollars for one unit of a currency, by day.",
}
_ADDED_UP = {"usage": "cost", "revenue": "revenue", "costs": "costs", "stripe": "revenue"}


@click.group("import")
def command() -> None:
    """Bring rows of files or a Stripe export into the ledger, each row once.

    The same row again changes nothing. A bad row is named with file, line and reason and the good ones are kept; then
    the exit code is 2. docs/importing.md and docs/stripe.md list every column.
    """


class Problems:
    """Prints refused rows to standard error, the first hundred of them, and all of them to a file when asked."""

    def __init__(self, rejects: TextIO | None) -> None:
        self._rejects = rejects
        self.count = 0

    def __call__(self, problem: Problem) -> None:
        """Take one more."""
        self.count += 1
        if self._rejects is not None:
            self._rejects.write(
                json.dumps({"place": problem.place, "reason": problem.reason}, ensure_ascii=False) + "\n"
            )
        if self.count <= SHOWN_PROBLEMS_MAX:
            click.echo(f"{problem.place}: {problem.reason}", err=True)
        elif self.count == SHOWN_PROBLEMS_MAX + 1:
            click.echo("… and more refused rows: --rejects FILE writes all of them", err=True)


def _options(function: Callable[..., None]) -> Callable[..., None]:
    """The options that every import has."""
    for option in (
        click.option("--source", default="", metavar="NAME", help="Who the rows are from; ids are unique within it."),
        click.option("--strict", is_flag=True, help="Refuse a whole file when one of its rows is bad."),
        click.option(
            "--rejects", type=click.Path(path_type=Path), help="Write every refused row's place and reason here."
        ),
        click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON document."),
    ):
        function = option(function)
    return function


def _make(kind: str, doc: str) -> click.Command:
    @click.command(kind, help=doc)
    @click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @_options
    def import_(files: tuple[Path, ...], source: str, strict: bool, rejects: Path | None, as_json: bool) -> None:
        report = ImportReport()
        with _importing(strict, rejects) as (importing, progress):
            for path in files:
                importing.on_progress = progress(path.name)
                report.add(importing.file(kind, path, source=source))
        _tell(kind, files, report, as_json=as_json)

    return import_


for _kind, _doc in KINDS.items():
    command.add_command(_make(_kind, _doc))


@command.command("stripe")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@_options
def stripe(paths: tuple[Path, ...], source: str, strict: bool, rejects: Path | None, as_json: bool) -> None:
    """Invoices with their lines, credit notes, refunds, subscriptions and customers, as Stripe's API gives them."""
    with _importing(strict, rejects) as (importing, progress):
        importing.on_progress = progress("Stripe")
        zone = timezone(importing.ledger.timezone)
        report = importing.stripe(paths, zone=zone, source=source or "stripe")
    _tell("stripe", paths, report, as_json=as_json)


Bars = Callable[[str], OnProgress]


@contextmanager
def _importing(strict: bool, rejects: Path | None) -> Generator[tuple[Importing, Bars], None, None]:
    """An import into the ledger at home, and progress bars where standard error is a terminal."""
    config = load_config(secrets=False)
    book, warnings = load_book(config)
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    trusted = frozenset(canonical(provider) for provider in config.trusted_cost_providers)
    with ExitStack() as stack:
        rejected = None if rejects is None else stack.enter_context(_open(rejects))
        ledger = stack.enter_context(open_ledger(config))
        stack.callback(note, ledger.notices)
        progress = stack.enter_context(_progress())
        importing = Importing(
            ledger=ledger,
            pricer=Pricer(book=book, trusted_cost_providers=trusted),
            now=now(),
            strict=strict,
            on_problem=Problems(rejected),
        )
        yield importing, lambda name: _bar(progress, name)


def _open(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}") from error


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _bar(progress: Progress, name: str) -> OnProgress:
    task = progress.add_task(name, total=None)

    def show(done: int, size: int) -> None:
        progress.update(task, completed=done, total=size)

    return show


def _tell(kind: str, paths: tuple[Path, ...], report: ImportReport, *, as_json: bool) -> None:
    if as_json:
        emit_json(_figures(kind, paths, report))
    else:
        _print(kind, paths, report)
    if report.refused:
        sys.exit(2)


def _figures(kind: str, paths: tuple[Path, ...], report: ImportReport) -> dict[str, object]:
    return {
        "kind": kind,
        "files": [str(path) for path in paths],
        "rows": report.rows,
        "new": report.new,
        "known": report.known,
        "refused": report.refused,
        "skipped": dict(report.skipped.most_common()),
        "usd": text(report.usd),
        "unpriced": [
            {"model": model, "calls": calls, "reason": report.unpriced_reason[model]}
            for model, calls in report.unpriced.most_common()
        ],
        "stated_costs_not_believed": dict(report.not_believed.most_common()),
        "written": not report.kept_out,
    }


def _print(kind: str, paths: tuple[Path, ...], report: ImportReport) -> None:
    files = str(paths[0]) if len(paths) == 1 else f"{len(paths)} files"
    click.echo(f"{files}: {report.rows:,} rows: {report.new:,} new, {report.known:,} known, {report.refused:,} refused")
    if report.kept_out:
        click.echo("  nothing was written: --strict, and rows were refused")
    for reason, rows in report.skipped.most_common():
        click.echo(f"  {rows:,} passed over: {reason}")
    if kind in _ADDED_UP and not report.kept_out:
        click.echo(f"  {_ADDED_UP[kind]} of the new rows: {cents(report.usd)}")
    for model, calls in report.unpriced.most_common():
        click.echo(f"  {counted(calls, 'unpriced call')} of {model}: {report.unpriced_reason[model]}")
    for model, calls in report.not_believed.most_common():
        click.echo(
            f"  {calls:,} stated costs of {model} were more than 10 × off the computed ones and are not believed"
        )
