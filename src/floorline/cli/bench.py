"""`floorline bench`: what the parts and the gateway cost on this machine."""

import dataclasses
import importlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from floorline.bench import intents, prefix, routing, web
from floorline.bench.gateway import beside
from floorline.bench.gateway.suite import QUICK, STARTS, Plan, run
from floorline.bench.quarter.outcome import HEAD, tallies
from floorline.bench.quarter.suite import false_alarms_said, outcomes
from floorline.bench.report import Row, machine
from floorline.bench.semantic import suite as semantic
from floorline.errors import BadInput
from floorline.wiring.embedders import found_in, open_embedder

SUITES = {
    "pricing": "price one call, beside two bare Decimal multiplications",
    "spool": "append one record, beside a plain file append",
    "ingest": "calls/s into the ledger with rollups, beside the engine's own insert",
    "margin": "margin queries, beside the engine's own sums",
}


class _Calls(click.ParamType[int]):
    """A number of calls: 250000, 500K, 10M."""

    name = "calls"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; a click error says how to write it."""
        if isinstance(value, int):
            return value
        digits, factor = (value[:-1], _FACTORS[value[-1].upper()]) if value[-1:].upper() in _FACTORS else (value, 1)
        if not digits.isdigit() or not int(digits):
            self.fail(f"{value!r} is not a number of calls: write it as 500K or 10M", param, ctx)
        return int(digits) * factor


_FACTORS = {"K": 1_000, "M": 1_000_000}
CALLS = _Calls()
BESIDE = "beside"
GATEWAY = "gateway"
QUARTER = "quarter"
PREFIX = "prefix"
ROUTING = "routing"
INTENTS = "intents"
SEMANTIC = "semantic"
WEB = "web"
WIDTH = 140  # of what is not a terminal


@click.command("bench")
@click.argument(
    "suite",
    type=click.Choice([*SUITES, BESIDE, GATEWAY, INTENTS, QUARTER, PREFIX, ROUTING, SEMANTIC, WEB, "all"]),
    default="all",
)
@click.option(
    "--rows", type=click.IntRange(min=1_000), help="Calls for ingest and margin; each suite has its own default."
)
@click.option(
    "--calls", type=CALLS, default="10M", show_default=True, help="web: how many calls; 100M for a hundred million."
)
@click.option(
    "--ledger",
    type=click.Path(path_type=Path, file_okay=False),
    help="web: folder whose ledger is used, and filled first when it has no calls; a temporary one otherwise.",
)
@click.option("--quick", is_flag=True, help="gateway: nginx and Floorline only, under a minute, nothing to install.")
@click.option("--targets", help="gateway: which ones to measure beside the upstream, with commas between.")
@click.option(
    "--rounds", type=click.IntRange(min=1), help="gateway, beside: how often each workload is run against each target."
)
@click.option("--seconds", type=click.FloatRange(min=0.2), help="gateway, beside: how long one run is measured.")
@click.option(
    "--embedder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="beside, intents, semantic: folder with a sentence model (.onnx) and its tokenizer.json; letters alone otherwise.",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("~/.cache/floorline/bench"),
    help="gateway, beside, intents, semantic: folder that keeps compiled programs, installed rivals, and vectors.",
)
@click.option("--seeds", type=click.IntRange(min=1), default=10, help="quarter: how many quarters are simulated.")
@click.option("--first", type=click.IntRange(min=0), default=0, help="quarter: the seed of the first one.")
@click.option(
    "--servegen",
    type=click.Path(path_type=Path, exists=True),
    help="quarter: folder or archive with ServeGen's profiles; the table that comes with Floorline otherwise.",
)
@click.option(
    "--trace",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="prefix: Mooncake's conversation_trace.jsonl, plain or gzip.",
)
@click.option("--model", default=prefix.MODEL, show_default=True, help="prefix: the model of Anthropic's to price by.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="routing: folder with RouteLLM's evaluations, mmlu/ and mt_bench/. semantic, intents: one with banking77/, clinc150/ and gptcache_qqp/.",
)
@click.option("--save", type=click.Path(path_type=Path), help="Also write the figures to this JSON file.")
def command(
    suite: str,
    rows: int | None,
    calls: int,
    ledger: Path | None,
    quick: bool,
    targets: str | None,
    rounds: int | None,
    seconds: float | None,
    embedder: Path | None,
    cache: Path,
    seeds: int,
    first: int,
    servegen: Path | None,
    trace: Path | None,
    model: str,
    data: Path | None,
    save: Path | None,
) -> None:
    """Measure a part beside a bare baseline in the same run and print a table with the machine.

    `gateway` measures whole gateways beside each other, `beside` whether looking up questions delays other calls, `quarter` simulates companies whose margins are eroded and says
    what the alerts made of them, `prefix` replays a trace of prompts through a simulated prompt cache, `routing` certifies
    cheaper models on recorded answers and says what that saves and misses, `intents` fits classifiers to public examples, `semantic` holds the semantic cache's promises against judged pairs and streams of questions, `web` asks every page of the dashboard over many calls; they are run by their names alone, `all` are the other suites.
    Figures are ratios to read, not tests: nothing passes or fails here.
    """
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    host = machine()
    console.print(f"[bold]{host}[/bold]")
    if suite == GATEWAY:
        figures: dict[str, object] = {
            GATEWAY: _gateway(console, _plan(quick, targets, rounds, seconds), cache.expanduser().resolve())
        }
    elif suite == BESIDE:
        figures = {BESIDE: _beside(console, cache.expanduser().resolve(), embedder, rounds, seconds)}
    elif suite == QUARTER:
        figures = {QUARTER: _quarter(console, range(first, first + seeds), servegen)}
    elif suite == PREFIX:
        figures = {PREFIX: _prefix(console, trace, model)}
    elif suite == ROUTING:
        figures = {ROUTING: _routing(console, data)}
    elif suite == INTENTS:
        figures = {INTENTS: _intents(console, data, embedder, cache.expanduser().resolve())}
    elif suite == SEMANTIC:
        figures = {SEMANTIC: _semantic(console, data, embedder, cache.expanduser().resolve())}
    elif suite == WEB:
        figures = {WEB: _web(console, calls, ledger)}
    else:
        figures = {name: _suite(console, name, rows) for name in (SUITES if suite == "all" else [suite])}
    if save is not None:
        save.write_text(json.dumps({"machine": host, "suites": figures}, indent=2) + "\n")


def _beside(console: Console, cache: Path, embedder: Path | None, rounds: int | None, seconds: float | None) -> object:
    sheet = beside.run(
        cache=cache,
        embedder=None if embedder is None else embedder.resolve(),
        rounds=rounds or beside.ROUNDS,
        seconds=seconds or beside.SECONDS,
        say=lambda what: click.echo(what, err=True),
    )
    _print(console, sheet.title, sheet.columns, sheet.rows)
    return dataclasses.asdict(sheet)


def _quarter(console: Console, seeds: range, servegen: Path | None) -> object:
    found = outcomes(seeds, servegen)
    title = f"quarter: erosions planted and found, seeds {seeds[0]} to {seeds[-1]}"
    _print(console, title, HEAD, [tally.cells() for tally in tallies(found)])
    console.print(false_alarms_said(found))
    return [dataclasses.asdict(one) for one in found]


def _prefix(console: Console, trace: Path | None, model: str) -> object:
    if trace is None:
        raise BadInput("bench prefix needs --trace FILE: Mooncake's conversation_trace.jsonl (FAST 2025)")
    sheet = prefix.run(trace, model)
    _print(console, sheet.title, sheet.columns, sheet.rows)
    return dataclasses.asdict(sheet)


def _semantic(console: Console, data: Path | None, folder: Path | None, cache: Path) -> object:
    if data is None:
        raise BadInput("bench semantic needs --data FOLDER: with banking77/, clinc150/ and gptcache_qqp/")
    embedder = open_embedder(None if folder is None else found_in(folder))
    sheets = semantic.run(data, embedder, cache / "vectors", say=lambda what: click.echo(what, err=True))
    for sheet in sheets:
        _print(console, sheet.title, sheet.columns, sheet.rows)
    return [dataclasses.asdict(sheet) for sheet in sheets]


def _intents(console: Console, data: Path | None, folder: Path | None, cache: Path) -> object:
    if data is None:
        raise BadInput("bench intents needs --data FOLDER: with banking77/ and clinc150/")
    sheets = intents.run(data, open_embedder(None if folder is None else found_in(folder)), cache / "vectors")
    for sheet in sheets:
        _print(console, sheet.title, sheet.columns, sheet.rows)
    return [dataclasses.asdict(sheet) for sheet in sheets]


def _routing(console: Console, data: Path | None) -> object:
    if data is None:
        raise BadInput("bench routing needs --data FOLDER: RouteLLM's evaluations, with mmlu/ and mt_bench/ below it")
    sheets = routing.run(data)
    for sheet in sheets:
        _print(console, sheet.title, sheet.columns, sheet.rows)
    return [dataclasses.asdict(sheet) for sheet in sheets]


def _web(console: Console, calls: int, ledger: Path | None) -> object:
    sheet = web.run(rows=calls, kept=ledger, say=lambda what: click.echo(what, err=True))
    _print(console, sheet.title, sheet.columns, sheet.rows)
    return dataclasses.asdict(sheet)


def _suite(console: Console, suite: str, rows: int | None) -> object:
    found = _run(suite, rows)
    _print(console, f"{suite}: {SUITES[suite]}", ("figure", "value", "unit", "note"), [_cells(row) for row in found])
    return [dataclasses.asdict(row) for row in found]


def _run(suite: str, rows: int | None) -> list[Row]:
    run: Callable[..., list[Row]] = importlib.import_module(f"floorline.bench.{suite}").run
    if rows is None or suite in {"pricing", "spool"}:
        return run()
    return run(rows=rows)


def _cells(row: Row) -> tuple[str, ...]:
    return row.name, row.value, row.unit, row.note


def _print(console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _plan(quick: bool, targets: str | None, rounds: int | None, seconds: float | None) -> Plan:
    names = tuple(targets.split(",")) if targets else None
    unknown = sorted(set(names or ()) - set(STARTS))
    if unknown:
        raise BadInput(f"--targets {','.join(unknown)}: there are {', '.join(STARTS)}; direct is always measured")
    asked = {"targets": names, "rounds": rounds, "seconds": seconds}
    return dataclasses.replace(QUICK if quick else Plan(), **{k: v for k, v in asked.items() if v is not None})


def _gateway(console: Console, plan: Plan, cache: Path) -> object:
    measured = run(plan, cache=cache, say=lambda what: click.echo(what, err=True))
    for sheet in measured.sheets:
        _print(console, sheet.title, sheet.columns, sheet.rows)
    return msgspec.to_builtins(measured)
