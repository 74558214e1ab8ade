"""`reviews:` of floorline.yaml: targets, tiers of models and market figures."""

from dataclasses import replace
from decimal import Decimal
from typing import cast, get_args

from floorline.config.reader import Value
from floorline.config.settings import names_below, required_below
from floorline.reviews.policy import MarketFigure, ReviewPolicy, Targets, Tier


def read_reviews(value: Value) -> ReviewPolicy:
    """What the section says, and the defaults of what it does not."""
    table = value.table(names_below("reviews"))
    weeks = table["structural_weeks"].whole(minimum=1) if "structural_weeks" in table else None
    return ReviewPolicy(
        targets=_targets(table["targets"]) if "targets" in table else Targets(),
        tiers=_tiers(table["tiers"]) if "tiers" in table else {},
        market=_market(table["market"]) if "market" in table else (),
        structural_weeks=weeks or ReviewPolicy().structural_weeks,
    )


def _targets(value: Value) -> Targets:
    table = value.table(names_below("reviews.targets"))
    stated = {name: entry.number(minimum=Decimal(0), maximum=Decimal(1)) for name, entry in table.items()}
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
