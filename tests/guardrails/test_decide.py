"""The order in which guardrails decide, and what holds for everyone."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from floorline.guardrails.cache import CacheRule
from floorline.guardrails.condition import parse_condition
from floorline.guardrails.decide import decide
from floorline.guardrails.frame import ENFORCE, Denial, Evidence, Facts, Figures, Looked, Setting, Standing
from floorline.guardrails.output import OutputRule
from floorline.guardrails.route import MarginRule, RouteRule
from floorline.guardrails.rules import Rules

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
FIGURES = Figures(revenue=Decimal(10), cost=Decimal(9), calls=500, since=NOON - timedelta(days=19), as_of=NOON)
settings_ = st.one_of(
    st.builds(Setting, mode=st.sampled_from(["shadow", "enforce"])),
    st.builds(Setting, mode=st.just("canary"), share_ppm=st.integers(0, 1_000_000)),
)


def rules(setting: Setting, do: str = "downgrade") -> Rules:
    rule = MarginRule(name="heavy", when=parse_condition("customer.cost_to_revenue > 0.8"), do=do, setting=setting)
    return Rules(
        cache=CacheRule(setting=setting),
        route=RouteRule(margin=(rule,), cheaper={"gpt-4o": "gpt-4o-mini"}),
        output=OutputRule(setting=setting, tokens_max=100),
    )


def facts(customer: str = "acme", *, held_out: bool = False) -> Facts:
    return Facts(
        at=NOON, customer=customer, endpoint="chat.completions", model="gpt-4o", cheaper="gpt-4o-mini", output_cap=500,
        held_out=held_out, unit=f"customer\0{customer}",
    )  # fmt: skip


def denial(model: str, **changes: object) -> Denial:
    state = Standing(
        name="month", holder="acme", window="2026-03", unit="usd", limit=Decimal(5), used=Decimal(5), reserved=Decimal(0),
        resets_at=NOON + timedelta(days=12), **changes,
    )  # fmt: skip
    return Denial(standing=state, asked=Decimal(1), model=model)


def test_a_rate_is_asked_before_the_cache_and_a_hit_ends_before_anything_is_routed_or_reserved():
    hit = Looked(state="hit", avoided=Decimal("0.01"))
    evidence = Evidence(rate=denial(""), cache=hit, figures=FIGURES)
    assert decide(facts(), evidence, rules(ENFORCE)).refusal.status == 429
    verdict = decide(facts(), Evidence(cache=hit, figures=FIGURES, denial=denial("gpt-4o")), rules(ENFORCE))
    assert (verdict.action, [one.guardrail for one in verdict.touches]) == ("hit", ["cache"])


def test_what_is_forwarded_is_routed_then_capped_then_held_against_the_budget():
    """The denial is of the model that was asked for: where a rule sends the call to another one, it is reserved anew."""
    verdict = decide(facts(), Evidence(figures=FIGURES, denial=denial("gpt-4o")), rules(ENFORCE))
    assert (verdict.action, verdict.model, verdict.output_cap) == ("forward", "gpt-4o-mini", 100)
    assert [one.guardrail for one in verdict.touches] == ["margin_rule", "output"]
    refused = decide(facts(), Evidence(figures=FIGURES, denial=denial("gpt-4o-mini")), rules(ENFORCE))
    assert (refused.action, refused.refusal.status, refused.refusal.kind) == ("refuse", 402, "budget_exceeded")


@given(customer=st.text(max_size=20), setting=settings_, held_out=st.booleans())
def test_hard_budgets_and_rates_hold_for_everyone(customer, setting, held_out):
    one = facts(customer, held_out=held_out)
    asked = decide(one, Evidence(), rules(setting))
    assert decide(one, Evidence(rate=denial("")), rules(setting)).refusal.status == 429
    assert decide(one, Evidence(denial=denial(asked.model or "gpt-4o")), rules(setting)).refusal.status == 402


@given(customer=st.text(max_size=20), setting=settings_)
def test_who_is_held_out_gets_what_it_would_get_without_any_optimisation(customer, setting):
    evidence = Evidence(cache=Looked(state="hit", avoided=Decimal(1)), figures=FIGURES)
    verdict = decide(facts(customer, held_out=True), evidence, rules(setting, "refuse"))
    bare = decide(facts(customer), evidence, Rules())
    assert (verdict.action, verdict.model, verdict.output_cap, verdict.changes) == (
        bare.action,
        bare.model,
        bare.output_cap,
        bare.changes,
    )
    assert {one.arm for one in verdict.touches} == {"shadow" if setting.mode == "shadow" else "holdout"}
    assert {one.guardrail for one in verdict.touches} == {"cache", "margin_rule", "output"}
