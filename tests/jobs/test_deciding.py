"""`floorline explain`: a call as it was decided, in sentences."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from floorline.cli.explain import sentences
from floorline.errors import BadInput
from floorline.events import Touch
from floorline.jobs.deciding import decided_call
from floorline.money import usd
from tests.margin.company import call, keep

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
    found = decided_call(ledger, ID)
    assert found is not None
    assert found.touches == list(touches)
    assert sentences(found) == [
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
    assert said in sentences(decided_call(ledger, ID))


def test_what_is_no_call_is_said(ledger):
    assert decided_call(ledger, ID) is None
    with pytest.raises(BadInput, match="is no call of a gateway: give the 32 digits"):
        decided_call(ledger, "call-7")
