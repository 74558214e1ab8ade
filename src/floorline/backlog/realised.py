"""What a shipped opportunity brought: the cost before against the cost after, at the volume of after.

    realised = (cost per outcome or call before − after) × outcomes or calls after, scaled to a quarter

A plan or a customer is measured by its margin a day instead: what moves there is revenue as much as cost.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from floorline import money
from floorline.backlog.model import QUARTER_DAYS, Opportunity, Per, Realised
from floorline.margin.baseline import Entry
from floorline.margin.changelog import GRACE_DAYS, describe
from floorline.margin.series import Stretch
from floorline.money import ZERO, usd_of

WINDOW_DAYS = 28
DAYS_MIN = 7
CALLS_MIN = 100
OUTCOMES_MIN = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """The days before an item was shipped and the days after, the day itself in neither."""

    before_start: date
    before_end: date
    after_start: date
    after_end: date


def windows(shipped_on: date, today: date) -> Windows | None:
    """Up to WINDOW_DAYS on each side; None while fewer than DAYS_MIN whole days are over since."""
    after = shipped_on + timedelta(days=1)
    end = min(today, after + timedelta(days=WINDOW_DAYS))
    if (end - after).days < DAYS_MIN:
        return None
    return Windows(
        before_start=shipped_on - timedelta(days=WINDOW_DAYS), before_end=shipped_on, after_start=after, after_end=end
    )


def measure(
    item: Opportunity, span: Windows, before: Stretch, after: Stretch, *, now: datetime, crossings: Sequence[Entry] = ()
) -> Realised | str:
    """What the item brought by the sums of its subject over both windows, or why that cannot be said.

    `crossings` are the changes of the feature's baselines within the windows. One near the day of shipping is the item
    itself; another one moved the same cost, and the measure says so.
    """
    days = (span.after_end - span.after_start).days
    if item.subject_kind in {"plan", "customer"}:
        per, old, new, volume = "day", *_margins(before, after, span), days
        gained = new - old
    else:
        counted = _costs(before, after)
        if counted is None:
            return f"fewer than {CALLS_MIN} priced calls before or after {item.shipped_on}: too few to compare"
        per, old, new, volume = counted
        gained = old - new
    return Realised(
        at=now,
        before_start=span.before_start,
        before_end=span.before_end,
        after_start=span.after_start,
        after_end=span.after_end,
        per=per,
        before=old,
        after=new,
        volume=volume,
        dollars_a_quarter=money.multiply(gained * volume, Decimal(QUARTER_DAYS), days),
        caveats=tuple(
            f"a baseline changed too: {describe(entry)}"
            for entry in crossings
            if item.shipped_on is None or abs((entry.start - item.shipped_on).days) > GRACE_DAYS
        ),
    )


def _margins(before: Stretch, after: Stretch, span: Windows) -> tuple[Decimal, Decimal]:
    """Margin a day before and after, USD."""
    return (
        money.multiply(usd_of(before.margin_pico), Decimal(1), (span.before_end - span.before_start).days),
        money.multiply(usd_of(after.margin_pico), Decimal(1), (span.after_end - span.after_start).days),
    )


def _costs(before: Stretch, after: Stretch) -> tuple[Per, Decimal, Decimal, int] | None:
    """Cost of one outcome where there are enough on both sides, else of one priced call: before, after, how many after."""
    if min(before.outcomes.successes, after.outcomes.successes) >= OUTCOMES_MIN:
        old, new = (
            money.multiply(usd_of(one.sums.effective), Decimal(1), one.outcomes.successes) for one in (before, after)
        )
        return "outcome", old, new, after.outcomes.successes
    priced = [one.sums.calls - one.sums.unpriced for one in (before, after)]
    old, new = before.cost_per_call, after.cost_per_call
    if min(priced) < CALLS_MIN or old is None or new is None:
        return None
    return "call", old, new, priced[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemImpact:
    """What one shipped item was to bring in a stretch of days and what it brought, USD; None until it is measured."""

    item: Opportunity
    promised: Decimal
    realised: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """Shipped items over a stretch of days. The sums are those of the items: `realised` counts the measured ones."""

    start: date
    end: date
    items: tuple[ItemImpact, ...]
    promised: Decimal
    realised: Decimal


def shipped_impact(items: Iterable[Opportunity], start: date, end: date) -> Impact:
    """What items that are shipped brought from `start` to the day before `end`, each from the day after it was shipped on.

    Stretches that meet add up to the whole, to the last digit.
    """
    found = [
        ItemImpact(
            item=item,
            promised=_earned(item.promised or item.dollars_a_quarter, item.shipped_on, start, end),
            realised=None
            if item.realised is None
            else _earned(item.realised.dollars_a_quarter, item.shipped_on, start, end),
        )
        for item in sorted(items, key=lambda one: one.id)
        if item.state in {"shipped", "measured"} and item.shipped_on is not None and item.shipped_on + _ONE_DAY < end
    ]
    return Impact(
        start=start,
        end=end,
        items=tuple(found),
        promised=sum((one.promised for one in found), ZERO),
        realised=sum((one.realised for one in found if one.realised is not None), ZERO),
    )


_ONE_DAY = timedelta(days=1)


def _earned(a_quarter: Decimal, shipped_on: date, start: date, end: date) -> Decimal:
    def until(day: date) -> Decimal:
        days = max(0, (day - shipped_on).days - 1)
        return money.multiply(a_quarter, Decimal(days), QUARTER_DAYS)

    return until(end) - until(start)
