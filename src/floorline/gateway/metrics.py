"""What a gateway counts, and how Prometheus reads it (docs/metrics.md has every name).

Plain counters of one process, added to on the loop's thread only. Labels that callers can choose are capped: a model
beyond the first `MODELS_MAX` is counted as `other`.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple, TypeVar

import msgspec

from floorline.gateway.accounting import Account
from floorline.gateway.underway import Try, UnderWay
from floorline.money import usd_of

MODELS_MAX = 200
OTHER = "other"
DURATION_BOUNDS_MS = (10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000)
OVERHEAD_BOUNDS_US = (50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000)
Labels = tuple[str, ...]
Number = TypeVar("Number", int, Decimal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric: its name, kind, labels and what it means."""

    name: str
    kind: str
    labels: Labels
    doc: str


FAMILIES = {
    family.name: family
    for family in (
        Family(name="floorline_calls_total", kind="counter", labels=("dialect", "provider", "model", "status", "verdict", "ending"), doc="calls that ended"),
        Family(name="floorline_cost_usd_total", kind="counter", labels=("provider", "model", "basis"), doc="effective cost of priced calls in USD"),
        Family(name="floorline_tokens_total", kind="counter", labels=("provider", "model", "side"), doc="tokens that providers reported, by side (input, output)"),
        Family(name="floorline_unpriced_calls_total", kind="counter", labels=("provider", "model"), doc="calls whose cost is unknown"),
        Family(name="floorline_unattributed_calls_total", kind="counter", labels=(), doc="calls without a customer or a feature"),
        Family(name="floorline_attempts_total", kind="counter", labels=("provider", "outcome"), doc="attempts by status, or by what broke"),
        Family(name="floorline_turned_away_total", kind="counter", labels=("status",), doc="requests that were nobody's: no valid key, or no HTTP"),
        Family(name="floorline_refused_total", kind="counter", labels=("code",), doc="calls that were refused, by the code of the refusal"),
        Family(name="floorline_call_duration_seconds", kind="histogram", labels=("dialect",), doc="from a request's last byte to its answer's last"),
        Family(name="floorline_first_token_seconds", kind="histogram", labels=("dialect",), doc="from a request's last byte to its answer's first"),
        Family(name="floorline_overhead_seconds", kind="histogram", labels=(), doc="what the gateway itself added to a call"),
        Family(name="floorline_clients", kind="gauge", labels=(), doc="client connections"),
        Family(name="floorline_calls_under_way", kind="gauge", labels=(), doc="requests that are being handled"),
        Family(name="floorline_drains", kind="gauge", labels=(), doc="answers that are read although their client has left"),
        Family(name="floorline_upstream_connections", kind="gauge", labels=("provider", "state"), doc="connections to providers, busy and kept"),
        Family(name="floorline_upstream_connects_total", kind="counter", labels=("provider",), doc="connections opened to providers"),
        Family(name="floorline_upstream_open", kind="gauge", labels=("provider", "model"), doc="1 while a target is not asked because it failed"),
        Family(name="floorline_content_dropped_total", kind="counter", labels=("reason",), doc="captured calls whose content was not kept"),
        Family(name="floorline_route_labels_total", kind="counter", labels=("label", "outcome"), doc="what came of asking routers and classifiers which class a call is of"),
        Family(name="floorline_cache_looks_total", kind="counter", labels=("arm", "found", "reason"), doc="looks into the exact cache, by whom they were for, what was found, and why it was not asked"),
        Family(name="floorline_cache_waited_total", kind="counter", labels=(), doc="calls that waited for an identical one under way"),
        Family(name="floorline_cache_bytes", kind="gauge", labels=(), doc="stored answers in memory, in bytes"),
        Family(name="floorline_cache_entries", kind="gauge", labels=(), doc="stored answers in memory"),
        Family(name="floorline_cache_evicted_total", kind="counter", labels=(), doc="stored answers that made room for others in memory"),
        Family(name="floorline_cache_failures_total", kind="counter", labels=("tier", "what"), doc="what failed in the cache on the disk or in Redis"),
        Family(name="floorline_semantic_looks_total", kind="counter", labels=("arm", "found", "reason"), doc="looks into the semantic cache, by whom they were for, what was found, and what spoke against it"),
        Family(name="floorline_semantic_labels_total", kind="counter", labels=("origin", "right"), doc="stored answers compared with the model's, by who said so and whether they were right"),
        Family(name="floorline_semantic_bytes", kind="gauge", labels=(), doc="questions with their answers in memory, in bytes"),
        Family(name="floorline_semantic_entries", kind="gauge", labels=(), doc="questions with their answers in memory"),
        Family(name="floorline_semantic_evicted_total", kind="counter", labels=(), doc="questions that made room for others in memory"),
        Family(name="floorline_semantic_not_kept_total", kind="counter", labels=("reason",), doc="answers that the semantic cache did not keep"),
        Family(name="floorline_semantic_waiting", kind="gauge", labels=(), doc="pieces of work in line before the semantic cache's threads"),
        Family(name="floorline_comparisons_total", kind="counter", labels=("kind", "outcome"), doc="calls that were put to another model to be compared, and what came of it"),
        Family(name="floorline_budget_counters", kind="gauge", labels=(), doc="counters of budgets, one a holder and window"),
        Family(name="floorline_budget_holding", kind="gauge", labels=(), doc="calls under way that belong to a budget"),
        Family(name="floorline_budget_reachable", kind="gauge", labels=(), doc="1 while what counts can be asked"),
        Family(name="floorline_figures_timestamp_seconds", kind="gauge", labels=(), doc="as of when what customers pay and cost is known"),
        Family(name="floorline_spool_bytes", kind="gauge", labels=(), doc="what the spool holds on disk"),
        Family(name="floorline_spool_dropped_total", kind="counter", labels=(), doc="records lost because the spool was full and fails open"),
        Family(name="floorline_spool_refused_total", kind="counter", labels=(), doc="calls refused because the spool was full and fails closed"),
        Family(name="floorline_policy_loaded_timestamp_seconds", kind="gauge", labels=(), doc="when the policy in force was loaded"),
        Family(name="floorline_policy_refused_total", kind="counter", labels=(), doc="policies that were refused at a reload"),
    )
}  # fmt: skip


class Histogram:
    """Counts by upper bound, and the sum; whole numbers of the bounds' unit."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[int]) -> None:
        self.bounds, self.counts, self.total = bounds, [0] * (len(bounds) + 1), 0

    def add(self, value: int) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def lines(self, name: str, labels: str, per_second: int) -> Iterator[str]:
        """The samples, in seconds."""
        joint = f"{labels}," if labels else ""
        seen = 0
        for bound, count in zip([*self.bounds, None], self.counts, strict=True):
            seen += count
            limit = "+Inf" if bound is None else _seconds(bound, per_second)
            yield f'{name}_bucket{{{joint}le="{limit}"}} {seen}'
        braced = f"{{{labels}}}" if labels else ""
        yield f"{name}_sum{braced} {_seconds(self.total, per_second)}"
        yield f"{name}_count{braced} {seen}"


class Durations(dict[str, Histogram]):
    """A histogram of milliseconds for each dialect."""

    def __missing__(self, dialect: str) -> Histogram:
        found = self[dialect] = Histogram(DURATION_BOUNDS_MS)
        return found


class Tally(msgspec.Struct):
    """What the calls of one kind come to. `cost` is of priced ones in 10^-12 USD, the tokens are those that providers reported."""

    calls: int = 0
    cost: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class Kind(NamedTuple):
    """What tells one call from another in every family that calls are counted in. `answered` is the status of the last
    attempt, 0 where it had none.
    """

    dialect: str
    provider: str
    model: str
    status: int
    verdict: str
    ending: str
    basis: str
    attributed: bool
    answered: int


@dataclass(slots=True)
class Metrics:
    """The counters of one gateway process. A call that ends is added to the tally of its kind alone: families are made of
    the tallies when somebody reads them.
    """

    counts: dict[str, Counter[Labels]] = field(default_factory=dict[str, "Counter[Labels]"])
    tallies: dict[tuple[object, ...], Tally] = field(default_factory=dict[tuple[object, ...], Tally])
    durations_ms: Durations = field(default_factory=Durations)
    first_tokens_ms: Durations = field(default_factory=Durations)
    overhead_us: Histogram = field(default_factory=lambda: Histogram(OVERHEAD_BOUNDS_US))
    _models: set[str] = field(default_factory=set[str])

    def add(self, name: str, *labels: str, by: int = 1) -> None:
        """Count `by` under these labels."""
        counter = self.counts.get(name)
        if counter is None:
            assert len(labels) == len(FAMILIES[name].labels), f"{name} has the labels {FAMILIES[name].labels}"
            counter = self.counts[name] = Counter()
        counter[labels] += by

    def closed(self, call: UnderWay, account: Account, ending: str, now_ns: int) -> None:
        """Count a call that has ended."""
        tries = call.tries
        provider = tries[-1].provider.name if tries else ""
        model = self._capped((tries[-1].model if tries else "") or call.view.model)
        dialect = call.route.dialect
        whose, cost = call.attribution, account.effective
        attempted = self._attempted(tries)
        kind = (
            dialect, provider, model, call.status, call.verdict, ending, "" if cost is None else account.basis,
            bool(whose.customer and whose.feature), attempted,
        )  # fmt: skip
        tally = self.tallies.get(kind)
        if tally is None:
            tally = self.tallies[kind] = Tally()
        tally.calls += 1
        if cost is not None:
            tally.cost += cost
        given, _, made, _ = account.tokens
        tally.input_tokens += given
        tally.output_tokens += made
        self.durations_ms[dialect].add((now_ns - call.started_ns) // 1_000_000)
        if tries and tries[-1].first_byte_ns:
            waited_ns = tries[-1].first_byte_ns - call.started_ns
            self.first_tokens_ms[dialect].add(waited_ns // 1_000_000)
        self.overhead_us.add(call.overhead_ns // 1_000)

    def _attempted(self, tries: Sequence[Try]) -> int:
        """The status of the last attempt, which goes into the tally; whatever else was tried is counted at once."""
        if not tries:
            return 0
        last = tries[-1]
        if len(tries) > 1 or not last.status:
            for one in tries if not last.status else tries[:-1]:
                outcome = str(one.status) if one.status else one.trouble.partition(":")[0]
                self.add("floorline_attempts_total", one.provider.name, outcome)
        return last.status

    def _capped(self, model: str) -> str:
        if model in self._models:
            return model
        if len(self._models) >= MODELS_MAX:
            return OTHER
        self._models.add(model)
        return model

    def text(self, gauges: Mapping[str, Mapping[Labels, int]], gateway: str) -> str:
        """Everything in Prometheus' text format. `gauges` are read at this moment: name → labels → value."""
        lines: list[str] = []
        for name, family in FAMILIES.items():
            lines += [f"# HELP {name} {family.doc}", f"# TYPE {name} {family.kind}"]
            lines += self._samples(family, gauges, f'gateway="{_escaped(gateway)}"')
        return "\n".join([*lines, ""])

    def _samples(self, family: Family, gauges: Mapping[str, Mapping[Labels, int]], own: str) -> Iterable[str]:
        name = family.name
        if name == "floorline_overhead_seconds":
            return self.overhead_us.lines(name, own, 1_000_000)
        if family.kind == "histogram":
            held = self.durations_ms if name == "floorline_call_duration_seconds" else self.first_tokens_ms
            return [
                line
                for dialect, histogram in held.items()
                for line in histogram.lines(name, f'{own},dialect="{dialect}"', 1_000)
            ]
        of_calls = _OF_CALLS.get(name)
        values: dict[Labels, int | Decimal] = dict(gauges.get(name) or self.counts.get(name) or {})
        if of_calls is not None:
            for labels, value in of_calls({Kind._make(kind): tally for kind, tally in self.tallies.items()}).items():
                values[labels] = values.get(labels, 0) + value
        return [f"{name}{{{_labels(own, family.labels, labels)}}} {_number(value)}" for labels, value in values.items()]


def _summed(samples: Iterable[tuple[Labels, Number]]) -> dict[Labels, Number]:
    summed: dict[Labels, Number] = {}
    for labels, value in samples:
        summed[labels] = summed[labels] + value if labels in summed else value
    return summed


Tallies = Mapping[Kind, Tally]
_OF_CALLS: Mapping[str, Callable[[Tallies], Mapping[Labels, int | Decimal]]] = {
    "floorline_calls_total": lambda tallies: _summed(
        ((k.dialect, k.provider, k.model, str(k.status), k.verdict, k.ending), t.calls) for k, t in tallies.items()
    ),
    "floorline_attempts_total": lambda tallies: _summed(
        ((k.provider, str(k.answered)), t.calls) for k, t in tallies.items() if k.answered
    ),
    "floorline_cost_usd_total": lambda tallies: _summed(
        ((k.provider, k.model, k.basis), usd_of(t.cost)) for k, t in tallies.items() if k.basis
    ),
    "floorline_unpriced_calls_total": lambda tallies: _summed(
        ((k.provider, k.model), t.calls) for k, t in tallies.items() if not k.basis
    ),
    "floorline_unattributed_calls_total": lambda tallies: _summed(
        ((), t.calls) for k, t in tallies.items() if not k.attributed
    ),
    "floorline_tokens_total": lambda tallies: _summed(
        sample
        for k, t in tallies.items()
        if t.input_tokens or t.output_tokens
        for sample in (
            ((k.provider, k.model, "input"), t.input_tokens),
            ((k.provider, k.model, "output"), t.output_tokens),
        )
    ),
}
"""The families that are made of the tallies, wholly or, as attempts, beside what is counted at once."""


def _labels(own: str, names: Labels, values: Labels) -> str:
    pairs = [f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True)]
    return ",".join([own, *pairs])


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: int | Decimal) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _seconds(value: int, per_second: int) -> str:
    """A whole number of parts of a second, in seconds."""
    text = f"{Decimal(value) / per_second:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
