"""What the pages about a month have in common: which month, the one before it, and the way to others."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, NamedTuple

import msgspec

from floorline.clock import REPORTED_YEARS
from floorline.jobs.margins import MarginRequest, Margins
from floorline.margin.bridge import Days
from floorline.margin.closing import name_of, span_of
from floorline.margin.dimensions import Scope
from floorline.margin.table import MarginReport
from floorline.web.abouts import about
from floorline.web.blocks import About, Link, Tabs
from floorline.web.desk import Desk
from floorline.web.http import Refused
from floorline.web.params import Params, Text, Window, address

PATH = "/month"
MONTHS_SHOWN = 7
"""Months that the page leads to, the running one among them."""

_TABS = (("", "Margin and profit"), ("/economics", "Unit economics"))


class MonthParams(Params, frozen=True, kw_only=True):
    """One calendar month of the ledger's timezone."""

    month: Annotated[Text, msgspec.Meta(description="as 2026-10; the running one when not given")] = ""
    environment: Annotated[Text, msgspec.Meta(description="count calls of this environment; `all` for every one")] = (
        "production"
    )
    purpose: Annotated[Text, msgspec.Meta(description="count calls of this purpose; `all` for every one")] = "production"  # fmt: skip

    @property
    def scope(self) -> Scope:
        """Whose calls count."""
        return Scope(environment=self.environment, purpose=self.purpose)


class Month(NamedTuple):
    """A month as far as it has come, and the same number of days of the one before, all of it where the month is over."""

    name: str
    days: Days
    before: Days
    whole: bool


def month_of(desk: Desk, params: MonthParams) -> Month:
    """The month asked for. Refused for what is none, or has not begun."""
    today = desk.today
    try:
        start, end = span_of(params.month or name_of(today))
    except ValueError as error:
        raise Refused(400, "invalid", f"{error}") from error
    if start.year not in REPORTED_YEARS:
        raise Refused(400, "invalid", f"{params.month} is not of the years {REPORTED_YEARS[0]} to {REPORTED_YEARS[-1]}")
    if start > today:
        raise Refused(400, "invalid", f"{params.month} begins on {start}: there is nothing of it yet")
    first = (start - timedelta(days=1)).replace(day=1)
    if end <= today:
        return Month(name_of(start), Days(start, end), Days(first, start), whole=True)
    reached = today + timedelta(days=1)
    return Month(name_of(start), Days(start, reached), Days(first, min(first + (reached - start), start)), whole=False)


def table(margins: Margins, params: MonthParams, days: Days, *, with_kinds: bool = False) -> MarginReport:
    """The margin table by feature."""
    return margins.table(
        MarginRequest(
            by=("feature",),
            start=days.start,
            end=days.end,
            scope=params.scope,
            with_p95=False,
            with_users=False,
            with_kinds=with_kinds,
        )
    )


def about_month(
    desk: Desk, params: MonthParams, month: Month, report: MarginReport | None, notes: Sequence[str] = ()
) -> About:
    """What the page covers."""
    against = f"{month.before.start}..{month.before.end}"
    window = Window(
        from_=month.days.start,
        to=month.days.end,
        against=against,
        environment=params.environment,
        purpose=params.purpose,
    )
    said = (
        f"{month.name} still runs: its figures are those up to today, beside as many days of the month before. "
        "Revenue of today is known, its cost is not yet."
    )
    runs = () if month.whole else (said,)
    return about(window, desk.today, desk.now(), desk.ledger.timezone, report=report, notes=(*runs, *notes))


def ways(desk: Desk, params: MonthParams, month: Month, current: str) -> list[Tabs]:
    """The latest months, and the pages of this one."""
    kept = msgspec.structs.replace(params, sort="", page="")
    names: list[str] = []
    day: date = desk.today
    while len(names) < MONTHS_SHOWN:
        names.append(name_of(day))
        day = day.replace(day=1) - timedelta(days=1)
    if month.name not in names:
        names.append(month.name)
    months = [
        Link(
            text=name,
            to=address(f"{PATH}{current}", msgspec.structs.replace(kept, month=name)),
            current=name == month.name,
        )
        for name in sorted(names)
    ]
    pages = [Link(text=text, to=address(f"{PATH}{ending}", kept), current=ending == current) for ending, text in _TABS]
    return [Tabs(name="months", links=months), Tabs(name="pages", links=pages)]
