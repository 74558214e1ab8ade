"""Profit and loss: the cost of AI apart from other costs, and their sums to the last digit."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from floorline.margin.closing import Row
from floorline.margin.metrics import Figures, Sums
from floorline.margin.profit import profit_as_closed, profit_of

PICO = 10**12


def figures(revenue: int, calls: int, shared: dict[str, int], **sums: int) -> Figures:
    return Figures(
        key=(),
        revenue_pico=revenue * PICO,
        sums=Sums(calls=calls, **{name: amount * PICO for name, amount in sums.items()}),
        shared_pico={name: amount * PICO for name, amount in shared.items()},
        kinds_pico={"subscription": revenue * PICO},
    )


def test_costs_of_calls_are_ai_and_what_is_billed_apart_is_not_unless_it_is_of_their_kind():
    found = profit_of(
        figures(
            1000,
            10,
            {"infrastructure": 50, "human_review": 30, "inference": 20},
            effective=100,
            retry=10,
            orchestration=15,
        )
    )
    assert (found.ai_cogs, found.other_cogs, found.gross_profit) == (120, 80, 800)
    assert (found.gross_margin, found.margin_without_ai, found.ai_share) == (
        Decimal("0.8"),
        Decimal("0.92"),
        Decimal("0.12"),
    )
    assert [(line.name, line.usd) for line in found.lines] == [
        ("subscription", 1000),
        ("revenue", 1000),
        ("inference", 95),
        ("orchestration", 15),
        ("retries", 10),
        ("ai_cogs", 120),
        ("infrastructure", 50),
        ("human_review", 30),
        ("other_cogs", 80),
        ("gross_profit", 800),
    ]


def test_without_revenue_no_ratio_is_known_and_without_a_price_no_cost():
    assert profit_of(figures(0, 1, {}, effective=3)).gross_margin is None
    unpriced = Figures(key=(), revenue_pico=PICO, sums=Sums(calls=2, unpriced=2), shared_pico={})
    assert (profit_of(unpriced).gross_margin, profit_of(unpriced).ai_share) == (None, None)
    assert profit_of(unpriced).margin_without_ai == 1


def test_a_closed_month_has_the_same_lines_but_for_its_kinds_of_revenue():
    row = Row(
        revenue=Decimal(10), cogs=Decimal(4), calls=3, components={"inference": Decimal(3), "support": Decimal(1)}
    )
    found = profit_as_closed(row)
    assert [line.name for line in found.lines] == [
        "revenue", "inference", "ai_cogs", "support", "other_cogs", "gross_profit",
    ]  # fmt: skip
    assert found.gross_profit == row.margin
    assert not profit_as_closed(Row(revenue=Decimal(10), calls=2, unpriced=2)).cost_known


@given(
    st.integers(0, 10**6),
    st.dictionaries(st.sampled_from(["infrastructure", "support", "inference"]), st.integers(0, 10**5)),
)
def test_the_parts_are_the_margin_table_s_cost(revenue, shared):
    row = figures(revenue, 5, shared, effective=77, retry=7)
    found = profit_of(row)
    assert found.ai_cogs + found.other_cogs == row.cogs
    assert found.gross_profit == row.margin
