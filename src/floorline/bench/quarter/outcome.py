"""What fired in a quarter, held beside what was planted; and many quarters as one table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from floorline.bench.quarter.company import DAYS, FEATURES, PROVIDER, Quarter
from floorline.bench.quarter.erosion import CAUSES, KINDS, POINTS, Erosion
from floorline.bench.quarter.playing import WARM_DAYS, Firing

Number = TypeVar("Number", int, float)
WEEK_DAYS = 7
_WATCHED_DAYS = DAYS - WARM_DAYS + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What became of one erosion: after how many of its days something fired for it (None: nothing in the quarter), and the
    part that the first alert of its feature named, '' without one.
    """

    erosion: Erosion
    days: int | None
    rule: str
    driver: str

    @property
    def in_week(self) -> bool:
        """Whether it was found within its first seven days."""
        return self.days is not None and self.days <= WEEK_DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the alerts made of one quarter. `false` are the firings that no erosion explains."""

    seed: int
    found: tuple[Found, ...]
    false: tuple[Firing, ...]

    @property
    def false_a_month(self) -> float:
        """False alarms in 30 days."""
        return len(self.false) * 30 / _WATCHED_DAYS


def outcome(quarter: Quarter, fired: Sequence[Firing]) -> Outcome:
    """Every firing held beside what was planted. One is true when an erosion that began explains it (`_explains`), whatever
    the rule. The company's alert counts as the find of an erosion only while there is one that it can be about.
    """
    by_erosion: dict[Erosion, list[Firing]] = {one: [] for one in quarter.erosions}
    false: list[Firing] = []
    for firing in fired:
        explained = [one for one in quarter.erosions if _explains(quarter, one, firing)]
        if not explained:
            false.append(firing)
        elif firing.kind != "company" or len(explained) == 1:
            for one in explained:
                by_erosion[one].append(firing)
    found = tuple(_found(erosion, firings) for erosion, firings in by_erosion.items())
    return Outcome(seed=quarter.seed, found=found, false=tuple(false))


def _explains(quarter: Quarter, erosion: Erosion, firing: Firing) -> bool:
    """Whether a firing can be about an erosion that had begun: its feature, a customer whose own figures it changes, the whole
    company; or about the price that rises, which is known on the first morning.
    """
    if firing.kind == "model":
        model = next(feature.model for feature in FEATURES if feature.name == erosion.feature)
        return erosion.kind == "price_rise" and firing.subject == f"{PROVIDER}/{model}" and erosion.day <= firing.day
    if firing.day <= erosion.day:
        return False
    if firing.kind == "feature":
        return firing.subject == erosion.feature
    return firing.kind == "company" or firing.subject in quarter.affected[erosion]


def _found(erosion: Erosion, firings: Sequence[Firing]) -> Found:
    named = (one.driver for one in firings if one.subject == erosion.feature and one.driver)
    return Found(
        erosion=erosion,
        days=firings[0].day - erosion.day if firings else None,
        rule=firings[0].rule if firings else "",
        driver=next(named, ""),
    )


HEAD = ("erosion", "planted", "found", "in a week", "days, median", "days, P90", "driver named", "driver right")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Some erosions together. The days are of those that were found; `right` of the `named` drivers are the cause."""

    name: str
    planted: int
    found: int
    in_week: int
    days_median: float | None
    days_p90: int | None
    named: int
    right: int

    def cells(self) -> tuple[str, ...]:
        """As HEAD has it."""
        days = ("–", "–") if self.days_median is None else (f"{self.days_median:g}", f"{self.days_p90}")
        return (
            self.name,
            str(self.planted),
            f"{self.found} ({_share(self.found, self.planted)})",
            f"{self.in_week} ({_share(self.in_week, self.planted)})",
            *days,
            str(self.named),
            f"{self.right} ({_share(self.right, self.named)})",
        )


def tallies(outcomes: Iterable[Outcome]) -> list[Tally]:
    """By size, by kind, and by both."""
    found = [one for outcome in outcomes for one in outcome.found]
    rows = [_tally(f"{points} points", _of_size(found, points)) for points in POINTS]
    for kind in KINDS:
        of_kind = [one for one in found if one.erosion.kind == kind]
        rows.append(_tally(kind, of_kind))
        rows += [_tally(f"{kind}, {points} points", _of_size(of_kind, points)) for points in POINTS]
    return rows


def _of_size(found: Iterable[Found], points: int) -> list[Found]:
    return [one for one in found if one.erosion.points == points]


def _tally(name: str, some: Sequence[Found]) -> Tally:
    days = sorted(one.days for one in some if one.days is not None)
    named = [one for one in some if one.driver]
    return Tally(
        name=name,
        planted=len(some),
        found=len(days),
        in_week=sum(one.in_week for one in some),
        days_median=median(days) if days else None,
        days_p90=_p90(days) if days else None,
        named=len(named),
        right=sum(one.driver == CAUSES[one.erosion.kind] for one in named),
    )


def false_alarms(outcomes: Sequence[Outcome]) -> tuple[float, float]:
    """False alarms a month: the median quarter and the 90th percentile."""
    rates = sorted(one.false_a_month for one in outcomes)
    return median(rates), _p90(rates)


def _p90(ordered: Sequence[Number]) -> Number:
    """The nearest rank."""
    return ordered[-(-len(ordered) * 9 // 10) - 1]


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"
