"""What a chat completion request says, as both targets need it: read, checked, and piece by piece. Unsayable where there are no words."""

from collections.abc import Sequence

import msgspec

from floorline.gateway.translate.chat import (
    Assistant,
    Chat,
    Developer,
    Document,
    Image,
    Message,
    Refused,
    System,
    Text,
    ToolCall,
)
from floorline.gateway.wire.errors import Invalid

_chat = msgspec.json.Decoder(Chat)
_arguments = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BASE64 = ";base64,"
ADVICE = "leave it out or change it, or call a model with a target that speaks openai (docs/dialects.md lists what is translated)"


class Unsayable(Exception):
    """What the request asks cannot be said to the target. `param` is the member, `why` says what to change."""

    def __init__(self, param: str, why: str) -> None:
        super().__init__(f"{param}: {why}")
        self.param = param

    def invalid(self) -> Invalid:
        """As the answer to the caller."""
        return Invalid(kind="translation_impossible", message=str(self), param=self.param)


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
