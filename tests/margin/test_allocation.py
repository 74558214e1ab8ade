"""What no call carries is divided without losing a digit."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from floorline import money
from floorline.margin.allocation import (
    Cells,
    CostPool,
    Owner,
    Tally,
    Use,
    divide_finer,
    split_grown,
    split_pico,
    tally_costs,
    tally_revenue,
)  # fmt: skip
from floorline.margin.policy import PlanPolicy
from floorline.money import usd_of

MONTH = 739_000
weights = st.lists(st.integers(0, 10**15), min_size=1, max_size=30).filter(any)


def cells(*uses: tuple[str, str, str, int, int], plans: dict[str, PlanPolicy] | None = None) -> Cells:
    """(customer, plan, feature, calls, cost)."""
    return Cells([(Owner(MONTH, c, p, f), Use(n, 0, 0, cost)) for c, p, f, n, cost in uses], plans or {})


def same(owner: Owner) -> Owner:
    return owner


@given(st.integers(-(10**22), 10**22), weights)
def test_a_split_conserves_its_total_and_is_that_of_money(total, weights):
    parts = split_pico(total, weights)
    assert sum(parts) == total
    if abs(total) < 10**17:
        assert [usd_of(part) for part in parts] == money.split(usd_of(total), weights)


@given(st.integers(-(10**18), 10**18), st.integers(-(10**18), 10**18), weights)
def test_a_window_s_parts_sum_to_what_the_window_earned(before, through, weights):
    parts = split_grown((before, through), weights)
    assert sum(t - b for b, t in parts) == through - before


def test_bundled_revenue_is_divided_by_calls():
    use = cells(("acme", "pro", "chat", 3, 0), ("acme", "pro", "report", 1, 0))
    tally = tally_revenue({Owner(MONTH, "acme", "pro"): (0, 100)}, use, ["feature"])
    assert tally.amounts == {("chat",): (0, 75), ("report",): (0, 25)}


def test_bundled_revenue_is_divided_by_cost_where_the_plan_says_so():
    plans = {"pro": PlanPolicy(name="pro", allocation="cost")}
    use = cells(("acme", "pro", "chat", 3, 10), ("acme", "pro", "report", 1, 90), plans=plans)
    assert use.feature_weights(MONTH, "acme", "pro") == (["chat", "report"], [10, 90])


def test_by_cost_without_any_known_cost_falls_back_to_calls():
    plans = {"pro": PlanPolicy(name="pro", allocation="cost")}
    use = cells(("acme", "pro", "chat", 3, 0), ("acme", "pro", "report", 1, 0), plans=plans)
    assert use.feature_weights(MONTH, "acme", "pro") == (["chat", "report"], [3, 1])


def test_value_weights_need_no_usage():
    plans = {"pro": PlanPolicy(name="pro", allocation="value_weights", weights={"chat": Decimal(3), "b": Decimal(1)})}
    tally = tally_revenue({Owner(MONTH, "idle", "pro"): (0, 100)}, cells(plans=plans), ["feature"])
    assert tally.amounts == {("b",): (0, 25), ("chat",): (0, 75)}


def test_an_idle_customer_s_revenue_follows_its_plan_then_the_stated_features_then_is_unmatched():
    plans = {"stated": PlanPolicy(name="stated", features=("a", "b"))}
    use = cells(("acme", "pro", "chat", 3, 0), ("acme", "pro", "", 9, 0), plans=plans)
    assert use.feature_weights(MONTH, "idle", "pro") == (["chat"], [3])
    assert use.feature_weights(MONTH, "idle", "stated") == (["a", "b"], [1, 1])
    assert use.feature_weights(MONTH, "idle", "unknown") == ([], [])


def test_a_plan_that_the_customer_s_calls_do_not_name_takes_all_its_calls():
    assert cells(("acme", "pro", "chat", 3, 0)).feature_weights(MONTH, "acme", "add-on") == (["chat"], [3])


def costs(pool: CostPool, amount: int, use: Cells, keep: list[str]) -> dict:
    (tally,) = tally_costs({pool: (0, amount)}, use, keep, same).values()
    return {key: through for key, (_, through) in tally.amounts.items()}


def pool(**named: str) -> CostPool:
    return CostPool(
        **{"month": MONTH, "component": "x", "customer": "", "feature": "", "plan": "", "driver": "calls", **named}
    )


USE = (("acme", "pro", "chat", 3, 10), ("beta", "pro", "chat", 1, 30), ("beta", "team", "report", 4, 0))


def test_a_shared_cost_follows_its_driver():
    assert costs(pool(), 80, cells(*USE), ["feature"]) == {("chat",): 40, ("report",): 40}
    assert costs(pool(driver="cost"), 80, cells(*USE), ["customer"]) == {("acme",): 20, ("beta",): 60}
    assert costs(pool(driver="equal"), 80, cells(*USE), ["feature", "customer"]) == {
        ("chat", "acme"): 20, ("chat", "beta"): 20, ("report", "beta"): 40,
    }  # fmt: skip


def test_a_cost_that_names_somebody_is_theirs_alone():
    assert costs(pool(feature="chat"), 80, cells(*USE), ["customer"]) == {("acme",): 60, ("beta",): 20}
    assert costs(pool(customer="beta"), 80, cells(*USE), ["feature"]) == {("chat",): 16, ("report",): 64}
    assert costs(pool(plan="team"), 80, cells(*USE), ["feature"]) == {("report",): 80}
    assert costs(pool(customer="nobody"), 80, cells(*USE), ["customer", "feature"]) == {("nobody", ""): 80}


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("pq"), st.sampled_from(["", "f", "g", "h"]), st.integers(0, 99), st.integers(0, 9**9)),
        max_size=12,
    ),
    st.integers(-(10**18), 10**18),
    st.sampled_from(["calls", "tokens", "cost", "equal"]),
    st.sampled_from(["", "a", "z"]),
)  # fmt: skip
def test_every_division_conserves_what_it_divides(uses, amount, driver, customer):
    use = cells(*uses)
    for keep in (["feature"], ["customer"], ["plan", "feature"]):
        assert sum(costs(pool(driver=driver, customer=customer), amount, use, keep).values()) == amount
        tally = tally_revenue({Owner(MONTH, "a", "p"): (0, amount)}, use, keep)
        assert sum(through for _, through in tally.amounts.values()) == amount


def test_finer_dimensions_follow_the_calls_of_the_cell_and_keep_what_an_amount_knows():
    tally = Tally(["month", "feature", "customer", "workflow"])
    tally.add(Owner(MONTH, "acme", "", "chat"), (0, 100))
    tally.add(Owner(MONTH, "acme", "", "chat", workflow="ask"), (0, 10))
    tally.add(Owner(MONTH, "idle", "", "chat"), (0, 50))
    tally.add(Owner(MONTH, "acme", "", "unused"), (0, 7))
    within = {(MONTH, "chat", "acme"): {("ask", "big"): 1, ("tell", "big"): 2, ("ask", "small"): 1}}
    found = divide_finer(tally, within, ("month", "feature", "customer"), ("workflow", "model"))
    by_customer = {(key[1], key[2], key[3]): {values: t for values, (_, t) in parts} for key, parts in found.items()}
    assert by_customer == {
        ("chat", "acme", ""): {("ask", "big"): 25, ("ask", "small"): 25, ("tell", "big"): 50},
        ("chat", "acme", "ask"): {("ask", "big"): 5, ("ask", "small"): 5},
        ("chat", "idle", ""): {("ask", "big"): 13, ("ask", "small"): 12, ("tell", "big"): 25},
        ("unused", "acme", ""): {("", ""): 7},
    }


def test_what_an_idle_customer_pays_follows_the_feature_s_models_but_no_other_customer_s_user():
    tally = Tally(["month", "feature", "customer"])
    tally.add(Owner(1, "idle", "pro", "chat"), (0, 100))
    within = {(1, "chat", "busy"): {("gpt",): 3, ("mini",): 1}}
    by_model = divide_finer(tally, within, ("month", "feature", "customer"), ("model",))
    assert by_model == {(1, "chat", "idle"): [(("gpt",), (0, 75)), (("mini",), (0, 25))]}
    by_user = divide_finer(tally, within, ("month", "feature", "customer"), ("user",))
    assert by_user == {(1, "chat", "idle"): [(("",), (0, 100))]}
