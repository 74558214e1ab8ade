"""Labels by what they are about, and what they come to."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from floorline.events import Label, LabelKind
from floorline.proof.paired import Pairs, count


class Place(NamedTuple):
    """What a certificate is about; a label is about exactly one."""

    kind: LabelKind
    feature: str
    step: str = ""
    subject: str = ""


LabelsBy = Mapping[Place, Sequence[Label]]
"""Labels by what they are about, each in the order of their time, none empty."""


def place_of(label: Label) -> Place:
    """What the label is about."""
    return Place(label.kind, label.feature, label.step, label.subject)


def by_place(labels: Iterable[Label]) -> LabelsBy:
    """The labels of every place, each in the order of their time."""
    found: defaultdict[Place, list[Label]] = defaultdict(list)
    for label in sorted(labels, key=lambda one: (one.at, one.source, one.id)):
        found[place_of(label)].append(label)
    return found


def of_epoch(labels: Iterable[Label], epoch: str) -> tuple[Label, ...]:
    """Those that hold under what is true now."""
    return tuple(label for label in labels if label.epoch == epoch)


def latest_epoch(labels: Sequence[Label]) -> str:
    """What the newest of them, which are in the order of their time, holds under; '' of none."""
    return labels[-1].epoch if labels else ""


def pairs(labels: Iterable[Label]) -> Pairs:
    """Of labels that say of both answers whether they were right: the one compared with is the first, the judged one the second."""
    return count((label.other_right, label.right) for label in labels if label.other_right is not None)
