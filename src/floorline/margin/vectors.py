"""Exact arithmetic on whole columns: what revenue.share_of and allocation.split_pico do to one amount, done to many.

Columns are 64-bit integers. A product of two of them may not fit, so none is ever made: an amount is first divided by
what it is shared among, and only the remainder is multiplied, in as many steps as fit. Every result is that of Python's
integers, digit for digit, or OverflowError.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
WHOLE_BITS_MAX = 61
_HALF_BITS = 32


def integers(values: Sequence[int]) -> Integers:
    """A column; OverflowError for a value beyond 64 bits."""
    return np.array(values, dtype=np.int64)


def shares_of(amounts: Integers, parts: Integers, wholes: Integers) -> Integers:
    """Amount × part ÷ whole of each, rounded half-even; 0 ≤ part ≤ whole < 2^31."""
    quotient, rest = np.divmod(amounts, wholes)
    more, remainder = np.divmod(rest * parts, wholes)
    shares = quotient * parts + more
    twice = 2 * remainder
    return shares + ((twice > wholes) | ((twice == wholes) & (shares % 2 == 1)))


def split_all(totals: Integers, sizes: Integers, weights: Integers) -> Integers:
    """The parts of every total by largest remainder, earlier parts first, as allocation.split_pico divides one.

    The weights of total n are `sizes[n]` (at least one, one of them above 0) and follow those of the totals before; so do
    the parts. OverflowError where the weights of one total sum to 2^61 or more.
    """
    if not len(totals):
        return weights
    starts = np.cumsum(sizes) - sizes
    whole = np.add.reduceat(weights, starts)
    amount = np.abs(totals)
    wrapped = int(np.add.reduceat(weights >> _HALF_BITS, starts).max()) >> (62 - _HALF_BITS) or int(amount.min()) < 0
    if wrapped or int(whole.max()).bit_length() > WHOLE_BITS_MAX:
        raise OverflowError("a total or its weights exceed what a column divides")
    assert int(whole.min()) > 0
    each, rest = np.divmod(amount, whole)
    more, remainder = _product_over(np.repeat(rest, sizes), weights, np.repeat(whole, sizes))
    parts = np.repeat(each, sizes) * weights + more
    missing = amount - np.add.reduceat(parts, starts)
    number = np.repeat(np.arange(len(totals)), sizes)
    by_remainder = np.lexsort((-remainder, number))  # stable: of equal remainders the earlier one comes first
    place = np.arange(len(weights)) - np.repeat(starts, sizes)
    parts[by_remainder] += place < np.repeat(missing, sizes)
    return parts * np.repeat(np.sign(totals), sizes)


def _product_over(rest: Integers, weights: Integers, wholes: Integers) -> tuple[Integers, Integers]:
    """Rest × weight ÷ whole and what remains, where rest < whole and weight ≤ whole: long division, the weight's highest
    bits first, as many at a time as leave room for the remainder beside them.
    """
    bits = 62 - int(wholes.max()).bit_length()
    digits = max(1, -(-int(weights.max()).bit_length() // bits))
    quotient, remainder = np.zeros_like(rest), np.zeros_like(rest)
    for shift in range((digits - 1) * bits, -1, -bits):
        digit = (weights >> shift) & ((1 << bits) - 1)
        more, remainder = np.divmod((remainder << bits) + rest * digit, wholes)
        quotient = (quotient << bits) + more
    return quotient, remainder


def sums_of(values: Integers, groups: Integers, count: int) -> list[int]:
    """The sum of the values of each group from 0 to `count` - 1. Halves are summed apart, so that no sum overflows."""
    high, low = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    np.add.at(high, groups, values >> _HALF_BITS)
    np.add.at(low, groups, values & ((1 << _HALF_BITS) - 1))
    if np.abs(high).max(initial=0) < 1 << (_HALF_BITS - 2):
        return ((high << _HALF_BITS) + low).tolist()
    return [(upper << _HALF_BITS) + lower for upper, lower in zip(high.tolist(), low.tolist(), strict=True)]


def spread(starts: Integers, sizes: Integers) -> Integers:
    """The positions of every stretch from `starts[n]` on, `sizes[n]` long, one stretch after another."""
    before = np.cumsum(sizes) - sizes
    return np.repeat(starts - before, sizes) + np.arange(int(sizes.sum()))
