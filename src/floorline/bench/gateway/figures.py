"""The arithmetic of a comparison: medians over rounds, differences and ratios taken within a round."""

import statistics
from collections.abc import Callable, Sequence

import msgspec

from floorline.bench.gateway.workloads import Outcome


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one workload against one target. `calls`, `chunks` and `connections` are what the upstream counted."""

    target: str
    workload: str
    round: int
    calls: int
    chunks: int
    connections: int
    cpu_ns: int
    rss_bytes: int
    outcome: Outcome

    def fault(self) -> str:
        """Why this run proves nothing, '' when every call was answered as expected and asked for once."""
        fault = self.outcome.fault()
        if fault:
            return fault
        if self.outcome.served != self.calls:
            return f"{self.outcome.served} calls were {self.calls} at the upstream"
        return "" if self.calls else "no call was made"


Value = Callable[[Sample], float]


def cpu_us_per_call(sample: Sample) -> float:
    """Microseconds of processor time that a call took."""
    return sample.cpu_ns / 1_000 / max(sample.calls, 1)


def cpu_us_per_chunk(sample: Sample) -> float:
    """Microseconds of processor time that a chunk of a stream took, its share of the call's own cost included."""
    return sample.cpu_ns / 1_000 / max(sample.chunks, 1)


class Samples:
    """Every run of a measurement."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._by_key = {(one.target, one.workload, one.round): one for one in samples}

    def of(self, target: str, workload: str) -> list[Sample]:
        """The runs of one workload against one target, by round."""
        keys = sorted(key for key in self._by_key if key[:2] == (target, workload))
        return [self._by_key[key] for key in keys]

    def median(self, target: str, workload: str, value: Value) -> float | None:
        """The median over rounds, None without a run."""
        return _median([value(one) for one in self.of(target, workload)])

    def least(self, target: str, workload: str, value: Value) -> float | None:
        """The least over rounds: other work on the machine only ever adds processor time. None without a run."""
        return min((value(one) for one in self.of(target, workload)), default=None)

    def added(self, target: str, workload: str, value: Value) -> float | None:
        """By how much `target` exceeds `direct`: the median of the differences within a round."""
        pairs = self._pairs(target, "direct", workload)
        return _median([value(one) - value(base) for one, base in pairs])

    def ratio(self, target: str, base: str, workload: str, value: Value) -> float | None:
        """How many times `base` the value of `target` is, None where a run of either proves nothing."""
        pairs = self._pairs(target, base, workload)
        if any(one.fault() for pair in pairs for one in pair):
            return None
        return _median([value(one) / value(other) for one, other in pairs if value(other) > 0])

    def fault(self, target: str, workload: str) -> str:
        """The first fault of any round, '' when there is none."""
        return next((fault for one in self.of(target, workload) if (fault := one.fault())), "")

    def _pairs(self, target: str, base: str, workload: str) -> list[tuple[Sample, Sample]]:
        runs = self.of(target, workload)
        keys = [(base, workload, one.round) for one in runs]
        return [(one, self._by_key[key]) for one, key in zip(runs, keys, strict=True) if key in self._by_key]


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None
