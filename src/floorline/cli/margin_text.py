"""Margin tables for people: dollars and percent, the window and its timezone, and how far the figures can be trusted."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from floorline.margin.identities import Identities
from floorline.margin.metrics import Figures, per
from floorline.margin.report import percent, share_percent
from floorline.margin.steps import StepsReport
from floorline.margin.table import UNMATCHED_COST, UNMATCHED_REVENUE, MarginReport
from floorline.margin.trend import Trend

ZONE_STYLE = {"red": "bold red", "yellow": "yellow", "green": "green", "unknown": "dim"}
WIDTH_WHEN_PIPED = 150


def console() -> Console:
    """Standard output; when it is no terminal, wide enough for a whole table."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=WIDTH_WHEN_PIPED)


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
    return dollars(amount) if 0 < abs(amount) < Decimal("0.01") else f"{'-' if amount < 0 else ''}${abs(amount):,.2f}"


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
    """Print the table, its total, its quality and what it leaves out."""
    out = console()
    last = date.fromordinal(report.end.toordinal() - 1)
    table = Table(
        title=f"Gross margin by {', '.join(report.by)}: {report.start} to {last}, days of {report.timezone}, USD",
        title_justify="left",
    )
    for dimension in report.by:
        table.add_column(dimension, overflow="fold")
    shown = _columns(report)
    for name, _ in shown:
        table.add_column(name, justify="right")
    for row in report.rows[:limit]:
        table.add_row(*map(escape, row.key), *(cell(row) for _, cell in shown))
    table.add_section()
    total = ["total", *([""] * (len(report.by) - 1))]
    table.add_row(*total, *(cell(report.total) for _, cell in shown), style="bold")
    out.print(table)
    if len(report.rows) > limit:
        out.print(f"… and {len(report.rows) - limit} more rows, in the total: --limit, --json or --csv shows them")
    _print_quality(out, report)


Cell = Callable[[Figures], str]


def _columns(report: MarginReport) -> list[tuple[str, Cell]]:
    shown: list[tuple[str, Cell]] = [
        ("revenue", lambda row: cents(row.revenue)),
        ("COGS", lambda row: cents(row.cogs)),
        ("margin $", lambda row: cents(row.margin)),
        ("margin %", lambda row: percent(row.margin_ratio)),
    ]
    if report.by == ("feature",):
        shown.append(("floor", lambda row: "" if row.floor is None else f"{row.floor * 100:.0f} %"))
        shown.append(("zone", lambda row: f"[{ZONE_STYLE[row.zone]}]{row.zone}[/]" if row.floor is not None else ""))
    shown.append(("calls", lambda row: f"{row.sums.calls:,}"))
    shown.append(("$/call mean", lambda row: dollars(row.cost_per_call_mean)))
    if report.p95_method != "none":
        shown.append(("$/call P95", lambda row: dollars(row.cost_per_call_p95)))
    if report.total.users is not None:
        shown.append(("users", lambda row: f"{row.users:,}"))
        shown.append(("cost/user", lambda row: dollars(per(row.cogs_pico, row.users))))
        shown.append(("margin/user", lambda row: dollars(per(row.revenue_pico - row.cogs_pico, row.users))))
    if report.total.outcomes is not None and report.total.outcomes.outcomes:
        shown.append(("$/outcome", lambda row: dollars(row.cost_per_successful_outcome) if row.key else ""))
    return shown


def _print_quality(out: Console, report: MarginReport) -> None:
    total, sums = report.total, report.total.sums
    computed = sums.effective - sums.provider - sums.estimated
    out.print(
        f"Cost of calls: {share_percent(computed, sums.effective)} computed, "
        f"{share_percent(sums.provider, sums.effective)} provider-reported, "
        f"{share_percent(sums.estimated, sums.effective)} estimated, "
        f"{share_percent(sums.unattributed, sums.effective)} unattributed; {sums.unpriced:,} calls unpriced."
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
        out.print(f"R&D, not COGS: {left.calls:,} calls, {cost} in other environments and purposes.")


def print_trend(reports: Sequence[MarginReport], found: Sequence[Trend], unit: str) -> None:
    """Print the last period of every row against the one before and the first, and who outruns."""
    out = console()
    table = Table(
        title=f"Growth by {unit}: {reports[0].start} to {reports[-1].end} (exclusive), days of {reports[-1].timezone}, USD",
        title_justify="left",
    )
    for name in (", ".join(reports[0].by), f"{unit} from"):
        table.add_column(name)
    for name in ("revenue", "growth", "inference cost", "growth", ""):
        table.add_column(name, justify="right")
    for one in found:
        for position, point in enumerate(one.points):
            table.add_row(
                escape(" × ".join(one.key) or "total") if position == 0 else "",
                str(point.start),
                cents(point.revenue),
                percent(point.revenue_growth),
                cents(point.inference_cost),
                percent(point.cost_growth),
                "[red]cost outruns[/]" if point.outrun else "",
            )
        table.add_section()
    out.print(table)
    for one in found:
        if one.outrun:
            out.print(
                f"{escape(' × '.join(one.key) or 'In total')}: from the first {unit} to the last, inference cost grew by "
                f"{percent(one.cost_growth)} and revenue by {percent(one.revenue_growth)}: cost outruns revenue."
            )
    if not any(one.outrun for one in found):
        out.print(f"From the first {unit} to the last, inference cost outruns revenue nowhere.")


def print_steps(report: StepsReport, start: date, end: date, timezone: str) -> None:
    """Print the steps that make up the asked share of the spend."""
    out = console()
    last = date.fromordinal(end.toordinal() - 1)
    table = Table(
        title=f"Steps that make up {report.share * 100:.0f} % of spend: {start} to {last}, days of {timezone}, USD",
        title_justify="left",
    )
    for name in ("workflow", "step", "call type", "model"):
        table.add_column(name, overflow="fold")
    for name in ("cost", "share", "so far", "calls", "$/call", "completed", "$/completed"):
        table.add_column(name, justify="right")
    for step in report.steps:
        table.add_row(
            *(escape(name or "–") for name in (step.workflow, step.step, step.call_type, step.model)),
            cents(step.cost),
            percent(step.share),
            percent(step.cumulative_share),
            f"{step.calls:,}",
            dollars(step.cost_per_call),
            "–" if step.completed is None else f"{step.completed:,}",
            dollars(step.cost_per_completed),
        )
    out.print(table)
    out.print(
        f"{len(report.steps)} of {report.steps_in_all} steps; {dollars(report.total_cost)} spent in all, "
        f"{report.unpriced_calls:,} calls unpriced."
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
        table = Table(title=f"{kind}s that one side alone knows: {start} to {last}, USD", title_justify="left")
        for name in ("known to", "name", "dollars", "probably"):
            table.add_column(name, overflow="fold")
        for one in rows:
            likely = "; ".join(f"{p.name} ({p.percent} %: {p.because})" for p in one.partners)
            what = "cost" if one.side == "usage" else "revenue"
            table.add_row(one.side, escape(one.name), f"{cents(one.usd)} {what}", escape(likely) or "–")
        out.print(table)
    for kind, usd in found.unnamed.items():
        if usd:
            out.print(f"{cents(usd)} of cost names no {kind}.")
