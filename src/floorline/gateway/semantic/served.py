"""A question's vector from a model of embeddings that this gateway can call: a call of its own, recorded and priced like every call, within the
same budgets, and only where the call itself may go.
"""

from decimal import Decimal

import msgspec

from floorline.embedding.embedder import Embedded
from floorline.gateway.errand import Ask, Errand
from floorline.gateway.hearing import Heard
from floorline.gateway.policy import Embedding
from floorline.gateway.underway import UnderWay
from floorline.guardrails.semantic.rule import NAME

EMBEDDING = Errand(step=NAME, call_type="embedding", path="/v1/embeddings")


class _Vector(msgspec.Struct):
    embedding: list[float]


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int = 0


class _Answer(msgspec.Struct):
    data: list[_Vector]
    usage: _Usage = _Usage()


_answer = msgspec.json.Decoder(_Answer)


async def embedded(text: str, embedding: Embedding, call: UnderWay, ask: Ask) -> tuple[Embedded | None, Decimal]:
    """The text's vector, None where the model gave none; and what asking cost."""
    body: dict[str, object] = {"model": embedding.served, "input": text, "encoding_format": "float"}
    if embedding.dimensions is not None:
        body["dimensions"] = embedding.dimensions
    heard = await ask(call, msgspec.json.encode(body), EMBEDDING)
    return _read(heard), heard.cost


def _read(heard: Heard) -> Embedded | None:
    from floorline.embedding.vector import of_numbers  # noqa: PLC0415 - numpy, only where vectors are compared

    if heard.status != 200 or heard.broken:
        return None
    try:
        answer = _answer.decode(heard.body)
    except msgspec.DecodeError:
        return None
    vector = of_numbers(answer.data[0].embedding) if answer.data else None
    return None if vector is None else Embedded(vector=vector, tokens=answer.usage.prompt_tokens)
