"""Margin rules: what they ask, for whom they hold, and when they judge nobody."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.guardrails.condition import FIELDS, parse_condition
from floorline.guardrails.decide import decide
from floorline.guardrails.frame import Evidence, Facts, Figures, Setting
from floorline.guardrails.route import MarginRule, RouteRule
from floorline.guardrails.rules import Rules

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
FACTS = Facts(
    at=NOON,
    customer="acme",
    plan="pro",
    feature="assistant",
    model="gpt-4o",
    cheaper="gpt-4o-mini",
    unit="customer\0acme",
)


def figures(revenue: int | None = 100, cost: int = 90, calls: int = 500) -> Figures:
    since = datetime(2026, 3, 1, tzinfo=UTC)
    return Figures(
        revenue=None if revenue is None else Decimal(revenue), cost=Decimal(cost), calls=calls, since=since, as_of=NOON
    )


def rules(
    when: str = "customer.cost_to_revenue > 0.8", do: str = "downgrade", mode: str = "enforce", **changes: object
) -> Rules:
    one = MarginRule(name="heavy", when=parse_condition(when), do=do, setting=Setting(mode=mode))
    return Rules(route=RouteRule(margin=(one,), **changes))


def decided(evidence: Evidence, of: Rules, facts: Facts = FACTS):
    return decide(facts, evidence, of)


def test_a_customer_that_costs_more_than_the_rule_allows_gets_the_cheaper_model():
    verdict = decided(Evidence(figures=figures()), rules())
    assert (verdict.action, verdict.model) == ("forward", "gpt-4o-mini")
    why = "margin_rule: heavy (customer.cost_to_revenue > 0.8): its period has cost 0.90 of what it brings"
    assert verdict.reasons == (f"{why}: gpt-4o-mini for gpt-4o",)
    (touch,) = verdict.touches
    assert (touch.guardrail, touch.arm, touch.action, touch.saved) == ("margin_rule", "treated", "downgrade", None)


@pytest.mark.parametrize(
    ("known", "at"),
    [
        (figures(cost=70), NOON),
        (figures(revenue=None), NOON),
        (figures(calls=29), NOON),
        (None, NOON),
        (figures(), datetime(2026, 3, 2, 23, tzinfo=UTC)),
    ],
    ids=["it pays enough", "nobody knows what it pays", "hardly any calls", "not a call", "the second day of a month"],
)
def test_nobody_is_judged_without_evidence(known, at):
    verdict = decided(Evidence(figures=known), rules(), Facts(at=at, model="gpt-4o", cheaper="gpt-4o-mini", unit="u"))
    assert (verdict.model, verdict.touches, verdict.reasons) == ("", (), ())


def test_a_critical_feature_is_spared_where_the_rule_says_so():
    when = "when customer.cost_to_revenue > 80% and feature.criticality != high"
    assert decided(Evidence(figures=figures()), rules(when)).model == "gpt-4o-mini"
    assert decided(Evidence(figures=figures()), rules(when, criticality="high")).model == ""


def test_shadow_and_hold_out_note_what_would_have_been():
    shadow = decided(Evidence(figures=figures()), rules(mode="shadow"))
    held = decided(
        Evidence(figures=figures()), rules(), Facts(at=NOON, model="gpt-4o", cheaper="gpt-4o-mini", held_out=True)
    )
    assert [(one.model, one.reasons, one.touches[0].arm) for one in (shadow, held)] == [
        ("", (), "shadow"),
        ("", (), "holdout"),
    ]


def test_stale_figures_judge_nobody_and_say_so_or_stop_the_call():
    stale = Evidence(figures=figures(), stale=True)
    opened, closed = decided(stale, rules()), decided(stale, rules(fail="closed"))
    assert (opened.action, opened.model) == ("forward", "")
    assert opened.reasons == ("margin_rule: what customers pay and cost is older than 1 h: no rule went by it",)
    assert (closed.action, closed.refusal.status, closed.refusal.kind) == ("refuse", 503, "figures_stale")
    assert decided(stale, rules("customer.plan = pro", fail="closed")).model == "gpt-4o-mini", "it needs no figures"


def test_a_rule_may_refuse_or_only_warn():
    refused = decided(Evidence(figures=figures()), rules(do="refuse"))
    assert (refused.action, refused.refusal.status, refused.refusal.details) == ("refuse", 402, {"rule": "heavy"})
    warned = decided(Evidence(figures=figures()), rules(do="warn"))
    assert (warned.action, warned.model, len(warned.reasons), warned.touches) == ("forward", "", 1, ())


def test_without_a_cheaper_model_the_call_stays_and_its_record_says_why():
    verdict = decided(Evidence(figures=figures()), rules(), Facts(at=NOON, model="gpt-5", unit="u"))
    assert (verdict.model, verdict.touches) == ("", ())
    assert verdict.reasons[0].endswith("and no cheaper model is named for gpt-5")


def test_the_first_rule_that_holds_counts():
    first = MarginRule(name="pro", when=parse_condition("customer.plan = pro"), do="warn")
    second = MarginRule(name="all", when=parse_condition("customer.plan != free"), do="refuse")
    assert decided(Evidence(), Rules(route=RouteRule(margin=(first, second)))).action == "forward"
    assert decided(Evidence(), Rules(route=RouteRule(margin=(second, first)))).action == "refuse"


def test_a_first_day_burst_of_a_customer_that_pays_is_not_touched():
    """A tenth of the month's revenue in its first hours is a third of it by the rate of those hours, and not looked at."""
    burst = Figures(
        revenue=Decimal(900), cost=Decimal(90), calls=20_000, since=datetime(2026, 3, 1, tzinfo=UTC), as_of=NOON
    )
    for hours in (1, 12, 80):
        at = burst.since + timedelta(hours=hours)
        assert (
            decided(Evidence(figures=burst), rules(), Facts(at=at, model="gpt-4o", cheaper="m", unit="u")).touches == ()
        )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("customer.cost_to_revenue", "is no comparison"),
        ("customer.cost > 1", "is not known: one of customer.cost_to_revenue,"),
        ("customer.cost_usd > lots", "is a number, and 'lots' is none"),
        ("customer.plan > pro", "is text: compare it with = or !="),
        ("feature.criticality = highest", "is no criticality: one of high, normal, low"),
        ("", "is no comparison"),
    ],
)
def test_a_condition_that_cannot_be_read_says_what_to_write(text, said):
    with pytest.raises(ValueError, match=said):
        parse_condition(text)


@given(
    st.sampled_from([field for field in FIELDS if field.startswith("customer.c")]),
    st.sampled_from(["<", "<=", ">", ">=", "=", "!="]),
)
def test_what_is_not_known_makes_no_comparison_true(field, operator):
    assert decided(Evidence(), rules(f"{field} {operator} 5", do="refuse")).action == "forward"


def test_every_operator_compares_as_it_reads():
    held = {
        operator: [decided(Evidence(figures=figures(cost=cost)), rules(f"customer.cost_usd {operator} 90", do="refuse")).action == "refuse" for cost in (89, 90, 91)]
        for operator in ("<", "<=", ">", ">=", "=", "!=")
    }  # fmt: skip
    assert held == {
        "<": [True, False, False], "<=": [True, True, False], ">": [False, False, True],
        ">=": [False, True, True], "=": [False, True, False], "!=": [True, False, True],
    }  # fmt: skip
