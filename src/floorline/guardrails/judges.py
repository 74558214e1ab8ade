"""What judges were measured to err by, in the rules of the guardrails that are certified by their verdicts.

A judge is asked other things by each: certified routing and cascades have it say which of two answers is better, the semantic cache
whether two are the same. Only what was measured of the same question, on the same feature's cases, counts.
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from msgspec.structs import replace

from floorline.evals.kept import Asks, Measured
from floorline.guardrails.rules import Guardrails, Rules

_Errors: TypeAlias = Mapping[tuple[str, str, Asks], float]  # float: shares of verdicts
"""By feature, judge and question."""


def with_measured(rails: Guardrails, measured: Iterable[Measured]) -> Guardrails:
    """The rules with what was measured of their judges in place of what they state, but where they state more."""
    errors: _Errors = {(one.feature, one.judge, one.asks): one.error for one in measured if one.error is not None}
    own = {feature: _rules(rails.of(feature), feature, errors) for feature, _, _ in errors}
    return replace(rails, features={**rails.features, **own}) if own else rails


def _rules(rules: Rules, feature: str, errors: _Errors) -> Rules:
    certified, cascade, semantic = rules.certified_route, rules.cascade, rules.semantic_cache
    if certified is not None and (error := errors.get((feature, certified.judge, "better"))) is not None:
        certified = replace(certified, judge_error=max(certified.judge_error, error))
    if cascade is not None and (error := errors.get((feature, cascade.judge, "better"))) is not None:
        cascade = replace(cascade, judge_error=max(cascade.judge_error, error))
    if semantic is not None and (error := errors.get((feature, semantic.judge, "same"))) is not None:
        semantic = replace(semantic, judge_error=max(semantic.judge_error or 0.0, error))
    return replace(rules, certified_route=certified, cascade=cascade, semantic_cache=semantic)
