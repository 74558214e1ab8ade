"""Over arbitrary lines and calls: every grouping earns the same, and any window is the sum of its days."""

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.margin.allocation import tally_costs, tally_revenue
from floorline.margin.attribution import Names
from floorline.margin.cells import Cells
from floorline.margin.policy import PlanPolicy
from floorline.margin.pools import Attribution, cost_pools, month_cells, pool_use, revenue_pools
from floorline.margin.queries import CostRow, PoolColumns, RevenueColumns
from floorline.margin.revenue import Window
from tests.margin.company import alias, record

FIRST = date(2026, 1, 1).toordinal()
PLANS = {"pro": PlanPolicy(name="pro"), "team": PlanPolicy(name="team", allocation="cost", features=("a", "b"))}
ATTRIBUTES = ("plan", "segment")
customers = st.sampled_from(["x", "y", "cus_x", "idle"])
lines = st.lists(
    st.tuples(
        customers, st.sampled_from(["", "pro", "team"]), st.sampled_from(["", "", "a"]), st.integers(-(10**15), 10**15),
        st.integers(-40, 80), st.integers(0, 60),
    ),
    max_size=8,
)  # fmt: skip
calls = st.lists(
    st.tuples(customers, st.sampled_from(["", "a", "b"]), st.integers(0, 2), st.integers(0, 9), st.integers(0, 10**12)),
    max_size=10,
)
costs = st.lists(
    st.tuples(
        st.sampled_from(["calls", "cost", "equal"]),
        st.sampled_from(["", "a"]),
        st.integers(0, 10**15),
        st.integers(0, 50),
    ),
    max_size=3,
)


def names() -> Names:
    return Names(
        [alias("customer", "cus_x", "x", "2026-01-20"), alias("feature", "b", "a", "2026-02-10")],
        [record("x", plan="pro", segment="s"), record("x", "2026-02-05", plan="team", segment="l")],
    )


def columns_of(billed) -> RevenueColumns:
    return RevenueColumns(
        customer=[b[0] for b in billed], plan=[b[1] for b in billed], feature=[b[2] for b in billed],
        amount=[b[3] for b in billed], start=[FIRST + b[4] for b in billed], end=[FIRST + b[4] + b[5] for b in billed],
        kind=[""] * len(billed),
    )  # fmt: skip


def cells_of(used, window: Window, to: Attribution) -> Cells:
    months = [FIRST, FIRST + 31, FIRST + 59]
    within = [u for u in used if window.reach_start <= months[u[2]] < window.reach_end]
    weights = PoolColumns(
        customer=[u[0] for u in within], plan=[""] * len(within), as_of=[months[u[2]] for u in within],
        sizes=[1] * len(within), features=[u[1] for u in within], calls=[u[3] for u in within], input_tokens=[0] * len(within), output_tokens=[0] * len(within),
        effective=[u[4] for u in within],
    )  # fmt: skip
    return month_cells([pool_use(weights, to.names)], PLANS)


def earned(billed, used, shared, window: Window, keep: list[str]) -> dict:
    """Revenue and costs of the window, by the kept parts."""
    known = names()
    to = Attribution(known, window, known.boundaries(window.reach_start, window.reach_end, ATTRIBUTES), ATTRIBUTES)
    columns, cells = columns_of(billed), cells_of(used, window, to)
    rows = [
        CostRow(
            component="support",
            customer="",
            feature=f,
            plan="",
            driver=d,
            amount=a,
            start=FIRST + s,
            end=FIRST + s + 31,
        )
        for d, f, a, s in shared
    ]
    tallies = [tally_revenue(revenue_pools(columns, to), cells, keep)]
    tallies += tally_costs(cost_pools(rows, to), cells, keep, to.with_traits).values()
    found: dict = {}
    for side, tally in enumerate(tallies):
        for key, (before, through) in tally.amounts.items():
            found[side, key] = found.get((side, key), 0) + through - before
    return {key: pico for key, pico in found.items() if pico}


@settings(max_examples=60, deadline=None)
@given(lines, calls, costs, st.integers(0, 60), st.integers(1, 25))
def test_any_window_is_the_sum_of_its_days_and_every_grouping_has_its_total(billed, used, shared, offset, length):
    start = FIRST + offset
    window = Window(start=start, end=start + length)
    totals = set()
    for keep in (["feature"], ["customer"], ["plan", "feature"], ["segment"]):
        whole = earned(billed, used, shared, window, keep)
        added: dict = {}
        for day in range(start, start + length):
            for key, pico in earned(billed, used, shared, Window(start=day, end=day + 1), keep).items():
                added[key] = added.get(key, 0) + pico
        assert {key: pico for key, pico in added.items() if pico} == whole
        totals.add(tuple(sum(p for (side, _), p in whole.items() if side == which) for which in (0, 1)))
    assert len(totals) == 1
