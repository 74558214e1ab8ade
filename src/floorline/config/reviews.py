"""`reviews:` of floorline.yaml: targets, tiers of models and market figures."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import time
from decimal import Decimal
from typing import cast, get_args

from floorline.config.policies import read_names
from floorline.config.reader import Value, nearest
from floorline.config.settings import names_below, required_below
from floorline.reviews.policy import DAY_MAX, MarketFigure, Quarterly, ReviewPolicy, Targets, Tier, Weekly

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_NO_RATIOS = ("cost_per_call", "cost_per_outcome", "cost_per_user", "ltv_to_cac")
"""Targets that may be more than 1."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def read_reviews(value: Value, routes: Iterable[str]) -> ReviewPolicy:
    """What the section says, and the defaults of what it does not; `routes` are the names of `delivery`."""
    table = value.table(names_below("reviews"))
    weeks = table["structural_weeks"].whole(minimum=1) if "structural_weeks" in table else None
    by_week, by_quarter = table.get("weekly"), table.get("quarterly")
    default = ReviewPolicy()
    return ReviewPolicy(
        weekly=_weekly(by_week, default.weekly) if by_week else default.weekly,
        quarterly=_quarterly(by_quarter, default.quarterly) if by_quarter else default.quarterly,
        routes=_routes(table["routes"], routes) if "routes" in table else None,
        targets=_targets(table["targets"]) if "targets" in table else Targets(),
        tiers=_tiers(table["tiers"]) if "tiers" in table else {},
        market=_market(table["market"]) if "market" in table else (),
        structural_weeks=weeks or default.structural_weeks,
    )


def _weekly(value: Value, default: Weekly) -> Weekly:
    table = value.table(names_below("reviews.weekly"))
    day = table["day"].one_of(WEEKDAYS) if "day" in table else None
    return Weekly(
        weekday=default.weekday if day is None else WEEKDAYS.index(day),
        at=(_time(table["time"]) if "time" in table else None) or default.at,
    )


def _quarterly(value: Value, default: Quarterly) -> Quarterly:
    table = value.table(names_below("reviews.quarterly"))
    day = table["day"].whole(minimum=1) if "day" in table else None
    if day is not None and day > DAY_MAX:
        table["day"].complain(f"`{table['day'].path}` is {day}, it must be at most {DAY_MAX}: every month has that day")
        day = None
    return Quarterly(day=day or default.day, at=(_time(table["time"]) if "time" in table else None) or default.at)


def _time(value: Value) -> time | None:
    content = value.text()
    match = _TIME.fullmatch(content) if content else None
    if content and match is None:
        value.complain(f'`{value.path}` is {content!r}, which is no time of day: write it as "08:00"')
    return time(int(match[1]), int(match[2])) if match else None


def _routes(value: Value, known: Iterable[str]) -> tuple[str, ...]:
    names = read_names(value)
    for name in names:
        if name not in known:
            value.complain(f"`{value.path}` names {name!r}: {nearest(name, known)}")
    return names


def _targets(value: Value) -> Targets:
    table = value.table(names_below("reviews.targets"))
    stated = {
        name: entry.number(minimum=Decimal(0), maximum=None if name in _NO_RATIOS else Decimal(1))
        for name, entry in table.items()
    }
    return replace(Targets(), **{name: ratio for name, ratio in stated.items() if ratio is not None})


def _tiers(value: Value) -> dict[str, Tier]:
    stated = {name: entry.value.one_of(get_args(Tier)) for name, entry in value.entries().items()}
    return {name: cast("Tier", tier) for name, tier in stated.items() if tier is not None}


def _market(value: Value) -> tuple[MarketFigure, ...]:
    return tuple(figure for item in value.items() if (figure := _figure(item)) is not None)


def _figure(item: Value) -> MarketFigure | None:
    table = item.table(names_below("reviews.market[]"), required=required_below("reviews.market[]"))
    name, source, feature = (table[key].text() if key in table else None for key in ("name", "source", "feature"))
    margin = table["margin"].number(minimum=Decimal(-1), maximum=Decimal(1)) if "margin" in table else None
    day = table["date"].day() if "date" in table else None
    if name is None or source is None or margin is None or day is None:
        return None
    return MarketFigure(name=name, margin=margin, source=source, date=day, feature=feature or "")
