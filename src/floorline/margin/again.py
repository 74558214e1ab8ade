"""What is made of answers, given again for as long as they are the same, without knowing who remembers them."""

from collections.abc import Callable, Hashable, Sequence
from typing import Protocol, TypeVar

Made = TypeVar("Made")


class Again(Protocol):
    """What `make` makes `of` some objects and of what `key` tells: as it makes it, or as it did before of the very same."""

    def __call__(self, key: Hashable, of: Sequence[object], make: Callable[[], Made]) -> Made:
        """What is made, which stays as it is."""
        ...


def anew(key: Hashable, of: Sequence[object], make: Callable[[], Made]) -> Made:
    """What `make` makes, whatever was made before."""
    del key, of
    return make()
