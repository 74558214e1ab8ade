"""What the user says last in a request, in words: what classifiers and routers go by."""

from typing import cast

import msgspec

from floorline.gateway.wire.members import found_at
from floorline.gateway.wire.prompt import listed, messages_path
from floorline.gateway.wire.said import texts

_RESULTS = frozenset({"tool_result", "function_call_output", "functionResponse", "toolResult"})


def last_said(endpoint: str, body: bytes) -> str:
    """The words of the last message of the user's that has any; '' where there is none, or something there cannot be read. What tools
    answered is not what the user says.
    """
    path = messages_path(endpoint)
    if path is None:
        return ""
    try:
        for raw in reversed(listed(body, path)):
            words = _words(cast("object", msgspec.json.decode(raw)))
            if words:
                return words
        alone = found_at(body, path)
        said = None if alone is None else msgspec.json.decode(alone)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return said.strip() if isinstance(said, str) else ""


def _words(message: object) -> str:
    if not isinstance(message, dict):
        return message.strip() if isinstance(message, str) else ""
    held = cast("dict[str, object]", message)
    if held.get("role", "user") != "user" or held.get("type") in _RESULTS:
        return ""
    content = held.get("content", held.get("parts"))
    if isinstance(content, list):
        content = [block for block in cast("list[object]", content) if not _is_result(block)]
    return "\n".join(texts(content, "")).strip()


def _is_result(block: object) -> bool:
    """Whether a block holds what a tool answered."""
    if not isinstance(block, dict):
        return False
    held = cast("dict[str, object]", block)
    return held.get("type") in _RESULTS or not _RESULTS.isdisjoint(held)
