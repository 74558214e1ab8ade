"""A whole request, read for its texts, of which dialect ever: for captured ones, away from the path of calls."""

from collections.abc import Iterator, Mapping
from typing import Literal, cast

import msgspec

from floorline.gateway.wire.members import members
from floorline.gateway.wire.template import template, tools, words
from floorline.prompts.said import Said, Turn

Unread = Literal["shape", "no_json"]
"""Why a captured request has no words: only its shape is kept, or it is no JSON (cut, or made so by the redaction hook)."""

_CONVERSATIONS = ("messages", "input", "contents", "prompt")
_SPEAKS_FIRST = frozenset({"system", "developer"})
_WORDLESS = frozenset(
    {"role", "type", "id", "call_id", "tool_call_id", "tool_use_id", "toolUseId", "status", "signature", "thoughtSignature",
     "encrypted_content", "mimeType", "mime_type", "media_type", "format", "detail", "data", "file_data", "url", "image_url",
     "fileUri", "file_uri", "file_id", "bytes"}
)  # fmt: skip
"""Members whose texts are no words."""

_NO_TEXT = frozenset(
    {"image", "image_url", "input_image", "inlineData", "inline_data", "fileData", "file_data", "input_audio", "file", "input_file",
     "document", "video"}
)  # fmt: skip
"""Types of blocks, and members, that stand for pictures, sound and files."""


def said(body: bytes) -> Said | Unread:
    """What a captured request says, or why that is not known."""
    try:
        held = members(body)
        turns = tuple(_turns(held))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "no_json"
    if b'{"characters":' in body and not any(turn.text for turn in turns):
        return "shape"
    fixed = template(held)
    other = any(f'"{name}"'.encode() in body for name in _NO_TEXT)
    return Said(instructions=words(fixed), tools=tools(fixed), turns=turns, other=other)


def _turns(held: Mapping[str, msgspec.Raw]) -> Iterator[Turn]:
    """The messages after the instructions."""
    for name in _CONVERSATIONS:
        value: object = msgspec.json.decode(held[name]) if name in held else None
        if isinstance(value, str):
            yield Turn(role="user", text=value)
        elif isinstance(value, list):
            yield from _messages(cast("list[object]", value))


def _messages(messages: list[object]) -> Iterator[Turn]:
    leading = True
    for message in messages:
        role = cast("dict[str, object]", message).get("role", "user") if isinstance(message, dict) else "user"
        leading = leading and role in _SPEAKS_FIRST
        if not leading:
            yield Turn(role=str(role), text="\n".join(texts(cast("object", message), "")))


def texts(value: object, name: str) -> Iterator[str]:
    """Every text in a value of JSON that is words, `name` being the member that it is of."""
    if isinstance(value, str):
        if name not in _WORDLESS:
            yield value
    elif isinstance(value, list):
        for inner in cast("list[object]", value):
            yield from texts(inner, name)
    elif isinstance(value, dict):
        for key, inner in cast("dict[str, object]", value).items():
            yield from texts(inner, key)
