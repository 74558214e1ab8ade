"""`floorline margin`: tables of gross margin, their trend, and the steps that eat the spend."""

import csv
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

import click

from floorline.cli import margin_text
from floorline.cli.close_text import beside_document, print_beside
from floorline.cli.margin_explain import print_explanation
from floorline.cli.margin_waterfall import print_waterfalls
from floorline.cli.output import emit_json, note
from floorline.clock import day_of, reported_day, timezone
from floorline.config import Config
from floorline.errors import Mismatch
from floorline.events import ENVIRONMENTS, PURPOSES
from floorline.jobs.baselining import Baselines
from floorline.jobs.closing import Beside, Closings, beside
from floorline.jobs.explaining import WEEK_DAYS, ExplainRequest, crossed_in, explained
from floorline.jobs.margins import MarginRequest, Margins
from floorline.ledger.surface import AnyLedger
from floorline.margin.bridge import Days
from floorline.margin.changelog import crossings, entry_document
from floorline.margin.dimensions import DIMENSIONS, Dimension, Scope
from floorline.margin.explanation import explanation_document
from floorline.margin.report import csv_lines, document, steps_document, trend_document
from floorline.margin.sides import BY, By
from floorline.margin.table import MarginReport
from floorline.margin.trend import trends
from floorline.margin.waterfall import waterfall_document, waterfalls
from floorline.wiring import load_config, now, open_ledger, revenue_freshness

DEFAULT_DAYS = 30
LIMIT_FOR_PEOPLE = 40


class Day(click.ParamType[date]):
    """A day as 2026-01-31."""

    name = "day"

    def convert(self, value: str | date, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day, or a usage error that says how to write one."""
        if isinstance(value, date):
            return value
        try:
            return reported_day(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Window(click.ParamType[Days]):
    """Days as 2026-09-24..2026-10-01; the second is the day after the last one."""

    name = "from..to"

    def convert(self, value: str | Days, param: click.Parameter | None, ctx: click.Context | None) -> Days:
        """The window, or a usage error that says how to write one."""
        if not isinstance(value, str):
            return value
        start, dots, end = value.partition("..")
        if not dots:
            self.fail(f"{value!r}: write two days as 2026-09-24..2026-10-01", param, ctx)
        try:
            return Days(reported_day(start), reported_day(end))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Dimensions(click.ParamType[tuple[Dimension, ...]]):
    """One dimension, or two joined by a comma."""

    name = "dimension[,dimension]"

    def convert(
        self, value: str | tuple[Dimension, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Dimension, ...]:
        """The dimensions, or a usage error that lists them all."""
        if isinstance(value, tuple):
            return value
        words = [word.strip() for word in value.split(",")]
        found: tuple[Dimension, ...] = tuple(
            dimension for word in words for dimension in DIMENSIONS if dimension == word
        )
        if len(found) != len(words) or not 1 <= len(words) <= 2 or len(set(words)) != len(words):
            self.fail(f"{value!r}: name one of {', '.join(DIMENSIONS)}, or two different ones as a,b", param, ctx)
        return found


def whose_calls(function: Callable[..., None]) -> Callable[..., None]:
    """The options that say whose calls count."""
    for option in (
        click.option(
            "--purpose",
            type=click.Choice([*PURPOSES, "all"]),
            default="production",
            show_default=True,
            help="Count calls of this purpose; the others are R&D.",
        ),
        click.option(
            "--environment",
            type=click.Choice([*ENVIRONMENTS, "all"]),
            default="production",
            show_default=True,
            help="Count calls of this environment; the others are R&D.",
        ),
    ):
        function = option(function)
    return function


def days_and_scope(function: Callable[..., None]) -> Callable[..., None]:
    """The options of a margin command about one window: its days, and whose calls count."""
    function = whose_calls(function)
    for option in (
        click.option("--to", "end", type=Day(), help="The day after the last one; tomorrow when not given."),
        click.option(
            "--from", "start", type=Day(), help=f"The first day; {DEFAULT_DAYS} days before --to when not given."
        ),
    ):
        function = option(function)
    return function


@contextmanager
def margins() -> Generator[Margins]:
    """The ledger of the home folder and the configuration's policies."""
    config = load_config(secrets=False)
    with open_ledger(config) as ledger:
        note([*ledger.notices, *_stale(config, ledger)])
        yield Margins(ledger, config.policies)


def _stale(config: Config, ledger: AnyLedger) -> list[str]:
    """That revenue stopped coming in, when it did: without it every margin is too low."""
    fresh = None if config.stripe is None else revenue_freshness(config, ledger.state)
    return [f"{fresh.said(now())}: margins of the last days lack revenue"] if fresh and fresh.is_stale(now()) else []


def window(of: Margins, start: date | None, end: date | None) -> tuple[date, date]:
    """The days asked for, in the ledger's timezone. A usage error when there are none."""
    end = end or day_of(now(), timezone(of.ledger.timezone)) + timedelta(days=1)
    start = start or end - timedelta(days=DEFAULT_DAYS)
    if start >= end:
        raise click.UsageError(f"--from {start} --to {end} holds no day: --to is the day after the last one")
    return start, end


@click.group("margin", invoke_without_command=True)
@click.option("--by", type=Dimensions(), default="feature", show_default=True, help=f"Rows: {', '.join(DIMENSIONS)}.")
@days_and_scope
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document; money is text of 12 places.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option(
    "--sort", type=click.Choice(["margin", "cost", "revenue", "name"]), default="margin", show_default=True,
    help="Order of the rows: the lowest margin, the highest cost or revenue, or the name first.",
)  # fmt: skip
@click.option(
    "--limit", type=click.IntRange(min=1),
    help=f"Rows, and one more that sums the others. {LIMIT_FOR_PEOPLE} in a table, all in JSON and CSV when not given.",
)  # fmt: skip
@click.option("--no-p95", is_flag=True, help="Leave the percentiles out: for customers they read every call.")
@click.pass_context
def command(
    ctx: click.Context,
    by: tuple[Dimension, ...],
    start: date | None,
    end: date | None,
    environment: str,
    purpose: str,
    *,
    as_json: bool,
    as_csv: bool,
    sort: str,
    limit: int | None,
    no_p95: bool,
) -> None:
    """Gross margin by feature, customer, plan, segment, cohort, workflow, outcome, call-type, model or user, or two of them.

    Days are of the reporting timezone; --to is exclusive. docs/margin.md defines every figure.
    """
    if ctx.invoked_subcommand is not None:
        return
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    with margins() as of:
        start, end = window(of, start, end)
        scope = Scope(environment=environment, purpose=purpose)
        report = of.table(MarginRequest(by=by, start=start, end=end, scope=scope, with_p95=not no_p95))
        closed = _beside(of, report)
    report = margin_text.sorted_by(report, sort)
    if as_json:
        emit_json(document(report, limit) | (beside_document(closed) if closed else {}))
    elif as_csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows(csv_lines(report, limit))
    else:
        margin_text.print_table(report, limit or LIMIT_FOR_PEOPLE)
        if closed:
            print_beside(closed, limit or LIMIT_FOR_PEOPLE)


def _beside(of: Margins, report: MarginReport) -> Beside | None:
    """The closed month beside its table of now."""
    try:
        return beside(Closings(of.ledger, of.policies), report, now())
    except Mismatch as error:
        note([str(error)])
        return None


@command.command("trend")
@click.option("--by", type=Dimensions(), default="feature", show_default=True, help="Rows, as of `floorline margin`.")
@click.option(
    "--weeks", type=click.IntRange(min=2, max=104), default=8, show_default=True, help="Weeks that end at --to."
)
@click.option("--months", type=click.IntRange(min=2, max=36), help="Calendar months instead of weeks.")
@click.option("--to", "end", type=Day(), help="The day after the last one; tomorrow when not given.")
@whose_calls
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def trend(
    by: tuple[Dimension, ...],
    weeks: int,
    months: int | None,
    end: date | None,
    environment: str,
    purpose: str,
    *,
    as_json: bool,
) -> None:
    """Growth of revenue beside growth of inference cost; says where the second outruns the first.

    A period that still runs is shown and compared with nothing. Baselines that changed meanwhile are named: the figures before and
    after such a day are of different things.
    """
    with margins() as of:
        start, end = window(of, None, end)
        scope = Scope(environment=environment, purpose=purpose)
        request = MarginRequest(by=by, start=start, end=end, scope=scope)
        reports = of.trend(request, periods=months or weeks, days=None if months else 7)
        today = day_of(now(), timezone(of.ledger.timezone))
        log = Baselines(of.ledger, of.policies).log(now())
    crossed = crossings(log, None, reports[0].start, reports[-1].end)
    found = trends(reports, today=today, monthly=months is not None)
    if as_json:
        emit_json({**trend_document(reports, found), "baseline_changes": [entry_document(entry) for entry in crossed]})
    else:
        margin_text.print_trend(reports, found, "month" if months else "week")
        margin_text.print_crossed(crossed)


@command.command("waterfall")
@click.option(
    "--by",
    type=click.Choice(["feature", "plan", "customer"]),
    default="feature",
    show_default=True,
    help="Whose steps.",
)
@click.option("--key", help="Only the row of this name.")
@click.option(
    "--limit", type=click.IntRange(min=0), default=5, show_default=True, help="Rows beside the total; all in JSON."
)
@days_and_scope
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def waterfall(
    by: Literal["feature", "plan", "customer"],
    key: str | None,
    limit: int,
    start: date | None,
    end: date | None,
    environment: str,
    purpose: str,
    *,
    as_json: bool,
) -> None:
    """From revenue to margin: what came in, by kind, and what each component of cost took of it."""
    with margins() as of:
        start, end = window(of, start, end)
        scope = Scope(environment=environment, purpose=purpose)
        request = MarginRequest(by=(by,), start=start, end=end, scope=scope, with_p95=False, with_kinds=True)
        report = of.table(request)
    found = waterfalls(report)
    if key is not None:
        found = tuple(one for one in found if one.key == (key,))
        if not found:
            raise click.UsageError(f"no {by} {key!r} has revenue or cost from {start} to {end} (exclusive)")
    if as_json:
        emit_json(waterfall_document(found, by, start, end))
    else:
        shown = found if key is not None else found[: limit + 1]
        print_waterfalls(report, shown, len(found) - len(shown))


@command.command("explain")
@click.option("--by", type=click.Choice(BY), default="feature", show_default=True, help="A bridge for each of these.")
@click.option("--key", help="Only the row of this name.")
@click.option("--limit", type=click.IntRange(min=0), default=4, show_default=True,
              help="Rows beside the total, those that lost most first; all in JSON.")  # fmt: skip
@click.option("--against", type=Window(), help="The earlier window; as many days just before --from when not given.")
@click.option("--from", "start", type=Day(), help="The later window's first day; a week before --to when not given.")
@click.option("--to", "end", type=Day(), help="The day after its last one; today when not given.")
@whose_calls
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def explain(
    by: By,
    key: str | None,
    limit: int,
    against: Days | None,
    start: date | None,
    end: date | None,
    environment: str,
    purpose: str,
    *,
    as_json: bool,
) -> None:
    """Why margin changed: a bridge in dollars and points whose parts add up to the change, and what to do about it.

    Two consecutive weeks when nothing is said, the later one up to yesterday. docs/explain.md defines every part.
    """
    with margins() as of:
        end = end or (start + timedelta(days=WEEK_DAYS) if start else day_of(now(), timezone(of.ledger.timezone)))
        start = start or end - timedelta(days=WEEK_DAYS)
        against = against or Days(start - (end - start), start)
        scope = Scope(environment=environment, purpose=purpose)
        try:
            request = ExplainRequest(by=by, before=against, after=Days(start, end), scope=scope)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        found = explained(of, request, crossed_in(Baselines(of.ledger, of.policies).log(now())))
        zone = of.ledger.timezone
    if key is not None:
        found = replace(found, rows=tuple(row for row in found.rows if row.key == (key,)))
        if not found.rows:
            raise click.UsageError(f"no {by} {key!r} has revenue or cost in either window")
    if as_json:
        emit_json(explanation_document(found))
    else:
        print_explanation(found, limit, zone)


@command.command("steps")
@days_and_scope
@click.option(
    "--share", type=click.IntRange(min=1, max=100), default=80, show_default=True, help="Percent of the spend."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def steps(start: date | None, end: date | None, environment: str, purpose: str, share: int, *, as_json: bool) -> None:
    """The fewest (workflow, step, call type, model) that make up most of the spend, with cost per completed outcome."""
    with margins() as of:
        start, end = window(of, start, end)
        report = of.steps(start, end, Scope(environment=environment, purpose=purpose), Decimal(share) / 100)
        zone = of.ledger.timezone
    if as_json:
        emit_json(steps_document(report, start, end))
    else:
        margin_text.print_steps(report, start, end, zone)
