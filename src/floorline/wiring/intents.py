"""Classifiers of intents on this machine: examples read from a file, their vectors made, the classifier written."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from floorline.config import Config
from floorline.embedding.embedder import Embedder
from floorline.embedding.fitting import Example
from floorline.embedding.intents import Classifier
from floorline.errors import BadInput
from floorline.gateway.policy import LETTERS, IntentFile
from floorline.proof.learning import Floats
from floorline.wiring import read_intents
from floorline.wiring.embedders import open_embedder

EXAMPLES_BYTES_MAX = 256 << 20


class _Row(msgspec.Struct):
    text: str
    intent: str | None = None


_row = msgspec.json.Decoder(_Row)


def stated(config: Config, name: str) -> IntentFile:
    """What the configuration says of the classifier. BadInput when it says nothing."""
    found = config.gateway.intents.get(name)
    if found is None:
        known = ", ".join(config.gateway.intents) or "none"
        raise BadInput(
            f"`intents` of floorline.yaml has no {name!r} (it has {known}): write intents: {{{name}: {{file: {name}.json}}}}"
        )
    return found


def embedder_of(config: Config, intents: IntentFile) -> Embedder:
    """Who makes the vectors that it goes by."""
    return open_embedder(config.gateway.embedders.get(intents.embedder, LETTERS).local)


def classifier_of(intents: IntentFile, embedder: Embedder) -> Classifier:
    """The classifier that was fitted. BadInput when there is none, or when it goes by other vectors."""
    found = read_intents(intents.path)
    if found.embedder != embedder.name:
        raise BadInput(
            f"{intents.path} was fitted with the embedder {found.embedder}, not with {embedder.name}: fit it anew"
        )
    return Classifier(found)


def classified(config: Config, text: str) -> dict[str, str]:
    """What every classifier of the configuration says of a text, by `intent.<name>`: '' where one abstains."""
    found: dict[str, str] = {}
    for name, intents in config.gateway.intents.items():
        embedder = embedder_of(config, intents)
        found[f"intent.{name}"] = classifier_of(intents, embedder).say(embedder.embed(text)).name
    return found


def read_examples(path: Path) -> list[Example]:
    """The examples of a file, a JSON object a line: {"text": …, "intent": …}; without an intent it is of no class. Lines that say the same
    are one example. BadInput names the line that is none.
    """
    if path.stat().st_size > EXAMPLES_BYTES_MAX:
        raise BadInput(
            f"{path} is larger than {EXAMPLES_BYTES_MAX >> 20} MiB: a classifier needs 10 to 50 examples a class"
        )
    found: dict[tuple[str, str], Example] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = _row.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadInput(
                f'{path}:{number}: {error}: write it as {{"text": "my card is lost", "intent": "lost_card"}}'
            ) from error
        example = Example(text=row.text.strip(), intent=(row.intent or "").strip())
        if example.text:
            found.setdefault((example.text, example.intent), example)
    if not found:
        raise BadInput(
            f'{path} has no examples: write one a line, as {{"text": "my card is lost", "intent": "lost_card"}}'
        )
    return list(found.values())


def vectors_of(
    examples: Sequence[Example], embedder: Embedder, tell: Callable[[int], None] = lambda _: None
) -> tuple[list[Example], Floats]:
    """The examples that the embedder's window holds, with their vectors, a row each. `tell` hears how many are made."""
    kept: list[Example] = []
    rows: list[Floats] = []
    for number, one in enumerate(examples, 1):
        vector = embedder.embed(one.text).vector
        if vector is not None:
            kept.append(one)
            rows.append(vector.astype(np.float64))
        tell(number)
    if not kept:
        raise BadInput("no example is short enough for the embedder")
    return kept, np.stack(rows)
