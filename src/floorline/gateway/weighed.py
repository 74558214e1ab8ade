"""What is known of answers that were looked at before they were shown, and of a call whose answer will be compared with another model's."""

from decimal import Decimal
from typing import Literal

import msgspec
from msgspec import structs

from floorline.gateway.cache.taking import Taken
from floorline.gateway.semantic.saying import Told, said
from floorline.money import ZERO


class Graded(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer is graded, None where nothing came of looking at it; why, and what that cost."""

    grade: float | None
    reason: str = ""
    cost: Decimal = ZERO


class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """A stage's answer: its text, its grade, and whether it was shown."""

    stage: str
    text: str
    graded: Graded
    shown: bool


class Sampled(msgspec.Struct, kw_only=True):
    """A call whose answer, `taken` as it passes, is compared: that of `candidate` with that of the model asked for. `served`: the customer
    has the candidate's. In a cascade that is known when its stages have been looked at. `told` is the answer without its bytes, once its
    head has come.
    """

    kind: Literal["route", "cascade"]
    candidate: str
    served: bool
    taken: Taken
    told: Told | None = None

    @property
    def text(self) -> str:
        """What the answer says; '' where it is no text alone."""
        return "" if self.told is None else said(structs.replace(self.told, body=self.taken.body)) or ""
