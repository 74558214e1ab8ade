"""What the demo company's people did with what Floorline told them in the 90 days: alerts answered, reviews held, opportunities shipped.

Each is judged, found and measured by the product, as of the day it is about; made up are the answers alone. Whoever answers is a
team of the company's own floorline.yaml.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import accumulate

from floorline.alerts.events import PRICE_NOTICES, PriceNotice
from floorline.alerts.figures import Picture, Tracks
from floorline.alerts.model import Alert
from floorline.alerts.tuning import Tuning
from floorline.backlog.keeping import Ruling, slug
from floorline.backlog.model import Opportunity
from floorline.backlog.model import State as Stage
from floorline.clock import timezone
from floorline.jobs.alert_drivers import Drivers
from floorline.jobs.alerting import Setup, judge, shelf_of
from floorline.jobs.answering import acknowledge, assign, resolve
from floorline.jobs.backlog_moves import add, move
from floorline.jobs.backlogging import Backlog
from floorline.jobs.baselining import Baselines
from floorline.jobs.margins import MarginRequest, Margins
from floorline.jobs.price_watch import BookWith, PriceWatch, models_used
from floorline.jobs.quarterly_reviewing import QuarterlyReviewer
from floorline.jobs.reviewing import Reviewer
from floorline.ledger.shelf import Shelf
from floorline.ledger.surface import AnyLedger
from floorline.margin.floors import feature_floor
from floorline.margin.policy import Policies
from floorline.reviews.model import Decision, Verdict
from floorline.reviews.policy import ReviewPolicy
from floorline.reviews.weeks import Week, week_of
from floorline.sandbox import company as own
from floorline.sandbox.calendar import HISTORY_DAYS, Calendar
from floorline.sandbox.story import CACHE_DAY, REPORTS_DAY

JUDGED_DAY = 30
"""The first day on which alerts are judged: rules compare with four weeks."""

NOTICE_DAY = 86
"""The day on which a provider announces another price."""

REVIEWS = 3
_MORNING, _NIGHT = time(8), time(3, 17)
_ZONE = timezone("UTC")
_ANSWERED_DAYS = 5
"""Of the last days nobody has answered yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Management:
    """Who manages: the company's ledger and settings, and how far along the work is (`said` is told what comes next)."""

    ledger: AnyLedger
    policies: Policies
    tuning: Tuning
    reviews: ReviewPolicy
    book_with: BookWith
    calendar: Calendar
    said: Callable[[str], None] = lambda _: None

    def at(self, day: int, hour: time = _MORNING) -> datetime:
        """An instant of a day of the company."""
        return datetime.combine(self.calendar.day(day), hour, UTC)


def manage(by: Management) -> None:
    """Everything that was done, in the order of time as far as one thing looks at another."""
    by.said("baselines")
    Baselines(by.ledger, by.policies).detect(by.at(HISTORY_DAYS, _NIGHT))
    by.said("alerts")
    _alerts(by)
    by.said("the backlog")
    _backlog(by)
    by.said("reviews")
    _reviews(by)


# -- alerts


def _alerts(by: Management) -> None:
    """Judge each morning, and answer as people do: most on the next day."""
    ledger, drivers = by.ledger, Drivers(by.ledger, by.policies)
    watch = PriceWatch(ledger=ledger, state=ledger.state, book_with=by.book_with)
    setup = Setup(tuning=by.tuning, explain=drivers.driver)
    tracks, ahead = _tracks(by)
    for day in range(JUDGED_DAY, HISTORY_DAYS + 1):
        now, today = by.at(day), by.calendar.day(day)
        _answer(by, day)
        drivers.forget(now)
        if day == NOTICE_DAY:
            _announce(by)
        picture = Picture(
            now=now,
            today=today,
            tracks=tracks,
            floors={feature: feature_floor(by.policies, feature, today) for feature in by.policies.features},
            models=models_used(ledger, now, by.tuning.of("unpriced_model").window_days),
            prices=watch.look(now) if day >= NOTICE_DAY else (),
            billed_ahead=ahead(today),
        )
        judge(picture, by.policies, ledger.state, setup)


def _tracks(by: Management) -> tuple[Tracks, Callable[[date], dict[str, int]]]:
    """Every day of features and customers, asked for once, and what is billed from a day on to the end of its month."""
    margins, start, end = Margins(by.ledger, by.policies), by.calendar.opened, by.calendar.until
    last = end + timedelta(days=31)
    by_feature = margins.series(MarginRequest(by=("feature",), start=start, end=end, with_p95=False))
    by_customer = margins.series(MarginRequest(by=("customer",), start=start, end=last, with_p95=False))
    earned = {key[0]: [0, *accumulate(day.revenue_pico for day in days)] for key, days in by_customer.rows.items()}
    tracks = Tracks.of(by_feature, by_customer)

    def ahead(today: date) -> dict[str, int]:
        following = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
        first, end = (today - start).days, min((following - start).days, len(by_customer.total))
        return {name: sums[end] - sums[first] for name, sums in earned.items()}

    return tracks, ahead


def _announce(by: Management) -> None:
    """A provider writes that its strongest model will cost more."""
    now, on = by.at(NOTICE_DAY), by.calendar.day(HISTORY_DAYS + 21)
    notice = PriceNotice(
        id=f"{own.STRONG.provider}/{own.STRONG.name}/{on}",
        provider=own.STRONG.provider,
        model=own.STRONG.name,
        valid_from=on,
        prices={"input": own.STRONG.input_usd_per_mtok * Decimal("1.2")},
        source="a mail of the provider, made up",
        entered_by="finance",
        at=now,
    )
    Shelf(by.ledger.state, PRICE_NOTICES, PriceNotice).put(notice.id, notice, now=now)


def _answer(by: Management, day: int) -> None:
    """Alerts that were open yesterday: their owner works on them, or says that they are over."""
    now, state = by.at(day, time(9, 30)), by.ledger.state
    if day > HISTORY_DAYS - _ANSWERED_DAYS:
        return
    for alert in list(shelf_of(state).all().values()):
        owner, age = alert.owner or "finance", now - alert.history[-1].at
        if (alert.rule, alert.subject) == _UNANSWERED:
            continue
        if alert.state in {"open", "reopened", "worsened"} and age > timedelta(hours=20):
            acknowledge(state, alert.id, by=owner, note=_note(alert), now=now)
            assign(state, alert.id, to=owner, by=owner, note="", now=now)
        elif alert.state == "acknowledged" and alert.rule in _OVER_SOON and age > timedelta(days=2):
            resolve(state, alert.id, by=owner, note=_OVER_SOON[alert.rule], now=now, zone=_ZONE)


_UNANSWERED = ("margin_red", own.CODE)
"""What nobody has said a word of yet: whoever looks at the dashboard may be the first."""

_OVER_SOON = {
    "unpriced_model": "the trial is over: nothing calls it any more",
    "unattributed_share": "the release that forgot the header is replaced",
}


def _note(alert: Alert) -> str:
    return {
        "margin_red": "on this week's agenda",
        "customer_cost_to_revenue": "talking to them about another plan",
        "unattributed_share": "the release is being looked at",
    }.get(alert.rule, "looked at")


# -- the backlog


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An item that a team wrote, what it was to bring a quarter, and how it went: a stage on a day, with a note."""

    title: str
    subject: str
    owner: str
    usd_a_quarter: Decimal
    why: str
    day: int
    went: Sequence[tuple[int, Stage, str]]


_WRITTEN = (
    Written(
        title="Write the sections of reports with claude-opus-4-5",
        subject=own.REPORTS,
        owner="analytics",
        usd_a_quarter=Decimal(6_000),
        why="two thirds of what their sections cost",
        day=REPORTS_DAY - 12,
        went=(
            (REPORTS_DAY - 9, "accepted", "the quarter's first item"),
            (REPORTS_DAY - 5, "shadow", "answers compared by the team"),
            (REPORTS_DAY, "shipped", "for every customer"),
        ),
    ),
    Written(
        title="Cache the answers of the code assistant",
        subject=own.CODE,
        owner="developer-tools",
        usd_a_quarter=Decimal(150),
        why="a tenth of what is asked was asked before",
        day=CACHE_DAY - 15,
        went=((CACHE_DAY - 10, "accepted", ""), (CACHE_DAY, "shipped", "a hold-out of 15 % is left alone")),
    ),
    Written(
        title="Negotiate a committed use discount",
        subject=own.REPORTS,
        owner="finance",
        usd_a_quarter=Decimal(900),
        why="15 % of what its calls cost",
        day=HISTORY_DAYS - 20,
        went=((HISTORY_DAYS - 9, "accepted", "with the next renewal"),),
    ),
)
_FOUND: tuple[tuple[Stage, str], ...] = (
    ("accepted", "before the end of the month"),
    ("canary", "for a tenth of the customers"),
    ("rejected", "answers were worse in the trial"),
)
"""What becomes of the dearest items that were found, one after another; the others are only proposed."""

_FOUND_DAY = HISTORY_DAYS - 12


def _backlog(by: Management) -> None:
    """Items that teams wrote, items that were found, and what was shipped measured."""
    backlog = Backlog(by.ledger, by.policies, by.book_with(()))
    for item in _WRITTEN:
        _write(by, item)
    backlog.refresh(by.at(_FOUND_DAY, _NIGHT))
    found = sorted(
        (item for item in backlog.shelf.all().values() if not item.by_hand and item.state == "proposed"),
        key=lambda item: (-item.dollars_a_quarter, item.id),
    )
    for number, ((stage, note), item) in enumerate(zip(_FOUND, found, strict=False)):
        for to in ("accepted", "canary") if stage == "canary" else (stage,):
            _move(by, item.id, to, _FOUND_DAY + 3 + number, item.owner or "finance", note)
    backlog.refresh(by.at(HISTORY_DAYS, _NIGHT))


def _write(by: Management, item: Written) -> None:
    now = by.at(item.day)
    made = Opportunity(
        id=slug(item.title),
        kind="by_hand",
        subject_kind="feature",
        subject=item.subject,
        title=item.title,
        formula=item.why,
        dollars_a_quarter=item.usd_a_quarter,
        owner=item.owner,
        deadline=by.calendar.day(item.day + 30),
        found_at=now,
        seen_at=now,
    )
    add(by.ledger.state, made, by=item.owner, now=now)
    for day, stage, note in item.went:
        _move(by, made.id, stage, day, item.owner, note)


def _move(by: Management, id_: str, stage: Stage, day: int, actor: str, note: str) -> None:
    now = by.at(day, time(15))

    shipped_on = now.date() if stage == "shipped" else None
    move(by.ledger.state, id_, stage, Ruling(by=actor, at=now, note=note, shipped_on=shipped_on))


# -- reviews


_DECIDED: tuple[tuple[Verdict, str], ...] = (
    ("accept", "first on the list"),
    ("defer", "after the release"),
    ("reject", "the target is to be looked at"),
)


def _reviews(by: Management) -> None:
    """The last weeks that are over, each made on the Monday after and decided on in its meeting, but for the last one: that meeting
    is still to be. Of the quarter before, the days that the company has lived.
    """
    margins, book = Margins(by.ledger, by.policies), by.book_with(())
    weekly = Reviewer(margins=margins, policy=by.reviews, book=book)
    last = week_of(by.calendar.until).before()
    for week in (last.before(weeks) for weeks in reversed(range(REVIEWS))):
        monday = datetime.combine(week.end, _MORNING, UTC)
        review = weekly.review(week, monday)
        if week != last:
            _decide(weekly, week, [(action.id, action.owner) for action in review.actions], monday)
    quarterly = QuarterlyReviewer(margins=margins, policy=by.reviews, book=book)
    quarter = quarterly.last_quarter(by.at(HISTORY_DAYS))
    if quarter.end > by.calendar.opened:
        quarterly.review(quarter, datetime.combine(quarter.end, _MORNING, UTC) + timedelta(days=1))


def _decide(weekly: Reviewer, week: Week, actions: Iterable[tuple[str, str]], monday: datetime) -> None:
    for (id_, owner), (verdict, note) in zip(actions, _DECIDED, strict=False):
        decision = Decision(
            verdict=verdict,
            at=monday + timedelta(hours=2),
            actor=owner or "finance",
            owner=owner or "finance",
            by=week.end + timedelta(days=14),
            note=note,
        )
        weekly.decide(week, id_, decision, monday + timedelta(hours=2))
