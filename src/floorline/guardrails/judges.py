"""What judges were measured to err by, in the rules of the guardrails that are certified by their verdicts (`guardrails/trust.py`)."""

from collections import defaultdict
from collections.abc import Iterable

from msgspec.structs import replace

from floorline.evals.kept import Measured
from floorline.guardrails.rules import Guardrails, Rules
from floorline.guardrails.trust import JudgeError


def with_measured(rails: Guardrails, measured: Iterable[Measured]) -> Guardrails:
    """The rules with what was measured of judges on each feature's own cases; a measurement without a verdict says nothing."""
    errors: defaultdict[str, list[JudgeError]] = defaultdict(list)
    for one in measured:
        if one.error is not None:
            errors[one.feature].append(JudgeError(judge=one.judge, asks=one.asks, error=one.error))
    own = {feature: _rules(rails.of(feature), tuple(found)) for feature, found in errors.items()}
    return replace(rails, features={**rails.features, **own}) if own else rails


def _rules(rules: Rules, measured: tuple[JudgeError, ...]) -> Rules:
    certified, cascade, semantic = rules.certified_route, rules.cascade, rules.semantic_cache
    return replace(
        rules,
        certified_route=None if certified is None else replace(certified, measured=measured),
        cascade=None if cascade is None else replace(cascade, measured=measured),
        semantic_cache=None if semantic is None else replace(semantic, measured=measured),
    )
