"""Changes to members of a JSON object that leave every other byte of meaning as it came."""

import re
from collections.abc import Mapping

import msgspec

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_VALUE = re.compile(rb'[ \t\r\n]*:[ \t\r\n]*"(?:[^"\\]|\\.)*"')
_KEY = re.compile(rb'[ \t\r\n]*("(?:[^"\\]|\\.)*")[ \t\r\n]*:[ \t\r\n]*')
_NEXT = re.compile(rb"[ \t\r\n]*,")


def text(value: str) -> bytes:
    """`value` as JSON."""
    return msgspec.json.encode(value)


def members(body: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The members of the object `body`, their values still as they came."""
    return _object.decode(body)


def with_members(body: bytes | msgspec.Raw, changes: Mapping[str, bytes | None]) -> bytes:
    """`body` with the members of `changes` set, or removed where None. Order stays; new members come last."""
    held = _object.decode(body)
    for name, value in changes.items():
        if value is None:
            held.pop(name, None)
        else:
            held[name] = msgspec.Raw(value)
    return msgspec.json.encode(held)


def with_text(body: bytes, name: str, value: str) -> bytes:
    """`body`, which has a text member `name` of its own, with `value` there.

    Where the name stands only once in all of it, the place is plain and nothing needs to be read: a tenth of the time.
    """
    quoted = text(name)
    place = body.find(quoted)
    if place >= 0 and body.find(quoted, place + 1) < 0 and not has_escaped_letters(body):
        found = _VALUE.match(body, place + len(quoted))
        if found is not None:
            start = body.index(b'"', place + len(quoted))
            return b"".join((body[:start], text(value), body[found.end() :]))
    return with_members(body, {name: text(value)})


def appended(body: bytes, name: str, value: bytes) -> bytes:
    """`body`, an object with members but none called `name`, with that member at its end."""
    end = body.rindex(b"}")
    return b"".join((body[:end].rstrip(), b",", text(name), b":", value, body[end:]))


def has_escaped_letters(body: bytes) -> bool:
    r"""Whether a small letter is written as `\u006d`: nobody needs to, so a name may be hidden from a search for it."""
    return b"\\u006" in body or b"\\u007" in body


def repeated(body: bytes) -> str:
    """The first member that the object `body` names twice, '' when there is none.

    Parsers differ on which of the two counts. Without repetition the values stand in the body in the order of the members.
    """
    held = _object.decode(body)
    position = body.index(b"{") + 1
    for name, raw in held.items():
        found = _KEY.match(body, position)
        value = bytes(raw)
        if found is None or msgspec.json.decode(found[1]) != name or not body.startswith(value, found.end()):
            return name
        position = found.end() + len(value)
        comma = _NEXT.match(body, position)
        position = comma.end() if comma is not None else position
    return "" if body[position:].strip() == b"}" else next(reversed(held), "")
