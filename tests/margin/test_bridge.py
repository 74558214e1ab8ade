"""A bridge's parts add up to the change for any two windows, and a change with one cause is in the part of its name."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.margin.bridge import LABELS, LEVERS, PARTS, primary_driver
from floorline.margin.explanation import explain
from floorline.margin.sides import BY, Called, Owned, Received, Shared, facts_of
from floorline.margin.works import Kind
from tests.margin.windows import AFTER, BEFORE, COMPANY, DOLLAR, Company, Customer, Usage, between, share, work_of

NAMES = st.sampled_from(["", "a", "b"])
OWNERS = st.builds(Owned, NAMES, NAMES, NAMES)
COUNTS = st.one_of(st.just(0), st.integers(0, 3), st.integers(0, 10**7))
AMOUNTS = st.one_of(st.just(0), st.integers(-3, 3), st.integers(-(10**6), 10**15))
WORK = st.tuples(*[COUNTS] * 4, AMOUNTS, *[COUNTS] * 6, *[AMOUNTS] * 6).map(work_of)
KINDS = st.builds(Kind, st.just("generation"), st.just("p"), st.sampled_from(["s", "m"]), st.sampled_from(["", "s"]))
CALLED = st.lists(st.builds(Called, OWNERS, KINDS, WORK), max_size=5)
RECEIVED = st.lists(st.builds(Received, OWNERS, AMOUNTS, COUNTS, st.booleans()), max_size=3)
SHARED = st.lists(st.builds(Shared, OWNERS, st.sampled_from(["infrastructure", "support"]), AMOUNTS), max_size=3)


def sides(called: list[Called], received: list[Received], shared: list[Shared]) -> tuple[int, int]:
    """Revenue and cost, written down once more."""
    return sum(one.amount for one in received), sum(c.work.cost for c in called) + sum(s.amount for s in shared)


@settings(max_examples=100, deadline=None)
@given(CALLED, RECEIVED, SHARED, CALLED, RECEIVED, SHARED, st.sampled_from(BY))
def test_parts_add_up_to_the_change_to_the_last_digit_whatever_the_windows_hold(
    called, received, shared, called_after, received_after, shared_after, by
):
    was = facts_of(BEFORE, called=called, received=received, shared=shared)
    now = facts_of(AFTER, called=called_after, received=received_after, shared=shared_after)
    found = explain(was, now, by)
    revenue, cogs = sides(called, received, shared)
    revenue_after, cogs_after = sides(called_after, received_after, shared_after)
    assert (found.total.was.revenue_pico, found.total.was.cogs_pico) == (revenue, cogs)
    assert (found.total.now.revenue_pico, found.total.now.cogs_pico) == (revenue_after, cogs_after)
    for bridge in (*found.rows, found.total):
        assert sum(bridge.parts.values()) == bridge.after_pico - bridge.before_pico
        assert set(bridge.parts) == set(PARTS)
        primary_driver(bridge)
    for part in PARTS:
        assert sum(row.parts[part] for row in found.rows) == found.total.parts[part]


@settings(max_examples=40, deadline=None)
@given(CALLED, RECEIVED, SHARED, st.sampled_from(BY))
def test_a_window_against_itself_has_no_part(called, received, shared, by):
    same = facts_of(BEFORE, called=called, received=received, shared=shared)
    found = explain(same, replace(same, days=AFTER), by)
    assert all(not any(row.parts.values()) for row in (*found.rows, found.total))


def more_of(company: Company, **changes: int) -> Company:
    """The company with `changes` percent of the figures of each use."""
    customers = [
        replace(
            one, uses=tuple(replace(use, **{name: getattr(use, name) * by // 100 for name, by in changes.items()}) for use in one.uses)
        )
        for one in company.customers
    ]  # fmt: skip
    return replace(company, customers=tuple(customers))


def paying(company: Company, percent: int) -> Company:
    return replace(company, customers=tuple(replace(one, fee=one.fee * percent // 100) for one in company.customers))


def rerouted(company: Company) -> Company:
    """All but a tenth of the small model's calls go to the large one."""
    return replace(
        company,
        customers=tuple(
            replace(one, uses=(replace(one.uses[0], calls=one.uses[0].calls // 10), replace(one.uses[1], calls=one.uses[1].calls + one.uses[0].calls - one.uses[0].calls // 10)))
            for one in company.customers
        ),
    )  # fmt: skip


def fallen_back(company: Company) -> Company:
    """A third of the small model's calls are tried there, fail, and are served by a third model that nobody used."""
    return replace(
        company,
        customers=tuple(
            replace(one, uses=(replace(one.uses[0], calls=one.uses[0].calls * 2 // 3), one.uses[1], replace(one.uses[0], model="spare", calls=one.uses[0].calls - one.uses[0].calls * 2 // 3, tried="small", retries=30)))
            for one in company.customers
        ),
    )  # fmt: skip


def shifted(company: Company) -> Company:
    """Calls move from the customers of one plan to those of the other, which use the large model more; none changes otherwise."""
    return replace(
        company,
        customers=tuple(
            replace(one, uses=tuple(replace(use, calls=use.calls * (50 if one.plan == "pro" else 150) // 100) for use in one.uses))
            for one in company.customers
        ),
    )  # fmt: skip


TWO_PLANS = Company(
    customers=tuple(
        Customer(name=f"{plan}-{n}", plan=plan, fee=fee, uses=(Usage(model=model, calls=1000),))
        for plan, fee, model in (("pro", 60, "small"), ("team", 60, "large"))
        for n in range(4)
    )
)
REASONING = COMPANY.using(reasoning=0)
HITS = COMPANY.using(hits=40)

CAUSES = {
    "provider price": ("provider_price", COMPANY, COMPANY.using(dearer=125)),
    "a price cut": ("provider_price", COMPANY, COMPANY.using(dearer=60)),
    "routing": ("model_mix", COMPANY, rerouted(COMPANY)),
    "prompt bloat": ("input_tokens", COMPANY, COMPANY.using(prompt=3000)),
    "longer answers": ("output_tokens", COMPANY, COMPANY.using(output=560)),
    "more reasoning": ("reasoning_tokens", COMPANY, COMPANY.using(reasoning=900)),
    "reasoning switched on": ("reasoning_tokens", REASONING, REASONING.using(reasoning=900)),
    "more searches": ("other_units", COMPANY, COMPANY.using(searches=4)),
    "the cache fails": ("cache_hits", HITS, HITS.using(hits=0)),
    "a cache is put in": ("cache_hits", HITS.using(hits=0), HITS),
    "the prompt is no longer cached": ("prompt_cache", COMPANY, COMPANY.using(cached=0)),
    "the prompt is cached": ("prompt_cache", COMPANY.using(cached=0), COMPANY.using(cached=60)),
    "retries": ("retries", COMPANY, COMPANY.using(retries=40)),
    "first retries": ("retries", COMPANY.using(retries=0), COMPANY.using(retries=25)),
    "a fallback": ("retries", COMPANY, fallen_back(COMPANY)),
    "more calls": ("call_volume", COMPANY, more_of(COMPANY, calls=130)),
    "calls shift between plans": ("customer_mix", TWO_PLANS, shifted(TWO_PLANS)),
    "a discount": ("revenue_price", COMPANY, paying(COMPANY, 80)),
    "metered revenue": ("revenue_volume", replace(COMPANY, metered=200), replace(COMPANY, metered=300)),
    "infrastructure": ("other_costs", COMPANY, replace(COMPANY, shared={"infrastructure": 90, "support": 20})),
    "a model loses its price": ("unattributed", COMPANY, COMPANY.using(unpriced=50)),
}  # fmt: skip


@pytest.mark.parametrize("name", CAUSES)
@pytest.mark.parametrize("by", BY)
def test_a_change_with_one_cause_is_in_the_part_of_its_name(name, by):
    part, was, now = CAUSES[name]
    if name == "calls shift between plans" and by != "feature":
        part = "call_volume"  # of each customer or plan it is just that
    assert share(between(was, now, by).total, part) >= 0.95, name


@pytest.mark.parametrize(
    "name", [name for name, (part, was, now) in CAUSES.items() if between(was, now).total.change_pico < 0]
)
def test_the_driver_of_a_loss_with_one_cause_is_that_cause(name):
    part, was, now = CAUSES[name]
    total = between(was, now).total
    driver = primary_driver(total)
    assert driver is not None
    assert (driver.part, driver.pico, driver.lever) == (part, total.parts[part], LEVERS[part])


def test_prompt_bloat_is_still_the_driver_while_the_company_grows_by_half():
    grown = more_of(COMPANY.using(prompt=2600), calls=150)
    customers = tuple(replace(one, days=one.days * 3 // 2) for one in grown.customers)
    total = between(replace(COMPANY, shared={}), replace(grown, customers=customers, shared={})).total
    assert total.parts["call_volume"] < total.parts["input_tokens"] < 0
    driver = primary_driver(total)
    assert driver is not None
    assert driver.part == "input_tokens"
    assert driver.sentence.startswith("input tokens per call rose 30 %: -$")


def test_customers_who_leave_while_shared_costs_stay_are_revenue_volume():
    total = between(COMPANY, replace(COMPANY, customers=COMPANY.customers[::3])).total
    assert total.parts["call_volume"] > 0 > total.parts["revenue_volume"]
    assert abs(total.parts["other_costs"]) < 10
    driver = primary_driver(total)
    assert driver is not None
    assert driver.part == "revenue_volume"


def test_many_cheap_calls_instead_of_few_dear_ones_do_not_hide_the_driver():
    """A customer goes from few calls of the large model to many of the small one at the same cost; answers grow by a tenth."""
    few, many = Usage(model="large", calls=1000, retries=0), Usage(model="small", calls=15_000, retries=0)
    steady = Customer(name="steady", uses=(Usage(calls=30_000), Usage(model="large", calls=3000)))
    was = Company(
        customers=(steady, Customer(name="one", uses=(few,)), Customer(name="two", uses=(Usage(calls=10),))), shared={}
    )
    now = Company(
        customers=(steady, Customer(name="one", uses=(replace(few, calls=10),)), Customer(name="two", uses=(many,))),
        shared={},
    )
    total = between(was, now.using(output=440)).total
    assert total.parts["call_volume"] < total.parts["output_tokens"] < 0 < total.parts["customer_mix"]
    driver = primary_driver(total)
    assert driver is not None
    assert driver.part == "output_tokens"


def test_what_was_not_there_before_is_new_in_the_sentence():
    driver = primary_driver(between(replace(COMPANY, shared={}), COMPANY).total)
    assert driver is not None
    assert driver.sentence == "other costs are new (most of it infrastructure): -$60.00"


def test_new_customers_are_volume_and_take_part_in_what_changed_for_the_others():
    newcomers = tuple(replace(one, name=f"new-{one.name}") for one in COMPANY.customers)
    both = replace(COMPANY, customers=(*COMPANY.customers, *newcomers))
    assert share(between(COMPANY, both).total, "call_volume", "revenue_volume") >= 0.95
    bloated = between(COMPANY, both.using(prompt=4000)).total.parts
    alone = between(COMPANY, COMPANY.using(prompt=4000)).total.parts
    assert bloated["input_tokens"] == pytest.approx(2 * alone["input_tokens"], rel=1e-6)


def test_a_new_heavy_cohort_is_mix_and_not_longer_prompts():
    heavy = tuple(replace(one, name=f"new-{one.name}").using(prompt=20_000) for one in COMPANY.customers)
    total = between(COMPANY, replace(COMPANY, customers=(*COMPANY.customers, *heavy))).total
    assert total.parts["input_tokens"] == 0
    driver = primary_driver(total)
    assert driver is not None
    assert driver.part == "customer_mix"


def test_customers_moving_to_a_plan_of_less_margin_are_mix_though_no_plan_changes():
    moved = tuple(
        replace(one, plan="team", fee=20, uses=(Usage(model="large", calls=1000),)) if one.name == "pro-0" else one
        for one in replace(TWO_PLANS, shared={}).customers
    )
    total = between(replace(TWO_PLANS, shared={}), Company(customers=moved, shared={})).total
    assert share(total, "customer_mix") >= 0.95
    driver = primary_driver(total)
    assert driver is not None
    assert driver.part == "customer_mix"
    assert driver.sentence == "revenue per paid day, by who pays, fell 8.3 % (most of it pro-0): -$287"


def test_a_feature_that_is_new_or_gone_is_volume():
    other = replace(COMPANY, customers=tuple(replace(one, feature="search") for one in COMPANY.customers))
    both = replace(COMPANY, customers=(*COMPANY.customers, *other.customers), shared={})
    for was, now in ((replace(COMPANY, shared={}), both), (both, replace(COMPANY, shared={}))):
        found = {row.key: row for row in between(was, now).rows}
        assert share(found["search",], "call_volume", "revenue_volume") == 1
        assert not any(found["chat",].parts.values())


def test_points_sum_to_the_change_of_the_ratio_and_growth_that_costs_keep_up_with_moves_none():
    now = paying(more_of(COMPANY.using(prompt=2600, hits=10), calls=140), 110)
    total = between(COMPANY, now).total
    assert total.points is not None
    assert total.was.margin_ratio is not None
    assert total.now.margin_ratio is not None
    change = total.now.margin_ratio - total.was.margin_ratio
    assert abs(sum(total.points.values()) - change) < Decimal("1e-9")
    free = Company(customers=(Customer(name="c", fee=0),), shared={})
    assert between(free, free.using(prompt=4000)).total.points is None


def test_rows_that_name_nothing_are_unattributed_as_a_whole():
    owner = Owned("acme", "pro", "")
    was = facts_of(BEFORE, called=[Called(owner, Kind("generation", "p", "m"), Usage().work())])
    now = facts_of(AFTER, called=[Called(owner, Kind("generation", "p", "m"), Usage(prompt=9000).work())])
    found = explain(was, now, "feature")
    assert [row.key for row in found.rows] == [("(unmatched cost)",)]
    assert share(found.total, "unattributed") == 1
    assert share(explain(was, now, "customer").total, "input_tokens") == 1


def test_a_correction_that_names_no_unit_is_spread_over_those_there_are():
    work = Usage().work()
    dearer = work._replace(adjusted=sum(work.dollars) // 4)
    owner, kind = Owned("acme", "pro", "chat"), Kind("generation", "openai", "small")
    was = facts_of(BEFORE, called=[Called(owner, kind, work)])
    now = facts_of(AFTER, called=[Called(owner, kind, dearer)])
    assert share(explain(was, now, "feature").total, "provider_price") >= 0.95


def test_a_sentence_names_the_quantity_the_change_the_name_that_leads_and_the_dollars():
    total = between(COMPANY, COMPANY.using(dearer=125)).total
    driver = primary_driver(total)
    assert driver is not None
    assert (
        driver.sentence
        == f"provider prices rose 25 % (most of it openai large): -${-total.parts['provider_price'] / DOLLAR:.2f}"
    )
    assert driver.usd == Decimal(total.parts["provider_price"]).scaleb(-12)
    hits = primary_driver(between(HITS, HITS.using(hits=0)).total)
    assert hits is not None
    assert hits.sentence.startswith("calls that cost nothing went from 40 % to 0 % of all: -$")
    assert primary_driver(between(COMPANY, COMPANY).total) is None
    assert primary_driver(total, among=("output_tokens",)) is None


def test_every_part_has_its_words():
    assert set(LABELS) == set(LEVERS) == set(PARTS)
