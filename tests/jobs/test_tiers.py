"""What serves which tasks: a hint by the form of calls, what a smaller model would have cost, and what comparisons have shown of it; from
labels in the ledger to the certificate that gateways act by.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from floorline.events import Attempt, Call, Label
from floorline.guardrails.cascade.rule import CascadeRule, epoch_of
from floorline.guardrails.certified.rule import CertifiedRule
from floorline.guardrails.certified.step import step
from floorline.guardrails.certified.tier import Form, hint, model_tier
from floorline.guardrails.frame import ENFORCE, FORWARD, Evidence, Facts
from floorline.guardrails.rules import Guardrails, Rules
from floorline.jobs.certifying import CertifyingJob, shelf
from floorline.jobs.tiers import Audit, audit
from floorline.ledger.ledger import Ledger
from floorline.pricing.book import PriceBook
from floorline.pricing.overrides import PriceOverride, Rate
from floorline.pricing.version import PriceVersion
from floorline.proof.certificate import NAME, from_bytes
from tests.margin.company import keep
from tests.support.ledger import Opener
from tests.support.records import call

DAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=1)
BOOK = PriceBook(
    overrides=[
        PriceOverride(model=name, rates={"input": Rate(price=Decimal(price)), "output": Rate(price=Decimal(price))})
        for name, price in (("large", "10"), ("middle", "3"), ("small", "0.5"))
    ]
)
ROUTE = CertifiedRule(setting=ENFORCE, candidates={"large": ("small",)}, bar=0.9)
CASCADE = CascadeRule(setting=ENFORCE, stages={"large": ("small",)}, bar=0.9)
RAILS = Guardrails(
    features={"triage": Rules(certified_route=ROUTE, cascade=CASCADE), "essays": Rules(certified_route=ROUTE)}
)


def served(number: int, feature: str, model: str, usage: tuple[int, int], cost: str, **changes: object) -> Call:
    fields = {
        "id": f"tier-{number}",
        "opened_at": NOON + timedelta(seconds=number),
        "feature": feature,
        "step": "",
        "call_type": "generation",
        "environment": "production",
        "provider": "openai",
        "model_requested": model,
        "model_served": f"{model}-2026-01-31" if model == "large" else model,
        "attempts": (Attempt(provider="openai", model=model, duration_us=5_000),),
        "usage": {"input": Decimal(usage[0]), "output": Decimal(usage[1])},
        "cost_basis": "computed",
        "effective_cost": Decimal(cost),
        "lines": (),
    }
    return call(number, **{**fields, **changes})


CALLS = [
    *[served(n, "triage", "large", (900, 10), "0.0091", call_type="classification") for n in range(4)],
    *[served(n, "chat", "large", (800, 200), "0.01") for n in range(10, 13)],
    *[served(n, "chat", "middle", (800, 200), "0.003") for n in range(20, 22)],
    served(30, "essays", "large", (500, 2_500), "0.03"),
    served(40, "triage", "small", (100, 10), "0.000055", step="comparison", call_type="judging"),
]


def answered(number: int, *, right: bool, kind: str = "route", **changes: object) -> Label:
    fields = {
        "source": "gateway",
        "id": f"{kind}-{number}",
        "at": NOON + timedelta(seconds=number),
        "kind": kind,
        "feature": "triage",
        "subject": "small for large",
        "model": "small",
        "right": right,
        "origin": "normalised",
        "epoch": epoch_of(CASCADE, "") if kind == "cascade" else "",
    }
    return Label(**{**fields, **changes})


@pytest.fixture(scope="module")
def past(databases, tmp_path_factory) -> Iterator[Ledger]:
    opener = Opener(databases, tmp_path_factory.mktemp("tiers"))
    ledger = opener()
    keep(
        ledger,
        [
            *CALLS,
            *[answered(n, right=n % 50 != 0) for n in range(200)],
            *[answered(n, right=n % 2 == 0, feature="essays", id=f"essay-{n}") for n in range(100)],
            *[answered(n, right=n % 4 != 0, kind="cascade", score=(n % 4) / 4) for n in range(300)],
        ],
    )
    yield ledger
    opener.finish()


def version(model: str) -> PriceVersion:
    found = BOOK.resolve("openai", model, NOON)
    assert isinstance(found, PriceVersion)
    return found


def audited(ledger: Ledger, rails: Guardrails | None = None, feature: str = "") -> Audit:
    return audit(
        ledger,
        DAY,
        DAY + timedelta(days=1),
        lambda _, model: version(model.removesuffix("-2026-01-31")),
        lambda _: None,
        rails,
        [one.published for one in shelf(ledger.state).all().values()],
        feature,
    )


@pytest.mark.parametrize(
    ("form", "tier", "reason"),
    [
        (Form("classification", 10, 9_000, 2_000, 0), 1, "classification calls"),
        (Form("generation", 10, 9_000, 400, 0), 1, "answers of 40 tokens"),
        (Form("generation", 10, 9_000, 3_000, 0), 2, "prompts of 900 and answers of 300 tokens"),
        (Form("generation", 10, 9_000, 3_000, 1_000), 3, "33% of the output is reasoning"),
        (Form("extraction", 10, 300_000, 300, 0), 3, "prompts of 30,000 tokens"),
        (Form("generation", 0, 0, 0, 0), 1, "answers of 0 tokens"),
    ],
)
def test_the_form_of_calls_hints_at_how_hard_they_are(form: Form, tier: int, reason: str) -> None:
    found = hint(form)
    assert (found.tier, found.reasons[0]) == (tier, reason)


def test_a_model_s_tier_is_its_price() -> None:
    assert [model_tier(version(model)) for model in ("small", "middle", "large")] == [1, 2, 3]


def test_labels_in_the_ledger_become_the_certificates_that_calls_are_decided_by(past) -> None:
    said = CertifyingJob(past, RAILS).run(LATER)
    assert said == "2 of 3 certificates are in force, 3 changed"
    published = from_bytes((past.home / NAME).read_bytes())
    route = published.find("route", "triage", "", "small for large")
    assert route is not None
    assert (route.state, route.labels, route.rights, route.model) == ("certified", 200, 196, "small")
    check = published.find("cascade", "triage", "", "small for large")
    assert check is not None
    assert (check.state, check.threshold, check.share) == ("certified", 0.25, 0.75)
    refused = published.find("route", "essays", "", "small for large")
    assert refused is not None
    assert refused.state == "refused"

    def decided(feature: str) -> str:
        facts = Facts(at=LATER, feature=feature, model="large", reachable=frozenset({"small"}))
        return step(facts, Evidence(certified=published), ROUTE, FORWARD).model

    assert [decided("triage"), decided("essays"), decided("unknown")] == ["small", "", ""]


def test_features_above_their_tier_are_told_with_what_a_smaller_model_saves_and_what_is_shown_of_it(past) -> None:
    CertifyingJob(past, RAILS).run(LATER)
    found = audited(past, RAILS)
    assert (found.calls, found.cost) == (10, Decimal("0.1024")), "what the gateway asks for itself is no task"
    triage = found.served[0] if found.served[0].slice.feature == "triage" else found.served[1]
    assert (triage.task.tier, triage.tier, triage.over) == (1, 3, True)
    assert triage.cheaper is not None
    assert (triage.cheaper.model, triage.cheaper.named, triage.cheaper.cost) == ("small", True, Decimal("0.00182"))
    assert triage.saved == Decimal("0.0364") - Decimal("0.00182")
    assert triage.earned is not None
    assert (triage.earned.state, triage.earned.labels) == ("certified", 200)
    chat = next(one for one in found.served if (one.slice.feature, one.slice.name) == ("chat", "large"))
    assert chat.cheaper is not None
    assert (chat.cheaper.model, chat.cheaper.named, chat.earned) == ("middle", False, None), (
        "a model in use of its tier"
    )
    assert not any(one.over for one in found.served if one.slice.feature == "essays")
    assert found.of(1, 3) == (4, Decimal("0.0364"))
    assert {one.slice.feature for one in audited(past, RAILS, "chat").served} == {"chat"}
