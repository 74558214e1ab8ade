"""The revenue of a stretch of days is the same, whether its table is made alone or with those of the stretches around it."""

from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.margin.allocation import tally_costs, tally_revenue
from floorline.margin.cells import Cells
from floorline.margin.earned import Billed, Earning, amounts_to_date
from floorline.margin.pools import Attribution, cost_pools, grown_of, joined, revenue_pools
from floorline.margin.queries import CostRow, RevenueColumns
from floorline.margin.revenue import Window
from tests.margin.test_additivity import ATTRIBUTES, FIRST, PLANS, calls, cells_of, columns_of, costs, lines, names

earnings = st.lists(
    st.tuples(st.integers(0, 80), st.sampled_from(["x", "idle"]), st.sampled_from(["a", "b"]), st.integers(-5, 10**9)), max_size=5
)  # fmt: skip


def attribution(window: Window, spans_of: Window) -> Attribution:
    known = names()
    return Attribution(
        known, window, known.boundaries(spans_of.reach_start, spans_of.reach_end, ATTRIBUTES), ATTRIBUTES
    )


def nonzero(amounts: dict) -> dict:
    return {key: grown for key, grown in amounts.items() if grown != (0, 0)}


@settings(max_examples=60, deadline=None)
@given(lines, calls, earnings, st.integers(0, 60), st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_stretches_one_after_another_are_stretches_one_by_one(billed, used, reached, offset, lengths):
    edges, columns = list(accumulate(lengths, initial=FIRST + offset)), columns_of(billed)
    whole = Window(start=edges[0], end=edges[-1])
    to = attribution(whole, whole)
    cells = cells_of(used, whole, to)
    others = amounts_to_date([(FIRST + d, to.owner(c, "", f, FIRST + d), amount) for d, c, f, amount in reached], edges)
    for keep in (["feature"], ["customer"], ["plan", "feature"], ["segment"], ["month", "feature", "customer"]):
        together = Earning(Billed(columns, to), cells, keep).tallies(others, edges)
        for stretch, others_of_it, tally in zip(pairwise(edges), others, together, strict=True):
            window = Window(start=stretch[0], end=stretch[1])
            alone = attribution(window, window)
            pools = joined(revenue_pools(columns, alone), others_of_it)
            assert nonzero(tally.amounts) == nonzero(tally_revenue(pools, cells, keep).amounts)


@settings(max_examples=60, deadline=None)
@given(lines, calls, costs, st.integers(0, 60), st.lists(st.integers(1, 40), min_size=1, max_size=3))
def test_months_that_are_told_apart_are_divided_as_together_and_once(billed, used, shared, offset, lengths):
    edges, columns = list(accumulate(lengths, initial=FIRST + offset)), columns_of(billed)
    whole = Window(start=edges[0], end=edges[-1])
    to = attribution(whole, whole)
    cells = cells_of(used, whole, to)
    months = {month: cells_of(used, Window(start=month, end=month + 1), to) for month in whole.months}
    apart, lines_of = Cells.of_months(months, PLANS), Billed(columns, to)
    rows = [
        CostRow(component="c", customer="", feature=feature, plan="", driver=driver, amount=amount, start=FIRST + at, end=FIRST + at + 40)
        for driver, feature, amount, at in shared
    ]  # fmt: skip
    pools, others, known = cost_pools(rows, to), amounts_to_date((), edges), {}

    def again(key, of, make):
        return known.setdefault((key, tuple(map(id, of))), make())

    for keep in (["feature"], ["plan", "feature"], ["month", "feature", "customer"]):
        together = Earning(lines_of, cells, keep).tallies(others, edges)
        for one in (Earning(lines_of, apart, keep, again) for _ in range(2)):
            assert [tally.amounts for tally in one.tallies(others, edges)] == [tally.amounts for tally in together]
        divided = [tally_costs(pools, one, keep, to.with_traits) for one in (apart, cells)]
        assert divided[0].keys() == divided[1].keys()
        assert all(divided[0][name].amounts == tally.amounts for name, tally in divided[1].items())
    assert len(known) == 3 * (len(whole.months) - 1)


def test_what_columns_do_not_hold_is_refused_and_not_wrong():
    line = RevenueColumns(customer=["x"] * 4, plan=[""] * 4, feature=[""] * 4, amount=[2**62] * 4, start=[FIRST] * 4, end=[FIRST + 1] * 4, kind=[""] * 4)  # fmt: skip
    window = Window(start=FIRST, end=FIRST + 1)
    to = attribution(window, window)
    with pytest.raises(OverflowError):
        Earning(Billed(line, to), Cells((), PLANS), ["customer"]).tallies([grown_of((), FIRST)], [FIRST, FIRST + 1])
