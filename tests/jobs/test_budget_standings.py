"""Where budgets stand: what several gateways have counted, added up."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from floorline.gateway.counters.local import LocalCounters
from floorline.guardrails.allowance import Allowance
from floorline.guardrails.budget import Budget, Credit, Part
from floorline.guardrails.frame import Amounts, Facts
from floorline.jobs.budget_standings import BudgetStanding, document, scope_text, standings
from floorline.ledger.checkpoint import Place, SavedCall
from floorline.money import to_pico

NOW = datetime(2026, 11, 5, tzinfo=UTC)
BUDGET = Budget(
    name="documents", scope=(Part(dimension="customer"),), unit="credits", limit=Decimal(10), overage_limit=Decimal(20),
    credit=Credit(name="documents", size=Decimal("0.5")),
)  # fmt: skip


def unknown(_call: SavedCall) -> Amounts:
    return Amounts(pico=None)


def gateway(home: Path, name: str, usd: str, held: str = "0") -> None:
    folder = home / "gateways" / name
    folder.mkdir(parents=True)
    found = LocalCounters(folder, Place, lost_after=timedelta(hours=1))

    async def count() -> None:
        await found.begin(Allowance(budgets=(BUDGET,)), NOW, unknown)
        found.settle(found.open("a", Facts(at=NOW, customer="acme")), Amounts(pico=to_pico(Decimal(usd))))
        await found.reserve(found.open("b", Facts(at=NOW, customer="acme")), Amounts(pico=to_pico(Decimal(held))))
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


def standing(used: str, held: str = "0", **changes: object) -> BudgetStanding:
    budget = Budget(name="monthly", scope=(), unit="usd", limit=Decimal(100), **changes)
    quanta = [int(Decimal(amount) * 10**12) for amount in (used, held)]
    return BudgetStanding(
        budget=budget, holder="", window=budget.window.at(NOW), used=quanta[0], presumed=0, held=quanta[1], calls=0
    )


def test_a_budget_is_near_from_its_first_threshold_on_and_blocks_only_where_it_is_hard() -> None:
    assert [standing(used).fill for used in ("74", "75", "100")] == ["ok", "near", "blocked"]
    assert standing("99", held="1").fill == "blocked", "what calls under way hold is no room"
    assert [standing(used, hard=False).fill for used in ("99", "100", "250")] == ["near", "over", "over"]
    assert standing("100", overage_limit=Decimal(150)).fill == "over"
    assert standing("150", overage_limit=Decimal(150)).fill == "blocked"
    assert standing("50", held="12.5").ratio == Decimal("0.625")
    assert standing("40").projected_at(NOW) == datetime(2026, 11, 11, tzinfo=UTC), "4 days of 40, of 100"


def test_a_scope_is_said_in_words() -> None:
    assert scope_text(()) == "every call"
    assert (
        scope_text((Part(dimension="plan", names=("free", "trial")), Part(dimension="user")))
        == "plan free + trial × each user"
    )
