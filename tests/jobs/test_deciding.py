"""`floorline explain`: one call as it is on record, and as it was decided, in sentences."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from floorline.events import Attempt, CostLine, Touch
from floorline.jobs.deciding import sentences
from floorline.jobs.recorded import day_of_call, recorded_call
from floorline.money import usd
from tests.margin.company import call, keep, outcome
from tests.support.records import adjustment

AT = datetime(2026, 3, 1, 23, 59, 30, tzinfo=UTC)
ID = f"{int(AT.timestamp() * 1000):012x}{7:020x}"


def record(**changes: object):
    made = call(AT.isoformat(), "acme", "assistant", "0.002", model="gpt-4o-mini")
    return msgspec.structs.replace(made, **{"id": ID, "model_requested": "gpt-4o", "provider": "openai", **changes})


def test_a_call_that_a_guardrail_changed_says_what_why_and_what_it_saved(ledger):
    touches = (
        Touch(guardrail="margin_rule", mode="canary", arm="treated", action="downgrade", saved=usd("0.018")),
        Touch(guardrail="output_cap", mode="enforce", arm="holdout", action="clamp", cost=usd("0.0001")),
        Touch(guardrail="cache", mode="shadow", arm="shadow", action="hit", saved=usd("0.02")),
    )
    reasons = ("margin_rule: heavy (customer.cost_to_revenue > 0.8): its period has cost 0.90 of what it brings",)
    keep(ledger, [record(reasons=reasons, touches=touches, counterfactual_cost=Decimal("0.02"))])
    found = recorded_call(ledger, ID)
    assert found is not None
    assert found.call.touches == list(touches)
    assert sentences(found.call) == [
        "2026-03-01 23:59:30 UTC  assistant for acme, asking for gpt-4o",
        "Forwarded to gpt-4o-mini at openai; answered whole (status 200).",
        f"  {reasons[0]}",
        "  margin_rule (canary): downgrade; saved $0.0180",
        "  output_cap (enforce): left alone, because its customer is held out; would have been clamp, at a cost of $0.000100",
        "  cache (shadow): left alone, because it only watches, in shadow; would have been hit, saving $0.0200",
        "It cost $0.00200 (computed). Without guardrails it would have cost $0.0200.",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"verdict": "refuse", "ending": "refused", "status": 402, "provider": ""}, "Refused with status 402."),
        ({"verdict": "hit", "metadata": {"cached_call": "0" * 32}}, f"Answered from the cache, with the answer made for {'0' * 32} (status 200)."),
        ({}, "  No guardrail acted on it, or would have."),
        ({"effective_cost": None, "cost_basis": "unpriced"}, "What it cost is not known."),
    ],
)  # fmt: skip
def test_whatever_became_of_a_call_is_said(ledger, changes, said):
    keep(ledger, [record(**changes)])
    assert said in sentences(recorded_call(ledger, ID).call)


def test_a_call_comes_back_as_it_was_written(ledger):
    made = record(
        usage={"input": Decimal(120), "web_searches": Decimal("1.5")},
        attempts=(Attempt(provider="openai", model="gpt-4o-mini", status=503, duration_us=90, ending="upstream_error"),),
        lines=(
            CostLine(
                component="inference", unit="input", quantity=Decimal(120), per=1_000_000, unit_price=usd("2.5"),
                list=usd("0.0003"), contracted=usd("0.0002"), effective=usd("0.0002"), price_version="70b6",
            ),
        ),
        metadata={"team": "core"},
        first_token_us=40,
    )  # fmt: skip
    keep(ledger, [made, record(id=ID[:-1] + "8")])
    found = recorded_call(ledger, ID)
    assert found is not None
    assert (found.call.attempts, found.call.lines, found.call.usage) == (
        list(made.attempts),
        list(made.lines),
        dict(made.usage),
    )
    assert (found.call.opened_at, found.call.metadata, found.call.first_token_us) == (AT, made.metadata, 40)
    assert (found.cost, found.basis, found.adjustments, found.outcomes) == (usd("0.002"), "computed", [], [])


def test_a_call_costs_what_its_last_adjustment_says_and_its_runs_outcome_is_the_one_recorded_last(ledger):
    made = record(run_id="run-1")
    first = adjustment(made, 1, usd("0.5"))
    last = msgspec.structs.replace(
        adjustment(made, 2, None, "unpriced"), applied_at=first.applied_at.replace(year=2027)
    )
    results = [
        outcome(
            "2026-03-02T00:00:00Z", "o-1", run_id="run-1", status=status, recorded_at=datetime(2026, 3, day, tzinfo=UTC)
        )
        for day, status in ((4, "cancelled"), (3, "success"))
    ]
    keep(ledger, [made, last, first, *results])
    found = recorded_call(ledger, ID)
    assert found is not None
    assert [one.new for one in found.adjustments] == [usd("0.5"), None]
    assert (found.cost, found.basis, found.call.served_cost) == (None, "unpriced", usd("0.002"))
    assert [(one.outcome_id, one.status) for one in found.outcomes] == [("o-1", "cancelled")]


def test_a_call_of_any_source_is_found_by_its_id_alone_or_with_its_day(ledger):
    keep(ledger, [record(id="r-1"), record(id="r-1", source="other", opened_at=AT.replace(day=20))])
    assert recorded_call(ledger, "r-1").call.source == "other"
    assert recorded_call(ledger, "r-1", source="test").call.opened_at == AT
    assert recorded_call(ledger, "r-1", day=AT.date()).call.source == "test"


def test_what_is_no_call_is_said(ledger):
    assert recorded_call(ledger, ID) is None
    assert day_of_call(ID) == AT.date()
    assert day_of_call("call-7") is day_of_call("f" * 32) is None
