"""Value × over ÷ under for whole columns, to the nearest integer, halves up: each digit is that of Python's integers.

Columns are of 64 bits, and products that do not fit them are never needed whole: a float only guesses the quotient, and what
is left over, which is small and therefore exact in 64 bits however far its terms have wrapped around, corrects it. Where the
guess might be too far off, Python's integers take over, cell by cell. A column may also hold Python's integers itself
(`wide`): then nothing is guessed and nothing overflows.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

from floorline.margin.vectors import Integers, added, sums_of

Made = TypeVar("Made")
COLUMN_MAX = 1 << 59
"""What is less than this can be added to fifteen others in a column."""

_GUESS_ERROR = 2.0**-50  # float: of a guess
"""By how much of itself a guess is off at most: it is a float of 53 bits after fewer than eight operations."""
_REST_MAX = 2.0**60  # float: as above
_SUM_MAX = 1 << 63
Guesses = npt.NDArray[np.float64]  # float: what integers correct to the last digit


def is_wide(column: Integers) -> bool:
    """Whether a column holds Python's integers."""
    return column.dtype == object


def narrow(column: Integers) -> Integers:
    """The column in 64 bits; OverflowError where they do not hold it."""
    return bounded(column.astype(np.int64))


def wide(column: Integers) -> Integers:
    """The column in Python's integers, which have no end."""
    return cast("Integers", column.astype(object))


def column_of(values: Sequence[int]) -> Integers:
    """A column of any integers, in Python's where one of them needs it."""
    try:
        return bounded(np.array(values, dtype=np.int64))
    except OverflowError:
        return wide_column(values)


def wide_column(values: Sequence[int]) -> Integers:
    """A column of Python's integers."""
    return cast("Integers", np.array(values, dtype=object))


def bounded(column: Integers) -> Integers:
    """The column; OverflowError where it holds something too large to calculate with in 64 bits."""
    if not is_wide(column) and column.size and not -COLUMN_MAX < int(column.min()) <= int(column.max()) < COLUMN_MAX:
        raise OverflowError("an amount exceeds a column")
    return column


def fitting(column: Integers) -> Integers:
    """The column, in Python's integers where it holds something too large to calculate with in 64 bits."""
    try:
        return bounded(column)
    except OverflowError:
        return wide(column)


def either(make: Callable[[bool], Made]) -> Made:
    """What is made in columns of 64 bits, or where half a million dollars of one cell do not fit, of Python's integers."""
    try:
        return make(False)
    except OverflowError:
        return make(True)


def scaled(values: Integers, over: Sequence[Integers], under: Sequence[Integers]) -> Integers:
    """Each value × the product of `over` ÷ the product of `under`, to the nearest integer, halves up; what is under is positive.

    OverflowError where a result exceeds a column.
    """
    if is_wide(values):
        return _in_full(values, over, under)
    found = values.copy()
    at = np.flatnonzero(values)
    if len(over) == len(under) == 1:
        at = at[over[0][at] != under[0][at]]
    if len(at):
        found[at] = _scaled(values[at], [one[at] for one in over], [one[at] for one in under])
    return found


def floored(values: Integers, over: Integers, under: Integers) -> Integers:
    """As scaled, rounded down."""
    if is_wide(values):
        return values * over // under
    nearest = scaled(values, [over], [under])
    return nearest - (values * over - nearest * under < 0)  # exact: their difference is less than what is under


def _scaled(values: Integers, over: Sequence[Integers], under: Sequence[Integers]) -> Integers:
    divisor = _guessed(under)
    guess = values.astype(np.float64) * _guessed(over) / divisor
    far = np.abs(guess) * _GUESS_ERROR + 2
    sure = far * divisor < _REST_MAX
    if not np.abs(guess).max() < COLUMN_MAX:
        raise OverflowError("an amount exceeds a column")
    quotient = np.rint(guess).astype(np.int64)
    by = _product(under)
    rest = values * _product(over) - quotient * by  # exact: both terms have lost the same multiples of 2^64
    by[~sure] = 1
    found = quotient + (2 * rest + by) // (2 * by)
    if not sure.all():
        unsure = np.flatnonzero(~sure)
        few = [[wide(one[unsure]) for one in many] for many in ([values], over, under)]
        found[unsure] = _in_full(few[0][0], few[1], few[2]).astype(np.int64)
    return bounded(found)


def _guessed(factors: Sequence[Integers]) -> Guesses:
    return reduce(np.multiply, [one.astype(np.float64) for one in factors])


def _product(factors: Sequence[Integers]) -> Integers:
    """The product, less multiples of 2^64; a column of its own."""
    return reduce(np.multiply, factors, np.ones_like(factors[0]))


def _in_full(values: Integers, over: Sequence[Integers], under: Sequence[Integers]) -> Integers:
    numerator, denominator = _product(over), _product(under)
    return (2 * values * numerator + denominator) // (2 * denominator)


def rounded(value: int, numerator: int, denominator: int) -> int:
    """As `scaled`, of one."""
    return (2 * value * numerator + denominator) // (2 * denominator)


def totals(values: Integers, groups: Integers, count: int) -> Integers:
    """The sum of the values of each group from 0 to `count` - 1, whatever it is: in Python's integers."""
    if is_wide(values):
        return _wide_sums(values, groups, count)
    return wide_column(sums_of(values, groups, count))


def sum_of(column: Integers) -> int:
    """The sum of a column, whatever it is."""
    return int(totals(column, np.zeros(len(column), dtype=np.int64), 1)[0])


def product_sum(one: Integers, other: Integers) -> int:
    """The sum of the products of two columns, whatever it is."""
    if is_wide(one) or is_wide(other) or _largest(one) * _largest(other) * len(one) >= _SUM_MAX:
        return int((wide(one) * wide(other)).sum())
    return int((one * other).sum())


def _largest(column: Integers) -> int:
    """How far the farthest value is from 0."""
    return max(int(column.max(initial=0)), -int(column.min(initial=0)))


def columns_of_sums(values: Integers, groups: Integers, count: int) -> Integers:
    """As totals, a column like the values. OverflowError where a sum exceeds one."""
    return _wide_sums(values, groups, count) if is_wide(values) else bounded(added(values, groups, count))


def _wide_sums(values: Integers, groups: Integers, count: int) -> Integers:
    found = cast("Integers", np.zeros(count, dtype=object))
    np.add.at(found, groups, values)
    return found
