"""Columns of words as numbers: each word once, and its number wherever it is."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from itertools import count
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from floorline.margin.vectors import Integers, integers

Word = TypeVar("Word", bound=Hashable)
Bools = npt.NDArray[np.bool_]


class Coded(NamedTuple, Generic[Word]):
    """A column of words, each once, and the number of the one in each place."""

    words: Sequence[Word]
    codes: Integers

    def numbered(self, known: dict[Word, int]) -> Integers:
        """The column by the numbers of `known`, to which new words are added."""
        if not known:
            known.update(_numbers(self.words))
            return self.codes
        numbers = codes_of(self.words, known)
        return numbers[self.codes] if len(numbers) else self.codes

    def at(self, held: Integers) -> "Coded[Word]":
        """Some places of it."""
        return Coded(self.words, self.codes[held])

    def followed(self, by: "Coded[Word]") -> "Coded[Word]":
        """The column, and then another one."""
        if not len(by.codes):
            return self
        known = _numbers(self.words)
        more = by.numbered(known)
        return Coded(list(known), np.concatenate([self.codes, more]))

    def equal(self, word: Word) -> Bools:
        """Which are `word`."""
        return self.codes == (self.words.index(word) if word in self.words else -1)


def coded(words: Sequence[Word]) -> Coded[Word]:
    """The column of some words."""
    numbers = defaultdict[Word, int](count().__next__)
    codes = np.fromiter(map(numbers.__getitem__, words), dtype=np.int64, count=len(words))
    return Coded(list(numbers), codes)


def codes_of(words: Sequence[Word], known: dict[Word, int]) -> Integers:
    """The number of each word in `known`, to which new ones are added."""
    return integers([known.setdefault(word, len(known)) for word in words])


def _numbers(words: Sequence[Word]) -> dict[Word, int]:
    """The numbers of words that are each there once."""
    return dict(zip(words, range(len(words)), strict=True))
