"""A model as the judge of whether two answers say the same: a call of the gateway's own, of the type judging."""

from decimal import Decimal

import msgspec

from floorline.evals.judging import ANSWER_TOKENS_MAX, ask_same, heard_same
from floorline.gateway.errand import Ask, Errand
from floorline.gateway.underway import UnderWay
from floorline.guardrails.semantic.rule import NAME

JUDGING = Errand(step=NAME, call_type="judging")


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
    return heard_same(heard.text).right, heard.cost
