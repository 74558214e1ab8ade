"""What embedding and judging cost, until a call bears it: they are done for the sake of all calls of a feature, and most of it after the
record of the call that they were done at has closed.
"""

from decimal import Decimal

from msgspec import structs

from floorline.events import Touch
from floorline.guardrails.semantic.rule import NAME
from floorline.money import ZERO


class Owed:
    """USD by feature."""

    def __init__(self) -> None:
        self._of: dict[str, Decimal] = {}

    def add(self, feature: str, cost: Decimal) -> None:
        """So much more was spent for the feature."""
        if cost:
            self._of[feature] = self._of.get(feature, ZERO) + cost

    def of(self, feature: str) -> Decimal:
        """What no call of the feature has borne yet."""
        return self._of.get(feature, ZERO)

    def borne(self, touches: tuple[Touch, ...], feature: str) -> tuple[Touch, ...]:
        """The touches, the semantic cache's own with what was spent since a call of the feature last bore it."""
        place = next((number for number, one in enumerate(touches) if one.guardrail == NAME), None)
        if place is None or feature not in self._of:
            return touches
        borne = structs.replace(touches[place], cost=self._of.pop(feature))
        return (*touches[:place], borne, *touches[place + 1 :])
