"""A request's prompt as a provider's cache sees it: tools, instructions, messages, each known by a hash of everything up to its end."""

from collections.abc import Mapping, Sequence

import msgspec

from floorline.gateway.wire.body import estimate_input_tokens
from floorline.gateway.wire.members import found_at, found_in, members
from floorline.guardrails.prefix import Part, PartKind

Path = tuple[str, ...]

INSTRUCTING = frozenset({"system", "developer"})
_ANTHROPIC = (("tools",), ("system",), ("messages",))
_CONVERSE = (("toolConfig", "tools"), ("system",), ("messages",))
_GOOGLE = (("tools",), ("systemInstruction",), ("contents",))
_LAYOUTS: Mapping[str, tuple[Path, Path, Path]] = {
    "messages": _ANTHROPIC,
    "invoke": _ANTHROPIC,
    "invoke-stream": _ANTHROPIC,
    "converse": _CONVERSE,
    "converse-stream": _CONVERSE,
    "chat.completions": (("tools",), ("instructions",), ("messages",)),
    "responses": (("tools",), ("instructions",), ("input",)),
    "generateContent": _GOOGLE,
    "streamGenerateContent": _GOOGLE,
}
"""Where each endpoint's requests have their tools, instructions and messages."""


class _Speaking(msgspec.Struct, gc=False):
    role: str | None = None


_list = msgspec.json.Decoder(list[msgspec.Raw])
_speaking = msgspec.json.Decoder(_Speaking)


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a prompt in order, and for each the number of its message, -1 for what is none."""

    parts: tuple[Part, ...] = ()
    messages: tuple[int, ...] = ()


def messages_path(endpoint: str) -> Path | None:
    """Where the endpoint's requests have their messages; None where they have none."""
    layout = _LAYOUTS.get(endpoint)
    return None if layout is None else layout[2]


def listed(body: bytes, path: Path) -> list[msgspec.Raw]:
    """The elements of the list that `path` leads to; none where there is no list."""
    return _elements(found_at(body, path))


def _elements(found: msgspec.Raw | None) -> list[msgspec.Raw]:
    try:
        return [] if found is None else _list.decode(found)
    except msgspec.ValidationError:
        return []


def read_prompt(endpoint: str, body: bytes, model: str) -> Prompt:
    """The prompt of a request for `model`. A hash is this process's own: it is remembered, never stored."""
    layout = _LAYOUTS.get(endpoint)
    if layout is None:
        return Prompt()
    parts: list[Part] = []
    numbers: list[int] = []
    key, tokens = hash(model), 0

    def take(kind: PartKind, content: bytes, number: int) -> None:
        nonlocal key, tokens
        key = hash((key, content))
        tokens += estimate_input_tokens(content)
        if parts and kind != "message" and parts[-1].kind == kind:
            parts[-1] = Part(kind, key, tokens)
            return
        parts.append(Part(kind, key, tokens))
        numbers.append(number)

    held = members(body)
    kinds: tuple[PartKind, PartKind] = ("tools", "system")
    for kind, path in zip(kinds, layout[:2], strict=True):
        found = found_in(held, path)
        if found is not None:
            take(kind, bytes(found), -1)
    said = _elements(found_in(held, layout[2]))
    first = _instructions(said) if layout[1] == ("instructions",) else 0
    for number, message in enumerate(said):
        take("system" if number < first else "message", bytes(message), -1 if number < first else number)
    return Prompt(parts=tuple(parts), messages=tuple(numbers))


def _instructions(said: Sequence[msgspec.Raw]) -> int:
    """How many messages stand before anyone but the application speaks."""
    for number, message in enumerate(said):
        try:
            if _speaking.decode(message).role not in INSTRUCTING:
                return number
        except msgspec.DecodeError:
            return number
    return len(said)
