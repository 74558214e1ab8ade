"""Customers one by one, how much they use, and their weeks."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from floorline.jobs.margins import MarginRequest, Margins
from floorline.margin.attribution import Named, Names
from floorline.margin.customers import CALLS_MIN, Everybody, customer_of, customers, loss, standing, under_water
from floorline.margin.intensity import BAND_NAMES, IDLE, Bin, Mark, bands_of, bins_of, marks_of, top_of
from floorline.margin.metrics import Figures, Sums, ratio_of
from floorline.margin.series import NOTHING, Stretch
from floorline.margin.table import UNMATCHED_COST, UNMATCHED_REVENUE
from floorline.margin.weekly import TRAILING_WEEKS, by_group, trailing, whole_weeks
from tests.margin.company import alias, keep, records

USE = st.lists(st.integers(0, 10**9), max_size=60)
MONDAY = date(2026, 1, 5)


def row(name: str, pays: int, costs: int, *, calls: int = 100, unpriced: int = 0) -> Figures:
    return Figures(
        key=(name,), revenue_pico=pays, sums=Sums(calls=calls, unpriced=unpriced, effective=costs), shared_pico={}
    )


def test_customers_are_the_rows_of_the_table_by_customer_to_the_last_digit(ledger):
    keep(ledger, records())
    january = {"start": date(2026, 1, 1), "end": date(2026, 2, 1), "with_p95": False}
    by_plan, by_customer = (
        Margins(ledger).table(MarginRequest(by=by, **january)) for by in (("customer", "plan"), ("customer",))
    )
    found = {one.name: one for one in customers(by_plan)}
    assert list(found) == [one.key[0] for one in by_customer.rows]
    for one in by_customer.rows:
        made = found[one.key[0]].figures
        assert (made.revenue_pico, made.cogs_pico, made.sums) == (one.revenue_pico, one.cogs_pico, one.sums)
        assert (made.margin_ratio, made.components) == (one.margin_ratio, one.components)
    assert (found["acme"].plan, found["free"].standing, found["delta"].figures.sums.calls) == ("pro", "free", 0)
    assert found["(unmatched cost)"].standing == "unmatched"


def test_customers_of_several_plans_are_one_each_and_columns_say_what_each_says():
    rows = [
        Figures(key=key, revenue_pico=pays, sums=Sums(calls=calls, unpriced=unpriced, effective=costs), shared_pico={})
        for key, pays, costs, calls, unpriced in (
            (("b", "pro"), 1, 9, 5, 0), (("a", "(none)"), 0, 4, 5, 0), (("(unmatched cost)", "(none)"), 0, 2, 1, 0),
            (("c", "pro"), 2, 0, 3, 3), (("a", "team"), 9, 1, 5, 0), (("a", "pro"), 3, 1, 5, 0), (("d", "(none)"), 30, 1, 5, 0),
        )
    ]  # fmt: skip
    found = Everybody(rows)
    assert [(one.name, one.standing, one.plans) for one in found] == [
        ("b", "under_water", ("pro",)), ("(unmatched cost)", "unmatched", ()), ("c", "pays", ("pro",)),
        ("a", "pays", ("team", "pro")), ("d", "pays", ()),
    ]  # fmt: skip
    assert found.names == [one.name for one in found]
    assert found.main_plans == [one.plan for one in found]
    assert found.plans == {plan for one in found for plan in one.plans}
    assert found.revenue_pico == [one.figures.revenue_pico for one in found]
    assert found.cogs_pico == [one.figures.cogs_pico for one in found]
    assert found.standings == [one.standing for one in found]
    assert found.costs_known == [one.figures.cost_known for one in found] == [True, True, False, True, True]
    assert [found[place].name for place in found.standing("pays", "unmatched")] == ["(unmatched cost)", "c", "a", "d"]
    assert found.under_water() == under_water(found) == found[:1]


def test_under_water_is_who_pays_and_costs_more():
    assert standing(row("a", 5, 6)) == "under_water"
    assert standing(row("a", 5, 5)) == "pays"
    assert standing(row("a", 0, 6)) == "free"
    assert standing(row("a", -5, 6)) == "free", "a refund is nothing that is paid"
    assert standing(row(UNMATCHED_COST, 0, 6)) == standing(row(UNMATCHED_REVENUE, 6, 0)) == "unmatched"
    rows = [customer_of(one) for one in (row("a", 5, 6), row("b", 5, 60), row("c", 5, 1))]
    assert [(one.name, loss(one.figures)) for one in under_water(rows)] == [
        ("b", Decimal("55E-12")),
        ("a", Decimal("1E-12")),
    ]


def test_a_margin_without_a_known_cost_is_unknown_and_few_calls_are_thin():
    unknown = customer_of(row("a", 5, 0, calls=CALLS_MIN, unpriced=CALLS_MIN))
    assert (unknown.margin_ratio, unknown.thin, unknown.plan) == (None, False, "")
    thin = customer_of(row("a", 4, 1, calls=CALLS_MIN - 1), ("pro",))
    assert (thin.margin_ratio, thin.thin, thin.plan) == (Decimal("0.75"), True, "pro")


@given(USE)
def test_every_customer_is_in_exactly_one_band_and_none_is_lost(tokens):
    bands = bands_of(tokens)
    found = Counter(bands.band(one) for one in tokens)
    assert found.total() == len(tokens)
    assert found[IDLE] == sum(one == 0 for one in tokens)
    assert set(found) <= {IDLE, *BAND_NAMES}
    assert sum(found[name] for name in BAND_NAMES) == bands.of


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=60))
def test_bands_rise_with_use_and_hold_their_share(tokens):
    bands = bands_of(tokens)
    assert list(bands.ends) == sorted(bands.ends)
    order = [BAND_NAMES.index(bands.band(one)) for one in sorted(tokens)]
    assert order == sorted(order)
    assert order.count(0) * 2 >= len(tokens), "half of them, and whoever equals the median, are light"
    assert order.count(3) * 20 <= len(tokens), "at most one in twenty is intensive"


def test_bands_of_nobody_are_idle():
    assert (bands_of([]).band(0), bands_of([0, 0]).of) == (IDLE, 0)
    assert [bands_of([1, 2, 3, 4]).band(one) for one in (1, 2, 3, 4)] == ["light", "light", "medium", "medium"]
    assert [bands_of(range(1, 101)).band(one) for one in (50, 51, 80, 81, 95, 96)] == [
        "light", "medium", "medium", "heavy", "heavy", "intensive",
    ]  # fmt: skip


@given(USE)
def test_bins_hold_everyone_who_used_anything(tokens):
    bins = bins_of(tokens)
    assert sum(one.holds for one in bins) == sum(one > 0 for one in tokens)
    assert all(before.high == after.low for before, after in pairwise(bins))
    assert all(one.holds == sum(one.low <= used < one.high for used in tokens if used) for one in bins)


def test_a_spread_is_told_by_nearest_ranks():
    assert bins_of([7, 30, 0]) == [Bin(5, 10, 1), Bin(10, 20, 0), Bin(20, 50, 1)]
    assert marks_of([0, 10, 20, 30, 40]) == [Mark(50, 20), Mark(75, 30), Mark(80, 40), Mark(90, 40)]
    assert (marks_of([0]), bins_of([])) == ([], [])


@given(st.lists(st.integers(-5, 10**15), max_size=40), st.integers(1, 100))
def test_the_dearest_make_up_at_least_their_share(costs, percent):
    top = top_of(costs, percent)
    assert top.of == sum(one > 0 for one in costs)
    assert (top.share is None) == (top.of == 0)
    if top.share is not None:
        assert top.share * 100 >= percent - Decimal("1e-9")
        assert 1 <= top.count <= top.of


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 90))
def test_weeks_are_whole_and_follow_each_other(start, days):
    end = start + timedelta(days=days)
    weeks = whole_weeks(start, end)
    assert all(first.weekday() == 0 and (last - first).days == 7 for first, last in weeks)
    assert all(before[1] == after[0] for before, after in pairwise(weeks))
    assert not weeks or (start <= weeks[0][0] < start + timedelta(days=7) and weeks[-1][1] <= end)
    assert days - 7 * len(weeks) < 13


@given(st.lists(st.tuples(st.integers(0, 10**15), st.integers(1, 10**15)), max_size=12), st.integers(0, 3))
def test_a_trailing_mean_is_the_ratio_of_four_weeks_sums(weeks, empty):
    before = [NOTHING] * empty
    starts = [MONDAY + timedelta(days=7 * n) for n in range(len(weeks) + empty)]
    found = trailing([*before, *(Stretch(pays, costs) for pays, costs in weeks)], starts)
    assert [one.start for one in found] == starts
    found = found[empty:]
    assert [one.trailing for one in found[: TRAILING_WEEKS - 1]] == [None] * min(len(weeks), TRAILING_WEEKS - 1)
    for number, one in enumerate(found[TRAILING_WEEKS - 1 :], TRAILING_WEEKS - 1):
        pays, costs = (sum(column) for column in zip(*weeks[number - 3 : number + 1], strict=True))
        assert (one.trailing.revenue_pico, one.trailing.cogs_pico) == (pays, costs)
        assert (one.trailing_ratio is None) == (pays == 0)
        assert one.trailing_ratio is None or one.trailing_ratio == ratio_of(pays - costs, pays)


def test_a_week_whose_calls_have_no_price_has_no_margin():
    (one,) = trailing([Stretch(10, 0, Sums(calls=3, unpriced=3))], [MONDAY])
    assert (one.ratio, one.trailing_ratio) == (None, None)
    (paid,) = trailing([Stretch(10, 0)], [MONDAY])
    assert paid.ratio == 1, "who pays and does not call costs nothing"


def test_groups_of_weeks_are_the_sums_of_their_rows():
    rows = {("a",): [Stretch(5, 6), NOTHING], ("b",): [Stretch(9, 1), Stretch(1, 1)], ("c",): [NOTHING, Stretch(0, 3)]}
    groups = by_group(rows, lambda key: "first" if key[0] < "c" else "others")
    assert list(groups) == ["first", "others"]
    assert groups["first"] == [Stretch(14, 7), Stretch(1, 1)]
    assert groups["others"] == [NOTHING, Stretch(0, 3)]


def test_a_customers_raw_names_are_told_with_their_days():
    names = Names(
        [
            alias("customer", "ws-1", "acme"),
            alias("customer", "cus_1", "ws-1", "2026-01-10"),
            alias("customer", "old", "acme", "2026-01-05", "2026-01-20"),
        ]
    )  # fmt: skip
    first, last = date(2026, 1, 1).toordinal(), date(2026, 2, 1).toordinal()
    assert names.names_of("acme", first, last) == [
        Named("acme", first, last),
        Named("cus_1", first + 9, last),
        Named("old", first + 4, first + 19),
        Named("ws-1", first, last),
    ]
    assert names.names_of("nobody", first, last) == [Named("nobody", first, last)]
    assert names.names_of("ws-1", first, last) == [], "another's name is nobody's own"
