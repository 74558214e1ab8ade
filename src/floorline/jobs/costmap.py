"""Asks the ledger what the cost map needs and hands it to the pure part."""

from collections.abc import Iterable, Mapping

from floorline.jobs.margin_spread import EXACT_P95_CALLS_MAX
from floorline.jobs.margins import MarginRequest, Margins
from floorline.ledger.surface import AnyLedger
from floorline.margin import queries
from floorline.margin.attribution import Names
from floorline.margin.costmap import OF_CALL_TYPE, CostMap, Embedded, Part, Percentiles, Usage, cost_map
from floorline.margin.metrics import bucket_95
from floorline.margin.queries import Columns, PartRow
from floorline.margin.revenue import Window
from floorline.margin.sources import Days
from floorline.margin.table import UNMATCHED_COST, MarginReport

EMBEDDED_DAYS = 90
"""How far before the window an earlier embedding of the same content is looked for."""
RUN_DAYS = 31
"""How far before the window the calls of an outcome's run may lie."""


def cost_map_of(margins: Margins, request: MarginRequest, *, exact_calls_max: int = EXACT_P95_CALLS_MAX) -> CostMap:
    """The cost map of the request's window, by feature whatever it asks for; without `with_p95` no percentiles. Beyond
    `exact_calls_max` calls they come from the histogram, and those of outcomes are left out.
    """
    report = margins.table(
        MarginRequest(
            by=("feature",),
            start=request.start,
            end=request.end,
            scope=request.scope,
            with_p95=request.with_p95,
            with_users=False,
        )
    )
    names = Names([*margins.ledger.query(queries.aliases()), *margins.policies.aliases], [], ())
    usage = _Gathering(margins.ledger, names, request, exact_calls_max).usage(report)
    return cost_map(report, usage, margins.policies)


class _Gathering:
    """One map in the making."""

    def __init__(self, ledger: AnyLedger, names: Names, request: MarginRequest, exact_calls_max: int) -> None:
        self._ledger = ledger
        self._names = names
        self._request = request
        self._exact_calls_max = exact_calls_max
        self._window = Window(start=request.start.toordinal(), end=request.end.toordinal())

    def usage(self, report: MarginReport) -> Usage:
        """Everything beside the margin table."""
        rows = self._ledger.query(queries.costmap_parts(self._days(0)))
        parts: dict[tuple[str, str], Part] = {}
        steps: dict[tuple[str, str], set[str]] = {}
        for row in rows:
            feature = self._feature(row.feature, row.as_of)
            key = feature, OF_CALL_TYPE.get(row.call_type, "generation")
            parts[key] = parts.get(key, Part()).plus(Part(row.calls, row.unpriced, row.cost, row.retry))
            if row.step:
                steps.setdefault((feature, row.step), set()).add(row.call_type)
        method, per_call, per_outcome = self._percentiles(report, rows)
        return Usage(
            parts=parts,
            steps={key: frozenset(types) for key, types in steps.items()},
            embedded=self._embedded(rows),
            per_call=per_call,
            per_outcome=per_outcome,
            p95_method=method,
        )

    def _embedded(self, rows: Iterable[PartRow]) -> dict[str, Embedded]:
        raws = {row.feature for row in rows if row.call_type == "embedding"}
        if not raws:
            return {}
        days = self._days(EMBEDDED_DAYS)
        asked = queries.costmap_embedded(days, self._columns(raws, days), self._window.start)
        return {row.name: Embedded(row.keyed, row.again) for row in self._ledger.query(asked)}

    def _percentiles(self, report: MarginReport, rows: Iterable[PartRow]) -> tuple[str, Percentiles, Percentiles]:
        if not self._request.with_p95:
            return "none", {}, {}
        if report.total.sums.calls > self._exact_calls_max:
            return "histogram, none per outcome", self._from_histogram(), {}
        raws = {row.feature for row in rows if row.feature}
        asked = queries.costmap_calls(self._days(0), self._columns(raws, self._days(0)))
        per_call = {(row.name, row.part): row.number for row in self._ledger.query(asked)}
        if not report.total.outcomes or not report.total.outcomes.successes:
            return "exact", per_call, {}
        reach = self._days(RUN_DAYS)
        parts = ("", *sorted(set(OF_CALL_TYPE.values())), "retries")
        by_run = queries.costmap_outcomes(reach, self._columns(raws, reach), parts, self._window.start)
        per_outcome = {
            (row.name, part): number
            for row in self._ledger.query(by_run)
            for part, number in zip(parts, row.numbers, strict=True)
        }
        return "exact", per_call, per_outcome

    def _from_histogram(self) -> dict[tuple[str, str], int]:
        buckets: dict[tuple[str, str], dict[int, int]] = {}
        for row in self._ledger.query(queries.p95_buckets(("feature", "call_type"), self._days(0))):
            raw, call_type = row.names
            column = OF_CALL_TYPE.get(call_type, "generation")
            for feature in (self._feature(raw, row.as_of), ""):
                held = buckets.setdefault((feature, column), {})
                held[row.bucket] = held.get(row.bucket, 0) + row.calls
        found = {key: bucket_95(held) for key, held in buckets.items()}
        return {key: pico for key, pico in found.items() if pico is not None}

    def _feature(self, raw: str, as_of: int) -> str:
        return self._names.resolve("feature", raw, as_of) if raw else UNMATCHED_COST

    def _columns(self, raws: Iterable[str], days: Days) -> Columns:
        return Columns(of_call_type=OF_CALL_TYPE, renamed=self._renamed(raws, days), nameless=UNMATCHED_COST)

    def _renamed(self, raws: Iterable[str], days: Days) -> Mapping[tuple[str, int], str]:
        if not self._names.renames("feature"):
            return {}
        resolved = {
            (raw, as_of): self._names.resolve("feature", raw, as_of)
            for raw in raws
            for as_of in (days.start, *days.spans.shared)
        }
        return {key: name for key, name in resolved.items() if name != key[0]}

    def _days(self, before: int) -> Days:
        """The window and so many days before it, told apart where a feature changes its name."""
        start, end = self._window.start - before, self._window.end
        return Days(
            start=start,
            end=end,
            scope=self._request.scope,
            spans=self._names.boundaries(start, end, ()),
            timezone=self._ledger.timezone,
        )
