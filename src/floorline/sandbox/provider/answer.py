"""What is said to a wish, and what it used."""

from dataclasses import dataclass

from floorline.sandbox.provider.controls import Controls
from floorline.sandbox.provider.prompt import Caching
from floorline.sandbox.provider.schema import sample
from floorline.sandbox.provider.wish import Tool, Wish
from floorline.sandbox.provider.words import json_text, pieces, prose, tokens

CREATED = 1_767_225_600
"""When every answer says that it was made: 2026-01-01. The same request has the same answer, whenever it is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model says: `texts` of each choice, or `arguments` of the tool. `output` tokens are shown, `reasoning`
    tokens are not. `cut`: the cap ended it.
    """

    id: str
    texts: tuple[str, ...]
    tool: Tool | None = None
    arguments: str = ""
    output: int = 0
    reasoning: int = 0
    cut: bool = False

    @property
    def text(self) -> str:
        """The first choice."""
        return self.texts[0] if self.texts else ""


def answer(wish: Wish) -> Answer:
    """What is said to `wish`: 16 to 79 tokens unless it says otherwise, and for each step of effort 8 to 71 of thought.

    A cap holds for thought and text together. A call of a tool is never cut.
    """
    seed, controls = wish.seed, wish.controls
    reasoning = wish.effort * (8 + seed[1] % 64)
    if controls.reasoning_tokens is not None:
        reasoning = controls.reasoning_tokens
    if wish.tool is not None:
        arguments = json_text(sample(wish.tool.schema))
        shown = tokens(wish.tool.name) + tokens(arguments)
        return Answer(id=seed.hex(), texts=(), tool=wish.tool, arguments=arguments, output=shown, reasoning=reasoning)
    room = None if wish.cap is None else max(wish.cap - reasoning, 0)
    told = [_tell(wish, seed, choice, room) for choice in range(wish.choices)]
    return Answer(
        id=seed.hex(),
        texts=tuple(said for said, _ in told),
        output=sum(tokens(said) for said, _ in told),
        reasoning=reasoning if wish.cap is None else min(reasoning, wish.cap),
        cut=any(cut for _, cut in told),
    )


def _tell(wish: Wish, seed: bytes, choice: int, room: int | None) -> tuple[str, bool]:
    """The text of one choice, and whether `room` cut it."""
    known = None if wish.knowledge is None else wish.knowledge.said(wish.model, wish.prompt.texts)
    if known is not None:
        said, length = known, tokens(known)
    elif wish.schema is not None:
        said = json_text(sample(wish.schema))
        length = tokens(said)
    else:
        seed = bytes((byte + choice) % 256 for byte in seed) if choice else seed
        stated = wish.controls.output_tokens
        length = 16 + seed[0] % 64 if stated is None else stated
        said = prose(seed, length)
    if room is None or length <= room:
        return said, False
    return said.encode()[: 4 * room].decode(errors="ignore").rstrip(), True


def thought(wish: Wish, found: Answer) -> str:
    """What the model thought before it spoke."""
    return prose(wish.seed[::-1], found.reasoning)


def deltas(said: str, controls: Controls, *, per: int = 1) -> list[str]:
    """Text as the pieces of a stream: as many as the controls ask for, else `per` tokens each."""
    return pieces(said, controls.chunks or -(-tokens(said) // per))


def buckets(
    wish: Wish, found: Answer, caching: Caching, *, image: bool = False, reasoning: bool = True
) -> dict[str, int]:
    """The answer's usage in Floorline's buckets, those of 0 left out.

    `image`: the dialect reports images and audio apart. `reasoning`: it reports thought apart from the output.
    """
    prompt = wish.prompt
    apart = (prompt.image + prompt.audio) if image else 0
    counted = {
        "input": prompt.total - caching.total - apart,
        "input_image": prompt.image if image else 0,
        "input_audio": prompt.audio if image else 0,
        "cache_read": caching.read,
        "cache_write_5m": caching.write_5m,
        "cache_write_1h": caching.write_1h,
        "output": found.output + (0 if reasoning else found.reasoning),
        "reasoning": found.reasoning if reasoning else 0,
    }
    return {name: count for name, count in counted.items() if count}
