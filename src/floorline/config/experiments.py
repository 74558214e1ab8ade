"""`experiments:` of floorline.yaml: what is tried on a share of a feature's customers."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import cast

from msgspec.structs import replace

from floorline.config.reader import Entry, Value
from floorline.config.settings import names_below, required_below
from floorline.guardrails.experiments.rule import METRICS, Experiment, Metric
from floorline.guardrails.frame import MILLION
from floorline.guardrails.rules import Guardrails

_EXPERIMENT = "experiments.<experiment>"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
EACH_MAX, PAIRS_MAX = 1_000, 1_000_000


def read_experiments(value: Value) -> tuple[Experiment, ...]:
    """Every experiment. No two send calls of one feature and step to another model: which would it be?"""
    found = [one for name, entry in value.entries().items() if (one := _experiment(name, entry)) is not None]
    moving = [one for one in found if one.model]
    for place, one in enumerate(moving):
        other = next((other for other in moving[:place] if _meet(one, other)), None)
        if other is not None:
            value.complain(
                f"`{value.path}`: {other.name} and {one.name} both send calls of {one.feature} to another model: end one of them first"
            )
    return tuple(found)


def _meet(one: Experiment, other: Experiment) -> bool:
    """Whether a call may be of both."""
    return one.feature == other.feature and (one.step == other.step or not (one.step and other.step))


def with_experiments(rails: Guardrails | None, experiments: Iterable[Experiment]) -> Guardrails | None:
    """The guardrails with what is tried on each feature."""
    by_feature: dict[str, tuple[Experiment, ...]] = {}
    for one in experiments:
        by_feature[one.feature] = (*by_feature.get(one.feature, ()), one)
    if not by_feature:
        return rails
    rails = rails or Guardrails()
    features = {name: replace(rails.of(name), experiments=found) for name, found in by_feature.items()}
    return replace(rails, features={**rails.features, **features})


def _experiment(name: str, entry: Entry) -> Experiment | None:
    value = entry.value
    if not _NAME.fullmatch(name):
        entry.key.complain(
            f"`{value.path}`: its name goes out as a header: write it with letters, digits, `.`, - and _"
        )
    table = value.table(names_below(_EXPERIMENT), required=required_below(_EXPERIMENT))
    feature = table["feature"].text() if "feature" in table else None
    if feature is None:
        return None
    default = Experiment(name=name, feature=feature)
    metric = table["metric"].one_of(METRICS) if "metric" in table else None
    margin = _points(table, "margin", default.margin)
    stated = table["share"].share_ppm() if "share" in table else None
    share = default.share_ppm if stated is None else stated
    if not 0 < share < MILLION:
        table["share"].complain(f"`{table['share'].path}`: both sides need customers: write a share between, as 50%")
    return replace(
        default,
        step=(table["step"].text() if "step" in table else None) or "",
        model=(table["model"].text() if "model" in table else None) or "",
        share_ppm=share,
        metric=cast("Metric", metric or default.metric),
        margin=margin,
        harm=_points(table, "harm", margin),
        pairs=_whole(table, "pairs", PAIRS_MAX, default.pairs),
        each=_whole(table, "each", EACH_MAX, default.each),
        adopt="adopt" in table and table["adopt"].flag() is True,
    )


def _points(table: Mapping[str, Value], name: str, default: float) -> float:  # float: a margin of a rate, not money
    """A number of points, as a share above 0."""
    ppm = table[name].share_ppm() if name in table else None
    if ppm is None:
        return default
    if ppm == 0:
        table[name].complain(
            f"`{table[name].path}`: nothing is shown to be equal to the last digit: write it above 0, as in 2%"
        )
    return float(Decimal(ppm) / MILLION)  # float: as above


def _whole(table: Mapping[str, Value], name: str, most: int, default: int) -> int:
    found = table[name].whole(minimum=1) if name in table else None
    if found is not None and found > most:
        table[name].complain(f"`{table[name].path}` is {found}: at most {most}")
    return default if found is None else found
