"""What a prompt and an answer are made of, by their form: retrieved context, and words before structured output. Places to look
at, not faults.
"""

import re
from typing import NamedTuple

import msgspec

_GROUP = r"contexts?|documents|sources|search_results|retrieved[\w-]*|knowledge(?:_base)?|references"
_ONE = r"document|doc|source|chunk|passage|article|excerpt|snippet|search_result|result"
_GROUPED = re.compile(rf"<({_GROUP})\b[^<>]*>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_SINGLE = re.compile(rf"<({_ONE})\b[^<>]*>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_HEADED = re.compile(
    r"^[#*\s]*(?:retrieved |search |relevant |reference )?(?:context|documents|sources|passages|results|excerpts)[*\s]*:[*\s]*$",
    re.MULTILINE | re.IGNORECASE,
)
_ASKED = re.compile(
    r"^[#*\s]*(?:question|query|user|task|instructions?|answer)\b[^\n]{0,40}:", re.MULTILINE | re.IGNORECASE
)
_PARAGRAPH = re.compile(r"\n\s*\n")
_FENCE = re.compile(r"```[ \t]*(?:json|json5|yaml|xml|csv)?[ \t]*\n", re.IGNORECASE)
_OPENING = re.compile(r"^[ \t]*[\[{]", re.MULTILINE)
_CLOSINGS = {"{": "}", "[": "]"}
_WORD = re.compile(r"\w")


class Context(NamedTuple):
    """Retrieved context in a prompt: its bytes, and in how many pieces they come."""

    size: int = 0
    pieces: int = 0


def context(text: str) -> Context:
    """The retrieved context in what a prompt says: between tags that are called like it, or under a heading that is."""
    if "<" not in text and ":" not in text:
        return Context()
    size = pieces = 0
    for match in _GROUPED.finditer(text):
        size += len(match[0].encode())
        pieces += max(len(_SINGLE.findall(match[2])), 1)
    rest = _GROUPED.sub("", text)
    for match in _SINGLE.finditer(rest):
        size += len(match[0].encode())
        pieces += 1
    rest = _SINGLE.sub("", rest)
    for match in _HEADED.finditer(rest):
        asked = _ASKED.search(rest, match.end())
        below = rest[match.end() : asked.start() if asked else len(rest)].strip()
        if below:
            size += len(below.encode())
            pieces += len(_PARAGRAPH.split(below))
    return Context(size, pieces)


def preamble(answer: str) -> str:
    """What an answer says before its JSON, or the block that it puts that in; '' where it is not JSON, or begins with it."""
    fence = _FENCE.search(answer)
    if fence is not None:
        inside, closed, _ = answer[fence.end() :].partition("```")
        return answer[: fence.start()].strip() if closed and _is_json(inside) else ""
    opening = _OPENING.search(answer)
    if opening is None or not _WORD.search(answer[: opening.start()]):
        return ""
    rest = answer[opening.start() :].strip()
    end = rest.rfind(_CLOSINGS[rest[0]]) + 1
    return answer[: opening.start()].strip() if _is_json(rest[:end]) else ""


def _is_json(text: str) -> bool:
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return isinstance(found, dict | list)
