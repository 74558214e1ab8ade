"""Classifiers of intents on two public sets of examples: how often they are right on texts that they were not fitted to, by how many
examples they have, and what abstaining is worth.

CLINC150 has 150 classes and 200 questions of none, Banking77 has 77 that lie close together. Each is split anew several times: one fifth is
checked, what is left is fitted to. Half of CLINC150's questions of no class are among the examples of either set, the other half is checked.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import fmean

import numpy as np

from floorline.bench.report import Sheet
from floorline.bench.semantic.data import Asked, embedded, read_banking, read_clinc
from floorline.embedding.embedder import Embedded, Embedder
from floorline.embedding.fitting import ERRORS_MAX, Example, classes_of, fit
from floorline.embedding.intents import Classifier
from floorline.embedding.vector import Vector
from floorline.proof.learning import Floats
from floorline.proof.multinomial import chances, fit_classes

SPLITS = 3
CHECKED = 5
"""One in so many texts of a class is checked."""

FEW, ABSTAINING = (5, 10, 20, 50), (20, 50)
CLASS_MAX = 200
"""Texts of a class that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The texts of a set with their vectors, a row each; strangers are of the class ''."""

    name: str
    examples: Sequence[Example]
    vectors: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What one classifier did on the texts that were kept from it: `answered` and `wrong` are of those of a class, `strangers` is the share
    of the others that it answered; `wrong_in_all` counts them all.
    """

    answered: float
    wrong: float
    strangers: float
    wrong_in_all: float


def run(data: Path, embedder: Embedder, kept: Path) -> list[Sheet]:
    """The figures of both sets below the folder `data`; vectors are kept in the folder `kept`. BadInput when the sets are not there."""
    known, strangers = read_clinc(data)
    outside = embedded(strangers, embedder, kept)
    sets = [
        texts_of("CLINC150", embedded(known, embedder, kept), outside),
        texts_of("Banking77", embedded(read_banking(data), embedder, kept), outside),
    ]
    return [accuracy(sets), abstention(sets)]


def accuracy(sets: Sequence[Texts]) -> Sheet:
    """How often they are right when they have to answer, by the number of examples a class."""
    rows: list[tuple[str, ...]] = []
    for one in sets:
        for per_class in (*FEW, 0):
            found = [right_share(one, seed, per_class) for seed in range(SPLITS)]
            rows.append((one.name, f"{per_class or 'all'}", _percent(fmean(found)), _percent(min(found))))
    return Sheet(
        title=f"intents: right on texts kept from the classifier, {SPLITS} splits",
        columns=("set", "examples a class", "right", "worst split"),
        rows=tuple(rows),
    )


def abstention(sets: Sequence[Texts]) -> Sheet:
    """What they answer when they may abstain, with at most ERRORS_MAX of their answers wrong in their own trial."""
    rows: list[tuple[str, ...]] = []
    for one in sets:
        for per_class in ABSTAINING:
            found = [judged(one, seed, per_class) for seed in range(SPLITS)]
            rows.append(
                (
                    one.name,
                    f"{per_class}",
                    *[
                        _percent(fmean([getattr(each, name) for each in found]))
                        for name in ("answered", "wrong", "strangers")
                    ],
                    _percent(max(each.wrong_in_all for each in found)),
                )
            )
    return Sheet(
        title=f"intents: with abstention, fitted for {_percent(ERRORS_MAX)} wrong, strangers among the examples and the checked",
        columns=(
            "set",
            "examples a class",
            "answered",
            "wrong of those",
            "strangers answered",
            "wrong in all, worst split",
        ),
        rows=tuple(rows),
    )


def right_share(one: Texts, seed: int, per_class: int = 0) -> float:
    """The share of the checked texts of a class that a classifier tells rightly when it has to answer, fitted to `per_class` texts of each
    (0: to all that are not checked).
    """
    fitted, checked = [[place for place in part if one.examples[place].intent] for part in _split(one, seed, per_class)]
    number = {name: place for place, name in enumerate(classes_of([one.examples[place] for place in fitted]))}
    places = np.array([number[one.examples[place].intent] for place in fitted], dtype=np.int64)
    said = chances(fit_classes(one.vectors[fitted], places, len(number)), one.vectors[checked]).argmax(axis=1)
    wanted = np.array([number[one.examples[place].intent] for place in checked], dtype=np.int64)
    return float((said == wanted).mean())


def judged(one: Texts, seed: int, per_class: int) -> Judged:
    """A classifier fitted to `per_class` texts of each class, which may abstain, on those that are checked."""
    fitted, checked = _split(one, seed, per_class)
    classifier = Classifier(fit([one.examples[place] for place in fitted], one.vectors[fitted], one.name))
    said = [classifier.likely(_vector(one, place), 1)[0] for place in checked]
    wanted = [one.examples[place].intent for place in checked]
    threshold = classifier.intents.threshold
    inside = [(label, want) for label, want in zip(said, wanted, strict=True) if want]
    outside = [label for label, want in zip(said, wanted, strict=True) if not want]
    answered = [(label, want) for label, want in inside if label.chance >= threshold]
    wrong = sum(label.name != want for label, want in answered)
    met = sum(label.chance >= threshold for label in outside)
    return Judged(
        answered=len(answered) / len(inside),
        wrong=wrong / max(len(answered), 1),
        strangers=met / max(len(outside), 1),
        wrong_in_all=(wrong + met) / max(len(answered) + met, 1),
    )


def _vector(one: Texts, place: int) -> Embedded:
    return Embedded(vector=one.vectors[place].astype(np.float32), tokens=1)


def _split(one: Texts, seed: int, per_class: int) -> tuple[list[int], list[int]]:
    """Which texts are fitted to and which are checked; of strangers half each."""
    by_class: dict[str, list[int]] = {}
    for place, example in enumerate(one.examples):
        by_class.setdefault(example.intent, []).append(place)
    random = Random(f"{one.name}:{seed}")  # noqa: S311 - no secret
    fitted, checked = list[int](), list[int]()
    for intent, places in sorted(by_class.items()):
        random.shuffle(places)
        kept = len(places) // (CHECKED if intent else 2)
        checked += places[:kept]
        fitted += places[kept : kept + per_class] if per_class and intent else places[kept:]
    return fitted, checked


def texts_of(name: str, known: Sequence[Asked], strangers: Sequence[Asked]) -> Texts:
    """The questions of a set, at most CLASS_MAX of a class, and the strangers."""
    counts: Counter[str] = Counter()
    kept: list[tuple[Example, Vector]] = []
    for one in known:
        counts[one.answer] += 1
        if one.vector is not None and counts[one.answer] <= CLASS_MAX:
            kept.append((Example(text=one.text, intent=one.answer), one.vector))
    kept += [(Example(text=one.text, intent=""), one.vector) for one in strangers if one.vector is not None]
    return Texts(
        name=name,
        examples=[one for one, _ in kept],
        vectors=np.stack([vector for _, vector in kept]).astype(np.float64),
    )


def _percent(share: float) -> str:
    return f"{share * 100:.1f}%"
