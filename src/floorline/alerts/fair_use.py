"""Fair use: customers and users that cost many times their own usual day, and what that looks like.

    Habit (a day against the days before) ▸ unfair ▸ Suspect ▸ (Pattern of the day) ▸ event of the guardrail `fair_use`

A day is measured by what its calls cost. The usual is the median of the days on which the subject called at all, so that a
quiet week does not make an ordinary day look wild; without DAYS_MIN of them nothing is said.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

from floorline.alerts.events import GuardEvent
from floorline.alerts.figures import MONTH_DAYS, dollars, percent
from floorline.alerts.swings import median
from floorline.alerts.tuning import MILLION, Setting

RULE_ID = "usual day"
DAYS_MIN = 5
"""Days with calls that make a habit."""

ROUND_THE_CLOCK_HOURS = 20
MINUTE_MAX = 60
EVEN_CALLS_MIN = 30
_EVEN_PPM = 100_000
_MOST_PPM = 800_000
_MORE_PPM = 300_000

Who = Literal["customer", "user"]


class Habit(NamedTuple):
    """One subject's day and the costs of its days before on which it called, 10^-12 USD. A user is of one customer."""

    scope: Who
    customer: str
    user: str
    calls: int
    cost: int
    days: Sequence[int]

    @property
    def subject(self) -> str:
        """`acme`, or `acme/ann`."""
        return self.customer if self.scope == "customer" else f"{self.customer}/{self.user}"


class Suspect(NamedTuple):
    """A habit that a day is far beyond, and the usual, 10^-12 USD."""

    habit: Habit
    usual: int


class Share(NamedTuple):
    """What most of a day's cost goes to (a feature, a key, a user), its share of the day, and its share of the days before."""

    name: str
    day_ppm: int
    before_ppm: int

    @property
    def is_new(self) -> bool:
        """Whether the day is nearly all of it, and the days before were not."""
        return bool(self.name) and self.day_ppm >= _MOST_PPM and self.day_ppm - self.before_ppm >= _MORE_PPM


class Pattern(NamedTuple):
    """How a day's calls came: in how many of its hours, how many in the fullest minute, and the quartiles of the time between
    one and the next in milliseconds; and what most of their cost went to.
    """

    hours: int
    busiest_minute: int
    calls: int
    gap_low_ms: int
    gap_high_ms: int
    feature: Share
    key: Share
    user: Share


def unfair(habits: Iterable[Habit], by: Setting) -> Iterator[Suspect]:
    """Those whose day costs `threshold` times the usual, with as many calls and dollars a month as `by` asks for."""
    for habit in habits:
        if len(habit.days) < DAYS_MIN or habit.calls < by.calls_min:
            continue
        usual = median(habit.days)
        excess = (habit.cost - usual) * MONTH_DAYS
        if usual > 0 and habit.cost * MILLION >= usual * by.threshold_ppm and excess >= by.stake_min_pico:
            yield Suspect(habit, usual)


def reason(pattern: Pattern, scope: Who) -> str:
    """What the day looks like, the surest sign first."""
    automated = _automated(pattern)
    signs = [f"automation ({automated})"] if automated else []
    shares = (
        ("feature", pattern.feature),
        ("key", pattern.key),
        *((("user", pattern.user),) if scope == "customer" else ()),
    )
    signs += [f"{percent(share.day_ppm)} of it is of the {what} {share.name}" for what, share in shares if share.is_new]
    return ", ".join(signs) or "more of everything"


def _automated(pattern: Pattern) -> str:
    """What shows that no person calls; '' where nothing does."""
    if pattern.hours >= ROUND_THE_CLOCK_HOURS:
        return f"calls in {pattern.hours} hours of the day"
    if pattern.busiest_minute > MINUTE_MAX:
        return f"{pattern.busiest_minute} calls in a minute"
    spread = pattern.gap_high_ms - pattern.gap_low_ms
    if pattern.calls >= EVEN_CALLS_MIN and spread * MILLION <= pattern.gap_high_ms * _EVEN_PPM:
        return f"a call every {Decimal(pattern.gap_high_ms) / 1000:.1f} s"
    return ""


def event(suspect: Suspect, pattern: Pattern, day: date, now: datetime, by: Setting) -> GuardEvent:
    """What the alerts are told. It holds until the end of the day after: whoever looks in the morning still finds it."""
    habit = suspect.habit
    over = datetime.combine(day + timedelta(days=2), time(), now.tzinfo)
    return GuardEvent(
        kind="fair_use",
        rule_id=RULE_ID,
        scope=habit.scope,
        subject=habit.subject,
        period=day.isoformat(),
        resets_at=over,
        step=by.threshold,
        used=dollars(habit.cost),
        limit=dollars(suspect.usual),
        at=now,
        reason=reason(pattern, habit.scope),
    )
