"""Tables of days for reviews: margins as a test states them, without a ledger."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from floorline.margin.customers import Account
from floorline.margin.dimensions import Scope
from floorline.margin.floors import floor_on
from floorline.margin.metrics import Figures, Sums
from floorline.margin.policy import FeaturePolicy
from floorline.margin.series import series
from floorline.margin.table import MarginReport, summed
from floorline.reviews.economics import PeriodUse
from floorline.reviews.queries import ModelUse, Served
from floorline.reviews.weekly import WeekFigures
from floorline.reviews.weeks import Week

USD = 10**12
WEEK = Week(2026, 46)
NOW = datetime(2026, 11, 16, 8, tzinfo=UTC)


def row(feature: str, revenue: int, cost: int, calls: int = 100, unpriced: int = 0, **more: object) -> Figures:
    """A row of dollars."""
    sums = Sums(calls=calls, unpriced=unpriced, effective=cost * USD // 100)
    found = Figures(
        key=(feature,),
        revenue_pico=revenue * USD // 100,
        sums=sums,
        shared_pico={},
        kinds_pico={"subscription": revenue * USD // 100},
        **more,
    )
    floor = floor_on(WEEK.start, FeaturePolicy(name=feature))
    zone = floor.zone(found.margin_ratio, revenue_pico=found.revenue_pico, cost_known=found.cost_known)
    return replace(found, held_to=floor, zone=zone)


def report(rows: Sequence[Figures], start: date, end: date) -> MarginReport:
    """A table by feature."""
    return MarginReport(
        start=start, end=end, timezone="UTC", scope=Scope(), by=("feature",), rows=tuple(rows), total=summed(rows, ())
    )


def days(margins: Mapping[str, Sequence[str]], calls: int = 100) -> list[MarginReport]:
    """28 tables of a day that end with WEEK: each feature earns 100 dollars a day at the ratio of its week, cycled by day."""
    first = WEEK.before(3).start
    found: list[MarginReport] = []
    for number in range(28):
        start = first + timedelta(days=number)
        rows = [
            row(name, 10_000, int(10_000 * (1 - Decimal(ratios[number % len(ratios)] if len(ratios) == 28 else ratios[number // 7]))), calls)
            for name, ratios in margins.items()
        ]  # fmt: skip
        found.append(report(rows, start, start + timedelta(days=1)))
    return found


def use(rows: Sequence[Figures], customers: Sequence[Account] = (), hits: int = 40, **more: object) -> PeriodUse:
    """A week of use with two models."""
    settings: dict[str, object] = {
        "served": Served(forwarded=60, hits=hits),
        "models": [ModelUse(provider="openai", model="a", calls=70), ModelUse(provider="openai", model="b", calls=30)],
        "tiers": {("openai", "a"): "small", ("openai", "b"): "large"},
        **more,
    }
    return PeriodUse(total=summed(rows, ()), customers=customers, **settings)


def week_figures(margins: Mapping[str, Sequence[str]], **more: object) -> WeekFigures:
    """The figures of WEEK from the margins of four weeks."""
    tables = days(margins, int(str(more.pop("calls", 100))))
    this, last = (merged(tables[at : at + 7]) for at in (21, 14))
    settings: dict[str, object] = {
        "week": WEEK,
        "made_at": NOW,
        "whole": True,
        "by_feature": this,
        "by_feature_before": last,
        "series": series(tables),
        "use": use(this.rows),
        "use_before": use(last.rows),
        **more,
    }
    return WeekFigures(**settings)


def merged(tables: Sequence[MarginReport]) -> MarginReport:
    """Tables of days as one of them all."""
    rows: list[Figures] = []
    for key in sorted({one.key for table in tables for one in table.rows}):
        parts = [one for table in tables for one in table.rows if one.key == key]
        cents = [
            sum(part.revenue_pico for part in parts) * 100 // USD,
            sum(part.cogs_pico for part in parts) * 100 // USD,
        ]
        rows.append(
            row(
                key[0],
                cents[0],
                cents[1],
                sum(part.sums.calls for part in parts),
                sum(part.sums.unpriced for part in parts),
            )
        )
    return report(rows, tables[0].start, tables[-1].end)
