"""Exact arithmetic on whole columns: what revenue.share_of and allocation.split_pico do to one amount, done to many.

Columns are 64-bit integers. A product of two of them may not fit, so none is ever made: an amount is first divided by
what it is shared among, and only the remainder is multiplied, in as many steps as fit. Every result is that of Python's
integers, digit for digit, or OverflowError.
"""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from floorline.money import PICO, PLACES

Integers = npt.NDArray[np.int64]
Numbers = npt.NDArray[Any]
"""A column of integers: of 64 bits, or Python's own where those might be exceeded."""

WHOLE_BITS_MAX = 61
_HALF_BITS = 32
_COMPARED_MAX, _COUNTED_MAX = 16, 8
_KEYS_MAX = 1 << 62
_ROOMY = 1 << 55
_RATIO_MAX = (1 << 62) // PICO


def integers(values: Sequence[int]) -> Integers:
    """A column; OverflowError for a value beyond 64 bits."""
    return np.array(values, dtype=np.int64)


def shares_of(amounts: Integers, parts: Integers, wholes: Integers) -> Integers:
    """Amount × part ÷ whole of each, rounded half-even; 0 ≤ part ≤ whole < 2^31."""
    quotient, rest = quotients_of(amounts, wholes)
    more, remainder = quotients_of(rest * parts, wholes)
    shares = quotient * parts + more
    twice = 2 * remainder
    return shares + ((twice > wholes) | ((twice == wholes) & (shares % 2 == 1)))


def split_all(totals: Integers, sizes: Integers, weights: Integers) -> Integers:
    """The parts of every total by largest remainder, earlier parts first, as allocation.split_pico divides one.

    The weights of total n are `sizes[n]` (at least one, one of them above 0) and follow those of the totals before; so do
    the parts. OverflowError where the weights of one total sum to 2^61 or more.
    """
    return Splitter(sizes, weights).parts(totals) if len(totals) else weights


class Splitter:
    """Splits one column of totals after another by the same weights: see split_all. There is at least one total.

    Totals of nearly as many parts are split together, a row for every first part, every second one and so on: with as many rows
    as a power of 2 has, of which the last ones may weigh nothing, and then have nothing.
    """

    __slots__ = ("_blocks", "_count")

    def __init__(self, sizes: Integers, weights: Integers) -> None:
        """OverflowError where weights are too great."""
        starts = np.cumsum(sizes) - sizes
        whole = np.add.reduceat(weights, starts)
        wrapped = int(np.add.reduceat(weights >> _HALF_BITS, starts).max()) >> (62 - _HALF_BITS)
        bits = int(whole.max()).bit_length()
        if wrapped or bits > WHOLE_BITS_MAX:
            raise OverflowError("weights exceed what a column divides")
        assert int(whole.min()) > 0
        self._count = len(weights)
        padded, rows = np.append(weights, 0), 1 << np.arange(int(sizes.max() - 1).bit_length() + 1)
        rows_of = rows[np.searchsorted(rows, sizes)]
        self._blocks: list[_Block] = []
        for height in cast("list[int]", np.unique(rows_of).tolist()):
            at, row = np.flatnonzero(rows_of == height), np.arange(height)[:, np.newaxis]
            places = np.where(row < sizes[at], starts[at] + row, self._count)
            self._blocks.append(_Block(at, places, padded[places], whole[at], narrow=bits < _HALF_BITS))

    def parts(self, totals: Integers) -> Integers:
        """The parts of each total, one after another. OverflowError for one that has no opposite."""
        if int(np.abs(totals).min()) < 0:
            raise OverflowError("a total exceeds what a column divides")
        found = np.empty(self._count + 1, dtype=np.int64)  # the last is of parts that are none
        for block in self._blocks:
            found[block.places] = block.parts(totals[block.at])
        return found[:-1]


class _Block:
    """Totals that have as many parts each: a column of `places` and of weights for each total, of which `at` says the number."""

    __slots__ = ("_narrow", "_weights", "_whole", "at", "places")

    def __init__(self, at: Integers, places: Integers, weights: Integers, whole: Integers, *, narrow: bool) -> None:
        self.at, self.places = at, places
        self._weights, self._whole = weights, whole
        self._narrow = narrow  # a remainder times a weight fits

    def parts(self, totals: Integers) -> Integers:
        """The parts of each total, in its column."""
        amount = np.abs(totals)
        if len(self.places) == 1:
            return totals[np.newaxis]
        each, rest = quotients_of(amount, self._whole)
        if self._narrow:
            more, remainder = quotients_of(rest * self._weights, self._whole)
        else:
            more, remainder = _product_over(rest, self._weights, self._whole)
        parts = each * self._weights + more
        parts += _ranks(remainder) < amount - parts.sum(axis=0)
        return parts * np.sign(totals)


def _ranks(remainder: Integers) -> npt.NDArray[np.integer]:
    """How many of each column are before each of it, where the greatest is first and of equals the upper one."""
    if len(remainder) > _COMPARED_MAX:
        return np.argsort(np.argsort(-remainder, axis=0, kind="stable"), axis=0)
    ranks = np.zeros(remainder.shape, dtype=np.int8)
    for upper in range(len(remainder)):
        for lower in range(upper + 1, len(remainder)):
            greater = remainder[lower] > remainder[upper]
            ranks[upper] += greater
            ranks[lower] += ~greater
    return ranks


def quotients_of(values: Integers, divisors: Integers) -> tuple[Integers, Integers]:
    """np.divmod in a third of its time."""
    quotients = values // divisors
    return quotients, values - quotients * divisors


def _product_over(rest: Integers, weights: Integers, wholes: Integers) -> tuple[Integers, Integers]:
    """Rest × weight ÷ whole and what remains, where rest < whole and weight ≤ whole: long division, the weight's highest
    bits first, as many at a time as leave room for the remainder beside them.
    """
    bits = 62 - int(wholes.max()).bit_length()
    digits = max(1, -(-int(weights.max()).bit_length() // bits))
    quotient, remainder = np.zeros_like(rest), np.zeros_like(rest)
    for shift in range((digits - 1) * bits, -1, -bits):
        digit = (weights >> shift) & ((1 << bits) - 1)
        more, remainder = quotients_of((remainder << bits) + rest * digit, wholes)
        quotient = (quotient << bits) + more
    return quotient, remainder


def whole_numbers(values: Sequence[int]) -> Numbers:
    """A column of any values, for `scaled` and `ratios_of`."""
    fits = not values or -_ROOMY < min(values) <= max(values) < _ROOMY
    return np.array(values, dtype=np.int64 if fits else object)


def scaled(amounts: Numbers, part: int, whole: int) -> Numbers:
    """Amount × part ÷ whole of each as revenue.share_of has it; `part` is below 2^7."""
    quotient, rest = amounts // whole, amounts % whole
    return _half_even(quotient * part + rest * part // whole, rest * part % whole, whole)


def ratios_of(parts: Numbers, wholes: Numbers) -> Numbers:
    """10^12 × part ÷ whole of each as revenue.share_of has it; wholes are above zero. A digit after the other, each of which fits."""
    quotient, rest = parts // wholes, parts % wholes
    if np.abs(quotient).max(initial=0) >= _RATIO_MAX:
        quotient = quotient.astype(object)
    for _ in range(PLACES):
        quotient, rest = 10 * quotient + 10 * rest // wholes, 10 * rest % wholes
    return _half_even(quotient, rest, wholes)


def _half_even(quotient: Numbers, rest: Numbers, whole: Numbers | int) -> Numbers:
    twice = 2 * rest
    return quotient + ((twice > whole) | ((twice == whole) & (quotient % 2 == 1)))


def sums_of(values: Integers, groups: Integers, count: int) -> list[int]:
    """The sum of the values of each group from 0 to `count` - 1, whatever it is."""
    high, low = _halves_of(values, groups, count)
    if np.abs(high).max(initial=0) < 1 << (_HALF_BITS - 2):
        return ((high << _HALF_BITS) + low).tolist()
    return [(upper << _HALF_BITS) + lower for upper, lower in zip(high.tolist(), low.tolist(), strict=True)]


def added(values: Integers, groups: Integers, count: int) -> Integers:
    """As sums_of, a column; OverflowError where a sum might exceed one."""
    high, low = _halves_of(values, groups, count)
    if np.abs(high).max(initial=0) >= 1 << (_HALF_BITS - 2):
        raise OverflowError("a sum exceeds a column")
    return (high << _HALF_BITS) + low


def _halves_of(values: Integers, groups: Integers, count: int) -> tuple[Integers, Integers]:
    """The sums of upper and of lower halves, so that neither overflows."""
    if count == 1:
        return (values >> _HALF_BITS).sum(keepdims=True), (values & ((1 << _HALF_BITS) - 1)).sum(keepdims=True)
    high, low = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    np.add.at(high, groups, values >> _HALF_BITS)
    np.add.at(low, groups, values & ((1 << _HALF_BITS) - 1))
    return high, low


def spread(starts: Integers, sizes: Integers) -> Integers:
    """The positions of every stretch from `starts[n]` on, `sizes[n]` long, one stretch after another."""
    before = np.cumsum(sizes) - sizes
    return np.repeat(starts - before, sizes) + np.arange(int(sizes.sum()))


def ranks_of(words: Sequence[str]) -> Integers:
    """How many of these distinct words are before each of them in their order."""
    ranks = np.empty(len(words), dtype=np.int64)
    ranks[sorted(range(len(words)), key=words.__getitem__)] = np.arange(len(words))
    return ranks


def numbered(keys: Integers, span: int) -> tuple[Integers, Integers]:
    """np.unique of keys from 0 to `span` - 1 with the number of each: counted where that is faster than sorting them."""
    if span > _COUNTED_MAX * len(keys):
        return np.unique(keys, return_inverse=True)
    there = np.bincount(keys, minlength=span) > 0
    return np.flatnonzero(there), (np.cumsum(there) - 1)[keys]


def distinct(columns: Sequence[Integers]) -> tuple[Integers, Integers]:
    """Where each distinct combination of numbers (0 or more) of some columns is first, and the number of the one in each place."""
    key, span = columns[0], _span(columns[0])
    for column in columns[1:]:
        more = _span(column)
        if span * more >= _KEYS_MAX:
            key = np.unique(key, return_inverse=True)[1]
            span = _span(key)
        key, span = key * more + column, span * more
    if span > _COUNTED_MAX * len(key):
        _, first, places = np.unique(key, return_index=True, return_inverse=True)
        return first, places
    found, places = numbered(key, span)
    first = np.empty_like(found)
    first[places[::-1]] = np.arange(len(key) - 1, -1, -1)  # of all that are alike the last one written is the first
    return first, places


def _span(column: Integers) -> int:
    return int(column.max(initial=0)) + 1
