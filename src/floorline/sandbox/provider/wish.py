"""What a request asks for, in words that every dialect shares, and what is said to it."""

from dataclasses import dataclass, field

from floorline.errors import BadInput
from floorline.pricing.usage.tally import Fields, fields, text, texts
from floorline.sandbox.provider.controls import Controls, by_headers, by_model
from floorline.sandbox.provider.message import Asked, Refused
from floorline.sandbox.provider.prompt import Caching, Prompt
from floorline.sandbox.provider.schema import sample
from floorline.sandbox.provider.words import json_text, pieces, prose, tokens

CREATED = 1_767_225_600
"""When every answer says that it was made: 2026-01-01. The same request has the same answer, whenever it is asked."""

CHOICES_MAX = 128
EFFORTS = {"none": 0, "minimal": 0, "low": 1, "medium": 2, "high": 4, "xhigh": 8, "max": 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the request describes."""

    name: str
    schema: Fields = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One request. `body` is what its dialect's module looks up again when it answers. `cap` bounds the answer's tokens; `effort` is 0 where nothing is thought about; `tool` must be
    called; `schema` is the shape of an answer that must be JSON; `choices` are wanted.
    """

    model: str
    controls: Controls
    prompt: Prompt
    body: Fields = field(default_factory=dict[str, object])
    stream: bool = False
    cap: int | None = None
    effort: int = 0
    tool: Tool | None = None
    schema: Fields | None = None
    choices: int = 1

    @property
    def seed(self) -> bytes:
        """What the answer is drawn by: the prompt and the model, not whether it is streamed."""
        return self.prompt.seed(self.model)


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
    if wish.schema is not None:
        said = json_text(sample(wish.schema))
        length = tokens(said)
    else:
        seed = bytes((byte + choice) % 256 for byte in seed) if choice else seed
        stated = wish.controls.output_tokens
        length = 16 + seed[0] % 64 if stated is None else stated
        said = prose(seed, length)
    if room is None or length <= room:
        return said, False
    return said[: 4 * room].rstrip(), True


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


def named(asked: Asked, model: object, *, what: str = "model") -> tuple[str, Controls]:
    """The model that a request names, and its controls. Refused without a name or with a control that is unknown."""
    if not isinstance(model, str) or not model:
        raise Refused(f"you must provide a {what} parameter, as text")
    try:
        return by_model(model, by_headers(asked.lookup))
    except BadInput as error:
        raise Refused(f"sandbox: {error}") from error


def whole_number(body: Fields, *names: str) -> int | None:
    """The first of `names` that is there, which must be a whole number above 0."""
    for name in names:
        value = body.get(name)
        if value is None:
            continue
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
        raise Refused(f"{name} is {str(value)[:60]!r}: it must be a whole number above 0")
    return None


def listed(body: Fields, name: str) -> list[Fields]:
    """The objects of the array `name`, which must be there and hold something."""
    value = body.get(name)
    if not isinstance(value, list) or not value:
        raise Refused(f"{name} must be an array with at least one entry")
    entries: list[object] = value  # pyright: ignore[reportUnknownVariableType] - JSON that nobody checked
    for place, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise Refused(f"{name}[{place}] must be an object")
    return [fields(entry) for entry in entries]


def flag(body: Fields, name: str) -> bool:
    """A truth value that may be absent."""
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise Refused(f"{name} is {str(value)[:60]!r}: it must be true or false")


def inputs(body: Fields, name: str) -> list[str]:
    """The texts of the member `name`: text, an array of texts, one of tokens, or one of arrays of tokens.

    A token that is given as a number becomes four bytes of text, so it is one token here too.
    """
    given = body.get(name)
    if isinstance(given, str) and given:
        return [given]
    if not isinstance(given, list) or not given:
        raise Refused(f"{name} must be text, or an array of texts or tokens")
    entries: list[object] = given  # pyright: ignore[reportUnknownVariableType] - JSON that nobody checked
    if all(isinstance(entry, str) for entry in entries):
        return texts(entries)
    if all(isinstance(entry, int) for entry in entries):
        return [_spelled(entries)]
    if all(isinstance(entry, list) for entry in entries):
        return [_spelled(entry) for entry in entries if isinstance(entry, list)]  # pyright: ignore[reportUnknownArgumentType] - as above
    raise Refused(f"{name} mixes texts and tokens: use one of them")


def _spelled(numbered: list[object]) -> str:
    return "".join(f"{str(number)[-4:]:>4}" for number in numbered)


def wants_usage(body: Fields) -> bool:
    """Whether a stream of OpenAI is to end with its usage."""
    return fields(body.get("stream_options")).get("include_usage") is True


def how_many(body: Fields) -> int:
    """How many choices are wanted."""
    wanted = whole_number(body, "n") or 1
    if wanted > CHOICES_MAX:
        raise Refused(f"n is {wanted}: at most {CHOICES_MAX}")
    return wanted


def chosen(tools: list[Tool], choice: str) -> Tool:
    """The tool that is called: the one that `choice` names, else the first. Refused when there is none."""
    found = next((tool for tool in tools if choice in ("", tool.name)), None)
    if found is None:
        raise Refused(
            f"the tool choice names {choice!r}, which is not among the tools" if choice else "there is no tool to call"
        )
    return found


def role_of(message: Fields) -> str:
    """Who says a message; Refused when it does not say."""
    role = text(message.get("role"))
    if not role:
        raise Refused("a message has no role")
    return role
