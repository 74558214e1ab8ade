"""Which steps eat the spend: the fewest (workflow, step, call type, model) that make up a given share of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from floorline.margin.metrics import per, ratio_of
from floorline.margin.queries import StepRow
from floorline.money import usd_of

DEFAULT_SHARE = Decimal("0.80")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Spend of one step. `completed` are the successful outcomes of its workflow in the window, None where it has none;
    `cost_per_completed` is this step's part of the cost of one.
    """

    workflow: str
    step: str
    call_type: str
    model: str
    calls: int
    cost: Decimal
    share: Decimal
    cumulative_share: Decimal
    cost_per_call: Decimal | None
    completed: int | None
    cost_per_completed: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepsReport:
    """The steps by cost, greatest first, until `share` of `total_cost` is reached; `steps_in_all` counts every one."""

    share: Decimal
    total_cost: Decimal
    steps: tuple[Step, ...]
    steps_in_all: int
    unpriced_calls: int


def smallest_set(rows: Iterable[StepRow], completed: Mapping[str, int], share: Decimal = DEFAULT_SHARE) -> StepsReport:
    """The fewest steps whose cost reaches `share` (0 to 1) of the total. `completed`: workflow → successful outcomes."""
    ordered = sorted(rows, key=lambda r: (-r.cost, r.workflow, r.step, r.call_type, r.model))
    total = sum(row.cost for row in ordered)
    chosen: list[Step] = []
    reached = 0
    for row in ordered:
        if row.cost <= 0 or Decimal(reached) >= share * total:
            break
        reached += row.cost
        chosen.append(_step(row, reached, total, completed.get(row.workflow) or None))
    return StepsReport(
        share=share,
        total_cost=usd_of(total),
        steps=tuple(chosen),
        steps_in_all=len(ordered),
        unpriced_calls=sum(row.unpriced for row in ordered),
    )


def _step(row: StepRow, reached: int, total: int, completed: int | None) -> Step:
    share, cumulative = ratio_of(row.cost, total), ratio_of(reached, total)
    assert share is not None
    assert cumulative is not None
    return Step(
        workflow=row.workflow,
        step=row.step,
        call_type=row.call_type,
        model=row.model,
        calls=row.calls,
        cost=usd_of(row.cost),
        share=share,
        cumulative_share=cumulative,
        cost_per_call=per(row.cost, row.calls - row.unpriced),
        completed=completed,
        cost_per_completed=per(row.cost, completed),
    )
