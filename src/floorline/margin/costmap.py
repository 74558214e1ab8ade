"""The cost map: what every feature's cost is made of, by component, with means and 95th percentiles.

A component is a column. Those of calls are told by call type, without the retries among them; the rest is what imported
costs carry. The columns of a row sum to its COGS of the margin table, which is asserted here. docs/costmap.md says what
each column holds and what cannot be known.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from floorline.margin.metrics import Figures, per, ratio_of
from floorline.margin.policy import FeaturePolicy, Policies
from floorline.margin.table import UNMATCHED_COST, UNMATCHED_REVENUE, MarginReport
from floorline.money import usd_of

COLUMNS = (
    "generation", "embedding", "re_embedding", "retrieval", "rerank", "judging", "orchestration", "infrastructure",
    "human_review", "support", "logging", "retries",
)  # fmt: skip
HIDDEN = ("retries", "re_embedding", "human_review")
"""Costs that nobody sees on a price list: asked for twice, embedded twice, looked at by people."""

OF_CALL_TYPE: Mapping[str, str] = {
    "generation": "generation", "classification": "generation", "extraction": "generation", "moderation": "generation",
    "embedding": "embedding", "retrieval": "retrieval", "rerank": "rerank", "judging": "judging", "routing": "judging",
}  # fmt: skip
"""The column of each type of call. Generation is all inference; judging is whatever looks at calls rather than serves
them: their answers, or where they should go.
"""
_OF_COMPONENT: Mapping[str, str] = {"inference": "generation"}
_STEP_WORDS: tuple[tuple[str, str], ...] = (
    ("embed", "embedding"), ("rerank", "rerank"), ("retriev", "retrieval"), ("judge", "judging"),
)  # fmt: skip


class Part(NamedTuple):
    """What the calls of one feature and column amount to; money in 10^-12 USD, `cost` with its `retry`."""

    calls: int = 0
    unpriced: int = 0
    cost: int = 0
    retry: int = 0

    def plus(self, other: "Part") -> "Part":
        """Both together."""
        return Part._make([a + b for a, b in zip(self, other, strict=True)])


NO_PART = Part()


class Embedded(NamedTuple):
    """Embedding cost without retries, in 10^-12 USD: of calls that say what they embed, and of those of them that say
    what an earlier one said.
    """

    keyed: int = 0
    again: int = 0


Percentiles = Mapping[tuple[str, str], int]
"""(feature, column) → 10^-12 USD; the feature "" is all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the ledger holds of every feature beside its margin: parts by (feature, column), the types of call by
    (feature, step), embeddings, and percentiles of the calls' cost per call and per outcome (column "": all of them).
    """

    parts: Mapping[tuple[str, str], Part]
    steps: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict[tuple[str, str], frozenset[str]])
    embedded: Mapping[str, Embedded] = field(default_factory=dict[str, Embedded])
    per_call: Percentiles = field(default_factory=dict[tuple[str, str], int])
    per_outcome: Percentiles = field(default_factory=dict[tuple[str, str], int])
    p95_method: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One component of one feature. `calls` are its own, None for what no call carries. A mean per call is that of its
    own calls, retries included, else of the feature's; one per outcome is its cost by successful outcomes.
    """

    cost_pico: int
    calls: int | None = None
    per_call_mean: Decimal | None = None
    per_call_p95: Decimal | None = None
    per_outcome_mean: Decimal | None = None
    per_outcome_p95: Decimal | None = None

    @property
    def cost(self) -> Decimal:
        """USD."""
        return usd_of(self.cost_pico)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A component that a feature should have and reports none of, and why it should."""

    component: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MapRow:
    """A feature's cells by column, those that hold nothing left out. `embeddings_told` is the share of its embedding cost
    whose calls say what they embed: re-embedding is known for that share alone, and not at all when None.
    """

    key: tuple[str, ...]
    figures: Figures
    cells: Mapping[str, Cell]
    missing: tuple[Missing, ...] = ()
    embeddings_told: Decimal | None = None
    per_outcome_p95: Decimal | None = None

    def share(self, column: str) -> Decimal | None:
        """The column's part of the row's COGS."""
        cell = self.cells.get(column)
        return ratio_of(cell.cost_pico, self.figures.cogs_pico) if cell else None

    @property
    def hidden_pico(self) -> int:
        """The columns of HIDDEN together, in 10^-12 USD."""
        return sum(self.cells[column].cost_pico for column in HIDDEN if column in self.cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostMap:
    """The map over a margin report's window: a row for each feature that costs or calls, the dearest first."""

    report: MarginReport
    rows: tuple[MapRow, ...]
    total: MapRow
    p95_method: str


def cost_map(report: MarginReport, usage: Usage, policies: Policies) -> CostMap:
    """The map of `report`, a margin table by feature."""
    assert report.by == ("feature",)
    rows = [
        _row(figures, usage, policies.feature(figures.key[0]))
        for figures in report.rows
        if figures.cogs_pico or figures.sums.calls
    ]
    rows.sort(key=lambda row: (-row.figures.cogs_pico, row.key))
    total = _total(report.total, usage)
    assert all(
        sum(row.cells[column].cost_pico for row in rows if column in row.cells)
        == (total.cells[column].cost_pico if column in total.cells else 0)
        for column in COLUMNS
    )
    return CostMap(report=report, rows=tuple(rows), total=total, p95_method=usage.p95_method)


def _row(figures: Figures, usage: Usage, policy: FeaturePolicy) -> MapRow:
    feature = figures.key[0]
    parts = {column: part for (name, column), part in usage.parts.items() if name == feature}
    embedded = usage.embedded.get(feature, Embedded())
    cells = _cells(figures, parts, embedded, usage, feature)
    steps = {step: types for (name, step), types in usage.steps.items() if name == feature}
    nameless = feature in (UNMATCHED_COST, UNMATCHED_REVENUE)
    return MapRow(
        key=figures.key,
        figures=figures,
        cells=cells,
        missing=() if nameless else missing_of(policy, cells, steps),
        embeddings_told=_told(parts, embedded),
        per_outcome_p95=_usd(usage.per_outcome.get((feature, ""))) if _successes(figures) else None,
    )


def _total(figures: Figures, usage: Usage) -> MapRow:
    parts: dict[str, Part] = {}
    for (_, column), part in usage.parts.items():
        parts[column] = parts.get(column, NO_PART).plus(part)
    embedded = Embedded(*map(sum, zip((0, 0), *usage.embedded.values(), strict=True)))
    return MapRow(
        key=(),
        figures=figures,
        cells=_cells(figures, parts, embedded, usage, ""),
        embeddings_told=_told(parts, embedded),
        per_outcome_p95=_usd(usage.per_outcome.get(("", ""))) if _successes(figures) else None,
    )


def _told(parts: Mapping[str, Part], embedded: Embedded) -> Decimal | None:
    part = parts.get("embedding", NO_PART)
    return ratio_of(embedded.keyed, part.cost - part.retry) if embedded.keyed else None


def _cells(
    figures: Figures, parts: Mapping[str, Part], embedded: Embedded, usage: Usage, feature: str
) -> dict[str, Cell]:
    costs: dict[str, int] = dict.fromkeys(COLUMNS, 0)
    for column, part in parts.items():
        costs[column] += part.cost - part.retry
        costs["retries"] += part.retry
    costs["embedding"] -= embedded.again
    costs["re_embedding"] += embedded.again
    for component, pico in figures.shared_pico.items():
        costs[_OF_COMPONENT.get(component, component)] += pico
    assert sum(costs.values()) == figures.cogs_pico, "a row of the cost map is its COGS"
    successes = _successes(figures)
    cells: dict[str, Cell] = {}
    for column, cost in costs.items():
        part = parts.get(column)
        if not cost and not (part and part.calls):
            continue
        own_priced = max(0, part.calls - part.unpriced) if part else 0
        cells[column] = Cell(
            cost_pico=cost,
            calls=part.calls if part else None,
            per_call_mean=per(part.cost, own_priced) if part else per(cost, max(0, figures.priced_calls)),
            per_call_p95=_usd(usage.per_call.get((feature, column))),
            per_outcome_mean=per(cost, successes),
            per_outcome_p95=_usd(usage.per_outcome.get((feature, column))) if successes else None,
        )
    return cells


def _successes(figures: Figures) -> int:
    """The successful outcomes whose cost the row's is; 0 where it is not what reaches them."""
    return figures.outcomes.successes if figures.outcomes and figures.owns_outcomes else 0


def _usd(pico: int | None) -> Decimal | None:
    return None if pico is None else usd_of(pico)


def missing_of(
    policy: FeaturePolicy, cells: Mapping[str, Cell], steps: Mapping[str, frozenset[str]]
) -> tuple[Missing, ...]:
    """What the feature should report and does not: what is stated for it, else what its calls and steps imply."""
    if policy.components:
        found = [
            Missing(component=name, because=f"stated in features.{policy.name}.components")
            for name in policy.components
            if name not in cells
        ]
        return tuple(found)
    implied = {missing.component: missing for missing in _implied(policy, cells, steps)}
    return tuple(missing for name, missing in implied.items() if name not in cells)


def _implied(
    policy: FeaturePolicy, cells: Mapping[str, Cell], steps: Mapping[str, frozenset[str]]
) -> Iterable[Missing]:
    if "rerank" in cells:
        yield Missing(component="retrieval", because="it reranks, and reports nothing that retrieves")
    if "retrieval" in cells:
        yield Missing(component="embedding", because="it retrieves, and reports no embedding of what is asked")
    if policy.hosting == "self_hosted":
        yield Missing(component="infrastructure", because="it is self-hosted, and no host is imported as its cost")
    for step, types in sorted(steps.items()):
        for word, component in _STEP_WORDS:
            if word in step.lower() and component not in {OF_CALL_TYPE.get(name) for name in types}:
                told = " and ".join(sorted(types))
                yield Missing(component=component, because=f"its step {step!r} reports calls of type {told}")
                break
