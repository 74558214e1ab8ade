"""Columns of words as numbers: each word once, and its number wherever it is."""

from collections.abc import Hashable, Sequence
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
        numbers = codes_of(self.words, known)
        return numbers[self.codes] if len(numbers) else self.codes

    def at(self, held: Integers) -> "Coded[Word]":
        """Some places of it."""
        return Coded(self.words, self.codes[held])

    def followed(self, by: "Coded[Word]") -> "Coded[Word]":
        """The column, and then another one."""
        known = {word: number for number, word in enumerate(self.words)}
        more = by.numbered(known)
        return Coded(list(known), np.concatenate([self.codes, more]))

    def equal(self, word: Word) -> Bools:
        """Which are `word`."""
        return self.codes == (self.words.index(word) if word in self.words else -1)


def coded(words: Sequence[Word]) -> Coded[Word]:
    """The column of some words."""
    known: dict[Word, int] = {}
    codes = codes_of(words, known)
    return Coded(list(known), codes)


def codes_of(words: Sequence[Word], known: dict[Word, int]) -> Integers:
    """The number of each word in `known`, to which new ones are added."""
    return integers([known.setdefault(word, len(known)) for word in words])
