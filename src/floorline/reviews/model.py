"""A weekly review as it is kept: what the meeting saw, what was proposed, what was decided."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from floorline.margin.floors import Zone

Direction = Literal["improving", "stable", "degrading", "unknown"]
Verdict = Literal["accept", "reject", "defer", "done"]
VERDICTS: tuple[Verdict, ...] = ("accept", "reject", "defer", "done")
Unit = Literal["usd", "ratio", "number"]


class Decision(Struct, frozen=True, kw_only=True):
    """What was decided of an action: by whom it is done, by when, and who recorded it."""

    verdict: Verdict
    at: datetime
    actor: str
    owner: str = ""
    by: date | None = None
    note: str = ""


class Action(Struct, frozen=True, kw_only=True):
    """Something to do, named by what it is about (`floor/chat`), so that it is the same one week after week.

    `since` is the week that first proposed it. `proposed`: this week's figures propose it, rather than an earlier
    week that left it open. `earlier` tells of a rejection before.
    """

    id: str
    what: str
    why: str
    owner: str = ""
    usd_a_month: Decimal | None = None
    by: date | None = None
    since: str
    weeks_open: int = 0
    proposed: bool = True
    earlier: str = ""
    decision: Decision | None = None

    @property
    def is_open(self) -> bool:
        """Whether it carries over: undecided, deferred, or accepted and not done."""
        return self.decision is None or self.decision.verdict in {"accept", "defer"}


class FeatureLine(Struct, frozen=True, kw_only=True):
    """A feature's week against its floor. `short` is what its margin lacks of the floor in USD of the week, None where
    unknown; `weeks` are the margin ratios of four weeks, oldest first. `baselines` began within
    them; `note` is what is to be said of the floor. The total has no name, floor or zone.
    """

    feature: str
    owner: str = ""
    revenue: Decimal
    cost: Decimal
    margin: Decimal
    ratio: Decimal | None
    ratio_before: Decimal | None
    floor: Decimal | None = None
    zone: Zone = "unknown"
    short: Decimal | None = None
    calls: int = 0
    unpriced_calls: int = 0
    weeks: tuple[Decimal | None, ...] = ()
    direction: Direction = "unknown"
    change: Decimal | None = None
    noise: Decimal | None = None
    why: str = ""
    baselines: tuple[str, ...] = ()
    note: str = ""


class EconomicsLine(Struct, frozen=True, kw_only=True):
    """One figure of the unit economics, this week (or month) and last, beside its target. `at_least`: the target is a least
    figure, otherwise a greatest. `met` is None where figure or target is unknown.
    """

    name: str
    label: str
    unit: Unit
    this_week: Decimal | None
    last_week: Decimal | None
    target: Decimal | None = None
    at_least: bool = False
    met: bool | None = None
    note: str = ""


class AlertLine(Struct, frozen=True, kw_only=True):
    """An alert that was open in the week. Times of response are in minutes, None where it was not answered yet."""

    id: str
    rule: str
    subject: str
    state: str
    opened: datetime
    minutes_to_acknowledge: int | None = None
    minutes_to_resolve: int | None = None
    usd_a_month: Decimal | None = None
    driver: str = ""
    lever: str = ""
    owner: str = ""
    by: datetime | None = None
    overdue: bool = False


class Part(Struct, frozen=True, kw_only=True):
    """One part of a sum in USD."""

    name: str
    usd: Decimal


class Explained(Struct, frozen=True, kw_only=True):
    """Why a feature's margin changed from last week to this: parts that add up to `change`. `crossings` are the baselines
    that began meanwhile: before and after them costs are not of one kind.
    """

    feature: str
    change: Decimal
    parts: tuple[Part, ...]
    driver: str = ""
    lever: str = ""
    crossings: tuple[str, ...] = ()


class Upcoming(Struct, frozen=True, kw_only=True):
    """A change that is coming, and what it is forecast to do to the margin a month, None where nobody can say. `due`: the
    week that is reviewed must decide on it, and `owner` answers for that.
    """

    kind: Literal["baseline", "exception", "price", "backlog", "contract"]
    on: date | None
    subject: str
    what: str
    usd_a_month: Decimal | None = None
    due: bool = False
    owner: str = ""


class PriceLine(Struct, frozen=True, kw_only=True):
    """A price that changed in the week, and what that makes of this company's own use of the last four weeks, a month."""

    provider: str
    model: str
    on: date
    what: str
    usd_a_month: Decimal | None = None


class NewModel(Struct, frozen=True, kw_only=True):
    """A model that was called for the first time in the week."""

    provider: str
    model: str
    first: date
    calls: int
    cost: Decimal | None
    tier: str = ""


class WeeklyReview(Struct, frozen=True, kw_only=True):
    """Everything the meeting of one week sees. Days are of `timezone`, `end` exclusive, money is USD. `notes` say what
    is missing or thin. `whole`: the week was over when it was made.
    """

    id: str
    start: date
    end: date
    timezone: str
    made_at: datetime
    whole: bool
    features: tuple[FeatureLine, ...]
    total: FeatureLine
    economics: tuple[EconomicsLine, ...]
    actions: tuple[Action, ...]
    alerts: tuple[AlertLine, ...] = ()
    explained: tuple[Explained, ...] = ()
    waterfall: tuple[Part, ...] = ()
    upcoming: tuple[Upcoming, ...] = ()
    prices: tuple[PriceLine, ...] = ()
    new_models: tuple[NewModel, ...] = ()
    notes: tuple[str, ...] = ()
