"""What is done to a feature's margin: the kind, the day it begins, its size in points, and the cause that a bridge should name."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from floorline.margin.bridge import Part

Kind = Literal["prompt_bloat", "price_rise", "heavy_cohort", "cache_outage", "mix_shift"]
KINDS: tuple[Kind, ...] = get_args(Kind)
POINTS = (5, 10, 20)

CAUSES: Mapping[Kind, Part] = {
    "prompt_bloat": "input_tokens",
    "price_rise": "provider_price",
    "heavy_cohort": "customer_mix",
    "cache_outage": "prompt_cache",
    "mix_shift": "customer_mix",
}
"""The part of a bridge that names the cause rightly."""

FIRST_DAY, LAST_DAY = 44, 74
RAMP_DAYS = 3
"""How long it takes until customers have come or gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erosion:
    """One planted cause. `day` counts from the quarter's first."""

    feature: str
    kind: Kind
    points: int
    day: int


def planted(seed: int, cache_worth: Mapping[str, float], rng: random.Random) -> list[Erosion]:
    """Three erosions of a quarter, one of each size, each of another kind, on three of the features; the rest stay as they
    are. Over five seeds every kind meets every size. `cache_worth` are the points of each feature's margin that a lost
    cache takes: one that is to take more goes out elsewhere.
    """
    kinds: list[Kind] = [KINDS[(seed + place * 2) % len(KINDS)] for place in range(len(POINTS))]
    free = list(cache_worth)
    found: list[Erosion] = []
    wanted = list(zip(kinds, POINTS, strict=True))
    for kind, points in sorted(wanted, key=lambda one: one[0] != "cache_outage"):
        able = [name for name in free if kind != "cache_outage" or cache_worth[name] > points]
        feature = rng.choice(able)
        free.remove(feature)
        found.append(Erosion(feature=feature, kind=kind, points=points, day=rng.randint(FIRST_DAY, LAST_DAY)))
    return found
