"""Other rules over calls on record: who would have gone elsewhere, at what cost and in what time, and that the rest stays as it is."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.config import Config, parse
from floorline.events import Attempt, Call, Touch
from floorline.jobs.simulating import BACK, Simulated, simulate
from floorline.ledger.ledger import Ledger
from floorline.pricing.book import PriceBook
from floorline.pricing.overrides import PriceOverride, Rate
from floorline.wiring.simulating import decider
from tests.margin.company import keep
from tests.support.ledger import Opener
from tests.support.records import call

DAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BOOK = PriceBook(
    overrides=[
        PriceOverride(model=name, rates={"input": Rate(price=price), "output": Rate(price=price)})
        for name, price in (("dear", Decimal(10)), ("cheap", Decimal(1)))
    ]
)
HEAD = (
    'providers: {openai: {dialect: openai, base_url: "http://127.0.0.1:1/v1", auth: none}}\nguardrails: {holdout: 0%}\n'
)


def served(number: int, model: str, cost: str, **changes: object) -> Call:
    fields = {
        "id": f"past-{number}",
        "opened_at": NOON + timedelta(minutes=number),
        "customer_id": f"customer-{number % 4}",
        "user_id": "",
        "plan": "free" if number % 2 else "pro",
        "feature": "support",
        "call_type": "generation",
        "dialect": "openai",
        "model_requested": "dear",
        "model_served": model,
        "attempts": (Attempt(provider="openai", model=model, duration_us=5_000),),
        "usage": {"input": Decimal(800), "output": Decimal(200)},
        "duration_us": 900_000 if model == "dear" else 300_000,
        "status": 200,
        "cost_basis": "computed",
        "effective_cost": Decimal(cost),
        "lines": (),
    }
    return call(number, **{**fields, **changes})


ROUTED = Touch(guardrail="route", mode="enforce", arm="treated", action="route", saved=Decimal("0.009"))
CALLS = [
    *[served(number, "dear", "0.01") for number in range(1, 13)],
    *[served(number, "cheap", "0.001", touches=(ROUTED,)) for number in range(13, 19)],
    served(19, "dear", "0.01", metadata={"made_for": "past-1"}),
    served(20, "dear", "0.01", ending="upstream_error"),
    served(21, "dear", "0.01", opened_at=NOON - timedelta(days=1)),
]


def config(rules: str) -> Config:
    parsed = parse(f"{HEAD}routes: {rules}\n".encode(), Path("floorline.yaml"), {})
    assert parsed.problems == ()
    return parsed.config


@pytest.fixture(scope="module")
def past(databases, tmp_path_factory) -> Iterator[Ledger]:
    opener = Opener(databases, tmp_path_factory.mktemp("past"))
    ledger = opener()
    keep(ledger, CALLS)
    yield ledger
    opener.finish()


def simulated(ledger, rules: str, **options: int) -> Simulated:
    return simulate(ledger, DAY, DAY + timedelta(days=1), decider(config(rules), BOOK, NOON), BOOK, **options)


def test_what_moves_is_priced_there_and_timed_by_those_it_answered(past) -> None:
    found = simulated(past, "[{name: free to cheap, when: customer.plan = free, to: cheap}]")
    assert (found.known, found.other, found.seen, found.scale) == (18, 1, 18, 1)
    free = found.rules["free to cheap"]
    assert (free.calls, free.customers, free.before, free.after) == (
        6, {"customer-1", "customer-3"}, Decimal("0.06"), Decimal("0.006"),
    )  # fmt: skip
    assert (free.times_ms, found.moves[("dear", "cheap")].calls) == ((900, 300), 6)
    back = found.rules[BACK]
    assert (back.calls, back.before, back.after) == (3, Decimal("0.003"), Decimal("0.03")), (
        "no rule moves the pro plan now"
    )
    assert found.moved.saved == Decimal("0.054") - Decimal("0.027")


def test_the_rules_that_were_in_force_move_nothing(past) -> None:
    same = (
        "[{name: late, when: time.hour = 12 and call.metadata.x != y, to: asked, mode: shadow}, {name: all, to: cheap}]"
    )
    assert simulated(past, same).rules.keys() == {"all"}
    assert all(one.calls == 12 for one in simulated(past, same).rules.values()), "six were there already"


def test_where_no_price_is_known_the_cost_is_in_neither_sum(past) -> None:
    found = simulated(past, "[{name: away, when: customer.name = customer-1, to: nobody-knows}]")
    away = found.rules["away"]
    assert (away.calls, away.unpriced, away.before, away.after, away.times_ms) == (5, 5, 0, 0, None)


def test_of_many_calls_a_sample_is_looked_at_and_says_how_many_each_stands_for(past) -> None:
    found = simulated(past, "[{name: all, to: cheap}]", calls_max=9)
    assert 0 < found.seen < 18
    assert found.scale == Decimal(18) / found.seen
