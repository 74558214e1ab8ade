"""A classifier of intents made of examples, and what it can be trusted with: shown on examples that it was not fitted to.

It abstains below the chance at which, of its answers about texts of a class in that trial, no more than a stated share is wrong with 95 %
confidence, and no more are expected of all its answers where a stated share of what it is asked about is of no class (strangers): those
are wrong whenever they are answered. A classifier that met no strangers knows nothing of them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from floorline.embedding.intents import NEVER, Intents, Shown
from floorline.proof.bounds import at_most, upper
from floorline.proof.learning import FOLDS, Floats, fold_of
from floorline.proof.multinomial import chances, fit_classes

ERRORS_MAX = 0.05
STRANGERS_SHARE = 0.1
EXAMPLES_MIN = 2
"""Of a class; below it nobody could say how it does for texts that it was not fitted to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A text and its class; '' for one that is of none."""

    text: str
    intent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """What classifiers that were not fitted to an example say of it: the most likely class, its chance, and whether that is right; False for
    a stranger.
    """

    said: tuple[str, ...]
    chances: tuple[float, ...]
    right: tuple[bool, ...]


def fit(
    examples: Sequence[Example],
    vectors: Floats,
    embedder: str,
    errors_max: float = ERRORS_MAX,
    strangers_share: float = STRANGERS_SHARE,
) -> Intents:
    """The classifier of the examples with these vectors. ValueError where they are too few to learn from."""
    classes = classes_of(examples)
    found = foretold(examples, vectors)
    threshold, shown = _threshold(examples, found, errors_max, strangers_share)
    number = {name: place for place, name in enumerate(classes)}
    inside = [place for place, one in enumerate(examples) if one.intent]
    places = np.array([number[examples[place].intent] for place in inside], dtype=np.int64)
    weights = fit_classes(vectors[inside], places, len(classes))
    return Intents(
        embedder=embedder,
        dimensions=vectors.shape[1],
        classes=classes,
        threshold=threshold,
        errors_max=errors_max,
        strangers_share=strangers_share,
        shown=shown,
        weights=weights.astype("<f2").tobytes(),
    )


def classes_of(examples: Sequence[Example]) -> tuple[str, ...]:
    """The classes by name. ValueError says what is missing."""
    counts = Counter(one.intent for one in examples if one.intent)
    few = [name for name, many in sorted(counts.items()) if many < EXAMPLES_MIN]
    if len(counts) < 2:
        raise ValueError(f"{len(counts)} classes are nothing to tell apart: give examples of two at least")
    if few:
        raise ValueError(f"{few[0]!r} has {counts[few[0]]} example: give {EXAMPLES_MIN} at least, better 10 to 50")
    return tuple(sorted(counts))


def foretold(examples: Sequence[Example], vectors: Floats, folds: int = FOLDS) -> Foretold:
    """Each example judged by a classifier of the others' folds. The same text is in one fold, however often it comes."""
    of = [fold_of(" ".join(one.text.casefold().split()), folds) for one in examples]
    inside = [place for place, one in enumerate(examples) if one.intent]
    said, most = [""] * len(examples), [0.0] * len(examples)
    for fold in range(folds):
        held = [place for place, one in enumerate(of) if one == fold]
        others = [place for place in inside if of[place] != fold]
        if not held or not others:
            continue
        known = sorted({examples[place].intent for place in others})
        number = {name: place for place, name in enumerate(known)}
        places = np.array([number[examples[place].intent] for place in others], dtype=np.int64)
        likely = chances(fit_classes(vectors[others], places, len(known)), vectors[held])
        for place, row in zip(held, likely, strict=True):
            said[place], most[place] = known[int(row.argmax())], float(row.max())
    right = [bool(one.intent) and name == one.intent for one, name in zip(examples, said, strict=True)]
    return Foretold(said=tuple(said), chances=tuple(most), right=tuple(right))


def shown_at(examples: Sequence[Example], found: Foretold, threshold: float) -> Shown:
    """What the classifiers that foretold them do at a threshold."""
    shown = _nothing(examples, found)
    for place, chance in enumerate(found.chances):
        if chance >= threshold:
            shown = _answered(shown, examples[place], right=found.right[place])
    return replace(shown, wrong_share_max=upper(shown.wrong, shown.answered) if shown.answered else 1.0)


def _nothing(examples: Sequence[Example], found: Foretold) -> Shown:
    """What one that abstains on everything does."""
    strangers = sum(not one.intent for one in examples)
    return Shown(
        examples=len(examples) - strangers,
        right=sum(found.right),
        strangers=strangers,
        answered=0,
        wrong=0,
        met=0,
        wrong_share_max=1.0,
    )


def _answered(shown: Shown, example: Example, *, right: bool) -> Shown:
    if not example.intent:
        return replace(shown, met=shown.met + 1)
    return replace(shown, answered=shown.answered + 1, wrong=shown.wrong + (not right))


def _threshold(
    examples: Sequence[Example], found: Foretold, errors_max: float, strangers_share: float
) -> tuple[float, Shown]:
    """The lowest chance from which on so few of the answers are wrong; NEVER where there is none."""
    order = sorted(range(len(examples)), key=lambda place: -found.chances[place])
    best, shown = NEVER, _nothing(examples, found)
    for many, place in enumerate(order, 1):
        shown = _answered(shown, examples[place], right=found.right[place])
        is_last = many == len(order) or found.chances[order[many]] < found.chances[place]
        if (
            is_last
            and shown.wrong_share(strangers_share) <= errors_max
            and at_most(shown.wrong, shown.answered, errors_max)
        ):
            best = found.chances[place]
    return best, shown_at(examples, found, best)
