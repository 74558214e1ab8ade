"""Makes and keeps weekly reviews: asks the ledger what a review needs and hands it to the pure functions.

A review of a week that is over is kept when it is made, so that a meeting's figures are the ones it saw.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from floorline.alerts.model import KIND as ALERT
from floorline.alerts.model import Alert
from floorline.clock import day_of, timezone
from floorline.errors import BadInput, Missing
from floorline.jobs.backlogging import shelf as backlog
from floorline.jobs.baselining import Baselines
from floorline.jobs.decisions import decided, mark
from floorline.jobs.effectiveness import effects_of
from floorline.jobs.explaining import ExplainRequest, crossed_in, explained
from floorline.jobs.margins import MarginRequest, Margins
from floorline.jobs.period_use import by_customer, use_of
from floorline.jobs.pricing_use import Change, changes, switched, tiers_of
from floorline.jobs.review_sources import alert_lines, announced, planned
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import Audited
from floorline.margin.baseline import Entry
from floorline.margin.bridge import Days
from floorline.margin.dimensions import Scope
from floorline.margin.metrics import Figures
from floorline.margin.series import Series
from floorline.money import usd_of
from floorline.pricing.book import PriceBook
from floorline.reviews import queries
from floorline.reviews.actions import decide
from floorline.reviews.economics import PeriodUse
from floorline.reviews.explained import explanations
from floorline.reviews.model import Action, AlertLine, Decision, NewModel, PriceLine, Upcoming, WeeklyReview
from floorline.reviews.policy import ReviewPolicy
from floorline.reviews.trend import WEEKS
from floorline.reviews.upcoming import AHEAD
from floorline.reviews.weekly import WeekFigures, weekly
from floorline.reviews.weeks import Week, week_of

KIND = "review"
AREA = "review"
"""Of what is audited here."""

_SCOPE = Scope()
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    """Weekly reviews of one ledger. What margins read of the configuration is in `margins`."""

    margins: Margins
    policy: ReviewPolicy
    book: PriceBook

    @property
    def shelf(self) -> Shelf[WeeklyReview]:
        """The kept reviews, by week."""
        return Shelf(self.margins.ledger.state, KIND, WeeklyReview)

    def last_week(self, now: datetime) -> Week:
        """The last week that is over."""
        return week_of(day_of(now, timezone(self.margins.ledger.timezone)) - timedelta(days=7))

    def latest(self, now: datetime) -> WeeklyReview:
        """The review of the last week that is over."""
        return self.review(self.last_week(now), now)

    def review(self, week: Week, now: datetime, *, refresh: bool = False) -> WeeklyReview:
        """The kept review of `week`, else a new one; with `refresh` a new one with the decisions of the kept. A week that
        runs is reviewed up to yesterday: its revenue is known ahead, its cost is not. One of which the ledger has nothing
        is not kept: it may be imported yet. BadInput where no day of it is over.
        """
        today = day_of(now, timezone(self.margins.ledger.timezone))
        if week.start >= today:
            raise BadInput(f"{week} begins on {week.start}: there is nothing to review yet")
        kept = self.shelf.get(str(week))
        if kept is not None and not refresh:
            return kept
        earlier = max((one for one in self.shelf.all().values() if one.id < str(week)), key=_by_id, default=None)
        made = weekly(self._figures(week, now, min(week.end, today)), earlier, kept)
        if made.whole and made.features:
            self.shelf.put(made.id, made, now=now)
        return made

    def decide(self, week: Week, action: str, decision: Decision, now: datetime, *, seen: str = "") -> WeeklyReview:
        """The kept review of `week` with a decision on `action`, which is audited. Missing when there is no such review or action;
        Changed when the action's mark is no longer `seen`.
        """
        names = self.shelf.get(str(week))
        known = ", ".join(one.id for one in names.actions) if names is not None else ""

        def step(kept: WeeklyReview) -> WeeklyReview:
            try:
                return decide(kept, action, decision)
            except KeyError:
                raise Missing(f"the review of {week} has no action {action!r}; it has: {known or 'none'}") from None

        review = decided(
            self.shelf,
            str(week),
            step,
            now=now,
            seen=seen,
            mark_of=lambda kept: mark_of(_action(kept, action)),
            said=lambda kept: _said(_action(kept, action)),
            missing=f"no review of {week} is kept: make it first with `floorline review weekly --week {week}`",
        )
        self.margins.ledger.state.audit(
            Audited(
                at=now,
                actor=decision.actor,
                action=f"{AREA}.decide",
                subject=f"{week}/{action}",
                detail=_told(decision),
            )
        )
        return review

    def _figures(self, week: Week, now: datetime, end: date) -> WeekFigures:
        """The figures of the week's days before `end`, and of the same days of the week before."""
        margins, days = self.margins, Days(week.start, end)
        before = Days(days.start - _WEEK, days.end - _WEEK)
        tables = [margins.table(_by_feature(one)) for one in (days, before)]
        names = {row.key[0] for row in tables[0].rows}
        log = Baselines(margins.ledger, margins.policies).log(now)
        crossed, first = crossed_in(log), week.before(WEEKS - 1).start
        return WeekFigures(
            week=week,
            made_at=now,
            whole=end == week.end,
            by_feature=tables[0],
            by_feature_before=tables[1],
            series=self._series(week, end),
            use=self._use(days, tables[0].total),
            use_before=self._use(before, tables[1].total),
            policies=margins.policies,
            targets=self.policy.targets,
            explained=explanations(
                explained(margins, ExplainRequest(by="feature", before=before, after=days), crossed),
                margins.policies,
            ),
            alerts=self._alerts(week, now),
            upcoming=self._upcoming(week, end, log),
            baselines={name: crossed(name, first, week.end) for name in names},
            prices=self._prices(week, end),
            new_models=self._new_models(week),
            guardrails=effects_of(margins, days.start, days.end, _SCOPE),
            harmful=[one for one in effects_of(margins, first, days.end, _SCOPE) if one.harms],
        )

    def _series(self, week: Week, end: date) -> Series:
        start = week.before(WEEKS - 1).start
        return self.margins.series(MarginRequest(by=("feature",), start=start, end=end))

    def _use(self, days: Days, total: Figures) -> PeriodUse:
        customers = by_customer(self.margins, days, _SCOPE)
        return use_of(self.margins, self.book, self.policy.tiers, days, total, customers, _SCOPE)

    def _alerts(self, week: Week, now: datetime) -> list[AlertLine]:
        zone = timezone(self.margins.ledger.timezone)
        start, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (week.start, week.end))
        return alert_lines(Shelf(self.margins.ledger.state, ALERT, Alert).all().values(), start, end, now)

    def _upcoming(self, week: Week, end: date, log: Sequence[Entry]) -> list[Upcoming]:
        """Prices, baselines and releases of the weeks after, on the use of the four weeks up to `end`."""
        first = week.before(WEEKS - 1).start
        workloads = self.margins.ledger.query(queries.workloads(first, end, _SCOPE))

        def forecast(feature: str, models: tuple[str, str], on: date) -> Decimal | None:
            return switched(self.book, workloads, feature, models, on, days=(end - first).days)

        prices = [
            Upcoming(
                kind="price",
                on=one.on,
                subject=f"{one.provider}/{one.model}",
                what=one.what,
                usd_a_month=one.usd_a_month,
            )
            for one in self._changes(week, end, Days(week.end, week.end + AHEAD))
        ]
        items = backlog(self.margins.ledger.state).all().values()
        return [*prices, *announced(log, week.end, forecast), *planned(items, week.end)]

    def _prices(self, week: Week, end: date) -> list[PriceLine]:
        return [
            PriceLine(provider=one.provider, model=one.model, on=one.on, what=one.what, usd_a_month=one.usd_a_month)
            for one in self._changes(week, end, Days(week.start, week.end))
        ]

    def _changes(self, week: Week, end: date, when: Days) -> list[Change]:
        """The changes of price that come into force `when`, on the use of the four weeks up to `end`."""
        first = week.before(WEEKS - 1).start
        uses = self.margins.ledger.query(queries.models(first, end, _SCOPE))
        return changes(self.book, uses, when.start, when.end, days=(end - first).days)

    def _new_models(self, week: Week) -> list[NewModel]:
        ledger = self.margins.ledger
        first = {(one.provider, one.model): one.day for one in ledger.query(queries.first_seen())}
        uses = ledger.query(queries.models(week.start, week.end, _SCOPE))
        tiers = tiers_of(self.book, uses, week.end, self.policy.tiers)
        return [
            NewModel(
                provider=use.provider,
                model=use.model,
                first=first[use.provider, use.model],
                calls=use.calls,
                cost=usd_of(use.cost) if use.calls > use.unpriced else None,
                tier=tiers.get((use.provider, use.model), ""),
            )
            for use in uses
            if week.start <= first[use.provider, use.model] < week.end
        ]


def mark_of(action: Action | None) -> str:
    """Names an action as people decide on it."""
    return mark(None if action is None else action.decision)


def _action(review: WeeklyReview, id_: str) -> Action | None:
    return next((one for one in review.actions if one.id == id_), None)


def _said(action: Action | None) -> str:
    return (
        "undecided"
        if action is None or action.decision is None
        else f"{_told(action.decision)} ({action.decision.actor})"
    )


def _told(decision: Decision) -> str:
    whose = f", {decision.owner}" if decision.owner else ""
    due = f", by {decision.by}" if decision.by else ""
    return f"{decision.verdict}{whose}{due}{f': {decision.note}' if decision.note else ''}"


def _by_id(review: WeeklyReview) -> str:
    return review.id


def _by_feature(days: Days) -> MarginRequest:
    return MarginRequest(by=("feature",), start=days.start, end=days.end, with_p95=False, with_kinds=True)
