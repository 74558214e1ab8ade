"""The demo's screens: tables for people, 80 columns wide, each naming what is real and what is made up."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from rich import box
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from floorline.guardrails.cascade.rule import NAME as CASCADE
from floorline.guardrails.semantic.rule import NAME as SEMANTIC
from floorline.margin.acquisition import PAYBACK_MONTHS
from floorline.margin.effectiveness import CUSTOMERS_MIN
from floorline.margin.floors import Zone
from floorline.money import usd_of
from floorline.sandbox import company as own
from floorline.sandbox.checks import Check
from floorline.sandbox.demo import Staged
from floorline.sandbox.figures import (
    UNDER_WATER_SHOWN,
    DemoFigures,
    FeatureLine,
    First,
    SpreadLine,
    TopShare,
    UnderWater,
)
from floorline.sandbox.live import Live
from floorline.sandbox.proven import Proof, Proven
from floorline.sandbox.scene import HOURS, Guarded
from floorline.sandbox.table import DAYS
from floorline.sandbox.trial import Trial

_ZONES: Mapping[Zone, str] = {"green": "green", "yellow": "yellow", "red": "bold red", "unknown": "dim"}
FAILED_SHOWN = 20
_MEANS: Mapping[str, str] = {SEMANTIC: "near answers", CASCADE: "cheap model first"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Screens:
    """Prints the demo to one console. `caption` stands under every table."""

    console: Console
    caption: str

    def opening(self, staged: Staged) -> None:
        """What this is, what is real in it and what is not."""
        calendar = staged.calendar
        days = f"{calendar.start:%-d %B} to {calendar.until - timedelta(days=1):%-d %B %Y}"
        text = Text.assemble(
            ("A sandbox company with four AI features, ", "bold"),
            (f"{DAYS} days\n", "bold"),
            f"{days} · seed {staged.seed}\n\n",
            f"{staged.source}\n",
            f"{own.OWN}",
        )
        self.console.print(Panel(text, title="Floorline demo", border_style="cyan", padding=(0, 1)))

    def figures(self, figures: DemoFigures, trial: Trial) -> None:
        """Every table, and what to do first."""
        guarded = trial.guarded
        self._features(figures)
        self._customers(figures.under_water, figures.top)
        self._spread(figures.spread)
        self._steps(figures)
        self._live(trial.live)
        self._first(figures.first)
        self._guarded(guarded, next((line.floor for line in figures.features if line.feature == own.CODE), None))
        self._shares(guarded)
        self._proven(trial.proven)

    def _live(self, live: Live) -> None:
        table = self._table("Through a real gateway, live", "feature", "model", ">calls", ">a call", ">cost")
        for line in live.lines:
            table.add_row(
                line.feature,
                line.model,
                f"{line.calls:,}",
                usd(line.cost / line.calls, places=6),
                usd(line.cost, places=4),
            )
        fate = (
            f"{live.lost} were under way: they stand in the ledger as lost, at an estimate of {usd(live.lost_cost, places=6)}"
            if live.lost
            else "none was under way"
        )
        words = (
            f"After {live.killed_after} answers the gateway was killed with [bold]kill -9[/] and served again within "
            f"{live.down_ms:,} ms. Of its calls {fate}. Callers asked again: [bold]{live.answered:,} of {live.calls:,} calls "
            f"were answered[/]. Whether the ledger holds each answer at the cost that was told is checked below."
        )
        self._show(table, words)

    def _guarded(self, guarded: Guarded, floor: Decimal | None) -> None:
        table = self._table(
            f"The code assistant's last {HOURS} hours again, with guardrails",
            "plan", ">calls", ">brings", ">cost before", ">after", ">margin before", ">after",
        )  # fmt: skip
        for line in (*guarded.lines, guarded.total):
            if line is guarded.total:
                table.add_section()
            table.add_row(
                line.plan or "total",
                f"{line.calls:,}",
                usd(line.brings),
                usd(line.before),
                usd(line.after),
                _tinted(line.margin_before),
                _tinted(line.margin_after),
                style="bold" if line is guarded.total else "",
            )
        total = guarded.total
        words = (
            f"[bold]{percent(total.margin_before)} became {percent(total.margin_after)}[/] against a floor of "
            f"{percent(floor, places=0)}."
        )
        self._show(table, " ".join((words, *_heaviest_words(guarded), *_free_words(guarded))))

    def _shares(self, guarded: Guarded) -> None:
        table = self._table(
            "What each guardrail saved of it", "guardrail", ">calls touched", ">saved", ">share", "by hold-out"
        )
        for one in guarded.shares:
            held_out = f"{'not enough: ' if one.missing else ''}{one.held_out} of {CUSTOMERS_MIN} held out"
            table.add_row(one.guardrail, f"{one.touched:,}", usd(one.saved), percent(one.share), held_out)
        words = (
            "Saved is what each call would have cost on the model that was asked for, less what it did cost: no dollar is "
            "counted twice. 2 % of customers are left alone, to measure the same by comparison once there are enough."
        )
        self._show(table, words)

    def _proven(self, proven: Proven) -> None:
        table = self._table(
            "Cheaper only once it is shown that nobody would notice",
            "feature", "stands", ">labels", ">cheap", ">right", ">saved", ">by hold-out",
        )  # fmt: skip
        for one in proven.proofs:
            table.add_row(
                one.feature,
                one.state,
                f"{0 if one.certificate is None else one.certificate.labels:,}",
                f"{one.cheap:,}",
                percent(Decimal(one.cheap_right) / one.cheap) if one.cheap else "–",
                usd(usd_of(one.effect.net) if one.effect is not None and one.cheap else None),
                usd(None if (found := _held_out(one)) is None else found[0]),
            )
        self._show(table, " ".join(_proof_words(proven)))

    def checks(self, checks: Sequence[Check]) -> None:
        """How many totals equal the raw rows, and each one that does not."""
        table = self._table("Do these totals hold?", "", "total", ">on screen", ">sum of raw rows", "raw rows")
        failed = [one for one in checks if not one.holds]
        for one in failed[:FAILED_SHOWN] or [one for one in checks if one.what in _NAMED]:
            mark = "[green]=[/]" if one.holds else "[bold red]≠[/]"
            table.add_row(mark, one.what, _digits(one.shown), _digits(one.raw), one.raw_rows)
        held = len(checks) - len(failed)
        if failed:
            words = f"[bold red]{len(failed)} of {len(checks)} totals do not equal the sum over the raw rows.[/]"
        else:
            words = f"[green]All {held} totals equal the sums over the raw rows to the last digit[/], these among them."
        self._show(table, words)

    def timing(self, seconds: Mapping[str, float], rows: int) -> None:
        """Elapsed time by phase."""
        parts = ", ".join(f"{name} {elapsed:.1f}" for name, elapsed in seconds.items())
        rate = rows / seconds["import"]
        self.console.print(f"[bold]{sum(seconds.values()):.1f} s[/] in all: {parts}", highlight=False)
        self.console.print(f"{rows:,} rows imported, {rate:,.0f} a second", style="dim", highlight=False)

    # -- the tables

    def _features(self, figures: DemoFigures) -> None:
        table = self._table(
            "Margin of each feature against its floor",
            "feature", ">revenue", ">cost", ">margin", ">margin", ">floor", "zone", ">short/month",
        )  # fmt: skip
        for line in (*figures.features, figures.total):
            if line is figures.total:
                table.add_section()
            table.add_row(*_feature_cells(line), style="bold" if line is figures.total else "")
        self._show(table)

    def _customers(self, water: UnderWater, top: TopShare) -> None:
        shown = water.customers[:UNDER_WATER_SHOWN]
        table = self._table("Customers under water", "customer", "plan", ">pays", ">costs", ">loses")
        for line in shown:
            table.add_row(line.customer, line.plan, usd(line.pays), usd(line.costs), f"[red]{usd(line.loses)}[/]")
        more = len(water.customers) - len(shown)
        words = (
            f"[bold]{len(water.customers)} of {water.paying} paying customers[/] cost more than they pay: "
            f"{usd(water.loses)} in {DAYS} days{f' ({more} of them not listed)' if more else ''}. "
            f"{water.free_accounts} active free accounts pay nothing and cost {usd(water.free_costs)}. "
            f"The dearest 5 % of customers ({top.customers} of {top.of}) make up "
            f"[bold]{percent(top.share)}[/] of all cost: {usd(top.costs)}."
        )
        self._show(table, words)

    def _spread(self, lines: Sequence[SpreadLine]) -> None:
        table = self._table(
            "Margin at the mean and at P95 of usage",
            "plan", "unit", ">units", ">brings", ">mean cost", ">margin", ">P95 cost", ">margin",
        )  # fmt: skip
        for line in lines:
            table.add_row(
                line.plan,
                line.unit,
                f"{line.units:,}",
                usd(line.brings, places=2),
                usd(line.cost_mean, places=3),
                _tinted(line.margin_mean),
                usd(line.cost_p95, places=3),
                _tinted(line.margin_p95),
            )
        self._show(
            table,
            f"Per user in {DAYS} days or per ticket; calls alone, no bills. One in twenty costs more than P95.",
        )

    def _steps(self, figures: DemoFigures) -> None:
        steps = figures.steps
        table = self._table(
            "The steps that eat the spend", "step", "model", ">calls", ">cost", ">share", ">a call", ">outcome"
        )
        for step in steps.steps:
            table.add_row(
                f"{step.workflow}/{step.step}",
                step.model,
                f"{step.calls:,}",
                usd(step.cost, places=0),
                percent(step.share, places=0),
                usd(step.cost_per_call, places=4),
                usd(step.cost_per_completed, places=4),
            )
        words = (
            f"{len(steps.steps)} of {steps.steps_in_all} steps make up {percent(steps.share, places=0)} of the "
            f"{usd(steps.total_cost)} that calls cost. `outcome`: cost of the step per completed run; code_chat has none."
        )
        self._show(table, words)

    def _first(self, first: First | None) -> None:
        if first is None:
            words = Text("Every feature holds its floor: nothing has to be done first.")
        else:
            words = Text.assemble(
                (f"{first.feature} ", "bold"),
                "is ",
                (f"{usd(first.gap_usd_per_month)} a month", "bold red"),
                f" short of its floor: {first.cause} ({usd(first.cause_usd_per_month)} a month). ",
                (f"{first.advice[0].upper()}{first.advice[1:]}.", "bold"),
            )
        self.console.print(Panel(words, title="What to do first", border_style="green", padding=(0, 1)))
        self.console.print()

    # -- how they look

    def _table(self, title: str, *columns: str) -> Table:
        """A table whose columns that begin with `>` are numbers."""
        table = Table(
            title=title,
            title_style="bold",
            title_justify="left",
            box=box.SIMPLE_HEAD,
            show_edge=False,
            padding=(0, 1, 0, 0),
        )
        for name in columns:
            number = name.startswith(">")
            table.add_column(name.removeprefix(">"), justify="right" if number else "left", no_wrap=True)
        return table

    def _show(self, what: Table, words: str = "") -> None:
        parts: list[Table | Text] = [what, Text()]
        if words:
            parts.append(Text.from_markup(words))
        parts.append(Text(self.caption, style="dim italic"))
        self.console.print(Group(*parts))
        self.console.print()


_NAMED = frozenset({
    "guarded, before", "guarded, after", "saved by guardrails",
    "calls", "tokens", "cost of calls", "cost with bills", "revenue", "margin", "live calls answered", "cost told to callers",
})  # fmt: skip


def screens(console: Console, staged: Staged) -> Screens:
    """Screens whose captions name the traffic and what is the demo's own."""
    return Screens(console=console, caption=f"Traffic: {staged.label}. Plans, prices: the demo's.")


def usd(amount: Decimal | None, *, places: int = 2) -> str:
    """Dollars for people; – where unknown."""
    if amount is None:
        return "–"
    return f"{'-' if amount < 0 else ''}${abs(amount):,.{places}f}"


def percent(share: Decimal | None, *, places: int = 1) -> str:
    """A share for people; – where unknown."""
    return "–" if share is None else f"{share * 100:,.{places}f} %"


def _heaviest_words(guarded: Guarded) -> Iterator[str]:
    one = guarded.heaviest
    if one is not None and one.moved:
        yield (
            f"[bold]{one.customer}[/] pays {usd(one.pays, places=0)} a month and has cost {usd(one.cost)} in it: the margin rule "
            f"had {one.moved} of its {one.calls} calls answered by {own.MIDDLE.name}, for [bold]{usd(one.after)} instead of "
            f"{usd(one.before)}[/]."
        )


def _free_words(guarded: Guarded) -> Iterator[str]:
    free = guarded.line(own.FREE)
    yield (
        f"The free plan has an acquisition budget of {usd(guarded.free_limit)} for these hours "
        f"({usd(own.ACQUISITION_USD_PER_MONTH, places=0)} a month); from half of it on {own.CHEAP.name} answers: "
        f"[bold]{usd(free.after)} spent instead of {usd(free.before)}[/], {free.moved} of {free.calls} calls moved, "
        f"{free.refused} refused."
    )
    if guarded.conversions is not None:
        yield (
            f"{guarded.conversions} of its users a month must become subscribers to pay that back within {PAYBACK_MONTHS} months."
        )


def _held_out(one: Proof) -> tuple[Decimal, Decimal, Decimal] | None:
    """What the hold-out measures that was saved, with its interval of 95 %; None where nothing was done, or too few are held out."""
    measured = None if one.effect is None or not one.cheap else one.effect.measured
    if measured is None:
        return None
    value, low, high = (usd_of(round(amount)) for amount in (measured.value, measured.low, measured.high))
    return value, low, high


def _proof_words(proven: Proven) -> Iterator[str]:
    for one in proven.proofs:
        if one.certificate is None:
            continue
        after = f" after round {one.since_round} of {proven.rounds}" if one.since_round is not None else ""
        yield f"[bold]{one.feature}, {_MEANS[one.guardrail]}: {one.state}{after}[/]. {_sentence(one.certificate.reason)}"
        found = _held_out(one)
        if found is not None:
            yield f"Held-out customers say that {usd(found[0])} was saved ({usd(found[1])} to {usd(found[2])})."
    yield (
        f"Of {sum(one.calls for one in proven.proofs):,} questions the cheap ones were answered from near ones or by the smaller model. Saved is "
        "net of judging, comparing and auditing, what was learned from included. A fourth of the customers is left alone for ever. The "
        "answers, and how often models are right, are the demo's own."
    )


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _feature_cells(line: FeatureLine) -> tuple[str, ...]:
    zone = "" if not line.feature else f"[{_ZONES[line.zone]}]{line.zone}[/]"
    return (
        line.feature or "total",
        usd(line.revenue, places=0),
        usd(line.cogs, places=0),
        usd(line.margin, places=0),
        percent(line.margin_ratio),
        percent(line.floor, places=0) if line.floor is not None else "",
        zone,
        usd(line.gap_usd_per_month, places=0) if line.gap_usd_per_month else "",
    )


def _tinted(share: Decimal | None) -> str:
    words = percent(share)
    return f"[red]{words}[/]" if share is not None and share < 0 else words


def _digits(text: str) -> str:
    """Trailing zeros say nothing: they are cut to two places."""
    whole, point, decimals = text.partition(".")
    return f"{whole}{point}{decimals.rstrip('0').ljust(2, '0')}" if point else text
