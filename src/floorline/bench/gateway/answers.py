"""Whether a gateway gives the answer that the upstream gave: to the byte, or the same words and usage in other bytes."""

import re
from typing import Literal

import msgspec

Equality = Literal["identical", "re-encoded", "different"]
"""Same bytes; other bytes with the same content, finish reason and usage; or neither."""

ANY_DIGIT = b"\x01"
"""What `load.c` takes for any digit."""

_STAMP = re.compile(rb"T\d{19}")
_CREATED = re.compile(rb'"created": ?\d{10}')


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Delta | None = None
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Answer(msgspec.Struct):
    choices: list[_Choice] = msgspec.field(default_factory=list[_Choice])
    usage: _Usage | None = None


_decode = msgspec.json.Decoder(_Answer).decode


def expected(answer: bytes) -> bytes:
    """`answer` with `ANY_DIGIT` where two answers may differ: the upstream's time stamps, and `created`."""
    stamped = _STAMP.sub(b"T" + ANY_DIGIT * 19, answer)
    return _CREATED.sub(lambda found: found[0][:-10] + ANY_DIGIT * 10, stamped)


def compare(upstream: bytes, gateway: bytes) -> Equality:
    """How an answer through a gateway relates to the upstream's own answer to the same request."""
    if expected(upstream) == expected(gateway):
        return "identical"
    try:
        same = _content(expected(upstream)) == _content(expected(gateway))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "different"
    return "re-encoded" if same else "different"


def _content(answer: bytes) -> tuple[str, str | None, tuple[int, int], bool]:
    """Words, finish reason, usage, and whether a stream's end was marked; of an answer whose stamps are masked."""
    readable = answer.replace(ANY_DIGIT, b"1")
    if not readable.lstrip().startswith(b"data:"):
        return *_merged([_decode(readable)]), True
    events = [line[5:].strip() for line in readable.splitlines() if line.startswith(b"data:")]
    whole = events[-1:] == [b"[DONE]"]
    return *_merged([_decode(event) for event in events if event != b"[DONE]"]), whole


def _merged(parts: list[_Answer]) -> tuple[str, str | None, tuple[int, int]]:
    words, reason, usage = "", None, (0, 0)
    for part in parts:
        for choice in part.choices:
            said = choice.message or choice.delta
            words += (said.content or "") if said else ""
            reason = choice.finish_reason or reason
        if part.usage:
            usage = (part.usage.prompt_tokens, part.usage.completion_tokens)
    return words, reason, usage
