"""Margin tables for people: dollars and percent, the window and its timezone, and how far the figures can be trusted."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from rich.console import Console
from rich.text import Text

from floorline.cli.grid import Column, plain_console, print_grid
from floorline.margin import words
from floorline.margin.baseline import Entry
from floorline.margin.changelog import describe
from floorline.margin.floors import exception_sentence
from floorline.margin.identities import Identities
from floorline.margin.metrics import Figures, per
from floorline.margin.report import percent, share_percent
from floorline.margin.steps import StepsReport
from floorline.margin.table import OTHERS, UNMATCHED_COST, UNMATCHED_REVENUE, MarginReport, first_rows
from floorline.margin.trend import Trend
from floorline.margin.words import counted

ZONE_STYLE = {"red": "bold red", "yellow": "yellow", "green": "green", "unknown": "dim"}
WIDTH_WHEN_PIPED = 150
SO_FAR = " (so far)"


def console() -> Console:
    """Standard output; when it is no terminal and COLUMNS does not say, wide enough for a whole table."""
    found = plain_console()
    known = found.is_terminal or "COLUMNS" in os.environ
    return found if known else plain_console(WIDTH_WHEN_PIPED)


def dollars(amount: Decimal | None) -> str:
    """USD for people: cents, or as many digits as a small amount needs; – where it is unknown."""
    if amount is None:
        return "–"
    if amount == 0 or abs(amount) >= 1:
        return f"-${-amount:,.2f}" if amount < 0 else f"${amount:,.2f}"
    places = min(12, 1 - amount.adjusted() + 2)
    return f"{'-' if amount < 0 else ''}${abs(amount):.{places}f}"


def cents(amount: Decimal) -> str:
    """A total for people: two places, more only for what would read as nothing."""
    return dollars(amount) if 0 < abs(amount) < Decimal("0.01") else words.cents(amount)


def sorted_by(report: MarginReport, order: str) -> MarginReport:
    """The report with its rows in another order."""
    keys: dict[str, Callable[[Figures], tuple[int | tuple[str, ...], ...]]] = {
        "margin": lambda row: (row.revenue_pico - row.cogs_pico, row.key),
        "cost": lambda row: (-row.cogs_pico, row.key),
        "revenue": lambda row: (-row.revenue_pico, row.key),
        "name": lambda row: (row.key,),
    }
    return replace(report, rows=tuple(sorted(report.rows, key=keys[order])))


def print_table(report: MarginReport, limit: int) -> None:
    """Print the first rows, the sum of the others, the total, its quality and what it leaves out."""
    out = console()
    last = date.fromordinal(report.end.toordinal() - 1)
    rows = first_rows(report, limit)
    names = [
        Column(title=dimension, cells=[*(row.key[n] for row in rows), "" if n else "total"], name=True)
        for n, dimension in enumerate(report.by)
    ]
    figures = [
        Column(title=title, cells=[cell(row) for row in (*rows, report.total)], weight=weight)
        for title, weight, cell in _columns(report)
    ]
    absent = print_grid(
        out,
        f"Gross margin by {', '.join(report.by)}: {report.start} to {last}, days of {report.timezone}, USD",
        [*names, *figures],
        sections=[len(rows) - 1],
        bold_last=True,
    )
    _print_absent(out, absent, "--csv and --json have all")
    if len(report.rows) > limit:
        more = counted(len(report.rows) - limit, "more row")
        out.print(f"{OTHERS}: {more}, which a greater --limit, --json or --csv shows")
    print_exceptions(out, rows)
    _print_quality(out, report)


def _print_absent(out: Console, titles: Sequence[str], where: str) -> None:
    if titles:
        out.print(f"No room for: {', '.join(titles)} ({where}).", soft_wrap=True)


Cell = Callable[[Figures], str | Text]


def _columns(report: MarginReport) -> list[tuple[str, int, Cell]]:
    """Title, weight (0 stays, the heaviest goes first) and cell of every figure of a row."""
    shown: list[tuple[str, int, Cell]] = [
        ("revenue", 0, lambda row: cents(row.revenue)),
        ("COGS", 0, lambda row: _at_least(row, cents(row.cogs))),
        ("margin $", 0, lambda row: _at_most(row, cents(row.margin))),
        ("margin %", 0, lambda row: _at_most(row, percent(row.margin_ratio))),
    ]
    if report.by == ("feature",):
        shown.append(("floor", 3, floor_cell))
        shown.append(("zone", 2, lambda row: "" if row.floor is None else Text(row.zone, style=ZONE_STYLE[row.zone])))
    if any(row.sums.unpriced for row in report.rows):
        shown.append(("unpriced", 1, lambda row: f"{row.sums.unpriced:,} unpriced" if row.sums.unpriced else ""))
    shown.append(("calls", 4, lambda row: f"{row.sums.calls:,}"))
    shown.append(("$/call\nmean", 5, lambda row: dollars(row.cost_per_call_mean)))
    if report.p95_method != "none":
        shown.append(("$/call\nP95", 6, lambda row: dollars(row.cost_per_call_p95)))
    if report.total.users is not None:
        shown.append(("users", 8, lambda row: "–" if row.users is None else f"{row.users:,}"))
        shown.append(("cost/\nuser", 9, lambda row: _at_least(row, dollars(per(row.cogs_pico, row.users)))))
        shown.append(
            ("margin/\nuser", 10, lambda row: _at_most(row, dollars(per(row.revenue_pico - row.cogs_pico, row.users))))
        )
    if any(row.cost_per_successful_outcome is not None for row in report.rows):
        shown.append(
            (
                "$/out-\ncome",
                7,
                lambda row: _at_least(row, dollars(row.cost_per_successful_outcome)) if row.key else "",
            )
        )
    return shown


def floor_cell(row: Figures) -> str:
    """The floor, marked where an exception makes it or has lapsed; empty for what has none."""
    if row.held_to is None:
        return ""
    return f"{'*' if row.held_to.exception else ''}{row.held_to.ratio * 100:.0f} %"


def print_exceptions(out: Console, rows: Sequence[Figures]) -> None:
    """Why a floor is not the feature's own, and why a feature is red whose margin is above it."""
    for row in rows:
        if row.held_to is not None and row.held_to.exception:
            out.print(f"* {row.key[0]}: {exception_sentence(row.held_to)}", soft_wrap=True)


def _at_least(row: Figures, amount: str) -> str:
    """A cost of which some calls have no price is a lower bound."""
    return _bounded(row, amount, "≥")


def _at_most(row: Figures, amount: str) -> str:
    """And a margin without it an upper one."""
    return _bounded(row, amount, "≤")


def _bounded(row: Figures, amount: str, sign: str) -> str:
    if not row.cost_known:
        return "–"
    return f"{sign} {amount}" if row.sums.unpriced and amount[0] not in "–<" else amount


def _print_quality(out: Console, report: MarginReport) -> None:
    total, sums = report.total, report.total.sums
    computed = sums.effective - sums.provider - sums.estimated
    out.print(
        f"Cost of calls: {share_percent(computed, sums.effective)} computed, "
        f"{share_percent(sums.provider, sums.effective)} provider-reported, "
        f"{share_percent(sums.estimated, sums.effective)} estimated, "
        f"{share_percent(sums.unattributed, sums.effective)} unattributed; {counted(sums.unpriced, 'call')} unpriced."
    )
    lost = sum(row.revenue_pico for row in report.rows if UNMATCHED_REVENUE in row.key)
    stray = sum(row.cogs_pico for row in report.rows if UNMATCHED_COST in row.key)
    if lost or stray:
        out.print(
            f"Unmatched: {share_percent(lost, total.revenue_pico)} of revenue, {share_percent(stray, total.cogs_pico)} of COGS "
            "(`floorline identities` lists names)."
        )
    if report.p95_method not in {"exact", "none"}:
        out.print(f"P95: {report.p95_method} (within 1 %).")
    left = report.left_out
    if left.calls:
        cost = dollars(Decimal(left.cost_pico).scaleb(-12))
        out.print(f"R&D, not COGS: {counted(left.calls, 'call')}, {cost} in other environments and purposes.")


def print_trend(reports: Sequence[MarginReport], found: Sequence[Trend], unit: str) -> None:
    """Print every period of every row, its growth against the one before, and who outruns from the first to the last."""
    out = console()
    lines = [(one, n, point) for one in found for n, point in enumerate(one.points)]
    print_grid(
        out,
        f"Growth by {unit}: {reports[0].start} to {reports[-1].end} (exclusive), days of {reports[-1].timezone}, USD",
        [
            Column(
                title=", ".join(reports[0].by), cells=["" if n else _row_name(one) for one, n, _ in lines], name=True
            ),
            Column(title=f"{unit} from", cells=[f"{p.start}{'' if p.whole else SO_FAR}" for _, _, p in lines]),
            Column(title="revenue", cells=[cents(p.revenue) for _, _, p in lines]),
            Column(title="growth", cells=[percent(p.revenue_growth) for _, _, p in lines]),
            Column(title="inference\ncost", cells=[cents(p.inference_cost) for _, _, p in lines]),
            Column(title="growth", cells=[percent(p.cost_growth) for _, _, p in lines]),
            Column(title="cost", cells=[Text("outruns" if p.outrun else "", style="red") for _, _, p in lines]),
        ],
        sections=[row for row, (one, n, _) in enumerate(lines) if n == len(one.points) - 1],
    )
    if len(found[-1].whole) < 2:
        out.print(f"Fewer than two whole {unit}s: no growth can be told.")
        return
    for one in found:
        if one.outrun:
            out.print(Text(outrun_sentence(one, unit)))
    if not any(one.outrun for one in found):
        out.print(f"From the first whole {unit} to the last, inference cost outruns revenue nowhere.")


def print_crossed(entries: Sequence[Entry]) -> None:
    """Print the baselines that changed within a window: figures from before one and from after it are of different things."""
    out = console()
    for entry in entries:
        out.print(Text(f"Baseline of {entry.place.feature} changed {describe(entry)}.", style="yellow"))


def _row_name(one: Trend) -> str:
    return " × ".join(one.key) or "total"


def outrun_sentence(one: Trend, unit: str) -> str:
    """Who outruns, and by how much; where a growth is unknown, that and from what to what."""
    first, last = one.whole[0], one.whole[-1]
    return (
        f"{' × '.join(one.key) or 'In total'}: from the first whole {unit} to the last, "
        f"inference cost {_grew(one.cost_growth, first.inference_cost, last.inference_cost)} "
        f"and revenue {_grew(one.revenue_growth, first.revenue, last.revenue)}: cost outruns revenue."
    )


def _grew(growth: Decimal | None, before: Decimal, after: Decimal) -> str:
    if growth is None:
        if before == after:
            return f"stayed at {cents(after)}"
        return f"went from {cents(before)} to {cents(after)} (growth unknown)"
    return f"{'fell' if growth < 0 else 'grew'} by {percent(abs(growth))}"


def print_steps(report: StepsReport, start: date, end: date, timezone: str) -> None:
    """Print the steps that make up the asked share of the spend."""
    out = console()
    last = date.fromordinal(end.toordinal() - 1)
    steps = report.steps
    absent = print_grid(
        out,
        f"Steps that make up {report.share * 100:.0f} % of spend: {start} to {last}, days of {timezone}, USD",
        [
            Column(title="workflow", cells=[step.workflow or "–" for step in steps], name=True),
            Column(title="step", cells=[step.step or "–" for step in steps], name=True),
            Column(title="call type", cells=[step.call_type or "–" for step in steps], name=True, weight=4),
            Column(title="model", cells=[step.model or "–" for step in steps], name=True, weight=1),
            Column(title="cost", cells=[cents(step.cost) for step in steps]),
            Column(title="share", cells=[percent(step.share) for step in steps]),
            Column(title="so far", cells=[percent(step.cumulative_share) for step in steps], weight=6),
            Column(title="calls", cells=[f"{step.calls:,}" for step in steps], weight=5),
            Column(title="$/call", cells=[dollars(step.cost_per_call) for step in steps], weight=3),
            Column(
                title="com-\npleted",
                cells=["–" if step.completed is None else f"{step.completed:,}" for step in steps],
                weight=7,
            ),
            Column(title="$/com-\npleted", cells=[dollars(step.cost_per_completed) for step in steps], weight=2),
        ],
    )
    _print_absent(out, absent, "--json has all")
    out.print(
        f"{len(steps):,} of {counted(report.steps_in_all, 'step')}; {dollars(report.total_cost)} spent in all, "
        f"{counted(report.unpriced_calls, 'call')} unpriced."
    )


def print_identities(found: Identities, start: date, end: date) -> None:
    """Print the names that only one side knows."""
    out = console()
    last = date.fromordinal(end.toordinal() - 1)
    for kind in ("customer", "plan", "feature"):
        rows = [one for one in found.unmatched if one.kind == kind]
        if not rows:
            out.print(f"{kind}s: every name is known to both sides.")
            continue
        print_grid(
            out,
            f"{kind}s that one side alone knows: {start} to {last}, USD",
            [
                Column(title="known to", cells=[one.side for one in rows], name=True),
                Column(title="name", cells=[one.name for one in rows], name=True),
                Column(title="dollars", cells=[cents(one.usd) for one in rows]),
                Column(title="of", cells=["cost" if one.side == "usage" else "revenue" for one in rows], name=True),
                Column(
                    title="probably",
                    cells=[
                        "; ".join(f"{p.name} ({p.percent} %: {p.because})" for p in one.partners) or "–" for one in rows
                    ],
                    name=True,
                ),
            ],
        )
    for kind, usd in found.unnamed.items():
        if usd:
            out.print(f"{cents(usd)} of cost names no {kind}.")
