"""The words after `--by`: what each reads from a call, and which table serves a pair of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from floorline.margin.attribution import Attribute

Dimension = Literal[
    "feature", "customer", "plan", "segment", "cohort", "workflow", "outcome", "call-type", "model", "user"
]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
FINER: frozenset[Dimension] = frozenset({"workflow", "outcome", "call-type", "model", "user"})
"""Dimensions below (customer, plan, feature): revenue reaches them by the calls of a cell."""

Column = Literal[
    "customer_id", "customer_of_plan", "user_id", "feature", "plan", "workflow", "call_type", "model", "outcome"
]
Source = Literal["steps_day", "calls_day", "detail_day", "runs_day", "calls"]

_COLUMNS: dict[Dimension, tuple[Column, ...]] = {
    "feature": ("feature",),
    "customer": ("customer_id",),
    "plan": ("plan", "customer_of_plan"),
    "segment": ("customer_id",),
    "cohort": ("customer_id",),
    "workflow": ("workflow",),
    "outcome": ("outcome",),
    "call-type": ("call_type",),
    "model": ("model",),
    "user": ("user_id",),
}
_HELD: dict[Source, frozenset[Column]] = {
    "steps_day": frozenset({"feature", "plan", "workflow", "call_type", "model"}),
    "calls_day": frozenset({"customer_id", "customer_of_plan", "feature", "plan"}),
    "detail_day": frozenset(
        {"customer_id", "customer_of_plan", "user_id", "feature", "plan", "workflow", "call_type", "model"}
    ),
    "runs_day": frozenset({"customer_id", "customer_of_plan", "feature", "plan", "workflow", "outcome"}),
    "calls": frozenset(
        {"customer_id", "customer_of_plan", "user_id", "feature", "plan", "workflow", "call_type", "model", "outcome"}
    ),
}
HISTOGRAM: frozenset[Column] = frozenset({"feature", "plan", "workflow", "call_type", "model"})
"""What the histogram of costs is kept by."""
# `customer_of_plan` is the customer of a call that does not state its plan, empty for one that does.


def columns_of(by: Sequence[Dimension]) -> tuple[Column, ...]:
    """The raw columns that a table by these dimensions is resolved from, each once."""
    wanted: dict[Column, None] = dict.fromkeys(column for dimension in by for column in _COLUMNS[dimension])
    if "customer_id" in wanted:
        wanted.pop("customer_of_plan", None)
    return tuple(wanted)


def table_for(columns: Sequence[Column]) -> Source:
    """The smallest table that holds every one of `columns`."""
    return next(source for source, held in _HELD.items() if held.issuperset(columns))


def attributes_of(by: Sequence[Dimension], *, with_plan: bool) -> tuple[Attribute, ...]:
    """The dated attributes of a customer that a table by these dimensions depends on."""
    wanted: list[Attribute] = ["plan"] if with_plan or "plan" in by else []
    if "segment" in by:
        wanted.append("segment")
    if "cohort" in by:
        wanted.append("cohort")
    return tuple(wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which calls count as the cost of goods sold: one environment and one purpose, or `all`."""

    environment: str = "production"
    purpose: str = "production"
