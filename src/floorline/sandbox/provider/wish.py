"""What a request asks for, in words that every dialect shares."""

from dataclasses import dataclass, field

from floorline.pricing.usage.tally import Fields
from floorline.sandbox.provider.controls import Controls
from floorline.sandbox.provider.knowledge import Knowledge
from floorline.sandbox.provider.prompt import Prompt

EFFORTS = {"none": 0, "minimal": 0, "low": 1, "medium": 2, "high": 4, "xhigh": 8, "max": 8}
"""How many steps of thought each word for effort stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the request describes."""

    name: str
    schema: Fields = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One request. `body` is what its dialect's module looks up again when it answers. `cap` bounds the answer's tokens;
    `effort` is 0 where nothing is thought about; `tool` must be called; `schema` is the shape of an answer that must be
    JSON; `choices` are wanted. `knowledge` is what the models here know, None where they know nothing.
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
    knowledge: Knowledge | None = None

    @property
    def seed(self) -> bytes:
        """What the answer is drawn by: the prompt and the model, not whether it is streamed."""
        return self.prompt.seed(self.model)
