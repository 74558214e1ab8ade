"""Where budgets stand: what several gateways have counted, added up."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from floorline.gateway.counters.local import LocalCounters
from floorline.guardrails.allowance import Allowance
from floorline.guardrails.budget import Budget, Credit, Part
from floorline.guardrails.frame import Amounts, Facts
from floorline.jobs.budget_standings import document, standings
from floorline.ledger.checkpoint import Place, SavedCall

NOW = datetime(2026, 11, 5, tzinfo=UTC)
BUDGET = Budget(
    name="documents", scope=(Part(dimension="customer"),), unit="credits", limit=Decimal(10), overage_limit=Decimal(20),
    credit=Credit(name="documents", size=Decimal("0.5")),
)  # fmt: skip


def unknown(_call: SavedCall) -> Amounts:
    return Amounts(usd=None)


def gateway(home: Path, name: str, usd: str, held: str = "0") -> None:
    folder = home / "gateways" / name
    folder.mkdir(parents=True)
    found = LocalCounters(folder, Place, lost_after=timedelta(hours=1))

    async def count() -> None:
        await found.begin(Allowance(budgets=(BUDGET,)), NOW, unknown)
        found.settle(found.open("a", Facts(at=NOW, customer="acme")), Amounts(usd=Decimal(usd)))
        await found.reserve(found.open("b", Facts(at=NOW, customer="acme")), Amounts(usd=Decimal(held)))
        await found.end(NOW)

    asyncio.run(count())


def test_the_counters_of_every_gateway_are_one_figure_in_the_plans_own_unit(tmp_path: Path) -> None:
    gateway(tmp_path, "g1", "3.25", held="0.5")
    gateway(tmp_path, "g2", "2")
    (shown,) = document(standings(tmp_path, (BUDGET,), NOW))
    assert shown == {
        "budget": "documents",
        "within": None,
        "holder": "acme",
        "window": "2026-11",
        "resets_at": "2026-12-01T00:00:00Z",
        "unit": "documents",
        "limit": "10",
        "used": "10.5",
        "presumed": "0",
        "held": "1",
        "calls_under_way": 2,
        "percent": 115,
        "billed_overage": "0.5",
    }
    assert standings(tmp_path, (BUDGET,), NOW + timedelta(days=30)) == []
