"""`floorline eval`: how good models are at a feature's own cases, and how far a judge can be believed."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from floorline.cli.evaluate_text import (
    document,
    judge_document,
    list_document,
    print_evaluated,
    print_judge,
    print_list,
)
from floorline.cli.output import emit_json
from floorline.config import Config
from floorline.errors import BadInput, Missing
from floorline.evals.kept import EVALUATIONS, JUDGES, Asks, Evaluated, Measured, judge_id
from floorline.evals.policy import Evaluation
from floorline.evals.scorers import Judge
from floorline.evals.sets import Case, read_set
from floorline.evals.summary import PLAIN, Answered, Trust
from floorline.events import Label
from floorline.guardrails.certified.rule import CertifiedRule
from floorline.guardrails.judges import with_measured
from floorline.guardrails.rules import Guardrails
from floorline.guardrails.trust import least_known, unmeasured
from floorline.ingest.files import BadLine, RowFile
from floorline.jobs.evaluated_labels import keep, labels_of
from floorline.jobs.evaluating import Evaluator, digest_of
from floorline.jobs.gateway_calls import GatewayCalls
from floorline.ledger.shelf import Shelf
from floorline.margin.words import counted
from floorline.wiring import load_config, load_function, now, open_ledger, open_state

if TYPE_CHECKING:
    from collections.abc import Generator

KEY = "FLOORLINE_KEY"
WRONG_SHOWN = 5
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document; money is text of 12 places.")
_FEATURE = click.option("--feature", required=True, help="Whose cases.")
_SET = click.option(
    "--set", "path", type=click.Path(path_type=Path), help="The cases; `evaluation.set` when not given."
)
_GATEWAY = click.option(
    "--gateway",
    default="http://127.0.0.1:4000",
    show_default=True,
    help="The gateway that the models are asked through.",
)
_AT_ONCE = click.option(
    "--concurrency", type=click.IntRange(1, 64), default=4, show_default=True, help="Cases asked at once."
)
_LIMIT = click.option("--limit", type=click.IntRange(min=1), help="Only the first so many cases.")


@click.group("eval")
def command() -> None:
    """How good models are at a feature's own cases: quality, cost and latency with their intervals, and what to do.

    Models are asked through the gateway with the key in FLOORLINE_KEY, on record and priced, their purpose evaluation.
    docs/evaluations.md has the sets, the scorers and every formula.
    """


@command.command("run")
@_FEATURE
@click.option(
    "--models", required=True, help="Comma-separated; the first is the reference that the others are compared with."
)
@_SET
@click.option("--margin", help="How much worse is still as good, as 5%; `evaluation.margin` when not given.")
@click.option(
    "--answers", type=click.Path(path_type=Path), help="Write every answer with its score to this file, as JSON lines."
)
@click.option(
    "--labels",
    is_flag=True,
    help="Keep what was found as comparisons of the models: certificates of `certified_route` are made of them.",
)
@click.option("--prompt", default="", help="labels: the version that the application calls its prompt, where it does.")
@_LIMIT
@_GATEWAY
@_AT_ONCE
@_JSON
def run(
    feature: str,
    models: str,
    path: Path | None,
    margin: str | None,
    answers: Path | None,
    prompt: str,
    limit: int | None,
    gateway: str,
    concurrency: int,
    *,
    labels: bool,
    as_json: bool,
) -> None:
    """Ask every model every case, score the answers, and say what follows."""
    config = load_config(secrets=False)
    evaluation = _evaluation(config, feature, margin)
    names = _models(models)
    cases, source = _cases(config, feature, path, evaluation, limit)
    evaluator = _evaluator(gateway, feature, concurrency)
    instant = now()
    trust = _trust(feature, evaluation)
    with _progress("cases", len(cases), quiet=as_json) as tell:
        found, answered = evaluator.run(cases, names, evaluation, trust, tell)
    if answers is not None:
        _write(answers, [one for model in names for one in answered[model]])
    one = Evaluated(
        id=f"{feature} {instant.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z",
        at=instant,
        feature=feature,
        set=source,
        digest=digest_of(cases),
        scorer=_kind(evaluation),
        margin=evaluation.margin,
        trust=trust,
        summary=found,
    )
    with open_state() as state:
        Shelf(state, EVALUATIONS, Evaluated).put(one.id, one, now=instant)
    if labels:
        told = [*labels_of(feature, prompt, evaluation.scorer, cases, answered, instant)]
        with open_ledger(config) as ledger:
            new = keep(ledger, told)
        click.echo(f"{counted(len(told), 'comparison')}, {new:,} of them new, kept as labels", err=True)
        if said := _unmeasured(config, feature, told):
            click.echo(said, err=True)
    if as_json:
        emit_json(document(one))
    else:
        print_evaluated(one, _wrong(answered))


@command.command("judge")
@_FEATURE
@click.option("--judge", "model", help="The judging model; that of `evaluation.scorer` when not given.")
@click.option(
    "--compare", is_flag=True, help="Measure how it tells the better of two answers rather than how it judges one."
)
@click.option("--same", is_flag=True, help="Measure how it tells whether two answers say the same.")
@_SET
@_LIMIT
@_GATEWAY
@_AT_ONCE
@_JSON
def judge(
    feature: str,
    model: str | None,
    path: Path | None,
    limit: int | None,
    gateway: str,
    concurrency: int,
    *,
    compare: bool,
    same: bool,
    as_json: bool,
) -> None:
    """How often a judge agrees with people: it judges the answers that the cases have `human` labels for.

    What is measured is kept, and bounds what evaluations with that judge can decide. Guardrails whose judge it is are certified by no
    smaller error: certified routing and cascades by that of --compare, the semantic cache by that of --same.
    """
    if compare and same:
        raise click.UsageError("measure one thing at a time: --compare or --same")
    config = load_config(secrets=False)
    evaluation = _evaluation(config, feature, None)
    who, asks = _judge(evaluation, model, compare=compare, same=same)
    cases, _ = _cases(config, feature, path, evaluation, limit)
    labelled = [case for case in cases if case.human]
    if not labelled:
        raise BadInput('no case has `human` labels: add "human": [{"answer": "…", "right": true}] to the cases')
    evaluator = _evaluator(gateway, feature, concurrency)
    with _progress("verdicts", None, quiet=as_json) as tell:
        agreed = evaluator.agreement(labelled, who, asks, tell)
    instant = now()
    found = Measured(
        at=instant,
        feature=feature,
        judge=who,
        compare=asks == "better",
        same=asks == "same",
        digest=digest_of(labelled),
        agreement=agreed,
    )
    with open_state() as state:
        Shelf(state, JUDGES, Measured).put(judge_id(feature, who, asks), found, now=instant)
    if as_json:
        emit_json(judge_document(found))
    else:
        print_judge(found)


@command.command("list")
@click.option("--feature", default="", help="Only this feature's.")
@_JSON
def list_(feature: str, *, as_json: bool) -> None:
    """What was evaluated, and the judges that were measured; the latest first."""
    with open_state() as state:
        evaluated = [one for one in Shelf(state, EVALUATIONS, Evaluated).all().values() if feature in ("", one.feature)]
        judges = [one for one in Shelf(state, JUDGES, Measured).all().values() if feature in ("", one.feature)]
    evaluated.sort(key=lambda one: one.at, reverse=True)
    if as_json:
        emit_json(list_document(evaluated, judges))
    else:
        print_list(evaluated, judges)


@command.command("show")
@click.argument("id_", metavar="ID")
@_JSON
def show(id_: str, *, as_json: bool) -> None:
    """One evaluation, as `floorline eval run` printed it."""
    with open_state() as state:
        one = Shelf(state, EVALUATIONS, Evaluated).get(id_)
    if one is None:
        raise Missing(f"no evaluation is called {id_!r}: see `floorline eval list`")
    if as_json:
        emit_json(document(one))
    else:
        print_evaluated(one, [])


def _evaluation(config: Config, feature: str, margin: str | None) -> Evaluation:
    found = config.evaluations.get(feature, Evaluation())
    return found if margin is None else msgspec.structs.replace(found, margin=_share(margin))


def _share(text: str) -> float:
    bare, percent, rest = text.strip().partition("%")
    try:
        share = float(bare) / (100 if percent else 1)
    except ValueError:
        share = 0.0
    if rest or not 0 < share < 1:
        raise BadInput(f"--margin {text!r} is no share above 0 and below 1: write it as 5% or 0.05")
    return share


def _models(text: str) -> list[str]:
    names = [name for part in text.split(",") if (name := part.strip())]
    if not names or len(set(names)) < len(names):
        raise BadInput(f"--models {text!r}: name each model once, as in gpt-4o,gpt-4o-mini")
    return names


def _judge(evaluation: Evaluation, model: str | None, *, compare: bool, same: bool) -> tuple[str, Asks]:
    """Which model is measured, and what it is asked."""
    stated = evaluation.scorer if isinstance(evaluation.scorer, Judge) else None
    if model is None and stated is None:
        raise BadInput("no judge is named: write --judge MODEL, or a judge as the feature's `evaluation.scorer`")
    own = stated if model is None else None
    asks: Asks = "same" if same else "better" if compare or (own is not None and own.compare) else "right"
    return model or (own.model if own else ""), asks


def _cases(
    config: Config, feature: str, path: Path | None, evaluation: Evaluation, limit: int | None
) -> tuple[list[Case], str]:
    """The cases of the set, and where it stands. BadInput with every line that is wrong."""
    folder = config.path.parent if config.path is not None else Path()
    source = path or folder / (evaluation.path or f"evals/{feature}.jsonl")
    wrong: list[str] = []
    rows: list[tuple[int, Mapping[str, object]]] = []
    for row in RowFile(source):
        if isinstance(row, BadLine):
            wrong.append(f"line {row.line}: {row.reason}")
        else:
            rows.append((row.line, row.values))
    cases, others = read_set(rows)
    wrong += others
    if wrong:
        raise BadInput(f"{source}:\n" + "\n".join(wrong[:20]) + (f"\nand {len(wrong) - 20} more" * (len(wrong) > 20)))
    if not cases:
        raise BadInput(f"{source} holds no case: docs/evaluations.md says what one looks like")
    return cases[:limit], str(source)


def _evaluator(gateway: str, feature: str, concurrency: int) -> Evaluator:
    key = os.environ.get(KEY, "").strip()
    if not key:
        raise BadInput(
            f"{KEY} is not set: make a key with `floorline keys create --name evaluation`, and put it into the environment"
        )
    calls = GatewayCalls(base=gateway, key=key, feature=feature)
    return Evaluator(calls=calls, load=load_function, concurrency=concurrency)


def _trust(feature: str, evaluation: Evaluation) -> Trust:
    """What is known of the judge, where one judges."""
    scorer = evaluation.scorer
    if not isinstance(scorer, Judge):
        return PLAIN
    with open_state() as state:
        known = Shelf(state, JUDGES, Measured).get(
            judge_id(feature, scorer.model, "better" if scorer.compare else "right")
        )
    return Trust(judge=scorer.model, error=None if known is None else known.error)


def _unmeasured(config: Config, feature: str, told: Sequence[Label]) -> str:
    """Why the labels carry no certificate yet; '' where nothing is known to stand against it."""
    with open_state() as state:
        measured = Shelf(state, JUDGES, Measured).all().values()
    rule = with_measured(config.gateway.guardrails or Guardrails(), measured).of(feature).certified_route
    return unmeasured(least_known(rule or CertifiedRule(), told), feature)


def _kind(evaluation: Evaluation) -> str:
    return cast("str", msgspec.to_builtins(evaluation.scorer)["type"])


def _wrong(answered: Mapping[str, Sequence[Answered]]) -> list[Answered]:
    """Some answers that were not right, for people to look at."""
    return [one for answers in answered.values() for one in [a for a in answers if a.right is not True][:WRONG_SHOWN]]


def _write(path: Path, answers: Sequence[Answered]) -> None:
    try:
        with path.open("wb") as file:
            for one in answers:
                file.write(msgspec.json.encode(one) + b"\n")
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}") from error


@contextmanager
def _progress(what: str, of: int | None, *, quiet: bool) -> "Generator[Callable[[int], None]]":
    console = Console(stderr=True, quiet=quiet)
    with Progress(TextColumn(what), BarColumn(), MofNCompleteColumn(), console=console, transient=True) as progress:
        task = progress.add_task(what, total=of)
        yield lambda done: progress.update(task, completed=done)
