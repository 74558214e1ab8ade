"""A request's last question, and the rest of it: of two requests with the same rest the questions alone are compared.

The rest is everything but the words of the last message: model, parameters, tools, the application's instructions, what was said before.
It must be the same to the byte, as it must for the exact cache.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from floorline.gateway.cache.asking import members_of
from floorline.gateway.underway import UnderWay
from floorline.gateway.wire.prompt import messages_path

TEXT_BYTES_MAX = 8 << 10
"""A longer question is not compared: no sentence model's window holds it."""

_TEXTS = frozenset({"text", "input_text"})
_OF_A_BLOCK = frozenset({"type", "text", "cache_control"})
_list = msgspec.json.Decoder(list[msgspec.Raw])
_message = msgspec.json.Decoder(dict[str, msgspec.Raw])
_content = msgspec.json.Decoder(str | list[dict[str, object]])


class Asked(NamedTuple):
    """What a request asks last, and its other members."""

    text: str
    rest: Mapping[str, msgspec.Raw]


def asked(call: UnderWay) -> Asked | None:
    """The call's question; None where it asks none in plain text: its last message is of a tool, holds a picture, or is no message."""
    path = messages_path(call.route.endpoint)
    if path is None:
        return None
    held = members_of(call)
    name, raw = path[0], held.get(path[0])
    if raw is None or len(path) > 1:
        return None
    try:
        if bytes(memoryview(raw)[:1]) == b'"':
            return _plain(msgspec.json.decode(raw, type=str), held, name)
        messages = _list.decode(raw)
        return _last(messages, held, name) if messages else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _last(messages: list[msgspec.Raw], held: Mapping[str, msgspec.Raw], name: str) -> Asked | None:
    message = _message.decode(messages[-1])
    spoken = "parts" if "parts" in message else "content"
    role, content = message.get("role"), message.pop(spoken, None)
    if content is None or (role is not None and bytes(role) != b'"user"'):
        return None
    text = _text(_content.decode(content))
    if text is None:
        return None
    about = msgspec.json.encode([*messages[:-1], message], order="sorted")
    return _plain(text, {**held, name: msgspec.Raw(about)}, "")


def _plain(text: str, held: Mapping[str, msgspec.Raw], without: str) -> Asked | None:
    if not text.strip() or len(text) > TEXT_BYTES_MAX:
        return None
    return Asked(text, {key: value for key, value in held.items() if key != without})


def _text(content: str | list[dict[str, object]]) -> str | None:
    """The words of a message; None where it holds anything else."""
    if isinstance(content, str):
        return content
    texts: list[str] = []
    for block in content:
        said = block.get("text")
        if not isinstance(said, str) or not _OF_A_BLOCK.issuperset(block) or block.get("type", "text") not in _TEXTS:
            return None
        texts.append(said)
    return "\n".join(texts)
