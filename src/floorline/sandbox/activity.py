"""What the demo company's users do in 14 days: rows of usage, outcomes, revenue and costs, as a product would export them.

Beside each row that is made, the raw sums are kept with the demo's own price list; they are what the screens are checked
against, and they know nothing of the price book, the ledger or the margin queries.

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
from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec

from floorline.sandbox import company as own
from floorline.sandbox.servegen import sample
from floorline.sandbox.table import DAYS
from floorline.sandbox.traces import TracedCall

BURST_CALLS_MAX = 12
BURST_GAP_US = 30 * 60 * 1_000_000
ROUNDS_MAX = 4
CONTENT, RESOLVES, REOPENS = 0.8, 0.7, 0.04
PASSAGES_TOKENS = 1_800  # six passages of 300 tokens, put before the question
_END_US = DAYS * 86_400 * 1_000_000


class UsageRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of usage.jsonl: docs/importing.md names the fields."""

    request_id: str
    timestamp: datetime
    provider: str
    model: str
    customer_id: str
    user_id: str
    plan: str
    feature: str
    workflow: str
    step: str
    run_id: str = ""
    call_type: str = "generation"
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    reasoning_tokens: int = 0
    rerank_searches: int = 0
    latency_ms: int = 0


class OutcomeRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of outcomes.jsonl."""

    id: str
    outcome_id: str
    at: datetime
    recorded_at: datetime
    outcome_type: str
    status: str
    run_id: str
    workflow: str
    feature: str
    customer: str
    user_id: str
    plan: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyRow:
    """One line of revenue.csv or costs.csv; `customer` and `plan` are empty for a cost."""

    id: str
    amount: Decimal
    period_start: date
    period_end: date
    customer: str = ""
    plan: str = ""
    feature: str = ""
    component: str = ""
    driver: str = ""

    @property
    def in_window(self) -> Decimal:
        """USD that fall on the demo's days, spread evenly over the period."""
        days = (min(self.period_end, own.TO) - max(self.period_start, own.FROM)).days
        return self.amount * days / (self.period_end - self.period_start).days


@dataclass(slots=True, kw_only=True)
class Activity:
    """Everything the company exports, in the order of time."""

    usage: list[UsageRow] = field(default_factory=list[UsageRow])
    outcomes: list[OutcomeRow] = field(default_factory=list[OutcomeRow])
    revenue: list[MoneyRow] = field(default_factory=list[MoneyRow])
    costs: list[MoneyRow] = field(default_factory=list[MoneyRow])


def live(company: own.Company, rng: random.Random) -> Activity:
    """14 days of the company. The same company and seed give the same rows."""
    activity = Activity(revenue=list(_invoices(company)), costs=list(_costs(company)))
    for member in company.members:
        calls = sample(member.client, rng, scale=member.scale, days=DAYS)
        _WORK[member.feature](member, calls, rng, activity)
    activity.usage.sort(key=lambda row: (row.timestamp, row.request_id))
    activity.outcomes.sort(key=lambda row: (row.recorded_at, row.id))
    return activity


def _invoices(company: own.Company) -> Iterator[MoneyRow]:
    month, year = (own.FROM, own.MONTH_END), own.YEAR
    billed = {
        own.SEAT: (own.SEAT_USD_PER_MONTH, month),
        own.ENTERPRISE: (own.ENTERPRISE_USD_PER_USER_YEAR, year),
        own.PRO: (own.PRO_USD_PER_MONTH, month),
    }
    for account in company.accounts:
        if account.plan in billed:
            price, (start, end) = billed[account.plan]
            yield MoneyRow(
                id=f"inv-{account.customer}",
                customer=account.billed_as,
                plan=account.plan,
                amount=price * account.users,
                period_start=start,
                period_end=end,
            )


def _costs(company: own.Company) -> Iterator[MoneyRow]:
    """What no call carries, each bill for June and most for one feature."""
    bills = (
        ("support-desk", "support", own.SUPPORT_DESK_USD_PER_MONTH, own.SUPPORT),
        ("vector-store-support", "infrastructure", own.VECTOR_STORE_SUPPORT_USD_PER_MONTH, own.SUPPORT),
        ("vector-store-contracts", "infrastructure", own.VECTOR_STORE_CONTRACTS_USD_PER_MONTH, own.CONTRACTS),
        ("call-logging", "infrastructure", own.CALL_LOGGING_USD_PER_MONTH, ""),
    )
    for name, component, amount, feature in bills:
        yield MoneyRow(
            id=f"{name}-june",
            component=component,
            amount=amount * company.bills,
            feature=feature,
            driver="calls",
            period_start=own.FROM,
            period_end=own.MONTH_END,
        )


def _contracts(member: own.Member, calls: Iterable[TracedCall], rng: random.Random, activity: Activity) -> None:
    del rng
    for number, burst in enumerate(_bursts(calls)):
        run = _Run(member=member, number=number, activity=activity)
        tokens = sum(call.input_tokens for call in burst)
        run.call("embed", own.EMBEDDER, at_us=burst[0].at_us, call_type="embedding", input_tokens=tokens)
        for call in burst:
            run.traced("analyse", own.STRONG, call)
        run.outcome("document_reviewed", at_us=burst[-1].at_us)


def _reports(member: own.Member, calls: Iterable[TracedCall], rng: random.Random, activity: Activity) -> None:
    del rng
    for number, burst in enumerate(_bursts(calls)):
        run = _Run(member=member, number=number, activity=activity)
        run.call("outline", own.CHEAP, at_us=burst[0].at_us, input_tokens=600, output_tokens=60 * len(burst))
        for call in burst:
            run.traced("section", own.STRONG, call)
        run.outcome("report_delivered", at_us=burst[-1].at_us)


def _tickets(member: own.Member, calls: Iterable[TracedCall], rng: random.Random, activity: Activity) -> None:
    for number, call in enumerate(calls):
        run = _Run(member=member, number=number, activity=activity)
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
            run.outcome("ticket_resolved", at_us=at_us, status="cancelled", recorded_us=at_us + 86_400_000_000)


def _replies(member: own.Member, calls: Iterable[TracedCall], rng: random.Random, activity: Activity) -> None:
    del rng
    model = own.MIDDLE if member.account.plan == own.FREE else own.STRONG
    for number, call in enumerate(calls):
        _Run(member=member, number=number, activity=activity).traced("reply", model, call)


_WORK: dict[str, Callable[[own.Member, Iterable[TracedCall], random.Random, Activity], None]] = {
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
    activity: Activity
    calls: int = 0

    @property
    def workflow(self) -> str:
        return own.WORKFLOWS[self.member.feature]

    @property
    def id(self) -> str:
        return f"{self.workflow}/{self.member.user}/{self.number}"

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
        self.activity.usage.append(
            UsageRow(
                request_id=f"{self.id}/{self.calls}",
                timestamp=_instant(at_us),
                provider=model.provider,
                model=model.name,
                customer_id=self.member.account.customer,
                user_id=self.member.user,
                plan=self.member.account.plan,
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
        )

    def outcome(self, kind: str, *, at_us: int, status: str = "success", recorded_us: int | None = None) -> None:
        """Add a row of the run's outcome; one that is recorded later amends it."""
        recorded = _instant(at_us if recorded_us is None else recorded_us)
        self.activity.outcomes.append(
            OutcomeRow(
                id=f"{self.id}@{recorded:%Y-%m-%dT%H:%M:%S}",
                outcome_id=self.id,
                at=_instant(at_us),
                recorded_at=recorded,
                outcome_type=kind,
                status=status,
                run_id=self.id,
                workflow=self.workflow,
                feature=self.member.feature,
                customer=self.member.account.customer,
                user_id=self.member.user,
                plan=self.member.account.plan,
            )
        )


def _instant(at_us: int) -> datetime:
    """An instant of the demo's days: what would run past the last of them ends with it."""
    return own.OPENED + timedelta(microseconds=min(at_us, _END_US - 1))
