"""Pictures of made-up companies: each row a function of the day's number, 0 being Monday 5 January 2026."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from floorline.alerts.condition import Condition
from floorline.alerts.evaluation import verdicts
from floorline.alerts.figures import Picture, Tracks
from floorline.alerts.model import Alert
from floorline.alerts.rules import conditions
from floorline.alerts.tuning import Tuning
from floorline.margin.floors import Floor, floor_on
from floorline.margin.metrics import NO_CALLS
from floorline.margin.policy import FeaturePolicy
from floorline.margin.series import NOTHING, Series, Stretch

START = date(2026, 1, 5)
Row = Callable[[int], Stretch]


def stretch(revenue: str | int, cost: str | int, calls: int = 200, *, unattributed: str | int = 0) -> Stretch:
    """A day in dollars, all of its cost the calls' own."""
    pico = int(Decimal(cost) * 10**12)
    sums = NO_CALLS._replace(calls=calls, effective=pico, unattributed=int(Decimal(unattributed) * 10**12))
    return Stretch(int(Decimal(revenue) * 10**12), pico, sums)


def steady(revenue: str | int, cost: str | int, calls: int = 200) -> Row:
    """The same every day."""
    return lambda _: stretch(revenue, cost, calls)


def picture(
    days: int,
    features: Mapping[str, Row] | None = None,
    customers: Mapping[str, Row] | None = None,
    *,
    total: Row | None = None,
    floors: Mapping[str, Floor] | None = None,
    **more: object,
) -> Picture:
    """What is known after `days` days. The total is the sum of the features, or what is stated."""
    by_feature = {(name,): [row(day) for day in range(days)] for name, row in (features or {}).items()}
    by_customer = {(name,): [row(day) for day in range(days)] for name, row in (customers or {}).items()}
    sums = [total(day) for day in range(days)] if total else _summed(days, by_feature or by_customer)
    today = START + timedelta(days=days)
    return Picture(
        now=datetime.combine(today, time(6), UTC),
        today=today,
        tracks=Tracks.of(
            Series(by=("feature",), start=START, rows=by_feature, total=sums),
            Series(by=("customer",), start=START, rows=by_customer, total=sums),
        ),
        floors=floors or {name: floor_on(today, FeaturePolicy(name=name)) for name in features or {}},
        **more,
    )


def _summed(days: int, rows: Mapping[tuple[str, ...], Sequence[Stretch]]) -> list[Stretch]:
    total = [NOTHING] * days
    for row in rows.values():
        total = [one.plus(other) for one, other in zip(total, row, strict=True)]
    return total


def said(seen: Picture, rule: str, tuning: Tuning | None = None) -> list[Condition]:
    """What a rule says of the picture."""
    return [one for one in conditions(seen, tuning or Tuning()) if one.rule == rule]


def firing(seen: Picture, tuning: Tuning | None = None) -> list[tuple[str, str]]:
    """Rule and subject of everything that fires."""
    return [(one.rule, one.subject) for one in conditions(seen, tuning or Tuning()) if one.reading == "firing"]


def evaluated(picture: Picture, tuning: Tuning, known: Mapping[str, Alert]) -> dict[str, Alert]:
    """The alerts that change, as they are afterwards; what only a ledger tells about them is left out."""
    changed: dict[str, Alert] = {}
    for verdict in verdicts(picture, tuning, known):
        before = known.get(verdict.id)
        after = verdict.of(before, picture.now)
        if after is not None and after is not before:
            changed[verdict.id] = after
    return changed
