"""Value × over ÷ under on columns is what Python's integers make of it, and a bridge in columns what they make of every cell."""

from fractions import Fraction
from math import floor, prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.margin.explanation import explain, explanation_document
from floorline.margin.scaling import COLUMN_MAX, column_of, columns_of_sums, is_wide, narrow, scaled, totals, wide
from floorline.margin.sides import BY, Called, Owned, Received, Shared, facts_of
from floorline.margin.works import Kind
from tests.margin import cell_by_cell
from tests.margin.windows import AFTER, BEFORE, work_of

SIZES = st.sampled_from([3, 20, 40, 52, 58])


def up_to(bits: int, least: int = 0) -> st.SearchStrategy[int]:
    """Any integers of so many bits at most, of each size equally often."""
    return st.integers(1, bits).flatmap(lambda some: st.integers(least, 2**some))


@st.composite
def columns(draw: st.DrawFn) -> tuple[list[int], list[list[int]], list[list[int]]]:
    """Values, and one to three columns over and under them, of which every quotient fits a column."""
    factors = draw(st.integers(1, 3))
    values, scales = draw(SIZES), draw(SIZES)
    rows = draw(
        st.lists(
            st.tuples(up_to(values), st.booleans(), *[up_to(scales)] * factors, *[up_to(scales, 1)] * factors),
            min_size=1,
            max_size=8,
        )
    )
    flat = [(-row[0] if row[1] else row[0], row[2 : 2 + factors], row[2 + factors :]) for row in rows]
    fitting = [one for one in flat if abs(one[0]) * prod(one[1]) // prod(one[2]) < COLUMN_MAX - 1]
    return (
        [value for value, _, _ in fitting],
        [[one[1][n] for one in fitting] for n in range(factors)],
        [[one[2][n] for one in fitting] for n in range(factors)],
    )


@settings(max_examples=100, deadline=None)
@given(columns())
def test_a_scaled_column_is_the_nearest_integer_of_each_fraction_halves_up(given_columns):
    values, over, under = given_columns
    wanted = [
        floor(
            Fraction(value * prod(column[n] for column in over), prod(column[n] for column in under)) + Fraction(1, 2)
        )
        for n, value in enumerate(values)
    ]
    found = scaled(column_of(values), [*map(column_of, over)], [*map(column_of, under)])
    assert found.tolist() == wanted
    in_full = scaled(
        wide(column_of(values)), [wide(column_of(one)) for one in over], [wide(column_of(one)) for one in under]
    )
    assert in_full.tolist() == wanted


def test_what_exceeds_a_column_is_refused_or_a_column_of_python_s_integers():
    with pytest.raises(OverflowError):
        scaled(column_of([2**40]), [column_of([2**40])], [column_of([2**10])])
    with pytest.raises(OverflowError):
        narrow(wide(column_of([COLUMN_MAX])))
    large = column_of([3, COLUMN_MAX])
    assert is_wide(large)
    assert scaled(large, [large], [column_of([2, 1])]).tolist() == [5, COLUMN_MAX**2]
    assert totals(large, column_of([1, 1]), 2).tolist() == [0, COLUMN_MAX + 3]
    assert columns_of_sums(large, column_of([1, 0]), 2).tolist() == [COLUMN_MAX, 3]
    with pytest.raises(OverflowError):
        columns_of_sums(column_of([COLUMN_MAX - 1] * 2), column_of([0, 0]), 1)


NAMES = st.sampled_from(["", "a", "b", "c"])
OWNERS = st.builds(Owned, NAMES, NAMES, NAMES)
COUNTS = st.one_of(st.just(0), st.integers(0, 3), st.integers(0, 10**7))
KINDS = st.builds(
    Kind,
    st.sampled_from(["generation", "judging"]),
    st.sampled_from(["p", "q"]),
    st.sampled_from(["s", "s-1", "m"]),
    st.sampled_from(["", "", "s"]),
)


def amounts(largest: int) -> st.SearchStrategy[int]:
    return st.one_of(st.just(0), st.integers(-3, 3), st.integers(-(10**6), largest))


def windows(largest: int) -> st.SearchStrategy[cell_by_cell.Records]:
    """Records of a window whose amounts reach `largest`."""
    some = amounts(largest)
    work = st.tuples(*[COUNTS] * 4, some, *[COUNTS] * 6, *[some] * 6).map(work_of)
    return st.builds(
        cell_by_cell.Records,
        days=st.just(BEFORE),
        called=st.lists(st.builds(Called, OWNERS, KINDS, work), max_size=12),
        received=st.lists(st.builds(Received, OWNERS, some, COUNTS, st.booleans(), st.booleans()), max_size=5),
        shared=st.lists(st.builds(Shared, OWNERS, st.sampled_from(["infrastructure", "support"]), some), max_size=4),
    )


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from([10**15, 10**21]).flatmap(lambda most: st.tuples(windows(most), windows(most))),
    st.sampled_from(BY),
    st.sampled_from(["", "", "a"]),
)
def test_a_bridge_in_columns_is_the_one_made_cell_by_cell(two, by, only):
    was, now = two
    wanted = cell_by_cell.explain(was, now, by, only)
    facts = [facts_of(days, one.called, one.received, one.shared) for days, one in ((BEFORE, was), (AFTER, now))]
    found = explain(facts[0], facts[1], by, only=only)
    assert explanation_document(found)["rows"] == explanation_document(wanted)["rows"]
    for bridge, other in zip((*found.rows, found.total), (*wanted.rows, wanted.total), strict=True):
        assert bridge.leading == other.leading
        assert bridge.parts == other.parts
        for moves, of_cells in ((bridge.cost_moves, other.cost_moves), (bridge.revenue_moves, other.revenue_moves)):
            assert {part: move for part, move in moves.items() if any(move)} == {
                part: move for part, move in of_cells.items() if any(move)
            }
