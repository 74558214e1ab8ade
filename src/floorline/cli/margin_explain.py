"""`floorline margin explain`: bridges side by side, and a sentence for each row that lost."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from rich.console import Console
from rich.text import Text

from floorline.cli.grid import Column, print_grid
from floorline.cli.margin_text import cents, console
from floorline.margin.bridge import LABELS, PARTS, Bridge, Days, Part, primary_driver
from floorline.margin.explanation import Explanation
from floorline.margin.report import percent
from floorline.margin.words import counted
from floorline.money import usd_of

_NOTHING = "–"
_SHOWN_MIN_PICO = 10**7
"""A thousandth of a cent: what is less is the rounding of divided costs."""


def print_explanation(found: Explanation, limit: int, timezone: str) -> None:
    """Print the total's bridge with dollars and points, those of the first rows beside it, and what took most of each."""
    out = console()
    total, shown = found.total, found.rows[:limit]
    parts: list[Part] = [part for part in PARTS if any(_is_shown(bridge.parts[part]) for bridge in (total, *shown))]
    absent = print_grid(
        out,
        f"Change of margin: {_days(total.before)} to {_days(total.after)}, days of {timezone}, USD",
        [
            Column(title="", cells=["margin before", *(LABELS[part] for part in parts), "margin after"], name=True),
            Column(title="total", cells=_dollars(total, parts)),
            Column(title="points", cells=_points(total, parts)),
            *(
                Column(title=bridge.key[0], cells=_dollars(bridge, parts), weight=number)
                for number, bridge in enumerate(shown, start=1)
            ),
        ],
        sections=[0, len(parts)],
        bold_last=True,
    )
    if absent:
        out.print(f"No room for: {', '.join(absent)} (--json has all).", soft_wrap=True)
    if len(found.rows) > len(shown):
        out.print(
            f"{counted(len(found.rows) - len(shown), 'more row')}, which --key, a greater --limit or --json shows."
        )
    out.print(f"Margin went from {percent(total.was.margin_ratio)} to {percent(total.now.margin_ratio)} of revenue.")
    _print_lengths(out, total)
    for bridge in shown:
        _print_driver(out, found.by, bridge)


def _days(days: Days) -> str:
    return f"{days.start}..{days.end - timedelta(days=1)}"


def _dollars(bridge: Bridge, parts: Sequence[Part]) -> list[str | Text]:
    found = bridge.parts
    return [
        cents(usd_of(bridge.before_pico)),
        *(_signed(found[part]) for part in parts),
        cents(usd_of(bridge.after_pico)),
    ]


def _is_shown(pico: int) -> bool:
    return abs(pico) >= _SHOWN_MIN_PICO


def _signed(pico: int) -> str | Text:
    if not _is_shown(pico):
        return _NOTHING
    amount = cents(usd_of(pico))
    return Text(amount, style="red") if pico < 0 else f"+{amount}"


def _points(bridge: Bridge, parts: Sequence[Part]) -> list[str]:
    """Percentage points of the margin ratio."""
    points = bridge.points
    shown = [_NOTHING if points is None else _point(points[part]) for part in parts]
    return [percent(bridge.was.margin_ratio), *shown, percent(bridge.now.margin_ratio)]


def _point(points: Decimal) -> str:
    shown = round(points * 100, 2)
    return f"{shown:+.2f}" if shown else _NOTHING


def _print_lengths(out: Console, total: Bridge) -> None:
    before, after = ((days.end - days.start).days for days in (total.before, total.after))
    if before != after:
        out.print(f"The windows have {before} and {after} days: their lengths are part of every volume.")


def _print_driver(out: Console, by: str, bridge: Bridge) -> None:
    """One row's largest loss and what answers it, and the baselines that the comparison crosses."""
    driver = primary_driver(bridge)
    if driver is not None and _is_shown(driver.pico):
        out.print(Text(f"{bridge.key[0]}: {driver.sentence}. {driver.lever}"))
    for crossing in bridge.crossings:
        out.print(Text(f"{by} {bridge.key[0]} crosses a baseline: {crossing}"))
