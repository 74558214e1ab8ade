"""A classifier of what is asked for, fitted from examples: which class a text is of, by its vector, or none where it cannot be sure.

intents = intents_from(path.read_bytes())
Classifier(intents).say(embedder.embed("my card is lost"))      Label(name="lost_card", chance=0.93)
"""

from typing import NamedTuple

import msgspec
import numpy as np

from floorline.embedding.embedder import Embedded
from floorline.proof.multinomial import chances

FORMAT = 1
NEVER = 2.0
"""A threshold that no chance reaches: the classifier abstains on everything."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What it did for examples that it was not fitted to: `right` of all `examples` of a class when it has to answer; `answered` of them when
    it may abstain, of which `wrong` were wrong, and no more than `wrong_share_max` of all such are with 95 % confidence. Of the
    `strangers`, which are of no class, it answered `met`.
    """

    examples: int
    right: int
    strangers: int
    answered: int
    wrong: int
    met: int
    wrong_share_max: float

    @property
    def accuracy(self) -> float:
        """The share that is right when it has to answer always."""
        return self.right / self.examples if self.examples else 0.0

    @property
    def answered_share(self) -> float:
        """The share of examples of a class that it answers."""
        return self.answered / self.examples if self.examples else 0.0

    def wrong_share(self, strangers_share: float) -> float:
        """The share of its answers that are wrong where so many of what it is asked about are strangers."""
        met = strangers_share * self.met / self.strangers if self.strangers else 0.0
        inside = 1 - strangers_share if self.strangers else 1.0
        answers = inside * self.answered_share + met
        wrong = inside * self.wrong / self.examples + met if self.examples else met
        return wrong / answers if answers else 0.0


class Intents(msgspec.Struct, frozen=True, kw_only=True):
    """The file of a classifier. `embedder` names whose vectors it goes by, of so many `dimensions`. `weights` are a row a class of 16-bit floats, the intercept
    last. Below the chance `threshold` it abstains; `errors_max` is what that was set for, where so many of what it is asked about are
    strangers.
    """

    format: int = FORMAT
    embedder: str
    dimensions: int
    classes: tuple[str, ...]
    threshold: float
    errors_max: float
    strangers_share: float
    shown: Shown
    weights: bytes


class Label(NamedTuple):
    """The class of a text, '' where the classifier abstains, and the chance of the most likely one."""

    name: str
    chance: float


class Classifier:
    """Says which class a text is of. May be called by several threads at once."""

    def __init__(self, intents: Intents) -> None:
        self.intents = intents
        halves = np.frombuffer(intents.weights, dtype="<f2")
        self._weights = halves.reshape(len(intents.classes), -1).astype(np.float64)

    def say(self, embedded: Embedded) -> Label:
        """The class of the text with this vector; none for one that is longer than the embedder's window."""
        most = self.likely(embedded, 1)
        if not most or most[0].chance < self.intents.threshold:
            return Label("", most[0].chance if most else 0.0)
        return most[0]

    def likely(self, embedded: Embedded, count: int) -> list[Label]:
        """The most likely classes, the likeliest first."""
        if embedded.vector is None:
            return []
        said = chances(self._weights, embedded.vector[None, :].astype(np.float64))[0]
        order = np.argsort(-said, kind="stable")[:count]
        return [Label(self.intents.classes[place], float(said[place])) for place in order]


def intents_from(content: bytes) -> Intents:
    """What is in a classifier's file. ValueError when it is something else, or damaged."""
    try:
        found = msgspec.json.decode(content, type=Intents)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"is no file of intents: {error}") from error
    if found.format != FORMAT:
        raise ValueError(f"has the format {found.format}, and {FORMAT} is read here: fit it anew")
    if len(found.classes) < 2 or 2 * len(found.classes) * (found.dimensions + 1) != len(found.weights):
        raise ValueError(f"has {len(found.weights)} bytes of weights for {len(found.classes)} classes: it is damaged")
    return found


def to_bytes(intents: Intents) -> bytes:
    """The file's content."""
    return msgspec.json.format(msgspec.json.encode(intents), indent=1)
