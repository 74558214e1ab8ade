"""`floorline intent`: classifiers of what is asked for, fitted from examples, that route rules may ask."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from floorline.cli.grid import Column, plain_console, print_grid
from floorline.cli.output import emit_json
from floorline.embedding.fitting import Example, fit
from floorline.embedding.intents import NEVER, Classifier, Intents, Label, Shown, to_bytes
from floorline.errors import BadInput
from floorline.ledger.files import put_file
from floorline.margin.words import counted
from floorline.proof.bounds import lower, upper
from floorline.wiring import load_config
from floorline.wiring.intents import classifier_of, embedder_of, read_examples, stated, vectors_of

LIKELIEST = 3
CONFUSED_MAX = 10
_EXAMPLES = click.Path(exists=True, dir_okay=False, path_type=Path)
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document.")


@click.group("intent")
def command() -> None:
    """Classifiers of what is asked for, made of your examples, for route rules (docs/routing.md)."""


@command.command("fit")
@click.argument("name")
@click.option("--examples", type=_EXAMPLES, required=True, help="JSON lines of text and intent; 10 to 50 of each.")
@click.option(
    "--errors", default="5%", show_default=True, metavar="PERCENT", help="The share of its answers that may be wrong."
)
@click.option(
    "--strangers", default="10%", show_default=True, metavar="PERCENT",
    help="The share of what it will be asked about that is of no class, where the examples have such texts.",
)  # fmt: skip
@_JSON
def fit_command(name: str, examples: Path, errors: str, strangers: str, *, as_json: bool) -> None:
    """Fit the classifier NAME of floorline.yaml to examples, and say what it does for examples that it was not fitted to.

    It abstains where it cannot be sure: no more than --errors of its answers about texts of a class were wrong in that trial, with 95 %
    confidence, nor of all where --strangers of them are of none. Gateways take the new file over within a second.
    """
    config = load_config(secrets=False)
    intents = stated(config, name)
    embedder = embedder_of(config, intents)
    listed = read_examples(examples)
    with _progress() as progress:
        task = progress.add_task("reading examples", total=len(listed))
        kept, vectors = vectors_of(listed, embedder, lambda done: progress.update(task, completed=done))
    try:
        found = fit(kept, vectors, embedder.name, _share(errors, "--errors"), _share(strangers, "--strangers"))
    except ValueError as error:
        raise BadInput(f"{examples}: {error}") from error
    put_file(intents.path, to_bytes(found))
    if as_json:
        emit_json({"file": str(intents.path), "left_out": len(listed) - len(kept), **_document(found)})
        return
    for sentence in _fitted(found, intents.path, len(listed) - len(kept)):
        click.echo(sentence)


@command.command("test")
@click.argument("name")
@click.option("--text", help="One text.")
@click.option("--examples", type=_EXAMPLES, help="JSON lines of text and intent that it was not fitted to.")
@_JSON
def test_command(name: str, text: str | None, examples: Path | None, *, as_json: bool) -> None:
    """Ask the classifier NAME about a text, or about examples that it was not fitted to.

    The exit code is 1 when more of its answers are wrong than it was fitted for.
    """
    if (text is None) is (examples is None):
        raise BadInput("write --text, or --examples with a file")
    config = load_config(secrets=False)
    intents = stated(config, name)
    embedder = embedder_of(config, intents)
    classifier = classifier_of(intents, embedder)
    if text is not None:
        embedded = embedder.embed(text)
        _tell(classifier.say(embedded), classifier.likely(embedded, LIKELIEST), as_json=as_json)
        return
    assert examples is not None, "one of the two is there"
    listed = read_examples(examples)
    with _progress() as progress:
        task = progress.add_task("asking", total=len(listed))
        said: list[tuple[Example, Label, str]] = []
        for number, one in enumerate(listed, 1):
            embedded = embedder.embed(one.text)
            likely = classifier.likely(embedded, 1)
            said.append((one, classifier.say(embedded), likely[0].name if likely else ""))
            progress.update(task, completed=number)
    holds = _judged(classifier, said, as_json=as_json)
    if not holds:
        sys.exit(1)


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"), BarColumn(), console=console, transient=True, disable=not console.is_terminal
    )


def _share(text: str, option: str) -> float:
    try:
        share = float(text.strip().removesuffix("%")) / (100 if text.strip().endswith("%") else 1)
    except ValueError as error:
        raise BadInput(f"{option} {text!r} is no share: write it as 5%") from error
    if not 0 < share < 1:
        raise BadInput(f"{option} {text!r} is no share between 0 and 1: write it as 5%")
    return share


def _fitted(found: Intents, path: Path, left_out: int) -> list[str]:
    shown = found.shown
    said = [
        f"{path}: {counted(len(found.classes), 'class')[:-1] + 'es' if len(found.classes) != 1 else '1 class'} of "
        f"{counted(shown.examples, 'example')}" + (f", and {shown.strangers:,} of no class" if shown.strangers else "")
    ]
    if left_out:
        said.append(f"  {counted(left_out, 'example')} longer than the embedder's window: left out")
    said.append(
        f"  asked about examples that it was not fitted to, it is right in {_percent(shown.accuracy)} of them when it has to answer"
    )
    if found.threshold == NEVER:
        said.append(
            f"  it abstains on everything: no chance keeps the wrong answers below {_percent(found.errors_max)} with 95 % confidence; "
            "give more examples, or allow more errors (--errors)"
        )
        return said
    said.append(
        f"  it answers from a chance of {found.threshold:.2f} on: {_percent(shown.answered_share)} of them, and {shown.wrong:,} of "
        f"{shown.answered:,} answers were wrong (at most {_percent(shown.wrong_share_max)} with 95 % confidence)"
    )
    if shown.strangers:
        said.append(
            f"  of those of no class it answers {shown.met:,} of {shown.strangers:,}: where {_percent(found.strangers_share)} of what it is asked "
            f"about is like them, {_percent(shown.wrong_share(found.strangers_share))} of its answers are wrong"
        )
    if not shown.strangers:
        said.append(
            "  it has met no text of no class: give some without an intent, or it may answer what is none of its business"
        )
    return said


def _document(found: Intents) -> dict[str, object]:
    shown = found.shown
    return {
        "embedder": found.embedder,
        "classes": list(found.classes),
        "threshold": None if found.threshold == NEVER else found.threshold,
        "errors_max": found.errors_max,
        "examples": shown.examples,
        "strangers": shown.strangers,
        "accuracy": shown.accuracy,
        "answered": shown.answered,
        "wrong": shown.wrong,
        "strangers_answered": shown.met,
        "strangers_share": found.strangers_share,
        "wrong_share_max": shown.wrong_share_max,
    }


def _tell(label: Label, likely: Sequence[Label], *, as_json: bool) -> None:
    if as_json:
        emit_json(
            {
                "intent": label.name or None,
                "likely": [{"intent": one.name, "chance": round(one.chance, 6)} for one in likely],
            }
        )
        return
    click.echo(label.name or "It abstains.")
    for one in likely:
        click.echo(f"  {one.chance:6.3f}  {one.name}")


def _judged(classifier: Classifier, said: Sequence[tuple[Example, Label, str]], *, as_json: bool) -> bool:
    """Say how it did; whether no more of its answers were wrong than it was fitted for."""
    intents = classifier.intents
    shown = _shown(said)
    share = shown.wrong_share(intents.strangers_share)
    holds = share <= intents.errors_max
    confused = Counter((one.intent, label.name) for one, label, _ in said if label.name and label.name != one.intent)
    if as_json:
        emit_json(
            {
                "examples": shown.examples,
                "right": shown.right,
                "answered": shown.answered,
                "wrong": shown.wrong,
                "strangers": shown.strangers,
                "strangers_answered": shown.met,
                "wrong_share": share,
                "errors_max": intents.errors_max,
                "holds": holds,
                "confused": [{"is": of, "said": name, "times": many} for (of, name), many in confused.most_common()],
            }
        )
        return holds
    for sentence in _tested(shown, share, intents):
        click.echo(sentence)
    if confused:
        pairs = confused.most_common(CONFUSED_MAX)
        print_grid(
            plain_console(),
            "\nTaken for another",
            (
                Column(title="is", cells=[of or "(of no class)" for (of, _), _ in pairs], name=True),
                Column(title="taken for", cells=[name for (_, name), _ in pairs], left=True),
                Column(title="times", cells=[f"{many:,}" for _, many in pairs]),
            ),
        )
    return holds


def _shown(said: Sequence[tuple[Example, Label, str]]) -> Shown:
    inside = [(one, label, likely) for one, label, likely in said if one.intent]
    answered = [(one, label) for one, label, _ in inside if label.name]
    wrong = sum(label.name != one.intent for one, label in answered)
    return Shown(
        examples=len(inside),
        right=sum(likely == one.intent for one, _, likely in inside),
        strangers=len(said) - len(inside),
        answered=len(answered),
        wrong=wrong,
        met=sum(bool(label.name) for one, label, _ in said if not one.intent),
        wrong_share_max=upper(wrong, len(answered)) if answered else 1.0,
    )


def _tested(shown: Shown, share: float, intents: Intents) -> list[str]:
    said: list[str] = []
    if shown.examples:
        surely = _percent(lower(shown.right, shown.examples))
        said.append(
            f"{_percent(shown.accuracy)} of {counted(shown.examples, 'example')} right when it has to answer (from {surely} up with 95 % confidence)"
        )
    if shown.answered:
        said.append(
            f"{_percent(shown.answered_share)} answered; {shown.wrong:,} of {shown.answered:,} answers wrong (at most {_percent(shown.wrong_share_max)} with 95 % confidence)"
        )
    else:
        said.append("It abstains on all of them.")
    if shown.strangers:
        said.append(f"{shown.met:,} of {shown.strangers:,} of no class answered")
    said.append(f"{_percent(share)} of all its answers are wrong; it was fitted for {_percent(intents.errors_max)}")
    return said


def _percent(share: float) -> str:
    return f"{share * 100:.1f}%"
