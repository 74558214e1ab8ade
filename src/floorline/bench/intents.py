"""Classifiers of intents on two public sets of examples: how often they are right on texts that they were not fitted to, by how many
examples they have, and what abstaining is worth.

CLINC150 has 150 classes and 200 questions of none, Banking77 has 77 that lie close together. Each is split anew several times: one fifth is
checked, what is left is fitted to. Half of CLINC150's questions of no class are among the examples of either set, the other half is checked.
"""

import csv
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import fmean
from typing import cast

import numpy as np

from floorline.bench.report import Sheet
from floorline.embedding.embedder import Embedded, Embedder
from floorline.embedding.fitting import ERRORS_MAX, Example, classes_of, fit
from floorline.embedding.intents import Classifier
from floorline.errors import BadInput
from floorline.proof.learning import Floats
from floorline.proof.multinomial import chances, fit_classes

SPLITS = 3
CHECKED = 5
"""One in so many texts of a class is checked."""

FEW, ABSTAINING = (5, 10, 20, 50), (20, 50)
CLINC_MAX = 70
"""Texts of a class that are read of CLINC150: to make their vectors takes most of the time."""


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


def run(data: Path, embedder: Embedder) -> list[Sheet]:
    """The figures of both sets below the folder `data`. BadInput when they are not there."""
    strangers = strangers_of(data)
    sets = [
        embedded("CLINC150", [*clinc(data), *strangers], embedder),
        embedded("Banking77", [*banking(data), *strangers], embedder),
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


def embedded(name: str, examples: Sequence[Example], embedder: Embedder) -> Texts:
    """The texts with their vectors."""
    found = [(one, embedder.embed(one.text).vector) for one in examples]
    kept = [(one, vector) for one, vector in found if vector is not None]
    return Texts(
        name=name,
        examples=[one for one, _ in kept],
        vectors=np.stack([vector for _, vector in kept]).astype(np.float64),
    )


def clinc(data: Path) -> list[Example]:
    """CLINC150's questions, at most CLINC_MAX of a class."""
    found: dict[str, list[Example]] = {}
    for text, intent in _clinc(data, "train"):
        of = found.setdefault(intent, [])
        if len(of) < CLINC_MAX:
            of.append(Example(text=text, intent=intent))
    return [one for of in found.values() for one in of]


def strangers_of(data: Path) -> list[Example]:
    """CLINC150's questions of no class."""
    return [Example(text=text, intent="") for part in ("oos_train", "oos_val") for text, _ in _clinc(data, part)]


def _clinc(data: Path, part: str) -> list[tuple[str, str]]:
    path = data / "clinc150" / "data_train_val.json"
    if not path.is_file():
        raise BadInput(f"{path} is not there: --data is a folder with clinc150/ and banking77/ below it")
    return cast("dict[str, list[tuple[str, str]]]", json.loads(path.read_bytes()))[part]


def banking(data: Path) -> list[Example]:
    """Banking77's questions."""
    path = data / "banking77" / "train.csv.gz"
    if not path.is_file():
        raise BadInput(f"{path} is not there: --data is a folder with clinc150/ and banking77/ below it")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        return [Example(text=row["text"], intent=row["category"]) for row in csv.DictReader(lines)]


def _percent(share: float) -> str:
    return f"{share * 100:.1f}%"
