"""What an application fixes in its requests, of what each dialect calls it: instructions and tools, never the user's words.

    fixed = template(held)                     their two parts as they came
    words(fixed), tools(fixed)                 what they say, the same in every dialect

Instructions are the member of that name, and the messages of the system or developer that stand before all others.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

_INSTRUCTIONS = ("system", "instructions", "systemInstruction", "system_instruction")
_TOOLS = ("tools", "functions", "toolConfig")
_MESSAGES = ("messages", "input")
_USER_FIRST = (b'[{"role":"user"', b'[{"role": "user"')
"""How a list of messages most often begins where nobody says anything before the user: nothing more of it is read."""

_NOTHING = msgspec.Raw(b"null")


class Template(NamedTuple):
    """The instructions and the tools of a request, each a JSON value as it came."""

    instructions: tuple[bytes, ...] = ()
    tools: tuple[bytes, ...] = ()


class _Message(msgspec.Struct, gc=False):
    role: str | None = None
    content: msgspec.Raw = _NOTHING


class _Prompt(msgspec.Struct):
    """OpenAI's stored prompts: the variables in one are the user's."""

    id: str = ""
    version: str | None = None


class _Block(msgspec.Struct):
    text: str | None = None


class _Content(msgspec.Struct):
    parts: list[_Block] = []
    text: str | None = None


_messages = msgspec.json.Decoder(list[_Message])
_prompt = msgspec.json.Decoder(_Prompt)
_content = msgspec.json.Decoder(str | list[_Block | str] | _Content | None)


def template(held: Mapping[str, msgspec.Raw]) -> Template:
    """The template of a request with these members."""
    instructions = [bytes(held[name]) for name in _INSTRUCTIONS if name in held]
    for name in _MESSAGES:
        if name in held:
            instructions += _leading(held[name])
    if "prompt" in held:
        instructions += _stored(held["prompt"])
    return Template(tuple(instructions), tuple([bytes(held[name]) for name in _TOOLS if name in held]))


def _leading(messages: msgspec.Raw) -> list[bytes]:
    """What the system or developer says before anyone else: the contents of their messages as they came."""
    if bytes(memoryview(messages)[:16]).startswith(_USER_FIRST):
        return []
    found: list[bytes] = []
    try:
        for message in _messages.decode(messages):
            if message.role not in {"system", "developer"}:
                break
            found.append(bytes(message.content))
    except msgspec.DecodeError:
        return []
    return found


def _stored(prompt: msgspec.Raw) -> list[bytes]:
    """The id and version of a stored prompt; nothing of a prompt that is text, which is the user's."""
    if bytes(memoryview(prompt)[:1]) != b"{":
        return []
    try:
        stored = _prompt.decode(prompt)
    except msgspec.DecodeError:
        return []
    return [msgspec.json.encode(f"{stored.id} {stored.version or ''}")]


def words(fixed: Template) -> str:
    """What the instructions say, whichever dialect they came in."""
    return "\n".join([text for part in fixed.instructions for text in _said(part)])


def _said(part: bytes) -> list[str]:
    try:
        content = _content.decode(part)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [part.decode(errors="replace")]
    if isinstance(content, str):
        return [content]
    if isinstance(content, _Content):
        return [block.text or "" for block in content.parts] or [content.text or ""]
    return [block if isinstance(block, str) else block.text or "" for block in content or ()]


def tools(fixed: Template) -> str:
    """What the tools are, in one order of members whoever wrote them."""
    return "\n".join([_ordered(part) for part in fixed.tools])


def _ordered(part: bytes) -> str:
    try:
        return msgspec.json.encode(msgspec.json.decode(part), order="sorted").decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return part.decode(errors="replace")
