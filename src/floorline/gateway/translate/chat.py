"""The shape of OpenAI's chat completion request, strict: what is not named here is refused by name, never passed over.

Members that no target can say are read with the one value that asks for nothing (`None` besides the type: `null` is as
good as absent). Members that do not change the answer are read and left out; docs/dialects.md lists both.
"""

from typing import Literal

import msgspec

Fields = dict[str, object]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]


class Strict(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An object of which every member is known."""


class Text(Strict, tag="text"):
    """A part of a message that is text."""

    text: str


class Refused(Strict, tag="refusal"):
    """A part of an answer that declined."""

    refusal: str


class _Image(Strict):
    url: str
    detail: str | None = None


class Image(Strict, tag="image_url"):
    """A part of a message that is a picture, by its address or inside a data URL."""

    image_url: _Image


class _Sound(Strict):
    data: str
    format: Literal["wav", "mp3"]


class Sound(Strict, tag="input_audio"):
    """A part of a message that is sound."""

    input_audio: _Sound


class _Document(Strict):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class Document(Strict, tag="file"):
    """A part of a message that is a file."""

    file: _Document


Part = Text | Image | Sound | Document


class System(Strict, tag_field="role", tag="system"):
    """What the model is told to be."""

    content: str | list[Text]
    name: None = None


class Developer(Strict, tag_field="role", tag="developer"):
    """The newer word for the same."""

    content: str | list[Text]
    name: None = None


class User(Strict, tag_field="role", tag="user"):
    """What the user said."""

    content: str | list[Part]
    name: None = None


class _Called(Strict):
    name: str
    arguments: str


class ToolCall(Strict):
    """A call of a function that the model asked for."""

    id: str
    function: _Called
    type: Literal["function"] = "function"
    index: int | None = None


class Assistant(Strict, tag_field="role", tag="assistant"):
    """What the model said. `annotations` are left out: they are about an answer, not part of it."""

    content: str | list[Text | Refused] | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    annotations: list[Fields] | None = None
    name: None = None
    audio: None = None
    function_call: None = None


class ToolResult(Strict, tag_field="role", tag="tool"):
    """What a called function gave."""

    tool_call_id: str
    content: str | list[Text]


Message = System | Developer | User | Assistant | ToolResult


class Function(Strict):
    """A function that the model may call. `strict`: its arguments must fit `parameters`."""

    name: str
    description: str | None = None
    parameters: Fields | None = None
    strict: bool | None = None


class Tool(Strict):
    """A tool. Only functions can be said elsewhere."""

    type: Literal["function"]
    function: Function


class _Name(Strict):
    name: str


class Choice(Strict):
    """The function that must be called."""

    type: Literal["function"]
    function: _Name


class PlainText(Strict, tag="text"):
    """No form."""


class AnyJson(Strict, tag="json_object"):
    """JSON of any shape."""


class _Schema(Strict):
    name: str
    schema: Fields
    strict: bool | None = None
    description: None = None


class SchemaJson(Strict, tag="json_schema"):
    """JSON that fits a schema. Its name is a label, and is left out."""

    json_schema: _Schema


class _StreamOptions(Strict):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Chat(Strict):
    """The request. The first block is said, the second may ask for nothing but the usual, the third is left out."""

    messages: list[Message]
    model: str | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None
    tools: list[Tool] | None = None
    tool_choice: Literal["none", "auto", "required"] | Choice | None = None
    parallel_tool_calls: bool | None = None
    response_format: PlainText | AnyJson | SchemaJson | None = None
    reasoning_effort: Effort | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    user: str | None = None
    safety_identifier: str | None = None

    n: Literal[1] | None = None
    logprobs: bool | None = None
    logit_bias: dict[str, int] | None = None
    modalities: list[Literal["text"]] | None = None
    service_tier: Literal["auto", "default"] | None = None
    top_logprobs: None = None
    audio: None = None
    prediction: None = None
    web_search_options: None = None
    verbosity: Literal["medium"] | None = None
    moderation: None = None
    functions: None = None
    function_call: None = None

    store: bool | None = None
    metadata: Fields | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    prompt_cache_options: Fields | None = None
