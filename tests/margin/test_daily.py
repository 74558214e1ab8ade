"""The revenue of a day is the same, whether its table is made alone or with those of the days around it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.margin.allocation import tally_revenue
from floorline.margin.cells import Cells
from floorline.margin.daily import daily_tallies, month_to_date
from floorline.margin.pools import Attribution, grown_of, joined, revenue_pools
from floorline.margin.queries import RevenueColumns
from floorline.margin.revenue import Window
from tests.margin.test_additivity import ATTRIBUTES, FIRST, PLANS, calls, cells_of, columns_of, lines, names

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
@given(lines, calls, earnings, st.integers(0, 60), st.integers(1, 40))
def test_days_one_after_another_are_days_one_by_one(billed, used, reached, offset, length):
    start, columns = FIRST + offset, columns_of(billed)
    whole = Window(start=start, end=start + length)
    to, days = attribution(whole, whole), range(whole.start, whole.end)
    cells = cells_of(used, whole, to)
    others = month_to_date([(FIRST + d, to.owner(c, "", f, FIRST + d), amount) for d, c, f, amount in reached], days)
    for keep in (["feature"], ["customer"], ["plan", "feature"], ["segment"], ["month", "feature", "customer"]):
        together = daily_tallies(columns, others, days, cells, to, keep)
        for day, others_of_day, tally in zip(days, others, together, strict=True):
            window = Window(start=day, end=day + 1)
            alone = attribution(window, window)
            pools = joined(revenue_pools(columns, alone), others_of_day)
            assert nonzero(tally.amounts) == nonzero(tally_revenue(pools, cells, keep).amounts)


def test_what_columns_do_not_hold_is_refused_and_not_wrong():
    line = RevenueColumns(customer=["x"] * 4, plan=[""] * 4, feature=[""] * 4, amount=[2**62] * 4, start=[FIRST] * 4, end=[FIRST + 1] * 4)  # fmt: skip
    window = Window(start=FIRST, end=FIRST + 1)
    to = attribution(window, window)
    with pytest.raises(OverflowError):
        daily_tallies(line, [grown_of((), FIRST)], range(FIRST, FIRST + 1), Cells((), PLANS), to, ["customer"])
