"""How many tokens a text is, without the providers' tokenizers: an estimate, calibrated on what providers counted.

A recorded call has the provider's own count of its input, and its captured request the bytes of the same input: their ratio holds
for texts of that feature and model. It takes in what providers add (roles, the frame of a message), which is little in all but the
shortest requests. What is asked of it is a part of such a request, in the same language.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

from floorline import money

CALLS_MIN = 20
"""Fewer recorded calls do not calibrate."""

BYTES_PER_TOKEN = 4
"""English prose, of every tokenizer in use; what counts where nothing was recorded."""

Origin = Literal["feature", "model", "none"]
_WITHIN = Decimal("0.9")


class Counted(NamedTuple):
    """One recorded call: the bytes of its request's texts, and the tokens that its provider counted."""

    bytes: int
    tokens: int


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    """`tokens` for `bytes`, of `calls` recorded calls of the feature and model, of the model in other features, or of none.

    `off`: nine of ten of those calls are within this share of what the ratio makes of them.
    """

    bytes: int = BYTES_PER_TOKEN
    tokens: int = 1
    calls: int = 0
    origin: Origin = "none"
    off: Decimal | None = None

    def tokens_of(self, size: int) -> int:
        """About how many tokens a text of `size` bytes is; none for no text."""
        return (size * self.tokens * 2 + self.bytes) // (2 * self.bytes)


UNCALIBRATED = Ratio()
Model = tuple[str, str]
"""Provider and model."""


def calibrated(counted: Sequence[Counted], origin: Origin) -> Ratio | None:
    """The ratio of recorded calls; None when they are too few."""
    usable = [one for one in counted if one.bytes > 0 and one.tokens > 0]
    if len(usable) < CALLS_MIN:
        return None
    ratio = Ratio(
        bytes=sum(one.bytes for one in usable),
        tokens=sum(one.tokens for one in usable),
        calls=len(usable),
        origin=origin,
    )
    offs = sorted(abs(Decimal(ratio.tokens_of(one.bytes) - one.tokens)) / one.tokens for one in usable)
    return msgspec.structs.replace(ratio, off=offs[int(len(offs) * _WITHIN)].quantize(Decimal("0.001")))


def ratios(counted: Mapping[tuple[str, str, str], Sequence[Counted]]) -> "Ratios":
    """From the recorded calls by feature, provider and model."""
    by_model: dict[Model, list[Counted]] = {}
    for (_, provider, model), calls in counted.items():
        by_model.setdefault((provider, model), []).extend(calls)
    own = {key: ratio for key, calls in counted.items() if (ratio := calibrated(calls, "feature"))}
    of_model = {key: ratio for key, calls in by_model.items() if (ratio := calibrated(calls, "model"))}
    return Ratios(own, of_model)


class Ratios(NamedTuple):
    """What is calibrated: by feature, provider and model, and by provider and model alone."""

    own: Mapping[tuple[str, str, str], Ratio] = {}
    of_model: Mapping[Model, Ratio] = {}

    def of(self, feature: str, provider: str, model: str) -> Ratio:
        """What holds for the feature's calls of the model: its own, else the model's, else BYTES_PER_TOKEN."""
        own = self.own.get((feature, provider, model))
        return own or self.of_model.get((provider, model)) or UNCALIBRATED


def mean(total: int, count: int) -> int:
    """The mean of whole numbers, rounded; 0 of none."""
    return 0 if not count else (2 * total + count) // (2 * count)


def share(part: int, whole: int) -> Decimal | None:
    """Part of a whole of tokens; None when there is none of it."""
    return money.ratio(Decimal(part), Decimal(whole))
