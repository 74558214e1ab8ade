"""What the owner of the product states about its features and plans: the settings that margin reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from floorline.events import Alias
from floorline.margin.baseline import Declaration

Role = Literal["growth", "core", "premium"]
Hosting = Literal["third_party", "self_hosted", "cacheable"]
Allocation = Literal["calls", "cost", "value_weights"]

USAGE_PRICE_UNITS = ("calls", "input_tokens", "output_tokens")
"""What a plan's `usage_prices` may price: one call, one token in, one token out."""


EXPECTED = (
    "generation", "embedding", "retrieval", "rerank", "judging", "infrastructure", "human_review", "support", "logging",
)  # fmt: skip
"""The columns of the cost map that a feature can be expected to report."""

YELLOW_BAND = Decimal("0.08")
"""How far above its floor a feature is still yellow, unless it or the organisation says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorException:
    """Another floor for a while: why, and the last day on which it holds. After that day the feature is red until someone
    reviews it: removes the exception, or gives it a new day.
    """

    floor: Decimal
    reason: str
    review_by: date

    def __post_init__(self) -> None:
        if not -1 <= self.floor < 1:
            raise ValueError(f"floor {self.floor} of an exception is not a ratio: write 0.60 for 60 %")
        if not self.reason:
            raise ValueError("an exception needs its reason: say why the floor does not hold")

    def holds_on(self, day: date) -> bool:
        """Whether it replaces the floor on `day`."""
        return day <= self.review_by


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturePolicy:
    """A feature's place in the product. `floor` (a ratio such as 0.55) replaces the defaults of role and hosting, and
    `exception` either of them for a while. `components` are the columns of the cost map that it must report.
    `baselines` are those that it declares.
    """

    name: str
    role: Role = "core"
    hosting: Hosting = "third_party"
    floor: Decimal | None = None
    owner: str = ""
    yellow_band: Decimal | None = None
    exception: FloorException | None = None
    components: tuple[str, ...] = ()
    baselines: tuple[Declaration, ...] = ()

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
class Runbook:
    """What a zone demands: of whom, within how many hours, and who hears of it when that has passed.

    `owner` answers for features that name none. `levers` replace what is suggested against a driver of cost.
    """

    owner: str = ""
    red_hours: int = 24
    yellow_hours: int = 48
    red_response: str = "bring the margin above the floor, or have an exception with a reason and a review date"
    yellow_response: str = "name the driver and decide on a lever before the margin reaches the floor"
    escalate_to: str = ""
    escalate_after_hours: int = 24
    levers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """Everything stated, by name; `aliases` of the configuration join those of the ledger."""

    features: Mapping[str, FeaturePolicy] = field(default_factory=dict[str, FeaturePolicy])
    plans: Mapping[str, PlanPolicy] = field(default_factory=dict[str, PlanPolicy])
    aliases: tuple[Alias, ...] = ()
    yellow_band: Decimal = YELLOW_BAND
    runbook: Runbook = field(default_factory=Runbook)

    def feature(self, name: str) -> FeaturePolicy:
        """What holds for the feature `name`: the defaults where nothing is stated."""
        return self.features.get(name) or FeaturePolicy(name=name)
