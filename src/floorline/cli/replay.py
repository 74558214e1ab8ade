"""`floorline replay`: a published trace of real traffic into the ledger at home, as ordinary usage."""

import sys
import time
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from floorline.cli.output import emit_json
from floorline.errors import BadInput
from floorline.ingest.calls import Pricer
from floorline.jobs.importing import Importing, ImportReport, Problem
from floorline.margin.words import counted
from floorline.money import text
from floorline.pricing.providers import canonical
from floorline.sandbox.replaying import FORMATS, FROM, SCALES, SOURCE, Format, Replay, ReplayRow, replayed
from floorline.wiring import load_book, load_config, now, open_ledger


@click.command("replay")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--format", "format_", type=click.Choice(FORMATS), required=True, help="What kind of trace it is.")
@click.option("--days", type=click.IntRange(1, 3_650), default=14, show_default=True, help="Days to replay.")
@click.option("--clients", type=click.IntRange(min=1), help="How many ServeGen clients, drawn with the seed.")
@click.option("--scale", help="Share of the calls to keep; 1 by default, 0.0001 for servegen.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of everything that is drawn.")
@click.option("--feature", default="replay", show_default=True, help="The feature that the calls belong to.")
@click.option("--customer-prefix", default="", help="Put before each client's name, which is the customer.")
@click.option("--model", default="gpt-5-mini", show_default=True, help="The model that the calls are priced as.")
@click.option("--provider", default="openai", show_default=True, help="Who serves that model.")
@click.option(
    "--from",
    "start",
    type=click.DateTime(["%Y-%m-%d"]),
    default=FROM.isoformat(),
    show_default=True,
    help="The day of the trace's first instant.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON document.")
def command(
    path: Path,
    format_: Format,
    days: int,
    clients: int | None,
    scale: str | None,
    seed: int,
    feature: str,
    customer_prefix: str,
    model: str,
    provider: str,
    start: datetime,
    as_json: bool,
) -> None:
    """Feed a ServeGen, Azure or Mooncake trace into the ledger as usage events.

    Every id derives from the options and the place in the trace: the same command twice changes nothing. docs/replay.md
    says how profiles become calls.
    """
    replay = Replay(
        path=path,
        format=format_,
        days=days,
        clients=clients,
        scale=_scale(format_, scale),
        seed=seed,
        feature=feature,
        customer_prefix=customer_prefix,
        model=model,
        provider=provider,
        start=start.date(),
    )
    begun = time.perf_counter()
    report, seen = _import(replay)
    _tell(replay, report, seen, seconds=time.perf_counter() - begun, as_json=as_json)
    if report.refused:
        sys.exit(2)


class Seen:
    """What went by: calls, tokens, customers, the first and the last day."""

    def __init__(self) -> None:
        self.calls = 0
        self.input_tokens = 0
        self.cache_read_tokens = 0
        self.output_tokens = 0
        self.customers: set[str] = set()
        self.first: date | None = None
        self.last: date | None = None

    def take(self, row: ReplayRow) -> None:
        """Take one more call."""
        day = row.timestamp.date()
        self.calls += 1
        self.input_tokens += row.input_tokens
        self.cache_read_tokens += row.cache_read_tokens
        self.output_tokens += row.output_tokens
        self.customers.add(row.customer_id)
        self.first = day if self.first is None or day < self.first else self.first
        self.last = day if self.last is None or day > self.last else self.last


def _scale(format_: Format, scale: str | None) -> Decimal:
    try:
        share = SCALES[format_] if scale is None else Decimal(scale)
    except InvalidOperation as error:
        raise BadInput(f"--scale {scale!r} is not a number: write a share above 0, as 0.001") from error
    if not share.is_finite():
        raise BadInput(f"--scale {scale!r} is not a finite number: write a share above 0, as 0.001")
    return share


def _import(replay: Replay) -> tuple[ImportReport, Seen]:
    """The trace as a file of usage events, imported like any other."""
    config = load_config(secrets=False)
    book, warnings = load_book(config)
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    trusted = frozenset(canonical(provider) for provider in config.trusted_cost_providers)
    seen = Seen()
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn())
    with (
        TemporaryDirectory(prefix="floorline-replay-") as folder,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task(f"reading {replay.path.name}", total=None)
        file = Path(folder) / "replay.jsonl"
        with file.open("wb") as out:
            out.writelines(_lines(replay, seen, progress, task))
        if not seen.calls:
            raise BadInput(f"{replay.path}: no call is left of it: a greater --scale or more --days keep more")
        with open_ledger(config) as ledger:
            importing = Importing(
                ledger=ledger,
                pricer=Pricer(book=book, trusted_cost_providers=trusted),
                now=now(),
                on_problem=_problem,
                on_progress=lambda done, size: progress.update(
                    task, description=f"importing {seen.calls:,} calls", completed=done, total=size
                ),
            )
            return importing.file("usage", file, source=SOURCE), seen


def _lines(replay: Replay, seen: Seen, progress: Progress, task: TaskID) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder()
    for row in replayed(replay):
        seen.take(row)
        if seen.calls % 10_000 == 0:
            progress.update(task, description=f"reading {replay.path.name}: {seen.calls:,} calls")
        yield encoder.encode(row) + b"\n"


def _problem(problem: Problem) -> None:
    click.echo(f"{problem.place}: {problem.reason}", err=True)


def _tell(replay: Replay, report: ImportReport, seen: Seen, *, seconds: float, as_json: bool) -> None:
    if as_json:
        emit_json(
            {
                "path": str(replay.path),
                "format": replay.format,
                "ids": replay.prefix,
                "calls": seen.calls,
                "new": report.new,
                "known": report.known,
                "refused": report.refused,
                "customers": len(seen.customers),
                "first_day": None if seen.first is None else seen.first.isoformat(),
                "last_day": None if seen.last is None else seen.last.isoformat(),
                "input_tokens": seen.input_tokens,
                "cache_read_tokens": seen.cache_read_tokens,
                "output_tokens": seen.output_tokens,
                "usd": text(report.usd),
                "unpriced": dict(report.unpriced.most_common()),
            }
        )
        return
    cached = (
        f" ({seen.cache_read_tokens / seen.input_tokens:.1%} from the prompt cache)" if seen.cache_read_tokens else ""
    )
    click.echo(
        f"{replay.path}: {seen.calls:,} calls of {counted(len(seen.customers), 'customer')}, {seen.first} to {seen.last}"
    )
    click.echo(f"  {seen.input_tokens:,} tokens in{cached}, {seen.output_tokens:,} out")
    click.echo(
        f"  {report.new:,} new, {report.known:,} known, {report.refused:,} refused; cost of the new ${report.usd:,.2f}"
    )
    for model, calls in report.unpriced.most_common():
        click.echo(f"  {calls:,} unpriced calls of {model}: {report.unpriced_reason[model]}")
    click.echo(f"  feature {replay.feature}, source {SOURCE}, ids {replay.prefix}:… ({seconds:.1f} s)")
