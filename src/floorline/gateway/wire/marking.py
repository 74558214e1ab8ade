"""Marks in a request that have a provider keep a prefix: Anthropic's `cache_control`, Bedrock's `cachePoint`. A mark is all that is
added; a text that stands alone becomes the one block that the dialects take it for, because only blocks can be marked.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from floorline.gateway.wire.members import found_at, members, with_at
from floorline.gateway.wire.prompt import Path, listed
from floorline.guardrails.prefix import Lifetime, PartKind

_ANTHROPIC = frozenset({"messages", "invoke", "invoke-stream"})
CONVERSE = frozenset({"converse", "converse-stream"})
MARKED = _ANTHROPIC | CONVERSE
"""Endpoints whose prompts can be marked."""

_UNMARKABLE = frozenset({"thinking", "redacted_thinking"})
_MARK = re.compile(rb'"(?:cache_control|cachePoint)"\s*:')
_SPACE = b" \t\r\n,"


class Spot(NamedTuple):
    """Where a mark goes: after the tools, the instructions, or the message of that number."""

    kind: PartKind
    message: int
    lifetime: Lifetime


class _Block(msgspec.Struct, gc=False):
    type: str = ""
    text: str | None = None


_block = msgspec.json.Decoder(_Block)


def is_marked(body: bytes) -> bool:
    """Whether the application marks its prompts itself: then that is its own business."""
    return _MARK.search(body) is not None


def marked(endpoint: str, body: bytes, spots: Sequence[Spot]) -> bytes:
    """The request with these marks; those that cannot stand where they should are left out."""
    if endpoint in CONVERSE:
        for spot in spots:
            body = _pointed(body, spot)
    elif endpoint in _ANTHROPIC and (endpoint == "messages" or "anthropic_version" in members(body)):
        for spot in spots:
            body = _controlled(body, spot)
    return body


def _controlled(body: bytes, spot: Spot) -> bytes:
    """With one of Anthropic's marks."""
    control = b'{"type":"ephemeral","ttl":"1h"}' if spot.lifetime == "1h" else b'{"type":"ephemeral"}'
    if spot.kind == "tools":
        return _with_last(body, ("tools",), control)
    if spot.kind == "system":
        return _with_content(body, "system", control)
    said = listed(body, ("messages",))
    if spot.message >= len(said):
        return body
    message = bytes(said[spot.message])
    return _with_element(body, ("messages",), said, spot.message, _with_content(message, "content", control))


def _with_content(holder: bytes, name: str, control: bytes) -> bytes:
    """An object with its `content` or `system` marked at the end: a text or a list of blocks."""
    content = found_at(holder, (name,))
    if content is None:
        return holder
    raw = bytes(content)
    if raw[:1] == b'"':
        return (
            holder
            if raw == b'""'
            else with_at(holder, (name,), b'[{"type":"text","text":%b,"cache_control":%b}]' % (raw, control))
        )
    return _with_last(holder, (name,), control)


def _with_last(body: bytes, path: Path, control: bytes) -> bytes:
    """The last block of a list marked, where it can be."""
    blocks = listed(body, path)
    if not blocks or not _markable(blocks[-1]):
        return body
    last = len(blocks) - 1
    return _with_element(body, path, blocks, last, with_at(bytes(blocks[-1]), ("cache_control",), control))


def _markable(block: msgspec.Raw) -> bool:
    try:
        seen = _block.decode(block)
    except msgspec.DecodeError:
        return False
    return seen.type not in _UNMARKABLE and not (seen.type == "text" and not (seen.text or "").strip())


def _pointed(body: bytes, spot: Spot) -> bytes:
    """With one of Bedrock's points, which are elements of their own."""
    point = (
        b'{"cachePoint":{"type":"default","ttl":"1h"}}'
        if spot.lifetime == "1h"
        else b'{"cachePoint":{"type":"default"}}'
    )
    if spot.kind != "message":
        return _with_more(body, ("toolConfig", "tools") if spot.kind == "tools" else ("system",), point)
    said = listed(body, ("messages",))
    if spot.message >= len(said):
        return body
    message = _with_more(bytes(said[spot.message]), ("content",), point)
    return _with_element(body, ("messages",), said, spot.message, message)


def _with_more(body: bytes, path: Path, element: bytes) -> bytes:
    """A list, unless it is empty, with one more element at its end."""
    found = found_at(body, path)
    if found is None or not listed(body, path):
        return body
    raw = bytes(found)
    end = raw.rindex(b"]")
    return with_at(body, path, b"".join((raw[:end].rstrip(), b",", element, raw[end:])))


def _with_element(body: bytes, path: Path, elements: Sequence[msgspec.Raw], place: int, value: bytes) -> bytes:
    """The list at `path` with another element in that place; the others stay as they are."""
    found = found_at(body, path)
    assert found is not None, "who has elements has a list"
    raw = bytes(found)
    position = 1
    for element in elements[:place]:
        position = _after_space(raw, position) + len(memoryview(element))
    start = _after_space(raw, position)
    return with_at(body, path, b"".join((raw[:start], value, raw[start + len(memoryview(elements[place])) :])))


def _after_space(raw: bytes, position: int) -> int:
    while raw[position] in _SPACE:
        position += 1
    return position
