"""The order of things: start every target, check its answers, then alternate through rounds while the others are paused."""

import dataclasses
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import msgspec

from floorline.bench.gateway import answers, parts, rivals, tables, targets
from floorline.bench.gateway.figures import Sample, Samples
from floorline.bench.gateway.processes import Cores, Server, free_port
from floorline.bench.gateway.targets import Missing, Place, Target
from floorline.bench.gateway.tools import compiled
from floorline.bench.gateway.workloads import FAST, SATURATION, STREAMS, WORKLOADS, LoadGenerator, Outcome, Workload
from floorline.bench.report import Sheet
from floorline.errors import BadInput

STARTS: dict[str, Callable[[Place], Target | Missing]] = {
    "nginx": targets.nginx,
    "floorline-bare": lambda place: targets.floorline("floorline-bare", place),
    "floorline-accounting": lambda place: targets.floorline("floorline-accounting", place),
    "floorline-guarded": lambda place: targets.floorline("floorline-guarded", place),
    "floorline-semantic": lambda place: targets.floorline("floorline-semantic", place),
    "floorline-redis": lambda place: targets.floorline("floorline-redis", place),
    "litellm": lambda place: rivals.litellm("litellm", place),
    "litellm-spend": lambda place: rivals.litellm("litellm-spend", place),
    "portkey": rivals.portkey,
}
"""What can be measured beside `direct`, which always is."""

QUICK_TARGETS = ("nginx", "floorline-bare", "floorline-accounting", "floorline-guarded")
QUICK_WORKLOADS = (SATURATION, FAST, STREAMS)
SETTLE_S = 0.3  # seconds; what a target does after its last answer counts too
RECOVERY_S = 1.0  # seconds; a target that was stopped takes the servers beside it for gone, and looks for them again
WARM_SHARE = 0.25  # a share of the seconds measured
ANSWER_S_MAX = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure and for how long: `rounds` runs of `seconds` for each workload and target."""

    targets: tuple[str, ...] = tuple(STARTS)
    workloads: tuple[Workload, ...] = WORKLOADS
    rounds: int = 5
    seconds: float = 3.0  # seconds
    warm_up_s: float = 2.0  # seconds; before the first round, for what compiles itself while it runs


QUICK = Plan(targets=QUICK_TARGETS, workloads=QUICK_WORKLOADS, rounds=2, seconds=0.6, warm_up_s=0.2)
"""Under a minute, without anything to install."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A measurement's outcome: `equality` by target, every run, and the tables that show them."""

    equality: dict[str, answers.Equality]
    missing: tuple[Missing, ...]
    samples: tuple[Sample, ...]
    sheets: tuple[Sheet, ...]


class _Stats(msgspec.Struct):
    connections: int
    requests: int
    chunks: int


def run(plan: Plan, *, cache: Path, say: Callable[[str], None]) -> Measured:
    """Measure as planned. `cache` keeps compiled programs and installed rivals; `say` hears what is going on."""
    with tempfile.TemporaryDirectory(prefix="floorline-bench-") as folder, ExitStack() as stack:
        place, generator = prepared(Path(folder), cache, stack)
        found = [targets.direct(place), *(_start(name, place, stack, say) for name in plan.targets)]
        ready = [one for one in found if isinstance(one, Target)]
        missing = [one for one in found if isinstance(one, Missing)]
        bench = _Bench(place, generator, plan, ready)
        for one in ready:
            bench.check_answers(one)
            bench.warm_up(one)
            if one.server:
                one.server.pause()
        samples = list(bench.samples(say))
    measured = _measured(plan, ready, missing, bench.equality, samples)
    if not any(name.startswith("floorline") for name in plan.targets):
        return measured
    say("parts")
    own = parts.run(whole=bench.upstream_answer(SATURATION), streamed=bench.upstream_answer(STREAMS))
    return dataclasses.replace(measured, sheets=(*measured.sheets, own))


def _measured(
    plan: Plan,
    ready: Sequence[Target],
    missing: Sequence[Missing],
    equality: dict[str, answers.Equality],
    samples: Sequence[Sample],
) -> Measured:
    names, all_samples = [one.name for one in ready], Samples(samples)
    sheets = [tables.who(ready, missing, dict(equality))]
    sheets += [tables.of_workload(workload, names, all_samples) for workload in plan.workloads]
    pairs = tables.side_by_side(plan.workloads, all_samples)
    sheets += [pairs] if pairs.rows else []
    return Measured(equality=equality, missing=tuple(missing), samples=tuple(samples), sheets=tuple(sheets))


def prepared(folder: Path, cache: Path, stack: ExitStack) -> tuple[Place, LoadGenerator]:
    """The upstream, which `stack` stops, where it is, and what loads whoever stands before it."""
    cores = Cores.of_this_machine()
    port = free_port()
    program = compiled("upstream", cache)
    upstream = Server([str(program), str(port)], core=cores.load, log=folder / "upstream.log")
    stack.callback(upstream.stop)
    upstream.wait_until_listening(port)
    place = Place(folder=folder, cache=cache, cores=cores, upstream_port=port)
    return place, LoadGenerator(program=compiled("load", cache), core=cores.load, folder=folder)


def _start(name: str, place: Place, stack: ExitStack, say: Callable[[str], None]) -> Target | Missing:
    say(f"starting {name}")
    try:
        started = STARTS[name](place)
    except BadInput as error:
        return Missing(name=name, reason=str(error))
    if isinstance(started, Target) and started.server:
        for server in (*started.beside, started.server):
            stack.callback(server.stop)
    return started


class _Bench:
    """Targets that are up, the answers expected from each, and the runs against them."""

    def __init__(self, place: Place, generator: LoadGenerator, plan: Plan, ready: Sequence[Target]) -> None:
        self._place, self._generator, self._plan, self._ready = place, generator, plan, ready
        self._expected: dict[tuple[str, str], bytes] = {}
        self.equality: dict[str, answers.Equality] = {}

    def check_answers(self, target: Target) -> None:
        """Ask `target` once for each workload and hold its answers beside the upstream's."""
        found: set[answers.Equality] = set()
        for workload in self._plan.workloads:
            answer = answers.expected(ask(target, workload))
            upstream = self._expected.get(("direct", workload.name), answer)
            equality = answers.compare(upstream, answer)
            self._expected[target.name, workload.name] = upstream if equality == "different" else answer
            found.add(equality)
        order: tuple[answers.Equality, ...] = ("different", "re-encoded", "identical")
        self.equality[target.name] = next(one for one in order if one in found)

    def upstream_answer(self, workload: Workload) -> bytes:
        """The upstream's own answer, with some digit where any may stand."""
        return self._expected["direct", workload.name].replace(answers.ANY_DIGIT, b"1")

    def warm_up(self, target: Target) -> None:
        """Keep `target` busy before it is measured."""
        self._load(target, self._plan.workloads[0], self._plan.warm_up_s)

    def samples(self, say: Callable[[str], None]) -> Iterator[Sample]:
        """Every run, target by target within a round, every second round backwards."""
        for workload in self._plan.workloads:
            for number in range(self._plan.rounds):
                say(f"{workload.name}, round {number + 1} of {self._plan.rounds}")
                for target in self._ready if number % 2 == 0 else reversed(self._ready):
                    with _running(target):
                        yield self._sample(target, workload, number)

    def _sample(self, target: Target, workload: Workload, number: int) -> Sample:
        stats, cpu_ns = self._stats(), target.server.cpu_ns() if target.server else 0
        outcome = self._load(target, workload, self._plan.seconds)
        time.sleep(SETTLE_S)
        after = self._stats()
        return Sample(
            target=target.name,
            workload=workload.name,
            round=number,
            calls=after.requests - stats.requests,
            chunks=after.chunks - stats.chunks,
            connections=after.connections - stats.connections - 1,  # the second look at the counts is one of them
            cpu_ns=(target.server.cpu_ns() if target.server else 0) - cpu_ns,
            rss_bytes=target.server.rss_bytes() if target.server else 0,
            outcome=outcome,
        )

    def _load(self, target: Target, workload: Workload, seconds: float) -> Outcome:
        return self._generator.run(
            workload,
            port=target.port,
            headers=target.headers,
            expected=self._expected[target.name, workload.name],
            seconds=seconds,
            warm=seconds * WARM_SHARE,
        )

    def _stats(self) -> _Stats:
        with urlopen(f"http://127.0.0.1:{self._place.upstream_port}/stats", timeout=ANSWER_S_MAX) as answer:
            return msgspec.json.decode(answer.read(), type=_Stats)


@contextmanager
def _running(target: Target) -> Generator[None]:
    if target.server is None:
        yield
        return
    target.server.resume()
    if target.beside:
        time.sleep(RECOVERY_S)
    try:
        yield
    finally:
        target.server.pause()


def ask(target: Target, workload: Workload) -> bytes:
    """One whole answer of `target`; an error's body is an answer too, and a different one."""
    headers = dict(header.split(": ", 1) for header in target.headers)
    request = Request(
        f"http://127.0.0.1:{target.port}/v1/chat/completions",
        data=workload.body(),
        headers={**headers, "Content-Type": "application/json"},
    )
    try:
        with urlopen(request, timeout=ANSWER_S_MAX) as answer:  # noqa: S310 - as above
            return answer.read()
    except HTTPError as error:
        with error:
            return error.read()
