"""The quarterly review out of figures handed in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from floorline import money
from floorline.margin.floors import exception_sentence, feature_floor
from floorline.margin.metrics import Figures, ratio_of
from floorline.margin.policy import Policies
from floorline.margin.runbook import owner_of
from floorline.margin.table import NAMELESS, MarginReport
from floorline.margin.words import counted
from floorline.money import usd_of
from floorline.reviews.contracts import providers, volume
from floorline.reviews.hosting import hosting
from floorline.reviews.plans import plans
from floorline.reviews.policy import ReviewPolicy
from floorline.reviews.quarter_model import (
    FloorLine,
    MarketLine,
    QuarterlyReview,
    ShippedLine,
    Windfall,
    WindfallLine,
)  # fmt: skip
from floorline.reviews.queries import Hours, ModelUse, TokenQuantiles, Workload
from floorline.reviews.repricing import PriceTrend
from floorline.reviews.weeks import Quarter


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarterFigures:
    """What a quarterly review is made of. `weeks` are the tables by feature of the quarter's weeks that are over; `plans`
    a table by plan and customer of 90 days; `uses` the models of the quarter and `months` those of each of its months;
    `cuts` are price cuts of the quarter with what each is worth a month; `hours` is how many hours the quarter has had.
    """

    quarter: Quarter
    made_at: datetime
    whole: bool
    by_feature: MarginReport
    weeks: Sequence[MarginReport]
    week_names: Sequence[str]
    plans: MarginReport
    uses: Sequence[ModelUse]
    months: Sequence[Sequence[ModelUse]]
    quantiles: Sequence[TokenQuantiles]
    workloads: Sequence[Workload]
    hourly: Sequence[Hours]
    hours: int
    prices: PriceTrend
    cuts: Sequence[WindfallLine] = ()
    windfalls: Iterable[Windfall] = ()
    shipped: Sequence[ShippedLine] = ()
    policies: Policies = field(default_factory=Policies)
    review_policy: ReviewPolicy = field(default_factory=ReviewPolicy)


def quarterly(figures: QuarterFigures) -> QuarterlyReview:
    """The review of a quarter."""
    report = figures.by_feature
    floors = tuple(_floor(figures, row) for row in report.rows)
    total = _line(report.total, _ratios(figures, ()))
    realised = [one.in_quarter for one in figures.shipped if one.in_quarter is not None]
    return QuarterlyReview(
        id=str(figures.quarter),
        start=figures.quarter.start,
        end=figures.quarter.end,
        seen_to=report.end,
        timezone=report.timezone,
        made_at=figures.made_at,
        whole=figures.whole,
        week_names=tuple(figures.week_names),
        structural_weeks=figures.review_policy.structural_weeks,
        floors=floors,
        total=total,
        market=tuple(_market(figures, {line.feature: line for line in (*floors, total)})),
        plans=plans(figures.plans.rows, figures.review_policy.targets.gross_margin),
        price_months=figures.prices.months,
        dated_share=figures.prices.dated_share,
        undated=_names(figures.prices.undated),
        without_price=_names(figures.prices.left_out),
        providers=providers(figures.uses, figures.months),
        volume=volume(figures.uses, figures.quantiles),
        hosting=hosting(figures.workloads, figures.hourly, days=(report.end - report.start).days, hours=figures.hours),
        shipped=tuple(figures.shipped),
        shipped_total=sum(realised, money.ZERO) if realised else None,
        windfalls=tuple(_decided(cut, figures.windfalls) for cut in figures.cuts),
        notes=tuple(_notes(figures)),
    )


def _names(models: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(f"{provider}/{model}" for provider, model in models)


def _ratios(figures: QuarterFigures, key: tuple[str, ...]) -> tuple[Decimal | None, ...]:
    """The margin of a row in each week; None where the row is absent, or nothing is known of its cost."""
    found: list[Decimal | None] = []
    for table in figures.weeks:
        row = table.total if key == () else next((row for row in table.rows if row.key == key), None)
        found.append(row.margin_ratio if row is not None and row.cost_known else None)
    return tuple(found)


def _floor(figures: QuarterFigures, row: Figures) -> FloorLine:
    if not NAMELESS.isdisjoint(row.key):
        return _line(row, (), feature=row.key[0])
    name, policies = row.key[0], figures.policies
    ratios = _ratios(figures, row.key)
    floors = [feature_floor(policies, name, _last(table)).ratio for table in figures.weeks]
    below = sum(ratio is not None and ratio < floor for ratio, floor in zip(ratios, floors, strict=True))
    structural = below >= figures.review_policy.structural_weeks
    return _line(row, ratios, feature=name, owner=owner_of(policies, name), weeks_below=below, structural=structural)


def _last(table: MarginReport) -> date:
    return date.fromordinal(table.end.toordinal() - 1)


def _line(
    row: Figures,
    ratios: tuple[Decimal | None, ...],
    *,
    feature: str = "",
    owner: str = "",
    weeks_below: int = 0,
    structural: bool = False,
) -> FloorLine:
    return FloorLine(
        feature=feature,
        owner=owner,
        revenue=row.revenue,
        cost=row.cogs,
        margin=row.margin,
        ratio=row.margin_ratio if row.cost_known else None,
        floor=row.floor,
        zone=row.zone,
        weeks=ratios,
        weeks_below=weeks_below,
        structural=structural,
        note="" if row.held_to is None else exception_sentence(row.held_to),
    )


def _market(figures: QuarterFigures, lines: Mapping[str, FloorLine]) -> Iterable[MarketLine]:
    for one in figures.review_policy.market:
        own = lines.get(one.feature)
        ours = own.ratio if own else None
        yield MarketLine(
            name=one.name,
            feature=one.feature,
            market=one.margin,
            source=one.source,
            date=one.date,
            ours=ours,
            floor=own.floor if own else None,
            ahead=None if ours is None else ours - one.margin,
        )


def _decided(cut: WindfallLine, windfalls: Iterable[Windfall]) -> WindfallLine:
    """The cut with its parts, which add up to it exactly, where they were decided."""
    for one in windfalls:
        if (one.provider, one.model, one.since) == (cut.provider, cut.model, cut.since):
            shares = one.shares
            parts = money.split(cut.usd_a_month, [shares.margin, shares.price, shares.product])
            return WindfallLine(
                provider=cut.provider,
                model=cut.model,
                since=cut.since,
                usd_a_month=cut.usd_a_month,
                margin=parts[0],
                price=parts[1],
                product=parts[2],
                note=one.note,
            )
    return cut


def _notes(figures: QuarterFigures) -> Iterable[str]:
    sums = figures.by_feature.total.sums
    if not figures.whole:
        yield "The quarter is not over: its figures are those so far."
    if sums.unpriced:
        yield f"{counted(sums.unpriced, 'call')} of {sums.calls:,} have no price: costs are at least, margins at most what is shown."
    if not figures.by_feature.total.revenue_pico:
        yield "No revenue is known for the quarter: margins are unknown, not zero."
    share = ratio_of(sums.unattributed, sums.effective)
    if share is not None and share > Decimal("0.05"):
        yield f"Calls of {usd_of(sums.unattributed):,.2f} USD name no customer or no feature."
