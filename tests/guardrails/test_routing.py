"""Route rules: what they ask of a call, which of them counts, and what is noted where none acts."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from floorline.guardrails.condition import Subject, parse_condition
from floorline.guardrails.decide import decide
from floorline.guardrails.frame import NOTHING_KNOWN, Evidence, Facts, Routed, Setting
from floorline.guardrails.route import MarginRule, RouteRule, subject_of
from floorline.guardrails.routing import Routing, wanted
from floorline.guardrails.rules import Rules

THURSDAY = datetime(2026, 3, 19, 22, 30, tzinfo=UTC)
FACTS = Facts(
    at=THURSDAY,
    customer="acme",
    plan="pro",
    feature="assistant",
    model="gpt-4o",
    cheaper="gpt-4o-mini",
    unit="customer\0acme",
    input_tokens=900,
    headers={"x-tier": "gold plus"},
    metadata={"region": "eu"},
    attributes={"segment": "bank"},
    reachable=frozenset({"small", "large"}),
)


def rule(
    when: str = "", to: str = "small", mode: str = "enforce", *, name: str = "one", everyone: bool = False
) -> Routing:
    changes = {"when": parse_condition(when)} if when else {}
    return Routing(name=name, to=to, setting=Setting(mode=mode), everyone=everyone, **changes)


def decided(*routes: Routing, facts: Facts = FACTS, evidence: Evidence = NOTHING_KNOWN, **changes: object):
    return decide(facts, evidence, Rules(route=RouteRule(routes=routes, **changes)))


@pytest.mark.parametrize(
    "when",
    [
        "feature.name = assistant",
        "customer.plan in (pro | enterprise)",
        "customer.plan not in (free)",
        "customer.attribute.segment = bank",
        "customer.attribute.size != large",
        "call.header.X-Tier = 'gold plus'",
        'call.header.x-tier in (silver, "gold plus")',
        "call.metadata.region = eu",
        "call.input_tokens < 1000 and call.model = gpt-4o",
        "time.hour >= 22 and time.day = thursday",
        "time.day not in (saturday, sunday)",
        "budget.used >= 80% and feature.criticality != high",
        "intent.support = refund",
        "router.difficulty in (easy, medium)",
    ],
)
def test_a_rule_asks_what_is_known_of_a_call(when: str) -> None:
    known = Evidence(
        budget_used=Decimal("0.81"), route=Routed(labels={"intent.support": "refund", "router.difficulty": "easy"})
    )
    verdict = decided(rule(when), evidence=known)
    assert (verdict.model, verdict.headers) == ("small", (("route", "one"),))
    assert verdict.reasons == (f"route: one ({parse_condition(when)}): small for gpt-4o",)
    assert parse_condition(str(parse_condition(when))) == parse_condition(when), "a condition reads as it is shown"


@pytest.mark.parametrize(
    "when",
    ["budget.used < 200%", "intent.support != refund", "intent.support not in (a)", "router.difficulty = easy", "call.output_cap < 10"],
)  # fmt: skip
def test_what_is_not_known_makes_no_comparison_true(when: str) -> None:
    for routed in (None, Routed(labels={"intent.support": "", "router.difficulty": ""})):
        assert decided(rule(when), evidence=Evidence(route=routed)).model == ""


def test_times_are_those_of_the_reporting_timezone() -> None:
    night = rule("time.hour = 0 and time.day = friday")
    assert decided(night).model == ""
    assert decided(night, timezone="Europe/Athens").model == "small"


def test_the_first_rule_that_holds_counts_and_one_that_keeps_the_call_where_it_is_ends_the_list() -> None:
    routes = (rule("customer.plan = free", name="free"), rule(to="asked", name="stay"), rule(name="rest"))
    verdict = decided(*routes)
    assert (verdict.model, verdict.touches, verdict.headers) == ("", (), (("route", "stay"),))
    assert verdict.reasons == ("route: stay: gpt-4o, as asked",)


def test_a_rule_in_shadow_changes_nothing_of_what_those_after_it_do() -> None:
    verdict = decided(rule(mode="shadow", to="large", name="tried"), rule(name="live"))
    assert (verdict.model, [one.arm for one in verdict.touches]) == ("small", ["treated"])
    assert verdict.reasons[0] == "route: tried (shadow) would have sent it to large"
    alone = decided(rule(mode="shadow", to="large"))
    assert (alone.model, alone.touches[0].arm, alone.moves) == ("", "shadow", {"route": "large"})


def test_the_hold_out_is_left_alone_but_by_a_rule_for_everyone() -> None:
    held = Facts(at=THURSDAY, model="gpt-4o", held_out=True, reachable=frozenset({"small"}))
    noted = decided(rule(), facts=held)
    assert (noted.model, noted.touches[0].arm) == ("", "holdout")
    assert decided(rule(everyone=True), facts=held).model == "small"


def test_a_call_stays_where_it_is_when_it_may_not_go_there_and_its_record_says_so() -> None:
    assert decided(rule(to="elsewhere")).reasons == ("route: one: elsewhere is nowhere that this call may go",)
    nothing_cheaper = Facts(at=THURSDAY, model="gpt-5")
    (why,) = decided(rule(to="cheaper"), facts=nothing_cheaper).reasons
    assert why == "route: one: no cheaper model is named for gpt-5, or the call may not go there"
    assert decided(rule(to="cheaper")).model == "gpt-4o-mini"


def test_a_margin_rule_leaves_a_call_where_a_route_rule_sent_it() -> None:
    margin = (MarginRule(name="all", when=parse_condition("call.type = generation"), do="downgrade"),)
    verdict = decided(rule(to="large"), margin=margin)
    assert (verdict.model, [one.guardrail for one in verdict.touches]) == ("large", ["route"])


def test_nobody_is_asked_for_a_label_that_decides_nothing() -> None:
    asks = rule("intent.support = refund and customer.plan = pro", name="asks")

    def next_of(*routes: Routing, facts: Facts = FACTS, **labels: str) -> str:
        known = Evidence(route=Routed(labels={f"intent.{name}": label for name, label in labels.items()}))
        return wanted(subject_of(facts, known, RouteRule(routes=routes)), routes)

    assert next_of(asks) == "intent.support"
    assert next_of(rule(name="first"), asks) == "", "a rule before it counts"
    assert next_of(rule(mode="shadow"), asks) == "intent.support", "one in shadow does not"
    assert next_of(asks, facts=Facts(at=THURSDAY, plan="free")) == "", "something else rules it out"
    assert next_of(asks, support="") == "", "it abstained"
    assert next_of(rule("intent.a = x and intent.b = y"), a="x") == "intent.b"


def test_what_asking_a_router_cost_stands_on_the_call_whether_it_moves_or_stays() -> None:
    spent = Routed(labels={"router.r": "easy"}, cost=Decimal("0.001"), said=("router r said easy",))
    moved = decided(rule("router.r = easy"), evidence=Evidence(route=spent))
    stayed = decided(rule("router.r = hard"), evidence=Evidence(route=spent))
    assert [(one.action, one.cost, one.saved) for one in moved.touches] == [("route", Decimal("0.001"), None)]
    assert [(one.action, one.cost, one.saved) for one in stayed.touches] == [("stay", Decimal("0.001"), Decimal(0))]
    assert stayed.reasons == ("route: router r said easy",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("customer.plan in pro", "no list: write it as customer.plan in"),
        ("customer.plan in ()", "no list"),
        ("call.input_tokens in (1, 2)", "is a number: compare it with"),
        ("call.header.x > 1", "is text: compare it with = or !=, in or not in"),
        ("time.day = someday", "'someday' is no day of the week"),
        ("feature.criticality in (high, huge)", "'huge' is no criticality"),
        ("customer.plan = pro or call.model = a", "is no comparison"),
        ("intents.support = a", "'intents.support' is not known"),
    ],
)
def test_a_condition_that_cannot_be_read_says_what_to_write(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_condition(text)


def test_a_subject_without_anything_known_can_be_asked_everything() -> None:
    of = Subject(facts=Facts(at=THURSDAY), criticality="normal", figures=None)
    for field in ("customer.cost_usd", "budget.used", "call.output_cap"):
        assert not parse_condition(f"{field} >= 0").holds(of)
