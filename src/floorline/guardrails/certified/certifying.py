"""Labels of candidates → every certificate that they make: of features by themselves, of those that hold a bar together, of scores."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec.structs import replace

from floorline.events import Label
from floorline.guardrails.certified.by_feature import certify, certify_together
from floorline.guardrails.certified.by_request import certify_score
from floorline.guardrails.certified.rule import CertifiedRule, subjects
from floorline.guardrails.certified.standing import raised, silenced, silent
from floorline.guardrails.rules import Guardrails
from floorline.proof.certificate import Before, Certificate
from floorline.proof.labels import LabelsBy, Place


def is_on(rails: Guardrails, place: Place) -> bool:
    """Whether a rule compares that candidate for that feature."""
    rule = rails.of(place.feature).certified_route
    return rule is not None and place.subject in subjects(rule.candidates)


def certify_routes(rails: Guardrails, labels: LabelsBy, before: Before, now: datetime) -> Iterator[Certificate]:
    """The certificates of kind `route` and `score` by labels of kind `route`, all of places where a rule is on. Features that hold a bar
    together hold the one that the weakest of their judges asks for.
    """
    groups: dict[tuple[str, ...], tuple[CertifiedRule, dict[Place, Sequence[Label]]]] = {}
    for place, found in labels.items():
        rule = rails.of(place.feature).certified_route
        assert rule is not None, "only places with a rule are certified"
        if silent(rule, found):
            yield from _silenced(rule, place, found, before, now)
            continue
        key = (place.subject, str(rule.bar)) if rule.together else place
        first, own = groups.get(key, (rule, {}))
        groups[key] = replace(first, bar=max(first.bar, raised(rule, found))), {**own, place: found}
    for rule, own in groups.values():
        if rule.together:
            yield from certify_together(rule, own, before, now)
        else:
            yield from [certify(rule, found, before(place), now) for place, found in own.items()]
        if rule.by_request:
            yield from certify_score(rule, own, before, now)


def _silenced(
    rule: CertifiedRule, place: Place, labels: Sequence[Label], before: Before, now: datetime
) -> Iterator[Certificate]:
    """The certificates of a place whose labels carry none; the others of its group go on without it."""
    for one in (place, place._replace(kind="score")) if rule.by_request else (place,):
        yield silenced(rule, one, labels, before(one), now)
