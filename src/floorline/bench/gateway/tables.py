"""What is shown: one table a workload, and Floorline beside each rival by what both of them do."""

from collections.abc import Sequence

from floorline.bench.gateway.figures import Samples, Value, cpu_us_per_call, cpu_us_per_chunk
from floorline.bench.gateway.targets import Missing, Target
from floorline.bench.gateway.workloads import Workload
from floorline.bench.report import Sheet

EQUAL_WORK = (
    ("floorline-bare", "litellm"),
    ("floorline-bare", "portkey"),
    ("floorline-accounting", "litellm-spend"),
    ("floorline-accounting", "portkey"),
)
"""Rivals that Floorline is compared with: bare with bare, accounting with a spend log on. Portkey's gateway has none."""

_RATE_KEPT = 0.9  # a share of the rate that was asked for


def who(targets: Sequence[Target], missing: Sequence[Missing], equality: dict[str, str]) -> Sheet:
    """Each target with its version, what is on and off, and how its answers relate to the upstream's."""
    here = [(one.name, one.version, equality[one.name], one.setup) for one in targets]
    return Sheet(
        title="targets",
        columns=("target", "version", "answers", "setup"),
        rows=(*here, *((one.name, "", "left out", one.reason) for one in missing)),
    )


def of_workload(workload: Workload, targets: Sequence[str], samples: Samples) -> Sheet:
    """Processor time, its ratio to nginx, throughput or latency, memory and faults of each target."""
    row = _stream_row if workload.streams else _call_row
    return Sheet(
        title=f"{workload.name}: {workload.title}",
        columns=_STREAM_COLUMNS if workload.streams else _CALL_COLUMNS,
        rows=tuple(row(workload, target, samples) for target in targets if samples.of(target, workload.name)),
    )


def side_by_side(workloads: Sequence[Workload], samples: Samples) -> Sheet:
    """How many times the processor time of each Floorline profile a rival takes."""
    rows = [
        (f"{rival} ÷ {own}", *(_number(_ratio(rival, own, load, samples), 2) for load in workloads))
        for own, rival in EQUAL_WORK
        if any(samples.of(own, load.name) and samples.of(rival, load.name) for load in workloads)
    ]
    return Sheet(
        title="processor time a call, of streams a chunk: how many times Floorline's",
        columns=("pair", *(load.name for load in workloads)),
        rows=tuple(rows),
    )


_CALL_COLUMNS = (
    "target",
    "CPU µs/call",
    "least",
    "× nginx",
    "calls/s",
    "+ms p50",
    "+ms p99",
    "RSS MB",
    "conns",
    "faults",
)
_STREAM_COLUMNS = (
    "target",
    "CPU µs/chunk",
    "least",
    "× nginx",
    "chunks/s",
    "+µs p50",
    "+µs p99",
    "RSS MB",
    "conns",
    "faults",
)
"""`+` is beyond `direct`, whose own latency stands in brackets; `conns` is the most that the upstream saw opened in a run."""


def _call_row(workload: Workload, target: str, samples: Samples) -> tuple[str, ...]:
    rate = samples.median(target, workload.name, lambda one: one.outcome.calls_per_s)
    return (
        target,
        *_cpu(workload, target, samples, cpu_us_per_call),
        _number(rate, 0),
        _added(target, workload, samples, lambda one: one.outcome.latency_us_p50 / 1_000, 2),
        _added(target, workload, samples, lambda one: one.outcome.latency_us_p99 / 1_000, 2),
        *_rest(workload, target, samples, rate),
    )


def _stream_row(workload: Workload, target: str, samples: Samples) -> tuple[str, ...]:
    chunks = samples.median(target, workload.name, lambda one: one.outcome.chunks_per_s)
    return (
        target,
        *_cpu(workload, target, samples, cpu_us_per_chunk),
        _number(chunks, 0),
        _added(target, workload, samples, lambda one: one.outcome.chunk_us_p50, 0),
        _added(target, workload, samples, lambda one: one.outcome.chunk_us_p99, 0),
        *_rest(workload, target, samples, chunks),
    )


def _cpu(workload: Workload, target: str, samples: Samples, value: Value) -> tuple[str, str, str]:
    if target == "direct":
        return "–", "–", "–"
    return (
        _number(samples.median(target, workload.name, value), 1),
        _number(samples.least(target, workload.name, value), 1),
        _number(samples.ratio(target, "nginx", workload.name, value), 2),
    )


def _rest(workload: Workload, target: str, samples: Samples, rate: float | None) -> tuple[str, str, str]:
    fault = samples.fault(target, workload.name)
    if not fault and workload.rate and rate is not None and rate < _RATE_KEPT * workload.rate:
        fault = "cannot keep the rate"
    memory = samples.median(target, workload.name, lambda one: one.rss_bytes / 1e6)
    opened = max(one.connections for one in samples.of(target, workload.name))
    return "–" if target == "direct" else _number(memory, 0), str(opened), fault


def _added(target: str, workload: Workload, samples: Samples, value: Value, places: int) -> str:
    """Beyond `direct`; of `direct` itself the value as it is. Nothing where nothing came in the measured seconds."""
    own = samples.median(target, workload.name, value)
    if target == "direct":
        return f"({_number(own, places)})"
    return _number(samples.added(target, workload.name, value) if own else None, places)


def _ratio(target: str, base: str, workload: Workload, samples: Samples) -> float | None:
    return samples.ratio(target, base, workload.name, cpu_us_per_chunk if workload.streams else cpu_us_per_call)


def _number(value: float | None, places: int) -> str:
    return "–" if value is None else f"{value:,.{places}f}"
