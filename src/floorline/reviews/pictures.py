"""The pictures of a review as Vega-Lite specifications, by the names that its sections know them by."""

from datetime import timedelta
from decimal import Decimal

from floorline.charts.base import Chart
from floorline.charts.dollars import Amount, waterfall
from floorline.charts.margins import FeatureMargin, MarginPoint, features_against_floors, margin_lines
from floorline.reviews.model import FeatureLine, WeeklyReview
from floorline.reviews.quarter_model import FloorLine, QuarterlyReview
from floorline.reviews.quarterly_page import MARGIN_CHART
from floorline.reviews.weekly_page import FEATURES_CHART, TREND_CHART, WATERFALL_CHART
from floorline.reviews.weeks import DAYS, parse_week

LINES_MAX = 8
"""More lines than this nobody tells apart: those of the largest features are drawn."""

_SUMS = frozenset({"revenue", "margin"})


def weekly_pictures(review: WeeklyReview) -> dict[str, Chart]:
    """Features against floors, their trend, and the waterfall; only what there is something to show of."""
    found: dict[str, Chart] = {}
    if review.features:
        found[FEATURES_CHART] = _against_floors(review.id, review.features)
    lines = sorted((line for line in review.features if line.weeks), key=lambda line: (-line.revenue, line.feature))
    if any(ratio is not None for line in lines for ratio in line.weeks):
        found[TREND_CHART] = margin_lines(
            f"Margins of four weeks up to {review.id}",
            {
                line.feature: [
                    MarginPoint(review.start - timedelta(days=DAYS * (len(line.weeks) - 1 - at)), ratio)
                    for at, ratio in enumerate(line.weeks)
                ]
                for line in lines[:LINES_MAX]
            },
            subtitle="each point is a week, at its Monday",
        )
    if review.total.revenue > 0:
        steps = [Amount(part.name, part.usd) for part in review.waterfall if part.name not in _SUMS]
        found[WATERFALL_CHART] = waterfall(f"From revenue to margin, {review.id}", steps, end="margin")
    return found


def quarterly_pictures(review: QuarterlyReview) -> dict[str, Chart]:
    """The features' margins week by week, or against their floors where no week is over."""
    if not review.floors:
        return {}
    largest = sorted((line for line in review.floors if line.weeks), key=lambda line: (-line.revenue, line.feature))
    if not any(ratio is not None for line in largest for ratio in line.weeks):
        return {MARGIN_CHART: _against_floors(review.id, review.floors)}
    mondays = [parse_week(name).start for name in review.week_names]
    lines = {
        line.feature: [MarginPoint(day, ratio) for day, ratio in zip(mondays, line.weeks, strict=True)]
        for line in largest[:LINES_MAX]
    }
    return {MARGIN_CHART: margin_lines(f"Margins of the weeks of {review.id}", lines)}


def _against_floors(name: str, lines: tuple[FeatureLine, ...] | tuple[FloorLine, ...]) -> Chart:
    margins = [
        FeatureMargin(line.feature, _drawn(line.ratio), line.floor, "" if line.zone == "unknown" else line.zone)
        for line in lines
    ]
    return features_against_floors(f"Features against floors, {name}", margins)


def _drawn(ratio: Decimal | None) -> Decimal | None:
    """A loss of many times the revenue would flatten every other bar."""
    return None if ratio is None else max(ratio, Decimal(-1))
