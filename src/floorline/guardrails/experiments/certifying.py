"""The certificates of experiments: each by its own rule, by its own labels."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from floorline.guardrails.experiments.rule import Experiment
from floorline.guardrails.experiments.verdict import certify
from floorline.guardrails.rules import Guardrails
from floorline.proof.certificate import Before, Certificate
from floorline.proof.labels import LabelsBy, Place


def find(experiments: Sequence[Experiment], place: Place) -> Experiment | None:
    """The experiment that a place is of."""
    return next((one for one in experiments if one.place == place), None)


def certify_all(rails: Guardrails, labels: LabelsBy, before: Before, now: datetime) -> Iterable[Certificate]:
    """The certificate of every place with labels."""
    for place, found in labels.items():
        one = find(rails.of(place.feature).experiments, place)
        assert one is not None, "only places with an experiment are certified"
        yield certify(one, found, before(place), now)
