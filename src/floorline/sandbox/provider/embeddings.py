"""OpenAI's embeddings, and what every dialect's embeddings share."""

from floorline.sandbox.provider.chat import headers_of
from floorline.sandbox.provider.events import encode
from floorline.sandbox.provider.message import Asked, Refused, Said
from floorline.sandbox.provider.prompt import Prompt
from floorline.sandbox.provider.reading import inputs, named, whole_number
from floorline.sandbox.provider.wish import Wish
from floorline.sandbox.provider.words import numbers, packed, tokens, vector

DIMENSIONS = 1536
_LARGE = 3072


def seed_of(model: str, told: str) -> bytes:
    """What the vector of one text is drawn by: the same text has the same vector, alone or among others."""
    prompt = Prompt()
    prompt.say(told)
    return prompt.seed(model)


def embeddings(asked: Asked, model: str = "") -> Wish:
    """A request of embeddings: text, texts, tokens, or several texts as tokens."""
    body = asked.json()
    name, controls = named(asked, model or body.get("model"))
    prompt = Prompt()
    for told in inputs(body, "input"):
        prompt.say(told)
    return Wish(model=name, controls=controls, prompt=prompt, body=body)


def say_embeddings(asked: Asked, wish: Wish) -> Said:
    """The answer of embeddings: a vector an input, as numbers or as base64."""
    body = wish.body
    size = whole_number(body, "dimensions") or (_LARGE if wish.model.endswith("large") else DIMENSIONS)
    if size > _LARGE:
        raise Refused(f"dimensions is {size}: at most {_LARGE}")
    told = inputs(body, "input")
    shown = packed if body.get("encoding_format") == "base64" else numbers
    entries = [
        {"object": "embedding", "index": place, "embedding": shown(vector(seed_of(wish.model, one), size))}
        for place, one in enumerate(told)
    ]
    total = sum(map(tokens, told))
    usage = {"prompt_tokens": total, "total_tokens": total}
    return Said(
        headers=(("content-type", "application/json"), *headers_of(asked)),
        parts=[encode({"object": "list", "data": entries, "model": wish.model, "usage": usage})],
        usage={"input": total},
        controls=wish.controls,
    )
