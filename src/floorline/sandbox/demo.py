"""The demo from end to end: a company's exports through import, ledger and margin tables, then checked against its rows.

stage ▸ bring_in ▸ tell. Nothing here computes a margin: the tables are those of `floorline margin`.
"""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from floorline.errors import Mismatch
from floorline.ingest.calls import Pricer
from floorline.jobs.importing import Importing, OnProgress, Problem
from floorline.jobs.margins import MarginRequest, Margins
from floorline.ledger.surface import AnyLedger
from floorline.margin.dimensions import Dimension, Scope
from floorline.margin.policy import Policies
from floorline.pricing.book import PriceBook
from floorline.sandbox import company as own
from floorline.sandbox.activity import live
from floorline.sandbox.billing import billed
from floorline.sandbox.calendar import Calendar, Stretch
from floorline.sandbox.checks import Check, check, raw_calls, ticket_costs
from floorline.sandbox.exports import Export, write_books, write_days
from floorline.sandbox.figures import DemoFigures, Tables, figures_of
from floorline.sandbox.rawsums import RawSums, sum_rows
from floorline.sandbox.rows import Activity, UsageRow
from floorline.sandbox.scene import Scene, scene_of
from floorline.sandbox.traffic import Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """What the screens tell of, on disk and ready to import: who the customers are, all that is billed, and the last 14 days; with
    the raw sums made while these were generated.

    `units`: plan → users who have it. `scene` is what its guarded part makes again, `last_day` what live traffic is like.
    """

    source: str
    label: str
    seed: int
    calendar: Calendar
    exports: tuple[Export, ...]
    raw: RawSums
    units: Mapping[str, int]
    scene: Scene
    last_day: tuple[UsageRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the demo has to say, and whether it is true."""

    figures: DemoFigures
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that do not hold."""
        return tuple(one for one in self.checks if not one.holds)


def stage(folder: Path, traffic: Traffic, *, seed: int, volume: own.Volume, calendar: Calendar) -> Staged:
    """Found the company, let it live for the days that the screens tell of, write its exports into `folder`."""
    company = founded(traffic, seed, volume)
    activity = lived(company, seed, calendar, calendar.shown)
    money = billed(company, calendar)
    yesterday = datetime.combine(calendar.until, time(), UTC) - timedelta(days=1)
    units: dict[str, int] = {}
    for account in company.accounts:
        units[account.plan] = units.get(account.plan, 0) + account.users
    return Staged(
        source=traffic.source,
        label=traffic.label,
        seed=seed,
        calendar=calendar,
        exports=(*write_books(folder, company, money, calendar), *write_days(folder, activity)),
        raw=sum_rows(activity, money, calendar),
        units=units,
        scene=scene_of(activity, units[own.PRO], calendar),
        last_day=tuple(row for row in activity.usage if row.timestamp >= yesterday),
    )


def founded(traffic: Traffic, seed: int, volume: own.Volume) -> own.Company:
    """The company of a seed."""
    return own.found(traffic, random.Random(seed), volume)  # noqa: S311 - sampling, not secrets


def lived(company: own.Company, seed: int, calendar: Calendar, stretch: Stretch) -> Activity:
    """Some days of it: the same whichever others are made, and in whatever order."""
    rng = random.Random(f"{seed}/{stretch.name}")  # noqa: S311 - as above
    return live(company, rng, calendar, stretch)


def bring_in(
    ledger: AnyLedger,
    book: PriceBook,
    exports: Iterable[Export],
    *,
    now: datetime,
    on_problem: Callable[[Problem], None],
    progress: Callable[[str], OnProgress],
) -> int:
    """Import every export; returns how many rows are new. A refused row is told and shows in the checks."""
    importing = Importing(ledger=ledger, pricer=Pricer(book=book), now=now, on_problem=on_problem)
    new = 0
    for export in exports:
        importing.on_progress = progress(export.path.name)
        new += importing.file(export.kind, export.path).new
    return new


def tell(ledger: AnyLedger, policies: Policies, staged: Staged) -> Told:
    """The figures of the days that the screens tell of, and their checks."""
    margins, start, end = Margins(ledger, policies), staged.calendar.start, staged.calendar.until

    def by(*dimensions: Dimension) -> MarginRequest:
        return MarginRequest(by=dimensions, start=start, end=end, with_p95=dimensions == ("feature",))

    tables = Tables(
        feature=margins.table(by("feature")),
        customer=margins.table(by("customer")),
        customer_plan=margins.table(by("customer", "plan")),
        customer_feature=margins.table(by("customer", "feature")),
        feature_plan=margins.table(by("feature", "plan")),
        user_plan=margins.table(by("user", "plan")),
        steps=margins.steps(start, end, Scope()),
        ticket_costs=ticket_costs(ledger, start, end),
    )
    return Told(
        figures=figures_of(tables, staged.units),
        checks=check(tables, staged.raw, raw_calls(ledger, start, end)),
    )


def demand(told: Told) -> None:
    """Mismatch when a total on the screens is not the sum over the raw rows."""
    if told.failed:
        one = told.failed[0]
        raise Mismatch(
            f"{len(told.failed)} of {len(told.checks)} totals do not equal the sum over the raw rows; the first: "
            f"{one.what} is {one.shown} on screen and {one.raw} over the rows ({one.raw_rows})"
        )
