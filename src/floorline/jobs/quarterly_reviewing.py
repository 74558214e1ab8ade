"""Makes and keeps quarterly reviews, and keeps how windfalls are shared."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from floorline import clock
from floorline.errors import BadInput
from floorline.jobs.backlogging import shelf as backlog
from floorline.jobs.margins import MarginRequest, Margins
from floorline.jobs.pricing_use import changes, version_on
from floorline.jobs.review_sources import shipped
from floorline.ledger.shelf import Shelf
from floorline.margin.dimensions import Scope
from floorline.margin.table import MarginReport
from floorline.pricing.book import PriceBook, PriceVersion, Unpriced
from floorline.reviews import queries
from floorline.reviews.plans import DAYS as PLAN_DAYS
from floorline.reviews.policy import ReviewPolicy
from floorline.reviews.quarter_model import QuarterlyReview, Windfall, WindfallLine
from floorline.reviews.quarterly import QuarterFigures, quarterly
from floorline.reviews.queries import ModelUse
from floorline.reviews.repricing import months_before, price_trend
from floorline.reviews.weeks import Quarter, quarter_of

KIND = "quarterly_review"
WINDFALL = "windfall"
_SCOPE = Scope()


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarterlyReviewer:
    """Quarterly reviews of one ledger."""

    margins: Margins
    policy: ReviewPolicy
    book: PriceBook

    @property
    def shelf(self) -> Shelf[QuarterlyReview]:
        """The kept reviews, by quarter."""
        return Shelf(self.margins.ledger.state, KIND, QuarterlyReview)

    @property
    def windfalls(self) -> Shelf[Windfall]:
        """How each price cut is shared."""
        return Shelf(self.margins.ledger.state, WINDFALL, Windfall)

    def last_quarter(self, now: datetime) -> Quarter:
        """The last quarter that is over."""
        return quarter_of(quarter_of(self._today(now)).start - timedelta(days=1))

    def latest(self, now: datetime) -> QuarterlyReview:
        """The review of the last quarter that is over."""
        return self.review(self.last_quarter(now), now)

    def review(self, quarter: Quarter, now: datetime, *, refresh: bool = False) -> QuarterlyReview:
        """The kept review of `quarter`, else a new one; with `refresh` a new one. One that is over is kept. BadInput for a
        quarter that has not begun.
        """
        today = self._today(now)
        if quarter.start > today:
            raise BadInput(f"{quarter} begins on {quarter.start}: there is nothing to review yet")
        kept = self.shelf.get(str(quarter))
        if kept is not None and not refresh:
            return kept
        whole = quarter.end <= today
        made = quarterly(self._figures(quarter, now, end=quarter.end if whole else today + timedelta(days=1)))
        if made.whole:
            self.shelf.put(made.id, made, now=now)
        return made

    def share(self, windfall: Windfall) -> None:
        """Keep how the windfall of a price cut is shared, in place of what was decided before. BadInput when the book knows of
        no such change.
        """
        day = timedelta(days=1)
        if not self.book.changes(windfall.provider, windfall.model, windfall.since, windfall.since + day):
            raise BadInput(
                f"the price book has no change of {windfall.provider}/{windfall.model} on {windfall.since}:"
                " `floorline review quarterly` lists the price cuts of a quarter"
            )
        self.windfalls.put(f"{windfall.provider}/{windfall.model}/{windfall.since}", windfall, now=windfall.at)

    def _today(self, now: datetime) -> date:
        return clock.day_of(now, clock.timezone(self.margins.ledger.timezone))

    def _figures(self, quarter: Quarter, now: datetime, *, end: date) -> QuarterFigures:
        margins, ledger, start = self.margins, self.margins.ledger, quarter.start
        weeks = [week for week in quarter.weeks if week.end <= end]
        uses = self._uses(start, end)
        months = months_before(end)
        inside = [month for month in months if start <= month and clock.next_month(month) <= end]
        return QuarterFigures(
            quarter=quarter,
            made_at=now,
            whole=quarter.end <= end,
            by_feature=self._by_feature(start, end),
            weeks=[self._by_feature(week.start, week.end) for week in weeks],
            week_names=[str(week) for week in weeks],
            plans=margins.table(
                MarginRequest(by=("plan", "customer"), start=end - timedelta(days=PLAN_DAYS), end=end, with_p95=False)
            ),
            uses=uses,
            months=[self._uses(month, clock.next_month(month)) for month in inside],
            quantiles=ledger.query(queries.token_quantiles(start, end, _SCOPE, ledger.timezone)),
            workloads=ledger.query(queries.workloads(start, end, _SCOPE)),
            hourly=ledger.query(queries.hours(start, end, _SCOPE)),
            hours=_hours(start, end, clock.timezone(ledger.timezone)),
            prices=price_trend(uses, self._version, months),
            cuts=self._cuts(uses, start, end),
            windfalls=self.windfalls.all().values(),
            shipped=shipped(backlog(ledger.state).all().values(), start, end),
            policies=margins.policies,
            review_policy=self.policy,
        )

    def _by_feature(self, start: date, end: date) -> MarginReport:
        return self.margins.table(MarginRequest(by=("feature",), start=start, end=end, with_p95=False))

    def _uses(self, start: date, end: date) -> list[ModelUse]:
        return self.margins.ledger.query(queries.models(start, end, _SCOPE))

    def _version(self, provider: str, model: str, day: date) -> PriceVersion | Unpriced:
        return version_on(self.book, provider, model, day)

    def _cuts(self, uses: Sequence[ModelUse], start: date, end: date) -> list[WindfallLine]:
        """The price cuts of the days, each with what it is worth on the quarter's own use, a month."""
        return [
            WindfallLine(provider=one.provider, model=one.model, since=one.on, usd_a_month=one.usd_a_month)
            for one in changes(self.book, uses, start, end, days=(end - start).days)
            if one.usd_a_month is not None and one.usd_a_month > 0
        ]


def _hours(start: date, end: date, zone: ZoneInfo) -> int:
    """Hours from midnight to midnight in `zone`."""
    first, last = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (start, end))
    return int((last - first) / timedelta(hours=1))
