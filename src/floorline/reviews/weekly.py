"""The weekly review out of figures handed in. Every amount in it is one of the margin tables', to the last digit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from floorline import money
from floorline.margin.effectiveness import HARMS, Effect
from floorline.margin.effectiveness import total as claimed
from floorline.margin.floors import exception_sentence
from floorline.margin.metrics import Figures
from floorline.margin.policy import Policies
from floorline.margin.runbook import owner_of
from floorline.margin.series import Series
from floorline.margin.table import NAMELESS, MarginReport
from floorline.margin.waterfall import waterfall
from floorline.margin.words import counted, dollars, percent
from floorline.money import usd_of
from floorline.reviews.actions import carried, proposed
from floorline.reviews.economics import PeriodUse, economics
from floorline.reviews.model import (
    AlertLine,
    Explained,
    FeatureLine,
    NewModel,
    Part,
    PriceLine,
    Upcoming,
    WeeklyReview,
)  # fmt: skip
from floorline.reviews.policy import Targets
from floorline.reviews.trend import FeatureTrend, feature_trend
from floorline.reviews.upcoming import exceptions, in_order
from floorline.reviews.weeks import Week

_RUNNING = "the week is not over"
UNATTRIBUTED_MAX = Decimal("0.05")
"""A share of cost without customer or feature beyond this is worth a note."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekFigures:
    """What a weekly review is made of. `by_feature` are the tables of this week and of the one before (with active
    users and revenue by kind); `series` covers four weeks of days by feature; `use` and `use_before` are what the unit economics read;
    `baselines` are those of each feature that began in the four weeks. `guardrails` is what they did in the week, `harmful` those
    that did harm in the four weeks.
    """

    week: Week
    made_at: datetime
    whole: bool
    by_feature: MarginReport
    by_feature_before: MarginReport
    series: Series
    use: PeriodUse
    use_before: PeriodUse
    policies: Policies = field(default_factory=Policies)
    targets: Targets = field(default_factory=Targets)
    alerts: Sequence[AlertLine] = ()
    explained: Sequence[Explained] = ()
    upcoming: Sequence[Upcoming] = ()
    prices: Sequence[PriceLine] = ()
    new_models: Sequence[NewModel] = ()
    baselines: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    guardrails: Sequence[Effect] = ()
    harmful: Sequence[Effect] = ()


def weekly(figures: WeekFigures, earlier: WeeklyReview | None = None, kept: WeeklyReview | None = None) -> WeeklyReview:
    """The review of a week. `earlier` is the latest one of a week before, whose open actions carry over; `kept` the one
    that was made of this week before, whose decisions stay.
    """
    before = {row.key: row for row in figures.by_feature_before.rows}
    features = tuple(_feature(figures, row, before.get(row.key)) for row in figures.by_feature.rows)
    table = economics(figures.use, figures.use_before, figures.targets)
    upcoming = in_order([*exceptions(figures.policies, figures.week), *figures.upcoming])
    actions = proposed(
        figures.week,
        (figures.by_feature.end - figures.by_feature.start).days,
        features,
        table,
        alerts=figures.alerts,
        new_models=figures.new_models,
        upcoming=upcoming,
    )
    return WeeklyReview(
        id=str(figures.week),
        start=figures.by_feature.start,
        end=figures.by_feature.end,
        timezone=figures.by_feature.timezone,
        made_at=figures.made_at,
        whole=figures.whole,
        features=features,
        total=_line(figures.by_feature.total, figures.by_feature_before.total, _trend(figures, ())),
        economics=table,
        actions=carried(figures.week, actions, earlier, kept),
        alerts=tuple(figures.alerts),
        explained=tuple(figures.explained),
        waterfall=_waterfall(figures.by_feature.total),
        upcoming=upcoming,
        prices=tuple(figures.prices),
        new_models=tuple(figures.new_models),
        notes=_notes(figures),
    )


def _feature(figures: WeekFigures, row: Figures, before: Figures | None) -> FeatureLine:
    name = row.key[0]
    owner = owner_of(figures.policies, name)
    trend = _trend(figures, row.key) if NAMELESS.isdisjoint(row.key) else None
    line = _line(row, before, trend, feature=name, owner=owner)
    return replace(line, baselines=tuple(figures.baselines.get(name, ())), note=_exception(row))


def _exception(row: Figures) -> str:
    return "" if row.held_to is None else exception_sentence(row.held_to)


def _line(
    row: Figures, before: Figures | None, trend: FeatureTrend | None, *, feature: str = "", owner: str = ""
) -> FeatureLine:
    trend = trend or FeatureTrend(weeks=(), direction="unknown")
    return FeatureLine(
        feature=feature,
        owner=owner,
        revenue=row.revenue,
        cost=row.cogs,
        margin=row.margin,
        ratio=_ratio(row),
        ratio_before=None if before is None else _ratio(before),
        floor=row.floor,
        zone=row.zone,
        short=row.short,
        calls=row.sums.calls,
        unpriced_calls=row.sums.unpriced,
        weeks=trend.weeks,
        direction=trend.direction,
        change=trend.change,
        noise=trend.noise,
        why=trend.why,
    )


def _trend(figures: WeekFigures, key: tuple[str, ...]) -> FeatureTrend:
    trend = feature_trend(figures.series, key, figures.week)
    return trend if figures.whole else FeatureTrend(weeks=trend.weeks, direction="unknown", why=_RUNNING)


def _ratio(row: Figures) -> Decimal | None:
    return row.margin_ratio if row.cost_known else None


def _waterfall(total: Figures) -> tuple[Part, ...]:
    """From revenue by kind over its sum to what each component of cost takes, and the margin."""
    return tuple(Part(name=step.name, usd=step.usd) for step in waterfall(total).steps)


def _notes(figures: WeekFigures) -> tuple[str, ...]:
    total = figures.by_feature.total
    sums = total.sums
    found: list[str] = []
    last = figures.by_feature.end - timedelta(days=1)
    if not figures.whole:
        found.append(
            f"The week is not over: its figures are those of {figures.week.start} to {last}, beside the same days of the week before."
        )
    if sums.unpriced:
        found.append(
            f"{counted(sums.unpriced, 'call')} of {sums.calls:,} have no price: costs are at least, margins at most what is shown."
        )
    share = money.ratio(usd_of(sums.unattributed), usd_of(sums.effective))
    if share is not None and share > UNATTRIBUTED_MAX:
        found.append(
            f"{percent(share)} of what calls cost ({dollars(usd_of(sums.unattributed))}) names no customer or no feature."
        )
    if not total.revenue_pico:
        found.append("No revenue is known for the week: margins are unknown, not zero. `floorline import` brings it.")
    return (*found, *_guarded(figures))


def _guarded(figures: WeekFigures) -> Iterator[str]:
    """What the guardrails saved, the most first, and where that does harm."""
    acted = [one for one in figures.guardrails if one.touched]
    if acted:
        each = ", ".join(
            f"{one.guardrail} of {one.feature or '(none)'} {dollars(usd_of(one.net))}" for one in acted[:3]
        )
        net = dollars(usd_of(claimed(acted).net))
        yield f"Guardrails saved {net} net of their own cost: {each}{' …' if len(acted) > 3 else ''} (`floorline guardrails`)."
    for one in figures.harmful:
        told = " and ".join(HARMS[name] for name in sorted(one.harms))
        yield f"Where {one.guardrail} of {one.feature or '(none)'} acts, {told} than where it is held out: a saving that costs customers is a loss."
