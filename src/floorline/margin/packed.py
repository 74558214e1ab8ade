"""Numbers of many rows as one text, which is read as it is: as lists they would cost more than all that is done with them.

A row has counts of 64 bits, then money (10^-12 USD) of 128, as the processor has them, lowest byte first, in hexadecimal.
"""

from collections.abc import Sequence

import numpy as np

from floorline.margin.scaling import COLUMN_MAX, wide
from floorline.margin.vectors import Integers


def packed(sums: Sequence[str]) -> str:
    """The SQL that sums columns up to one row's numbers."""
    return f"concat({', '.join(f'reinterpretAsFixedString(sum({name}))' for name in sums)})"


def unpacked(text: str, counts: int, money: int) -> Integers:
    """A row for each of the counts and of the money of all rows, of 64 bits where all of them hold what they have."""
    table = np.frombuffer(bytes.fromhex(text), dtype="<i8").reshape(-1, counts + 2 * money).T
    few, low, high = table[:counts], table[counts::2], table[counts + 1 :: 2]
    if (high == low >> 63).all():
        numbers = np.concatenate([few, low])
        if not numbers.size or -COLUMN_MAX < numbers.min() <= numbers.max() < COLUMN_MAX:
            return numbers
    return np.concatenate([wide(few), (wide(high) << 64) + wide(low.view("<u8"))])
