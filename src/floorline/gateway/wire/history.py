"""A request's conversation, message by message, in each dialect's words; and the same with a summary in place of its beginning."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from floorline.gateway.wire.body import estimate_input_tokens
from floorline.gateway.wire.members import text, with_at
from floorline.gateway.wire.prompt import INSTRUCTING, listed, messages_path
from floorline.guardrails.compaction import HEADING, Said

COMPACTED = frozenset(
    {"chat.completions", "messages", "generateContent", "streamGenerateContent", "converse", "converse-stream"}
)
"""Endpoints whose requests hold their conversation whole."""

_CONVERSE = frozenset({"converse", "converse-stream"})


class _Named(msgspec.Struct, gc=False):
    id: str = ""
    use_id: str = msgspec.field(name="toolUseId", default="")
    name: str = ""


class _Block(msgspec.Struct, gc=False):
    """A block of Anthropic's, Bedrock's or Google's."""

    type: str = ""
    id: str = ""
    tool_use_id: str = ""
    use: _Named | None = msgspec.field(name="toolUse", default=None)
    result: _Named | None = msgspec.field(name="toolResult", default=None)
    call: _Named | None = msgspec.field(name="functionCall", default=None)
    response: _Named | None = msgspec.field(name="functionResponse", default=None)


class _Message(msgspec.Struct, gc=False):
    role: str | None = None
    content: str | list[_Block] | None = None
    parts: list[_Block] = []
    tool_calls: list[_Named] | None = None
    tool_call_id: str | None = None


_message = msgspec.json.Decoder(_Message)


class History(NamedTuple):
    """A conversation: its messages as they came, and what is known of each. `first` of them are the application's instructions,
    which are never cut off.
    """

    raw: tuple[bytes, ...]
    said: tuple[Said, ...]
    first: int


def read_history(endpoint: str, body: bytes) -> History | None:
    """The conversation of a request; None where there is none, or something in it cannot be read."""
    path = messages_path(endpoint)
    if path is None or endpoint not in COMPACTED:
        return None
    raw = [bytes(message) for message in listed(body, path)]
    try:
        read = [_message.decode(message) for message in raw]
    except msgspec.DecodeError:
        return None
    first = next((place for place, message in enumerate(read) if message.role not in INSTRUCTING), len(read))
    said = [_said(message, content) for message, content in zip(read[first:], raw[first:], strict=True)]
    return History(tuple(raw), tuple(said), first)


def _said(message: _Message, raw: bytes) -> Said:
    blocks = message.parts or (message.content if isinstance(message.content, list) else [])
    asks = {call.id for call in message.tool_calls or ()}
    answers = {message.tool_call_id} if message.tool_call_id else set[str]()
    for block in blocks:
        if block.type == "tool_use":
            asks.add(block.id)
        if block.tool_use_id:
            answers.add(block.tool_use_id)
        for found, into in ((block.use, asks), (block.call, asks), (block.result, answers), (block.response, answers)):
            if found is not None:
                into.add(found.use_id or found.id or found.name)
    return Said(
        begins_turn=message.role == "user" and not answers,
        tokens=estimate_input_tokens(raw),
        asks=frozenset(asks),
        answers=frozenset(answers),
    )


def compacted(endpoint: str, body: bytes, history: History, through: int, summary: str) -> bytes:
    """The request with `summary` in place of the first `through` messages after the application's instructions. The messages that
    stay, and every other member, are as they came.
    """
    path = messages_path(endpoint)
    assert path is not None, "what has a history has messages"
    kept = [*history.raw[: history.first], *_beginning(endpoint, summary, history.raw[history.first + through :])]
    return with_at(body, path, b"[" + b",".join(kept) + b"]")


def _beginning(endpoint: str, summary: str, rest: Sequence[bytes]) -> list[bytes]:
    """The summary, as said by the user, before the rest. Bedrock takes no two messages of one side in a row: there it begins the
    first one.
    """
    told = text(HEADING + summary)
    if endpoint in _CONVERSE:
        blocks = b"[" + b",".join([b'{"text":%b}' % told, *map(bytes, listed(rest[0], ("content",)))]) + b"]"
        return [with_at(rest[0], ("content",), blocks), *rest[1:]]
    return [_TOLD[endpoint] % told, *rest]


_PLAIN = b'{"role":"user","content":%b}'
_GOOGLES = b'{"role":"user","parts":[{"text":%b}]}'
_TOLD: Mapping[str, bytes] = {
    "chat.completions": _PLAIN,
    "messages": _PLAIN,
    "generateContent": _GOOGLES,
    "streamGenerateContent": _GOOGLES,
}
