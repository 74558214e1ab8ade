"""A model as the judge of answers: calls of the gateway's own, of the type judging, below the call whose answers they are."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from floorline.evals.judging import (
    ANSWER_TOKENS_MAX,
    Better,
    Message,
    ask_better,
    ask_grade,
    heard_better,
    heard_grade,
    settled,
)
from floorline.evals.sameness import SAME, same_answer
from floorline.events import LabelOrigin
from floorline.gateway.errand import Ask, Errand
from floorline.gateway.underway import UnderWay
from floorline.money import ZERO


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one answer is as good as another, None where nobody can tell; who says so (`judge`: which model, where one does), and what
    that cost.
    """

    right: bool | None
    origin: LabelOrigin = "judge"
    judge: str = ""
    cost: Decimal = ZERO


async def as_good(
    question: str, answer: str, reference: str, judge: str, call: UnderWay, ask: Ask, step: str
) -> Judged:
    """Whether `answer` is as good as `reference`: the same, or in both orders not worse for the judge. Without a judge another one
    is not.
    """
    same = same_answer(answer, reference)
    if same in SAME:
        return Judged(right=True, origin=_ORIGINS[same])
    if same == "different" or not judge:
        return Judged(right=False, origin="structured" if same == "different" else "normalised")
    straight, first = await _better(question, answer, reference, judge, call, ask, step)
    swapped, second = await _better(question, reference, answer, judge, call, ask, step)
    found = settled(straight, swapped)
    return Judged(right=None if found is None else found != "second", judge=judge, cost=first + second)


async def graded(
    question: str, answer: str, judge: str, call: UnderWay, ask: Ask, step: str
) -> tuple[float | None, Decimal]:
    """The judge's grade of the answer, from 0 to 1; None where it gave none that can be read. And what asking cost."""
    heard = await ask(call, _body(judge, ask_grade(question, answer)), Errand(step=step, call_type="judging"))
    return heard_grade(heard.text).value, heard.cost


async def _better(
    question: str, first: str, second: str, judge: str, call: UnderWay, ask: Ask, step: str
) -> tuple[Better | None, Decimal]:
    heard = await ask(call, _body(judge, ask_better(question, first, second)), Errand(step=step, call_type="judging"))
    return heard_better(heard.text), heard.cost


def _body(model: str, messages: Sequence[Message]) -> bytes:
    return msgspec.json.encode({"model": model, "messages": messages, "max_completion_tokens": ANSWER_TOKENS_MAX})


_ORIGINS: dict[str, LabelOrigin] = {"exact": "exact", "normalised": "normalised", "structured": "structured"}
