"""The cascade's rule, and which of a feature's calls cascade: those for whose stages labels have shown a threshold.

What looks at an answer is *gates*, which it passes or not, and at most one *weight*, which grades it. An answer that a gate turns away is
never shown while there is a further stage; one that passes is shown where its grade reaches the threshold of its certificate.
"""

from collections.abc import Mapping
from functools import cached_property
from hashlib import blake2b
from typing import Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from floorline.evals.scorers import JsonSchema, Regex
from floorline.guardrails.certified.rule import subject_of
from floorline.guardrails.frame import OFF, Cascade, Evidence, Facts, Setting, Stage, Verdict, arm, touch
from floorline.guardrails.trust import JudgeError
from floorline.proof.certificate import Certificate

NAME = "cascade"
KIND = "cascade"
GATED, PASSED = -1.0, 1.0
"""What an answer is graded that a gate turned away, and one that passed where nothing weighs it."""

CASCADING = frozenset(
    {"chat.completions", "messages", "generateContent", "streamGenerateContent", "converse", "responses"}
)
"""Endpoints whose answers can be looked at; of the last one those that are no streams."""

Gate: TypeAlias = JsonSchema | Regex
"""What an answer passes or not, by itself."""


class Grader(msgspec.Struct, frozen=True, kw_only=True, tag="judge"):
    """A model grades the answer from 0 to 10."""

    model: str


class Agreement(msgspec.Struct, frozen=True, kw_only=True, tag="self_consistency"):
    """The stage is asked so many times more; the grade is the share of those answers that say the same."""

    samples: int = 3


class Service(msgspec.Struct, frozen=True, kw_only=True, tag="http"):
    """A service of the user's own grades the answer from 0 to 1."""

    url: str
    time_ms: int = 5_000


Weight: TypeAlias = Grader | Agreement | Service


class CascadeRule(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What holds for one feature. `stages` are, by the model asked for, the cheaper ones that answer before it, the cheapest first. The
    bar, the share that is compared, its judge and what is known of judges are as `CertifiedRule` has them.

    `streams`: what is asked for as a stream is held back until it has been looked at, up to `held_bytes_max` (`hold`), or goes straight to
    the model asked for (`straight`). A stage with its checks has `time_ms`.
    """

    setting: Setting = OFF
    stages: Mapping[str, tuple[str, ...]] = {}
    gates: tuple[Gate, ...] = ()
    weight: Weight | None = None
    bar: float = 0.95
    sample_ppm: int = 20_000
    judge: str = ""
    judge_error: float | None = None
    measured: tuple[JudgeError, ...] = ()
    streams: Literal["hold", "straight"] = "straight"
    held_bytes_max: int = 64 << 10
    time_ms: int = 30_000

    @cached_property
    def looks(self) -> str:
        """How answers are looked at, in a word: a grade says nothing where they are looked at otherwise."""
        return blake2b(msgspec.json.encode([self.gates, self.weight]), digest_size=8).hexdigest()


def epoch_of(rule: CascadeRule, prompt: str) -> str:
    """What a label holds under: how answers are looked at, and the version that the application calls its prompt."""
    return f"{rule.looks}/{prompt}"


def why_not(rule: CascadeRule, facts: Facts) -> str:
    """Why a call like this never cascades; '' where it may."""
    if facts.endpoint not in CASCADING:
        return f"answers of {facts.endpoint or 'this path'} are not looked at"
    if facts.streamed and (rule.streams == "straight" or facts.endpoint == "responses"):
        return "a stream goes straight to the model asked for"
    return ""


def step(facts: Facts, evidence: Evidence, rule: CascadeRule, so_far: Verdict) -> Verdict:
    """The verdict with the stages that come before the model asked for. A call that went elsewhere stays there."""
    if so_far.model or not facts.priced or evidence.certified is None:
        return so_far
    stages = tuple(
        [
            Stage(model=model, threshold=found.threshold)
            for model in rule.stages.get(facts.model, ())
            if (found := _found(facts, evidence, rule, model)) is not None and found.threshold is not None
        ]
    )
    if not stages or why_not(rule, facts):
        return so_far
    which = arm(rule.setting, NAME, facts)
    so_far = replace(
        so_far,
        touches=(*so_far.touches, touch(rule.setting, NAME, which, "cascade")),
        moves={**so_far.moves, NAME: stages[0].model},
    )
    if which != "treated":
        return so_far
    named = " and ".join([stage.model for stage in stages])
    reason = f"{NAME}: {named} first, {facts.model} where {'that does' if len(stages) == 1 else 'those do'} not do"
    return replace(
        so_far,
        model=stages[0].model,
        cascade=Cascade(stages=stages, last=facts.model),
        reasons=(*so_far.reasons, reason),
    )


def _found(facts: Facts, evidence: Evidence, rule: CascadeRule, model: str) -> Certificate | None:
    """The certificate in force of a stage that the call may go to, for answers that are looked at as they are now."""
    if model not in facts.reachable or evidence.certified is None:
        return None
    found = evidence.certified.find(KIND, facts.feature, facts.step, subject_of(model, facts.model))
    if found is None or not found.acts or found.budget < rule.bar:
        return None
    return found if found.epoch.partition("/")[0] == rule.looks else None
