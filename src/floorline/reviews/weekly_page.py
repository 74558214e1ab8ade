"""A weekly review as a page to read."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Final

from floorline.margin.words import UNKNOWN, counted, dollars, moved, percent, points
from floorline.reviews.model import Action, Direction, EconomicsLine, Explained, FeatureLine, WeeklyReview  # fmt: skip
from floorline.reviews.page import Cell, Page, Section, Table, Tone, number, word

ZONE_TONE: Final[dict[str, Tone]] = {"red": "bad", "yellow": "warn", "green": "good", "unknown": "muted"}
_TREND_TONE: Final[dict[Direction, Tone]] = {
    "improving": "good", "stable": "", "degrading": "bad", "unknown": "muted",
}  # fmt: skip
FEATURES_CHART = "features"
TREND_CHART = "trend"
WATERFALL_CHART = "waterfall"
PARTS_SHOWN = 4


def page(review: WeeklyReview) -> Page:
    """The review from the figures to the decisions."""
    last = review.end - timedelta(days=1)
    return Page(
        title=f"Weekly margin review {review.id}",
        subtitle=f"{review.start} to {last}, days of {review.timezone}, USD. Made {review.made_at:%Y-%m-%d %H:%M} UTC.",
        tiles=_tiles(review),
        notes=review.notes,
        sections=[
            _actions(review),
            _features(review),
            _trend(review.features),
            _explained(review.explained),
            _alerts(review),
            _economics(review.economics),
            _waterfall(review),
            _upcoming(review),
            _prices(review),
        ],
    )


def _tiles(review: WeeklyReview) -> list[tuple[str, str, Tone]]:
    total, red = review.total, [line for line in review.features if line.zone == "red"]
    by_name = {line.name: line for line in review.economics}
    margin = by_name.get("gross_margin")
    change = None if total.ratio is None or total.ratio_before is None else total.ratio - total.ratio_before
    against = "" if change is None else f" ({points(change)} on last week)"
    return [
        ("Gross margin", f"{percent(total.ratio)}{against}", _met_tone(margin.met if margin else None)),
        ("Margin", f"{dollars(total.margin)} of {dollars(total.revenue)}", ""),
        ("Features below floor", f"{len(red)} of {len(review.features)}", "bad" if red else "good"),
        ("Open actions", str(sum(action.is_open for action in review.actions)), ""),
    ]


def _features(review: WeeklyReview) -> Section:
    columns = [
        word("feature", 24), number("revenue"), number("cost"), number("margin"), number("margin %"),
        number("last week"), number("floor"), word("zone"), number("short"),
    ]  # fmt: skip
    rows = [_feature_cells(line) for line in (*review.features, review.total)]
    return Section(
        title="Features against floors",
        tables=[Table(columns=columns, rows=rows, total=True)] if review.features else [],
        after=_floor_notes(review.features),
        empty="No feature had a call, a cost or revenue in this week.",
        chart=FEATURES_CHART,
    )  # fmt: skip


def _floor_notes(features: Sequence[FeatureLine]) -> list[str]:
    unpriced = [line for line in features if line.unpriced_calls]
    return [
        *(f"{line.feature}: {line.note}." for line in features if line.note),
        *(f"{line.feature}: {counted(line.unpriced_calls, 'call')} without a price." for line in unpriced),
    ]


def _feature_cells(line: FeatureLine) -> list[Cell]:
    tone = ZONE_TONE[line.zone]
    return [
        Cell(line.feature or "total"),
        Cell(dollars(line.revenue)),
        Cell(dollars(line.cost)),
        Cell(dollars(line.margin)),
        Cell(percent(line.ratio), tone if line.zone == "red" else ""),
        Cell(percent(line.ratio_before), "muted"),
        Cell(percent(line.floor, 0) if line.floor is not None else ""),
        Cell(line.zone if line.floor is not None else "", tone),
        Cell(dollars(line.short) if line.short else ""),
    ]


def _trend(features: Sequence[FeatureLine]) -> Section:
    columns = [
        word("feature", 24), number("3 weeks ago"), number("2 weeks ago"), number("last week"), number("this week"),
        word("trend"), number("change"), number("noise"),
    ]  # fmt: skip
    shown = [line for line in features if line.weeks]
    rows = [
        [
            Cell(line.feature),
            *(Cell(percent(ratio)) for ratio in line.weeks),
            Cell(line.direction, _TREND_TONE[line.direction]),
            Cell(points(line.change)),
            Cell(points(line.noise).lstrip("+")),
        ]
        for line in shown
    ]
    return Section(
        title="Four-week trend",
        tables=[Table(columns=columns, rows=rows)],
        after=[
            *(f"{line.feature}: unknown, {line.why}." for line in shown if line.why),
            *(f"{line.feature} has another baseline since {words}." for line in shown for words in line.baselines),
        ],
        empty="No feature has four weeks of figures.",
        chart=TREND_CHART,
    )


def _explained(explained: Sequence[Explained]) -> Section:
    return Section(
        title="Why margins changed on last week",
        points=[_because(one) for one in explained],
        empty="No feature's margin changed enough to be taken apart.",
    )


def _because(one: Explained) -> str:
    """The change, its greatest parts, and the lever: `chat -$120.00: output tokens -$150.00, call volume +$30.00.`"""
    parts = sorted((part for part in one.parts if part.usd), key=lambda part: (-abs(part.usd), part.name))
    shown = ", ".join(f"{part.name.replace('_', ' ')} {moved(part.usd)}" for part in parts[:PARTS_SHOWN])
    rest = sum((part.usd for part in parts[PARTS_SHOWN:]), Decimal(0))
    others = f", others {moved(rest)}" if rest else ""
    driver = f" {one.driver.rstrip('.')}." if one.driver else ""
    lever = f" Lever: {one.lever.rstrip('.')}." if one.lever else ""
    crossed = f" Baselines began: {'; '.join(one.crossings)}." if one.crossings else ""
    return f"{one.feature} {moved(one.change)}: {shown}{others}.{driver}{lever}{crossed}"


def _alerts(review: WeeklyReview) -> Section:
    columns = [
        word("alert", 24), word("of", 24), word("state", 14), word("opened", 16), number("answered in"), number("resolved in"),
        number("$ a month"),
    ]  # fmt: skip
    rows = [
        [
            Cell(alert.rule.replace("_", " ")),
            Cell(alert.subject),
            Cell(alert.state, "bad" if alert.overdue else "good" if alert.state == "resolved" else "warn"),
            Cell(f"{alert.opened:%Y-%m-%d %H:%M}"),
            Cell(duration(alert.minutes_to_acknowledge)),
            Cell(duration(alert.minutes_to_resolve)),
            Cell(dollars(alert.usd_a_month)),
        ]
        for alert in review.alerts
    ]
    return Section(
        title="Alerts of the week",
        tables=[Table(columns=columns, rows=rows)],
        after=[f"{one.subject}: {one.driver}{f' Lever: {one.lever}.' if one.lever else ''}" for one in review.alerts if one.driver],
        empty="No alert was open in this week.",
    )  # fmt: skip


def duration(minutes: int | None) -> str:
    """Minutes as people say them; – where it has not happened."""
    if minutes is None:
        return UNKNOWN
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest:02d}" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def _economics(lines: Sequence[EconomicsLine]) -> Section:
    columns = [word("figure", 36), number("this week"), number("last week"), number("target"), word("met")]
    rows = [
        [
            Cell(line.label),
            Cell(_amount(line, line.this_week), _met_tone(line.met)),
            Cell(_amount(line, line.last_week), "muted"),
            Cell("" if line.target is None else f"{'≥' if line.at_least else '≤'} {percent(line.target, 0)}"),
            Cell(
                "" if line.target is None else {True: "yes", False: "no", None: UNKNOWN}[line.met], _met_tone(line.met)
            ),
        ]
        for line in lines
    ]
    notes = [f"{line.label}: {line.note}." for line in lines if line.note]
    return Section(title="Unit economics", tables=[Table(columns=columns, rows=rows)], after=notes)


def _amount(line: EconomicsLine, value: Decimal | None) -> str:
    return dollars(value) if line.unit == "usd" else percent(value)


def _met_tone(met: bool | None) -> Tone:
    return "" if met is None else "good" if met else "bad"


def _waterfall(review: WeeklyReview) -> Section:
    rows = [[Cell(part.name.replace("_", " ")), Cell(dollars(part.usd))] for part in review.waterfall]
    return Section(
        title="From revenue to margin",
        tables=[Table(columns=[word("layer", 32), number("USD")], rows=rows, total=True)],
        empty="Nothing was earned and nothing was spent.",
        chart=WATERFALL_CHART,
    )


def _upcoming(review: WeeklyReview) -> Section:
    return Section(
        title="Coming up",
        points=[
            f"{one.on or 'no day yet'}, {one.kind} of {one.subject}: {one.what}"
            f"{f' ({moved(one.usd_a_month)} of margin a month)' if one.usd_a_month is not None else ''}."
            for one in review.upcoming
        ],
        empty="No change is announced: no baseline, exception, dated price or planned release.",
    )


def _prices(review: WeeklyReview) -> Section:
    changed = [
        f"{one.provider}/{one.model} from {one.on}: {one.what}; on your own calls {_effect(one.usd_a_month)} of margin a month."
        for one in review.prices
    ]
    seen = [
        f"{one.provider}/{one.model}, first called on {one.first}: {counted(one.calls, 'call')}, "
        f"{dollars(one.cost) if one.cost is not None else 'without a price'}{f', {one.tier} tier' if one.tier else ''}."
        for one in review.new_models
    ]
    return Section(
        title="Provider prices and new models",
        points=[*changed, *seen],
        empty="No price of a model in use changed, and no model was called for the first time.",
    )


def _effect(amount: Decimal | None) -> str:
    return "an unknown amount" if amount is None else moved(amount)


def _actions(review: WeeklyReview) -> Section:
    columns = [
        word("action", 44), number("$ a month"), word("owner", 12), word("by", 10), number("weeks"), word("decision", 22),
    ]  # fmt: skip
    rows = [
        [
            Cell(action.id),
            Cell(dollars(action.usd_a_month)),
            Cell(_owner(action) or UNKNOWN),
            Cell(str(_by(action) or UNKNOWN)),
            Cell(str(action.weeks_open), "warn" if action.weeks_open and action.is_open else ""),
            Cell(_decision(action), "good" if action.decision else ""),
        ]
        for action in review.actions
    ]
    return Section(
        title="Actions",
        points=[_said(action) for action in review.actions if action.is_open],
        tables=[Table(columns=columns, rows=rows)],
        after=[f"Decide: floorline review decide {review.id} ACTION accept|reject|defer|done --owner NAME --by DATE --note TEXT"]
        if review.actions
        else [],
        empty="Nothing is proposed and nothing is open.",
    )  # fmt: skip


def _said(action: Action) -> str:
    left = "" if action.proposed else f" (left open since {action.since}; this week's figures no longer propose it)"
    earlier = f" ({action.earlier})" if action.earlier else ""
    return f"{action.id}: {action.what} ({action.why}){left}{earlier}."


def _owner(action: Action) -> str:
    return (action.decision.owner if action.decision else "") or action.owner


def _by(action: Action) -> object:
    return (action.decision.by if action.decision else None) or action.by


def _decision(action: Action) -> str:
    if action.decision is None:
        return "open"
    return f"{action.decision.verdict}{f': {action.decision.note}' if action.decision.note else ''}"
