"""Fallback drills: calls on record sent to each target that would have to take over, before it has to.

recent calls with their content ▸ the target that serves them, twice ▸ each fallback, once ▸ what would not carry the load

A fallback's answer is compared with a fresh one of the target that serves; a second fresh one of that target says how often two of its
own agree. Calls of a drill say that their purpose is evaluation: they are no cost of sales, and no guardrail changes them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from importlib import resources
from statistics import median
from typing import TYPE_CHECKING, Protocol

import msgspec

from floorline.evals.sameness import SAME, same_answer
from floorline.money import ZERO
from floorline.proof.bounds import lower, upper
from floorline.query import Query

if TYPE_CHECKING:
    from floorline.ledger.surface import AnyLedger

_SQL = resources.files("floorline.jobs").joinpath("sql")
DRILL = "drill"
"""The kind of the documents that are kept, and the step of its calls."""

WINDOW = timedelta(days=7)
LOOKED_AT = 20
"""For each call of a sample so many are looked at: not every call's content is kept."""

FAILED_MAX = Decimal("0.05")
SLOW, SLOW_MS_MIN = 3, 500
"""A fallback whose answers take so many times as long as those of the target that serves, and so much longer, is told of."""

USD_MAX = Decimal(1)
CALLS = 20
TROUBLES_SHOWN = 3


class Drillable(msgspec.Struct, frozen=True, kw_only=True):
    """A row of drill_calls.sql: a call, and the target that answered it."""

    id: str
    opened_at: datetime
    customer: str
    feature: str
    dialect: str
    model: str
    provider: str
    served: str


class _Peak(msgspec.Struct, frozen=True, kw_only=True):
    """A row of drill_peaks.sql."""

    model: str
    calls: int
    tokens: int


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A target of a model: its provider, and the model as that calls it."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one call of a drill: its words, or why there are none; what it cost (None: unknown) and how long it took; and how
    much a minute the provider says it allows, None where it does not say.
    """

    text: str = ""
    trouble: str = ""
    cost: Decimal | None = None
    latency_ms: int = 0
    requests_a_minute: int | None = None
    tokens_a_minute: int | None = None


class Asked(Protocol):
    """What a drill needs of the gateway and of what is kept of a call."""

    def targets(self, call: Drillable) -> Sequence[Place]:
        """Where the call may go, the first choice first."""
        ...

    def request(self, call: Drillable) -> bytes | None:
        """What it asked, None where that is not kept."""
        ...

    def send(self, call: Drillable, request: bytes, target: Place) -> Replayed:
        """The same asked of one target alone."""
        ...


class Drilled(msgspec.Struct, frozen=True, kw_only=True):
    """What a drill of one fallback showed. Of `sent` calls `answered` came back whole; of those `same` said the same as the target that
    serves, `different` something else, and of the others nobody knows without a judge. `own_same` and `own_different` are two answers
    of that target itself, its `serving_…` figures stand beside the fallback's. Costs are of the `priced` answers whose cost is known of both; a latency is None without an answer. `peak_…` is the busiest minute of the model.
    `concerns` say why it would not carry the load, none where it would.
    """

    at: datetime
    model: str
    fallback: Place
    serving: Place
    sent: int
    answered: int
    same: int
    different: int
    own_same: int
    own_different: int
    troubles: tuple[tuple[str, int], ...]
    cost: Decimal
    serving_cost: Decimal
    priced: int
    latency_ms: int | None
    serving_latency_ms: int | None
    requests_a_minute: int | None = None
    tokens_a_minute: int | None = None
    peak_calls: int = 0
    peak_tokens: int = 0
    concerns: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """What it is kept as: the last drill of a fallback."""
        return f"{self.model} {self.fallback}"

    @property
    def carries(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.concerns

    @property
    def cost_ratio(self) -> Decimal | None:
        """What its answers cost over what those of the target that serves cost; None where that is not known."""
        return self.cost / self.serving_cost if self.priced and self.serving_cost else None


@dataclass(slots=True, kw_only=True)
class _Tally:
    """One fallback's answers, as they come."""

    serving: Place
    sent: int = 0
    same: int = 0
    different: int = 0
    own_same: int = 0
    own_different: int = 0
    troubles: Counter[str] = field(default_factory=Counter[str])
    cost: Decimal = ZERO
    serving_cost: Decimal = ZERO
    priced: int = 0
    latencies_ms: list[int] = field(default_factory=list[int])
    serving_ms: list[int] = field(default_factory=list[int])
    requests_a_minute: int | None = None
    tokens_a_minute: int | None = None

    def take(self, answer: Replayed, first: Replayed, second: Replayed) -> None:
        """One more call."""
        self.sent += 1
        self.requests_a_minute = answer.requests_a_minute or self.requests_a_minute
        self.tokens_a_minute = answer.tokens_a_minute or self.tokens_a_minute
        self.serving_ms.append(first.latency_ms)
        if answer.trouble:
            self.troubles[answer.trouble] += 1
            return
        self.latencies_ms.append(answer.latency_ms)
        if answer.cost is not None and first.cost is not None:
            self.priced += 1
            self.cost, self.serving_cost = self.cost + answer.cost, self.serving_cost + first.cost
        agreed = same_answer(first.text, answer.text)
        self.same += agreed in SAME
        self.different += agreed == "different"
        if not second.trouble:
            own = same_answer(first.text, second.text)
            self.own_same += own in SAME
            self.own_different += own == "different"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A drill: what it showed of each fallback, what it cost as far as that is known and how many answers cost nobody knows what, and
    why some models were not drilled. `stopped`: its dollars were used up.
    """

    drilled: Sequence[Drilled]
    cost: Decimal
    unpriced: int = 0
    missed: Mapping[str, str]
    stopped: bool = False

    @property
    def sentence(self) -> str:
        """In one line."""
        weak = [one for one in self.drilled if not one.carries]
        dollars = f"${self.cost:.4f}{f' and {self.unpriced} answers of unknown cost' if self.unpriced else ''}"
        said = f"{len(self.drilled)} fallbacks drilled for {dollars}, {len(weak)} would not carry the load"
        return said + (f"; not drilled: {', '.join(self.missed)}" if self.missed else "")


def drill(
    ledger: "AnyLedger",
    asked: Asked,
    models: Sequence[str],
    now: datetime,
    *,
    calls: int = CALLS,
    usd_max: Decimal = USD_MAX,
    tell: Callable[[int], None] = lambda _: None,
) -> Report:
    """Drill the fallbacks of `models` with `calls` calls each, for no more than about `usd_max` in all: no call is begun once that is spent, as far as costs are known.
    `tell` hears how many calls of the sample are done.
    """
    parameters = {"start": now - WINDOW, "models": list(models)}
    peaks = {one.model: one for one in ledger.query(Query(sql=_text("drill_peaks"), row=_Peak, parameters=parameters))}
    rows = ledger.query(
        Query(sql=_text("drill_calls"), row=Drillable, parameters={**parameters, "rows": calls * LOOKED_AT})
    )
    found: dict[tuple[str, Place], _Tally] = {}
    missed: dict[str, str] = {}
    spent, unpriced, done, stopped = ZERO, 0, 0, False
    for model in models:
        of_model = [row for row in rows if row.model == model]
        sampled, trouble = 0, ""
        for call, request, targets in _sample(of_model, asked, calls):
            if spent >= usd_max:
                stopped = True
                break
            sampled += 1
            costs, trouble = _one(call, request, targets, asked, found)
            spent += sum([cost for cost in costs if cost is not None], ZERO)
            unpriced += costs.count(None)
            tell(done := done + 1)
        if not any(drilled == model for drilled, _ in found):
            missed[model] = _why_missed(of_model, trouble, stopped=stopped and not sampled)
    drilled = [_drilled(model, target, tally, peaks.get(model), now) for (model, target), tally in found.items()]
    return Report(drilled=drilled, cost=spent, unpriced=unpriced, missed=missed, stopped=stopped)


def _sample(rows: Iterable[Drillable], asked: Asked, calls: int) -> Iterator[tuple[Drillable, bytes, Sequence[Place]]]:
    """So many calls of which the request is kept and which may go to a fallback."""
    found = 0
    for call in rows:
        targets = asked.targets(call)
        request = asked.request(call) if len(targets) > 1 else None
        if request is not None:
            yield call, request, targets
            found += 1
            if found >= calls:
                return


def _one(
    call: Drillable, request: bytes, targets: Sequence[Place], asked: Asked, found: dict[tuple[str, Place], _Tally]
) -> tuple[list[Decimal | None], str]:
    """Send one call to every target: what each answer cost, None where nobody knows, and why the target that serves gave no answer to compare with, '' where it did."""
    serving = next((one for one in targets if (one.provider, one.model) == (call.provider, call.served)), targets[0])
    first, second = asked.send(call, request, serving), asked.send(call, request, serving)
    costs = [first.cost, second.cost]
    for target in targets:
        if target == serving:
            continue
        answer = asked.send(call, request, target)
        costs.append(answer.cost)
        if not first.trouble:
            found.setdefault((call.model, target), _Tally(serving=serving)).take(answer, first, second)
    return costs, first.trouble


def _why_missed(rows: Sequence[Drillable], trouble: str, *, stopped: bool) -> str:
    if trouble:
        return f"the target that serves it gave no answer to compare with: {trouble}"
    if stopped:
        return "the drill's dollars were used up before"
    if not rows:
        return f"no call was answered in the last {WINDOW.days} days"
    return "no request of its calls is kept that may go to a fallback: `capture` of a feature keeps them"


def _drilled(model: str, target: Place, tally: _Tally, peak: _Peak | None, now: datetime) -> Drilled:
    one = Drilled(
        at=now,
        model=model,
        fallback=target,
        serving=tally.serving,
        sent=tally.sent,
        answered=tally.sent - sum(tally.troubles.values()),
        same=tally.same,
        different=tally.different,
        own_same=tally.own_same,
        own_different=tally.own_different,
        troubles=tuple(tally.troubles.most_common(TROUBLES_SHOWN)),
        cost=tally.cost,
        serving_cost=tally.serving_cost,
        priced=tally.priced,
        latency_ms=_median(tally.latencies_ms),
        serving_latency_ms=_median(tally.serving_ms),
        requests_a_minute=tally.requests_a_minute,
        tokens_a_minute=tally.tokens_a_minute,
        peak_calls=0 if peak is None else peak.calls,
        peak_tokens=0 if peak is None else peak.tokens,
    )
    return msgspec.structs.replace(one, concerns=tuple(concerns(one)))


def concerns(one: Drilled) -> Iterator[str]:
    """Why a fallback would not carry the load."""
    failed = one.sent - one.answered
    if failed > FAILED_MAX * one.sent:
        first = f": {one.troubles[0][0]}" if one.troubles else ""
        yield f"{failed} of {one.sent} calls failed{first}"
    if one.requests_a_minute is not None and one.requests_a_minute < one.peak_calls:
        yield (
            f"{one.requests_a_minute:,} requests a minute are allowed there, and the busiest minute had {one.peak_calls:,}"
        )
    if one.tokens_a_minute is not None and one.tokens_a_minute < one.peak_tokens:
        yield f"{one.tokens_a_minute:,} tokens a minute are allowed there, and the busiest minute had {one.peak_tokens:,}"
    compared, own = one.same + one.different, one.own_same + one.own_different
    if compared and lower(one.different, compared) > (upper(one.own_different, own) if own else 0):
        yield (
            f"{one.different} of {compared} answers that can be compared say something else, more than two answers of {one.serving} do"
        )
    took, usual = one.latency_ms, one.serving_latency_ms
    if took is not None and usual is not None and took > max(SLOW * usual, usual + SLOW_MS_MIN):
        yield f"an answer takes {took:,} ms, and {usual:,} ms where it is served now"


def _median(latencies_ms: Sequence[int]) -> int | None:
    return int(median(latencies_ms)) if latencies_ms else None


def _text(name: str) -> str:
    return _SQL.joinpath(f"{name}.sql").read_text(encoding="utf-8")
