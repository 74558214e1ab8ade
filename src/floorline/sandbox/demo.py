"""The demo from end to end: a company's exports through import, ledger and margin tables, then checked against its rows.

stage ▸ bring_in ▸ tell. Nothing here computes a margin: the tables are those of `floorline margin`.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
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
from floorline.sandbox.checks import Check, check, raw_calls, ticket_costs
from floorline.sandbox.exports import Export, write_exports
from floorline.sandbox.figures import DemoFigures, Tables, figures_of
from floorline.sandbox.rawsums import RawSums, sum_rows
from floorline.sandbox.scene import Scene, scene_of
from floorline.sandbox.traffic import Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """The company's 14 days on disk, ready to import, and the raw sums made while they were generated.

    `units`: plan → users who have it. `scene` is what its guarded part makes again.
    """

    source: str
    label: str
    seed: int
    exports: tuple[Export, ...]
    raw: RawSums
    units: Mapping[str, int]
    scene: Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the demo has to say, and whether it is true."""

    figures: DemoFigures
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that do not hold."""
        return tuple(one for one in self.checks if not one.holds)


def stage(folder: Path, traffic: Traffic, *, seed: int, volume: own.Volume) -> Staged:
    """Found the company, let it live for 14 days, write its exports into `folder`."""
    rng = random.Random(seed)  # noqa: S311 - sampling, not secrets
    company = own.found(traffic, rng, volume)
    activity = live(company, rng)
    units: dict[str, int] = {}
    for account in company.accounts:
        units[account.plan] = units.get(account.plan, 0) + account.users
    return Staged(
        source=traffic.source,
        label=traffic.label,
        seed=seed,
        exports=write_exports(folder, company, activity),
        raw=sum_rows(activity),
        units=units,
        scene=scene_of(activity, units[own.PRO]),
    )


def bring_in(
    ledger: AnyLedger,
    book: PriceBook,
    staged: Staged,
    *,
    now: datetime,
    on_problem: Callable[[Problem], None],
    progress: Callable[[str], OnProgress],
) -> int:
    """Import every export; returns how many rows are new. A refused row is told and shows in the checks."""
    importing = Importing(ledger=ledger, pricer=Pricer(book=book), now=now, on_problem=on_problem)
    new = 0
    for export in staged.exports:
        importing.on_progress = progress(export.path.name)
        new += importing.file(export.kind, export.path).new
    return new


def tell(ledger: AnyLedger, policies: Policies, staged: Staged) -> Told:
    """The figures of the demo's days and their checks."""
    margins = Margins(ledger, policies)

    def by(*dimensions: Dimension) -> MarginRequest:
        return MarginRequest(by=dimensions, start=own.FROM, end=own.TO, with_p95=dimensions == ("feature",))

    tables = Tables(
        feature=margins.table(by("feature")),
        customer=margins.table(by("customer")),
        customer_plan=margins.table(by("customer", "plan")),
        customer_feature=margins.table(by("customer", "feature")),
        feature_plan=margins.table(by("feature", "plan")),
        user_plan=margins.table(by("user", "plan")),
        steps=margins.steps(own.FROM, own.TO, Scope()),
        ticket_costs=ticket_costs(ledger),
    )
    return Told(
        figures=figures_of(tables, staged.units),
        checks=check(tables, staged.raw, raw_calls(ledger)),
    )


def demand(told: Told) -> None:
    """Mismatch when a total on the screens is not the sum over the raw rows."""
    if told.failed:
        one = told.failed[0]
        raise Mismatch(
            f"{len(told.failed)} of {len(told.checks)} totals do not equal the sum over the raw rows; the first: "
            f"{one.what} is {one.shown} on screen and {one.raw} over the rows ({one.raw_rows})"
        )
