"""What floorline.yaml says of guardrails: one optional member for each. A guardrail's own module says what its rule is."""

from collections.abc import Mapping

import msgspec

from floorline.guardrails.cache import CacheRule
from floorline.guardrails.frame import HOLDOUT_PPM


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for the calls of one feature. None: that guardrail is off."""

    holdout_ppm: int = HOLDOUT_PPM
    cache: CacheRule | None = None


class Guardrails(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of every feature that states its own, and of all others."""

    default: Rules = Rules()
    features: Mapping[str, Rules] = {}

    def of(self, feature: str) -> Rules:
        """What holds for the calls of `feature`."""
        return self.features.get(feature, self.default)
