"""Whether calls whose questions are looked up delay the others: one gateway, and the latency of its other calls with and without them.

The same load of other calls runs in three states: alone, beside calls that are passed on, and beside as many whose questions are made
vectors of and searched for. What the second adds is the price of more calls; what the third adds to that is the price of looking up.
"""

import hashlib
import statistics
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from floorline.bench.gateway import answers, targets
from floorline.bench.gateway.processes import last_line
from floorline.bench.gateway.suite import WARM_SHARE, ask, prepared
from floorline.bench.gateway.targets import Missing, Target
from floorline.bench.gateway.workloads import LoadGenerator, Outcome, Workload
from floorline.bench.report import Sheet
from floorline.errors import BadInput

NAME = "floorline-semantic"
OTHERS = Workload(name="others", title="100 calls/s, 1 KB prompt", rate=100, connections=64)
QUESTIONS = Workload(
    name="questions", title="20 calls/s, questions of 40 tokens", prompt_bytes=420, rate=20, connections=32
)
ROUNDS, SECONDS = 5, 5.0
STATES = (("alone", ""), ("beside calls passed on", "plain"), ("beside calls looked up", "chat"))
"""Each with the feature of what runs beside it."""

_CONFIG = """\
guardrails: {{holdout: 0%}}
features:
  chat: {{guardrails: {{semantic_cache: {{mode: shadow, temperature_max: 1, embedder: "{embedder}"}}}}}}
"""
_LOCAL = """\
gateway:
  embedders:
    local: {{model: "{model}", sha256: {model_sha256}, tokenizer: "{tokenizer}", tokenizer_sha256: {tokenizer_sha256}}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    target: Target
    load: LoadGenerator
    beside: LoadGenerator
    seconds: float

    def round(self, feature: str) -> Outcome:
        """The other calls, with calls of `feature` beside them where it is not ''."""
        if not feature:
            return self._run(self.load, OTHERS, "search")
        beside: list[Outcome] = []
        thread = threading.Thread(target=lambda: beside.append(self._run(self.beside, QUESTIONS, feature)))
        thread.start()
        found = self._run(self.load, OTHERS, "search")
        thread.join()
        if not beside or beside[0].fault():
            raise BadInput(f"the calls beside failed: {beside[0].fault() if beside else 'there is no outcome'}")
        return found

    def _run(self, generator: LoadGenerator, workload: Workload, feature: str) -> Outcome:
        headers = tuple(one.replace("feature: search", f"feature: {feature}") for one in self.target.headers)
        expected = answers.expected(ask(replace(self.target, headers=headers), workload))
        return generator.run(
            workload,
            port=self.target.port,
            headers=headers,
            expected=expected,
            seconds=self.seconds,
            warm=self.seconds * WARM_SHARE,
        )


def run(*, cache: Path, embedder: Path | None, rounds: int, seconds: float, say: Callable[[str], None]) -> Sheet:
    """Measure. `embedder` is a folder with a sentence model and its tokenizer; None: letters alone."""
    with tempfile.TemporaryDirectory(prefix="floorline-bench-") as folder, ExitStack() as stack:
        place, generator = prepared(Path(folder), cache, stack)
        started = targets.floorline(NAME, place, (_profile(embedder), "accounting, and questions looked up"))
        if isinstance(started, Missing) or started.server is None:
            raise BadInput(started.reason if isinstance(started, Missing) else "the gateway has no process")
        stack.callback(started.server.stop)
        apart = Path(folder) / "beside"
        apart.mkdir()
        beside = LoadGenerator(program=generator.program, core=generator.core, folder=apart)
        bench = _Bench(target=started, load=generator, beside=beside, seconds=seconds)
        found: dict[str, list[Outcome]] = {name: [] for name, _ in STATES}
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            for name, feature in STATES if number % 2 == 0 else reversed(STATES):
                outcome = bench.round(feature)
                if outcome.fault():
                    raise BadInput(f"{name}: {outcome.fault()}; {last_line(started.server.last_words())}")
                found[name].append(outcome)
    return _sheet(found, "a sentence model" if embedder is not None else "letters alone")


def _sheet(found: dict[str, list[Outcome]], embedder: str) -> Sheet:
    rows: list[tuple[str, ...]] = []
    for name, outcomes in found.items():
        p50, p99 = (_median([value(one) for one in outcomes]) for value in (_p50, _p99))
        rows.append((name, f"{p50:.2f}", f"{p99:.2f}", f"{min(map(_p99, outcomes)):.2f}"))
    return Sheet(
        title=f"other calls ({OTHERS.title}) beside questions ({QUESTIONS.title}) looked up by {embedder}; the gateway on one core",
        columns=("state", "p50 ms", "p99 ms", "least p99 ms"),
        rows=tuple(rows),
    )


def _p50(outcome: Outcome) -> float:
    return outcome.latency_us_p50 / 1_000


def _p99(outcome: Outcome) -> float:
    return outcome.latency_us_p99 / 1_000


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


def _profile(embedder: Path | None) -> str:
    if embedder is None:
        return _CONFIG.format(embedder="")
    model, tokenizer = next(iter(sorted(embedder.glob("*.onnx"))), None), embedder / "tokenizer.json"
    if model is None or not tokenizer.exists():
        raise BadInput(f"{embedder} holds no sentence model: it needs one .onnx and its tokenizer.json")
    return _CONFIG.format(embedder="local") + _LOCAL.format(
        model=model, model_sha256=_sha256(model), tokenizer=tokenizer, tokenizer_sha256=_sha256(tokenizer)
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
