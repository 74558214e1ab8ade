"""What the demo company's users do: rows of usage and outcomes, as a product would export them.

Shapes of the workflows (the demo's own; lengths and times of the calls named "traced" are the traffic's):

- contract_review: a document is embedded once, then every clause is analysed by a traced call. Calls of one user belong
  to one document while they follow each other within 30 minutes, at most 12.
- ticket: classify → (embed → rerank → answer, traced → check) until the check is content, at most 4 rounds; a check is
  content 4 times in 5. 7 tickets in 10 end resolved; 1 resolved ticket in 25 is reopened the next day and not paid for.
- report: an outline, then sections, each a traced call on a reasoning model, joined as clauses are.
- code assistant: every traced call is one reply, on the strong model for pro and on the middle one for free.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from floorline.sandbox import company as own
from floorline.sandbox.calendar import DAY_US, Calendar, Stretch
from floorline.sandbox.rows import Activity, OutcomeRow, UsageRow
from floorline.sandbox.servegen import sample
from floorline.sandbox.story import happened, reports_model
from floorline.sandbox.traces import TracedCall

BURST_CALLS_MAX = 12
BURST_GAP_US = 30 * 60 * 1_000_000
ROUNDS_MAX = 4
CONTENT, RESOLVES, REOPENS = 0.8, 0.7, 0.04
PASSAGES_TOKENS = 1_800  # six passages of 300 tokens, put before the question


def live(company: own.Company, rng: random.Random, calendar: Calendar, stretch: Stretch) -> Activity:
    """The company's days of `stretch`. The same company, seed and stretch give the same rows but for their dates."""
    lived = Lived(calendar=calendar, stretch=stretch, rng=rng, heavy=company.heavy)
    for member in company.members:
        begun = max(member.account.came, stretch.first)
        if begun < stretch.end:
            shift_us = begun * DAY_US
            calls = (
                replace(call, at_us=call.at_us + shift_us)
                for call in sample(member.client, rng, scale=member.scale, days=stretch.end - begun)
                if call.at_us + shift_us < stretch.end_us
            )
            _WORK[member.feature](member, calls, lived)
    activity = lived.activity
    activity.usage.sort(key=lambda row: (row.timestamp, row.request_id))
    activity.outcomes.sort(key=lambda row: (row.recorded_at, row.id))
    return activity


@dataclass(slots=True, kw_only=True)
class Lived:
    """Some days of the company while they are made."""

    calendar: Calendar
    stretch: Stretch
    rng: random.Random
    heavy: frozenset[str]
    activity: Activity = field(default_factory=Activity)

    def instant(self, at_us: int) -> datetime:
        """An instant of these days: what would run past the last of them ends with it."""
        return self.calendar.instant(min(at_us, self.stretch.end_us - 1))


def _contracts(member: own.Member, calls: Iterable[TracedCall], lived: Lived) -> None:
    for number, burst in enumerate(_bursts(calls)):
        run = _Run(member=member, number=number, lived=lived)
        tokens = sum(call.input_tokens for call in burst)
        run.call("embed", own.EMBEDDER, at_us=burst[0].at_us, call_type="embedding", input_tokens=tokens)
        for call in burst:
            run.traced("analyse", own.STRONG, call)
        run.outcome("document_reviewed", at_us=burst[-1].at_us)


def _reports(member: own.Member, calls: Iterable[TracedCall], lived: Lived) -> None:
    for number, burst in enumerate(_bursts(calls)):
        run = _Run(member=member, number=number, lived=lived)
        run.call("outline", own.CHEAP, at_us=burst[0].at_us, input_tokens=600, output_tokens=60 * len(burst))
        for call in burst:
            run.traced("section", reports_model(call.at_us // DAY_US), call)
        run.outcome("report_delivered", at_us=burst[-1].at_us)


def _tickets(member: own.Member, calls: Iterable[TracedCall], lived: Lived) -> None:
    rng = lived.rng
    for number, call in enumerate(calls):
        run = _Run(member=member, number=number, lived=lived)
        question, answer, at_us = call.input_tokens, call.output_tokens, call.at_us
        run.call(
            "classify", own.CHEAP, at_us=at_us, call_type="classification", input_tokens=question + 300, output_tokens=8
        )
        for _ in range(ROUNDS_MAX):
            at_us += 2_000_000
            run.call("embed", own.EMBEDDER, at_us=at_us, call_type="embedding", input_tokens=question)
            run.call("rerank", own.RERANKER, at_us=at_us + 100_000, call_type="rerank", rerank_searches=1)
            prompt = question + PASSAGES_TOKENS
            run.call("answer", own.STRONG, at_us=at_us + 400_000, input_tokens=prompt, output_tokens=answer)
            at_us += 4_000_000
            run.call(
                "check", own.CHEAP, at_us=at_us, call_type="judging", input_tokens=prompt + answer, output_tokens=20
            )
            if rng.random() < CONTENT:
                break
        resolved = rng.random() < RESOLVES
        run.outcome("ticket_resolved", at_us=at_us, status="success" if resolved else "failed")
        if resolved and rng.random() < REOPENS:
            run.outcome("ticket_resolved", at_us=at_us, status="cancelled", recorded_us=at_us + DAY_US)


def _replies(member: own.Member, calls: Iterable[TracedCall], lived: Lived) -> None:
    for number, call in enumerate(calls):
        plan = member.account.plan_on(call.at_us // DAY_US)
        _Run(member=member, number=number, lived=lived).traced(
            "reply", own.MIDDLE if plan == own.FREE else own.STRONG, call
        )


_WORK: dict[str, Callable[[own.Member, Iterable[TracedCall], Lived], None]] = {
    own.CONTRACTS: _contracts,
    own.SUPPORT: _tickets,
    own.REPORTS: _reports,
    own.CODE: _replies,
}


def _bursts(calls: Iterable[TracedCall]) -> Iterator[list[TracedCall]]:
    """A user's calls, cut where 30 minutes pass between two of them and after every 12."""
    burst: list[TracedCall] = []
    for call in calls:
        if burst and (len(burst) == BURST_CALLS_MAX or call.at_us - burst[-1].at_us > BURST_GAP_US):
            yield burst
            burst = []
        burst.append(call)
    if burst:
        yield burst


@dataclass(slots=True, kw_only=True)
class _Run:
    """One execution of a workflow, which names its calls and outcomes."""

    member: own.Member
    number: int
    lived: Lived
    calls: int = 0

    @property
    def workflow(self) -> str:
        return own.WORKFLOWS[self.member.feature]

    @property
    def id(self) -> str:
        return f"{self.workflow}/{self.member.user}/{self.lived.stretch.name}-{self.number}"

    def traced(self, step: str, model: own.Model, call: TracedCall) -> None:
        """A call whose time and lengths are the traffic's."""
        self.call(
            step,
            model,
            at_us=call.at_us,
            input_tokens=call.input_tokens,
            output_tokens=call.output_tokens,
            reasoning_tokens=call.reasoning_tokens,
        )

    def call(
        self,
        step: str,
        model: own.Model,
        *,
        at_us: int,
        call_type: str = "generation",
        input_tokens: int = 0,
        output_tokens: int = 0,
        reasoning_tokens: int = 0,
        rerank_searches: int = 0,
    ) -> None:
        """Add one call of the run; the demo makes up its latency."""
        self.calls += 1
        day = at_us // DAY_US
        row = UsageRow(
            request_id=f"{self.id}/{self.calls}",
            timestamp=self.lived.instant(at_us),
            provider=model.provider,
            model=model.name,
            customer_id=self.member.account.customer,
            user_id=self.member.user,
            plan=self.member.account.plan_on(day),
            feature=self.member.feature,
            workflow=self.workflow,
            step=step,
            run_id=self.id,
            call_type=call_type,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            reasoning_tokens=reasoning_tokens,
            rerank_searches=rerank_searches,
            latency_ms=300 + 12 * output_tokens,
        )
        self.lived.activity.usage.append(happened(row, day, self.lived.rng, self.lived.heavy))

    def outcome(self, kind: str, *, at_us: int, status: str = "success", recorded_us: int | None = None) -> None:
        """Add a row of the run's outcome; one that is recorded later amends it."""
        recorded = self.lived.instant(at_us if recorded_us is None else recorded_us)
        self.lived.activity.outcomes.append(
            OutcomeRow(
                id=f"{self.id}@{recorded:%Y-%m-%dT%H:%M:%S}",
                outcome_id=self.id,
                at=self.lived.instant(at_us),
                recorded_at=recorded,
                outcome_type=kind,
                status=status,
                run_id=self.id,
                workflow=self.workflow,
                feature=self.member.feature,
                customer=self.member.account.customer,
                user_id=self.member.user,
                plan=self.member.account.plan_on(at_us // DAY_US),
            )
        )
