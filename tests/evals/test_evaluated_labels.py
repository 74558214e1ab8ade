"""What an evaluation found as labels: a case that both models answered is one comparison, and counts once."""

from datetime import UTC, datetime, timedelta

from floorline.evals.scorers import Exact, Judge
from floorline.evals.sets import Case
from floorline.evals.summary import Answered
from floorline.events import Label
from floorline.guardrails.certified.complexity import NAMES
from floorline.jobs.evaluated_labels import keep, labels_of

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
CASES = [Case(id="a", input="2 + 2?", expected="4"), Case(id="b", input="3 + 3?", expected="6", step="sum")]


def answered(model: str, *rights: bool | None) -> list[Answered]:
    return [Answered(case=case.id, model=model, right=right) for case, right in zip(CASES, rights, strict=True)]


def found(*, prompt: str = "", scorer=None, at: datetime = NOON) -> list[Label]:
    answers = {"large": answered("large", True, False), "small": answered("small", False, True)}
    return [*labels_of("chat", prompt, scorer or Exact(), CASES, answers, at)]


def test_each_model_is_right_or_wrong_by_itself() -> None:
    first, second = found()
    assert (first.kind, first.feature, first.subject, first.model) == ("route", "chat", "small for large", "small")
    assert (first.right, first.other_right, first.step, first.origin) == (False, True, "", "scorer")
    assert (second.right, second.other_right, second.step, len(second.features)) == (True, False, "sum", len(NAMES))
    assert (first.judge, second.judge) == ("", "")
    assert [(one.origin, one.judge) for one in found(scorer=Judge(model="m"))] == [("judge", "m"), ("judge", "m")]


def test_a_case_that_nobody_can_tell_of_is_no_comparison() -> None:
    answers = {"large": answered("large", None, True), "small": answered("small", True, None)}
    assert [*labels_of("chat", "", Exact(), CASES, answers, NOON)] == []


def test_the_same_case_counts_once_and_another_version_of_the_prompt_is_another_one(ledger) -> None:
    assert keep(ledger, found()) == 2
    assert keep(ledger, found(at=NOON + timedelta(days=1))) == 0
    assert keep(ledger, found(prompt="v2")) == 2
