"""What floorline.yaml says of guardrails: one optional member for each. A guardrail's own module says what its rule is."""

from collections.abc import Mapping

import msgspec

from floorline.guardrails.cache import CacheRule
from floorline.guardrails.cascade.rule import CascadeRule
from floorline.guardrails.certified.rule import CertifiedRule
from floorline.guardrails.compaction import CompactionRule
from floorline.guardrails.experiments.rule import Experiment
from floorline.guardrails.frame import HOLDOUT_PPM
from floorline.guardrails.output import OutputRule, ReasoningRule
from floorline.guardrails.prompt import PromptCacheRule
from floorline.guardrails.route import RouteRule
from floorline.guardrails.semantic.rule import SemanticRule


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for the calls of one feature. None: that guardrail is off. `watch`: what its prompts and answers are made of is noted."""

    holdout_ppm: int = HOLDOUT_PPM
    cache: CacheRule | None = None
    semantic_cache: SemanticRule | None = None
    route: RouteRule | None = None
    certified_route: CertifiedRule | None = None
    cascade: CascadeRule | None = None
    compaction: CompactionRule | None = None
    prompt_cache: PromptCacheRule | None = None
    output: OutputRule | None = None
    reasoning: ReasoningRule | None = None
    watch: bool = False
    experiments: tuple[Experiment, ...] = ()


class Guardrails(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of every feature that states its own, and of all others."""

    default: Rules = Rules()
    features: Mapping[str, Rules] = {}

    def of(self, feature: str) -> Rules:
        """What holds for the calls of `feature`."""
        return self.features.get(feature, self.default)

    @property
    def every(self) -> tuple[Rules, ...]:
        """Those of the features, and the general ones."""
        return (self.default, *self.features.values())

    @property
    def asks_figures(self) -> bool:
        """Whether any rule goes by what the ledger knows of customers."""
        return any(rules.route is not None and rules.route.asks_figures for rules in self.every)
