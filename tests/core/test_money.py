"""Money: rounded once, split without loss."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline import money

amounts = st.decimals(min_value=-1_000_000, max_value=1_000_000, places=12)
weights = st.lists(
    st.one_of(st.integers(0, 10**9), st.decimals(min_value=0, max_value=1000, places=6)), min_size=1, max_size=40
).filter(lambda w: sum(w) > 0)


@given(amounts, weights)
def test_a_split_sums_to_its_total_to_the_last_digit(total: Decimal, parts: list[Decimal | int]) -> None:
    assert sum(money.split(total, parts), Decimal(0)) == total


@given(amounts, weights)
def test_a_part_is_within_one_quantum_of_its_exact_share(total: Decimal, parts: list[Decimal | int]) -> None:
    whole = sum((Decimal(p) for p in parts), Decimal(0))
    for part, weight in zip(money.split(total, parts), parts, strict=True):
        exact = money.EXACT.divide(money.EXACT.multiply(total, Decimal(weight)), whole)
        assert abs(part - exact) < Decimal("1e-12")


def test_a_weight_of_nothing_gets_nothing() -> None:
    assert money.split(Decimal(1), [0, 3, 0]) == [Decimal(0), Decimal(1), Decimal(0)]


def test_a_split_over_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="not all 0"):
        money.split(Decimal(1), [0, 0])
    with pytest.raises(ValueError, match="at least 0"):
        money.split(Decimal(1), [2, -1])


@pytest.mark.parametrize(
    ("quantity", "price", "per", "expected"),
    [
        (4521, "3", 1_000_000, "0.013563000000"),
        (387, "15", 1_000_000, "0.005805000000"),
        (1, "0.0000005", 1_000_000, "0.000000000000"),  # half a quantum goes to the even neighbour, 0
        (3, "0.0000005", 1_000_000, "0.000000000002"),  # one and a half goes to 2
    ],
)
def test_a_product_is_rounded_once_half_even(quantity: int, price: str, per: int, expected: str) -> None:
    assert money.text(money.multiply(quantity, Decimal(price), per)) == expected


def test_a_share_of_nothing_is_unknown() -> None:
    assert money.ratio(Decimal(1), Decimal(0)) is None
    assert money.ratio(Decimal("28.5"), Decimal(31)) == Decimal("0.919354838710")


@given(amounts)
def test_pico_dollars_round_trip(amount: Decimal) -> None:
    assert Decimal(money.to_pico(money.usd(amount))).scaleb(-12) == money.usd(amount)


def test_an_amount_beyond_a_ledger_row_is_refused() -> None:
    with pytest.raises(OverflowError, match="split it into several rows"):
        money.to_pico(Decimal(9_000_000))


@pytest.mark.parametrize("text", ["", "abc", "NaN", "Infinity", "1,5"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        money.usd(text)
