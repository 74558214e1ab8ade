"""A model as the judge of whether two answers say the same: a call of the gateway's own, of the type judging."""

from decimal import Decimal

import msgspec

from floorline.evals.judging import ANSWER_TOKENS_MAX, ask_same, heard_same
from floorline.gateway.errand import Ask, Errand
from floorline.gateway.semantic.served import cost_of
from floorline.gateway.underway import UnderWay
from floorline.guardrails.semantic.rule import NAME

JUDGING = Errand(step=NAME, call_type="judging")


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message


class _Answer(msgspec.Struct):
    choices: list[_Choice]


_answer = msgspec.json.Decoder(_Answer)


async def judged(
    model: str, question: str, texts: tuple[str, str], call: UnderWay, ask: Ask
) -> tuple[bool | None, Decimal]:
    """Whether the two texts are the same answer to the question, None where the judge said nothing that can be read; and what asking
    cost.
    """
    body = {
        "model": model,
        "messages": ask_same(question, *texts),
        "max_completion_tokens": ANSWER_TOKENS_MAX,
    }
    heard = await ask(call, msgspec.json.encode(body), JUDGING)
    if heard.status != 200 or heard.broken:
        return None, cost_of(heard)
    try:
        said = _answer.decode(heard.body).choices[0].message.content or ""
    except (msgspec.DecodeError, IndexError):
        said = ""
    return heard_same(said).right, cost_of(heard)
