"""One gateway's counters with a spool beside them, for tests: calls open, reserve, close, and the process dies."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from floorline.events import Call, Opening
from floorline.gateway.counters.local import LocalCounters
from floorline.gateway.counters.tally import Hold
from floorline.guardrails.allowance import Allowance
from floorline.guardrails.budget import Budget, Named, Part, holder
from floorline.guardrails.frame import Amounts, Denial, Facts
from floorline.ledger import codec
from floorline.ledger.checkpoint import SavedCall
from floorline.ledger.spool import Spool
from floorline.money import to_pico

NEW_YORK_MIDNIGHT = datetime(2026, 11, 1, 4, tzinfo=UTC)
"""Of the day on which clocks go back there, and a month begins."""

LOST_USD = Decimal("0.3")
LOST_AFTER = timedelta(hours=1)
EACH = (Part(dimension="customer"),)


def estimate(_call: SavedCall) -> Amounts:
    """What every lost call probably cost."""
    return Amounts(pico=to_pico(LOST_USD), tokens=0)


class Counting:
    """The counters of one gateway, and what its ledger has: `ledger` maps each ended call to its opening, holder and cost."""

    def __init__(self, folder: Path, *budgets: Budget, at: datetime) -> None:
        self.folder, self.now, self.allowance = folder, at, Allowance(budgets=budgets)
        self.holds: dict[str, Hold] = {}
        self.ledger: dict[str, tuple[datetime, str, Decimal]] = {}
        self.numbers = 0
        self._start()

    def _start(self) -> None:
        self.spool = Spool(self.folder / "spool", segment_bytes=1 << 14)
        self.counters = self.make()

    def make(self) -> LocalCounters:
        return LocalCounters(self.folder, lambda: self.spool.place, lost_after=LOST_AFTER)

    async def begin(self) -> int:
        return await self.counters.begin(self.allowance, self.now, estimate)

    def open(self, customer: str = "acme", plan: str = "pro") -> str:
        """A call begins: its record, then its place among its budgets."""
        self.numbers += 1
        call_id = f"{self.folder.name}-{self.numbers}"
        self.spool.append(
            codec.encode_opening(
                Opening(
                    id=call_id,
                    source="gateway",
                    gateway="g1",
                    opened_at=self.now,
                    deadline=self.now + LOST_AFTER,
                    customer_id=customer,
                    plan=plan,
                    input_tokens=1,
                )
            )
        )
        self.holds[call_id] = self.counters.open(call_id, Facts(at=self.now, customer=customer, plan=plan))
        return call_id

    async def reserve(self, call_id: str, usd: Decimal | str | None) -> Denial | None:
        amount = None if usd is None else to_pico(Decimal(usd))
        return await self.counters.reserve(self.holds[call_id], Amounts(pico=amount))

    def close(self, call_id: str, usd: Decimal | str) -> None:
        """The call ends: its record, then its settlement."""
        self.record(call_id, usd)
        self.counters.settle(self.holds.pop(call_id), Amounts(pico=to_pico(Decimal(usd))))

    def record(self, call_id: str, usd: Decimal | str) -> None:
        """The call's record alone, as if the process died before it was settled."""
        facts = self.holds[call_id].facts
        call = Call(
            source="gateway", id=call_id, opened_at=facts.at, customer_id=facts.customer, plan=facts.plan,
            cost_basis="computed", effective_cost=Decimal(usd), list_cost=Decimal(usd), contracted_cost=Decimal(usd),
        )  # fmt: skip
        self.spool.append(codec.encode(call, codec.fingerprint_of(call_id.encode())))
        self.ledger[call_id] = (facts.at, facts.customer, Decimal(usd))

    def refuse(self, call_id: str) -> None:
        """The call is not sent: its record says so."""
        at = self.holds[call_id].facts.at
        call = Call(
            source="gateway", id=call_id, opened_at=at, verdict="refuse", ending="refused", effective_cost=Decimal(0)
        )
        self.spool.append(codec.encode(call, codec.fingerprint_of(call_id.encode())))
        self.counters.settle(self.holds.pop(call_id), None)

    def tick(self) -> None:
        self.counters.tick(self.now, estimate)

    async def die(self) -> int:
        """`kill -9`, and a new process of this name: what was under way is lost, and the ledger has it so."""
        for call_id, hold in self.holds.items():
            if call_id not in self.ledger:
                self.ledger[call_id] = (hold.facts.at, hold.facts.customer, LOST_USD)
        self.holds.clear()
        self._start()
        return await self.begin()

    def spent(self, budget: Budget, customer: str, at: datetime) -> int:
        """What the ledger says was used of a budget in the window that holds `at`."""
        span, since = budget.window.at(at), self.counters.tally.since[budget.id]
        whose = holder(budget.scope, Named(customer=customer, plan="pro"))
        costs = [
            usd
            for opened, one, usd in self.ledger.values()
            if span.start <= opened < span.end
            and opened >= since
            and holder(budget.scope, Named(customer=one, plan="pro")) == whose
        ]
        return int(sum(costs) * 10**12)

    def counted(self, budget: Budget, customer: str, at: datetime) -> tuple[int, int]:
        """What the counters say: used, and held by calls under way."""
        whose = holder(budget.scope, Named(customer=customer, plan="pro"))
        bucket = self.counters.tally.buckets.get((budget.id, whose or "", budget.window.at(at).start))
        return (0, 0) if bucket is None else (bucket.used, bucket.held)
