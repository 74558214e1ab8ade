"""A gateway with budgets for tests: real counters beside a real spool."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from floorline.gateway.counters.local import LocalCounters
from floorline.gateway.counters.saving import estimated
from floorline.gateway.pipeline import utc_now
from floorline.guardrails.allowance import Allowance
from floorline.guardrails.budget import Budget
from floorline.guardrails.frame import Amounts
from floorline.guardrails.rate import Rate
from floorline.guardrails.rules import Guardrails
from floorline.ledger.checkpoint import SavedCall
from floorline.ledger.spool import Spool
from tests.support.serving import Live, serving


class Budgeted:
    """A gateway that serves, in this process, and its counters."""

    def __init__(self, live: Live, counters: LocalCounters) -> None:
        self.live, self.counters = live, counters

    def estimate(self, call: SavedCall) -> Amounts:
        return estimated(call, call.provider, self.live.pipeline.snapshot.prices)

    def used(self, budget: str) -> int:
        """The quanta that all holders of a budget used in all windows."""
        return sum(
            bucket.used for bucket in self.counters.tally.buckets.values() if self._name(bucket.budget) == budget
        )

    def held(self) -> int:
        return sum(bucket.held for bucket in self.counters.tally.buckets.values())

    def _name(self, id_: str) -> str:
        return next((one.name for one in self.live.pipeline.snapshot.policy.allowance.budgets if one.id == id_), "")


@asynccontextmanager
async def budgeted(
    folder: Path, *budgets: Budget, rates: tuple[Rate, ...] = (), **changes: object
) -> AsyncIterator[Budgeted]:
    """A gateway in front of a stub that counts for `budgets`."""
    allowance = Allowance(budgets=budgets, rates=rates)
    spool = Spool(folder / "spool", segment_bytes=1 << 22, quota_bytes=1 << 26)
    counters = LocalCounters(folder, lambda: spool.place, lost_after=timedelta(hours=1))
    changes.setdefault("guardrails", Guardrails())
    async with serving(folder, spool=spool, counters=counters, allowance=allowance, **changes) as live:
        found = Budgeted(live, counters)
        await counters.begin(allowance, utc_now(), found.estimate)
        yield found
