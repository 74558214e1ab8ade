"""What the owner of the product states about its features and plans: the settings that margin reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from floorline.events import Alias

Role = Literal["growth", "core", "premium"]
Hosting = Literal["third_party", "self_hosted", "cacheable"]
Allocation = Literal["calls", "cost", "value_weights"]

USAGE_PRICE_UNITS = ("calls", "input_tokens", "output_tokens")
"""What a plan's `usage_prices` may price: one call, one token in, one token out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturePolicy:
    """A feature's place in the product. `floor` (a ratio such as 0.55) replaces the defaults of role and hosting."""

    name: str
    role: Role = "core"
    hosting: Hosting = "third_party"
    floor: Decimal | None = None
    owner: str = ""

    def __post_init__(self) -> None:
        if self.floor is not None and not -1 <= self.floor < 1:
            raise ValueError(f"floor {self.floor} of feature {self.name!r} is not a ratio: write 0.60 for 60 %")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPolicy:
    """How a plan's bundled revenue is shared among features, and what it charges per outcome or unit.

    `allocation`: by `calls`, by `cost`, or by the stated `weights` (feature → weight). `features` share equally what
    no usage can divide. `outcome_prices`: outcome type → USD per success; `usage_prices`: USAGE_PRICE_UNITS → USD each.
    State a price only when no imported invoice line bills the same thing, or it is counted twice.
    """

    name: str
    allocation: Allocation = "calls"
    weights: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    features: tuple[str, ...] = ()
    outcome_prices: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    usage_prices: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])

    def __post_init__(self) -> None:
        for feature, weight in self.weights.items():
            if not weight.is_finite() or weight < 0:
                raise ValueError(f"weight {weight} of {feature!r} in plan {self.name!r} must be at least 0")
        if self.allocation == "value_weights" and not any(self.weights.values()):
            raise ValueError(f"plan {self.name!r} shares by value_weights but states none: add weights: {{feature: 1}}")
        for unit in self.usage_prices:
            if unit not in USAGE_PRICE_UNITS:
                raise ValueError(
                    f"{unit!r} in usage_prices of plan {self.name!r} is not one of {', '.join(USAGE_PRICE_UNITS)}"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """Everything stated, by name; `aliases` of the configuration join those of the ledger."""

    features: Mapping[str, FeaturePolicy] = field(default_factory=dict[str, FeaturePolicy])
    plans: Mapping[str, PlanPolicy] = field(default_factory=dict[str, PlanPolicy])
    aliases: tuple[Alias, ...] = ()
