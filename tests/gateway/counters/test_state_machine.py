"""Whatever happens, in whatever order: used ≤ ledger ≤ used + held, no limit is exceeded, and nobody is refused for nothing."""

import asyncio
import tempfile
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from floorline.guardrails.allowance import Allowance
from floorline.guardrails.budget import Budget
from floorline.guardrails.windows import Window
from tests.gateway.counters.machine import EACH, NEW_YORK_MIDNIGHT, Counting

PICO = 10**12
CUSTOMERS = ("acme", "other")
MONTHLY = Budget(name="monthly", scope=EACH, unit="usd", limit=Decimal(5), window=Window(timezone="America/New_York"))
DAILY = Budget(
    name="daily", scope=(), unit="usd", limit=Decimal(3), window=Window(unit="day", timezone="America/New_York")
)
DEAREST = Decimal(1)


class Spending(RuleBasedStateMachine):
    """One gateway over the end of a month, a change of clocks, deaths and reloads. Calls never cost more than they reserved."""

    calls = Bundle("calls")

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.limits = {MONTHLY.id: MONTHLY.limit, DAILY.id: DAILY.limit}
        self.found = Counting(Path(self.folder.name), MONTHLY, DAILY, at=NEW_YORK_MIDNIGHT - timedelta(hours=30))
        self.reserved: dict[str, Decimal] = {}
        asyncio.run(self.found.begin())

    @rule(target=calls, customer=st.sampled_from(CUSTOMERS), cents=st.integers(30, 100))
    def opens(self, customer: str, cents: int) -> str:
        call = self.found.open(customer)
        wanted = Decimal(cents) / 100
        hold = self.found.holds[call]
        fits = all(
            bucket.used + bucket.held + wanted * PICO <= self.limits[budget.id] * PICO
            for budget, bucket in hold.counted
        )
        denied = asyncio.run(self.found.reserve(call, wanted))
        assert (denied is None) == fits
        if denied is not None:
            self.found.refuse(call)
        else:
            self.reserved[call] = wanted
        return call

    @rule(call=calls)
    def tops_up(self, call: str) -> None:
        if call in self.found.holds and asyncio.run(self.found.reserve(call, "0.5")) is None:
            self.reserved[call] += Decimal("0.5")

    @rule(call=consumes(calls), share=st.integers(0, 100), settled=st.booleans())
    def closes(self, call: str, share: int, *, settled: bool) -> None:
        if call not in self.found.holds or call in self.found.ledger:
            return
        usd = self.reserved[call] * share / 100
        if settled:
            self.found.close(call, usd)
        else:
            self.found.record(call, usd)  # its settlement never comes: the process must die before it does

    @rule(minutes=st.sampled_from([1, 20, 600]))
    def time_passes(self, minutes: int) -> None:
        if not self.found.holds:
            self.found.now += timedelta(minutes=minutes)

    @rule()
    def checkpoint(self) -> None:
        if not any(call in self.found.ledger for call in self.found.holds):
            self.found.tick()

    @rule()
    def dies(self) -> None:
        asyncio.run(self.found.die())

    @rule(monthly=st.integers(2, 8), daily=st.integers(2, 8))
    def limits_change(self, monthly: int, daily: int) -> None:
        if any(call in self.found.ledger for call in self.found.holds):
            return
        self.limits = {MONTHLY.id: Decimal(monthly), DAILY.id: Decimal(daily)}
        changed = [_limited(MONTHLY, monthly), _limited(DAILY, daily)]
        self.found.allowance = Allowance(budgets=tuple(changed))
        self.found.counters.follow(self.found.allowance, self.found.now)

    @invariant()
    def the_counters_and_the_ledger_agree(self) -> None:
        if not hasattr(self, "found"):
            return
        for budget in (MONTHLY, DAILY):
            for customer in CUSTOMERS:
                used, held = self.found.counted(budget, customer, self.found.now)
                spent = self.found.spent(budget, customer, self.found.now)
                assert used <= spent <= used + held
                if not self.found.holds:
                    assert (used, held) == (spent, 0)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()


def _limited(budget: Budget, limit: int) -> Budget:
    return Budget(name=budget.name, scope=budget.scope, unit="usd", limit=Decimal(limit), window=budget.window)


TestSpending = Spending.TestCase
TestSpending.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
