"""A workflow as a flow of its steps: in which order they are called, what each costs, and which few of them cost most."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from floorline.margin.metrics import per, ratio_of
from floorline.margin.queries import StepRow
from floorline.margin.steps import DEFAULT_SHARE
from floorline.money import usd_of


class StepName(NamedTuple):
    """What tells the steps of one workflow apart; an empty step is told by its call type alone."""

    step: str
    call_type: str

    @property
    def text(self) -> str:
        """What people call it."""
        return self.step or f"({self.call_type})"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowStep:
    """A step of a workflow over all its models, dearest first. `share` is of the workflow's spend; `greatest` says that it is one
    of the fewest steps that make up most of it. `place` is where its first call stands among the steps of a run, 1 at
    first, on average; None where no run says so.
    """

    name: StepName
    models: tuple[str, ...]
    calls: int
    unpriced: int
    failed: int
    retries: int
    cost: Decimal
    retry_cost: Decimal
    share: Decimal | None
    cost_per_call: Decimal | None
    cost_per_completed: Decimal | None
    greatest: bool
    place: Decimal | None = None

    @property
    def cost_known(self) -> bool:
        """Whether any of its calls has a price."""
        return self.calls > self.unpriced or bool(self.cost)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """The steps of one workflow, in the order of their calls where `in_order`, else the dearest first. `completed` are the
    workflow's successful outcomes, None where no outcome names it.
    """

    workflow: str
    steps: tuple[FlowStep, ...]
    completed: int | None
    in_order: bool = False

    @property
    def cost(self) -> Decimal:
        """What its calls cost, USD."""
        return sum((step.cost for step in self.steps), usd_of(0))

    @property
    def retry_cost(self) -> Decimal:
        """What of it went into attempts that did not serve."""
        return sum((step.retry_cost for step in self.steps), usd_of(0))

    @property
    def greatest(self) -> tuple[FlowStep, ...]:
        """The few steps that make up most of it."""
        return tuple(step for step in self.steps if step.greatest)


@dataclass(slots=True)
class _Sums:
    calls: int = 0
    unpriced: int = 0
    failed: int = 0
    retries: int = 0
    cost: int = 0
    retry: int = 0

    def add(self, row: StepRow) -> None:
        self.calls += row.calls
        self.unpriced += row.unpriced
        self.failed += row.failed
        self.retries += row.retries
        self.cost += row.cost
        self.retry += row.retry


def flow_of(
    workflow: str,
    rows: Iterable[StepRow],
    *,
    completed: int | None,
    share: Decimal = DEFAULT_SHARE,
) -> Flow:
    """The flow of one workflow's `rows`, the dearest step first."""
    sums: dict[StepName, _Sums] = {}
    models: dict[StepName, dict[str, int]] = {}
    for row in rows:
        assert row.workflow == workflow, f"a step of {row.workflow} is none of {workflow}"
        name = StepName(row.step, row.call_type)
        sums.setdefault(name, _Sums()).add(row)
        of_model = models.setdefault(name, {})
        of_model[row.model] = of_model.get(row.model, 0) + row.cost
    total = sum(one.cost for one in sums.values())
    greatest = _fewest({name: one.cost for name, one in sums.items()}, share)
    steps = [
        FlowStep(
            name=name,
            models=tuple(model for model, _ in sorted(models[name].items(), key=lambda kept: (-kept[1], kept[0]))),
            calls=one.calls,
            unpriced=one.unpriced,
            failed=one.failed,
            retries=one.retries,
            cost=usd_of(one.cost),
            retry_cost=usd_of(one.retry),
            share=ratio_of(one.cost, total),
            cost_per_call=per(one.cost, one.calls - one.unpriced),
            cost_per_completed=per(one.cost, completed),
            greatest=name in greatest,
        )
        for name, one in sums.items()
    ]
    steps.sort(key=lambda step: (-step.cost, step.name))
    return Flow(workflow=workflow, steps=tuple(steps), completed=completed)


def ordered(flow: Flow, places: Mapping[StepName, Decimal]) -> Flow:
    """The flow with its steps where `places` says that they stand in a run; as it was where a step that costs something has no
    place.
    """
    steps = [replace(step, place=places.get(step.name)) for step in flow.steps]
    if not steps or any(step.place is None for step in steps if step.cost):
        return flow
    last = Decimal(len(places) + 1)
    steps.sort(key=lambda step: (last if step.place is None else step.place, -step.cost, step.name))
    return replace(flow, steps=tuple(steps), in_order=True)


def _fewest(costs: Mapping[StepName, int], share: Decimal) -> set[StepName]:
    """The fewest steps whose cost reaches `share` of all."""
    total, reached = sum(costs.values()), 0
    chosen: set[StepName] = set()
    for name, cost in sorted(costs.items(), key=lambda one: (-one[1], one[0])):
        if cost <= 0 or Decimal(reached) >= share * total:
            break
        reached += cost
        chosen.add(name)
    return chosen
