"""OpenAI's chat completion request, read strictly: what is not named here is refused by name, never passed over.

Members that no target can say are read with the one value that asks for nothing (`None` besides the type: `null` is as
good as absent). Members that do not change the answer are read and left out; docs/dialects.md lists both.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from floorline.gateway.wire.errors import Invalid

Fields = dict[str, object]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]


class Unsayable(Exception):
    """What the request asks cannot be said to the target. `param` is the member, `why` says what to change."""

    def __init__(self, param: str, why: str) -> None:
        super().__init__(f"{param}: {why}")
        self.param = param

    def invalid(self) -> Invalid:
        """As the answer to the caller."""
        return Invalid(kind="translation_impossible", message=str(self), param=self.param)


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


_chat = msgspec.json.Decoder(Chat)
_arguments = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BASE64 = ";base64,"


def read(body: bytes) -> Chat:
    """The request that `body` is. Unsayable for what is in no target's words, or is no request at all."""
    try:
        chat = _chat.decode(body)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        member = where.strip("`").removeprefix(".")
        if what.startswith("Object contains unknown field"):
            name = what.split("`")[1]
            member, what = f"{member}.{name}".removeprefix("."), "it is not known here"
        raise Unsayable(member or "the body", f"{what.replace('`', '')}: {ADVICE}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unsayable("the body", f"it cannot be read ({error}): send one JSON object") from error
    _usual(chat)
    return chat


ADVICE = "leave it out or change it, or call a model with a target that speaks openai (docs/dialects.md lists what is translated)"


def _usual(chat: Chat) -> None:
    """Refuse what asks for more than the usual, and what no dialect takes."""
    if chat.logprobs:
        raise Unsayable("logprobs", f"probabilities of tokens are not translated: {ADVICE}")
    if chat.logit_bias:
        raise Unsayable("logit_bias", f"tokens are not the same elsewhere: {ADVICE}")
    if chat.max_tokens is not None and chat.max_completion_tokens is not None:
        raise Unsayable("max_tokens", "max_completion_tokens is there too: send one of them")
    if chat.tool_choice is not None and not chat.tools:
        raise Unsayable("tool_choice", "there are no tools to choose from: send tools, or leave it out")
    if not chat.messages:
        raise Unsayable("messages", "there is none: send at least one of the user")
    last = len(chat.messages) - 1
    if isinstance(chat.messages[last], Assistant):
        raise Unsayable(
            f"messages[{last}]",
            "the last message is the assistant's: other dialects go on with it, end with the user's",
        )


def within(param: str, value: float | None, most: float, dialect: str) -> float | None:
    """`value` when the target takes it; it is never moved into the range."""
    if value is not None and not 0 <= value <= most:
        raise Unsayable(param, f"{value} is out of range for {dialect}: send 0 to {most:g}")
    return value


def output_cap(chat: Chat) -> int | None:
    """The most output tokens, by either name."""
    return chat.max_completion_tokens if chat.max_completion_tokens is not None else chat.max_tokens


def stops(chat: Chat) -> list[str] | None:
    """Where the answer is to stop."""
    return [chat.stop] if isinstance(chat.stop, str) else chat.stop


def instructions(chat: Chat, dialect: str) -> tuple[list[str], Sequence[tuple[str, Message]]]:
    """The texts of the system messages, and the other messages with their names. A system message that stands later would
    be said at another place than its caller put it.
    """
    texts: list[str] = []
    rest: list[tuple[str, Message]] = []
    for place, message in enumerate(chat.messages):
        if not isinstance(message, System | Developer):
            rest.append((f"messages[{place}]", message))
        elif rest:
            raise Unsayable(
                f"messages[{place}]", f"{dialect} takes system messages before all others only: put it first"
            )
        else:
            texts += said(message.content)
    if not rest:
        raise Unsayable("messages", f"{dialect} takes no request of system messages alone: send one of the user")
    return texts, rest


def said(content: str | Sequence[Text | Refused] | None) -> list[str]:
    """The texts of a message. An empty one says nothing, and other dialects take none."""
    if content is None or isinstance(content, str):
        return [content] if content else []
    parts = [part.text if isinstance(part, Text) else part.refusal for part in content]
    return [part for part in parts if part]


def spoken(message: Assistant) -> list[str]:
    """The texts of an answer, also where it declined."""
    return said(message.content) + said(message.refusal)


def arguments(call: ToolCall, where: str) -> msgspec.Raw:
    """The arguments of a call as the JSON object that other dialects want, byte for byte."""
    written = call.function.arguments or "{}"
    try:
        _arguments.decode(written)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unsayable(
            f"{where}.function.arguments", "they are no JSON object: send the object that the model gave"
        ) from error
    return msgspec.Raw(written.encode())


def embedded(url: str, where: str) -> tuple[str, str] | None:
    """The type and the base64 of a data URL; None for an address on the web."""
    if url.startswith("https://"):
        return None
    head, found, data = url.partition(_BASE64)
    if not found or not head.startswith("data:") or "/" not in head:
        raise Unsayable(where, "it is neither an https address nor a data URL in base64: send one of these")
    return head[5:].partition(";")[0], data


def plain_detail(image: Image, where: str) -> str:
    """The picture's address. How closely to look cannot be said elsewhere."""
    if image.image_url.detail not in (None, "auto"):
        raise Unsayable(f"{where}.image_url.detail", f"{image.image_url.detail!r} is OpenAI's alone: leave it out")
    return image.image_url.url


def file_data(document: Document, where: str) -> str:
    """The file's data URL. What is stored at OpenAI is not elsewhere."""
    data = document.file.file_data
    if data is None or document.file.file_id is not None:
        raise Unsayable(f"{where}.file", "a file that is kept at OpenAI cannot be read elsewhere: send file_data")
    return data
