"""Changes to members of a JSON object that leave every other byte of meaning as it came."""

import re
from collections.abc import Mapping, Sequence

import msgspec

_NULL = msgspec.Raw(b"null")
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_KEY = re.compile(rb'[ \t\r\n]*,?[ \t\r\n]*"((?:[^"\\]|\\.)*)"[ \t\r\n]*:[ \t\r\n]*')
_END = re.compile(rb"[ \t\r\n]*\}[ \t\r\n]*\Z")


class Repeated(Exception):
    """An object names a member twice: parsers differ on which of the two counts."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def text(value: str) -> bytes:
    """`value` as JSON."""
    return msgspec.json.encode(value)


def members(body: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The members of the object `body`, their values still as they came."""
    return _object.decode(body)


def without(held: Mapping[str, msgspec.Raw], names: frozenset[str]) -> dict[str, msgspec.Raw]:
    """The members but those called `names`, in their order."""
    left = dict(held)
    for name in names.intersection(held):
        del left[name]
    return left


def with_members(body: bytes | msgspec.Raw, changes: Mapping[str, bytes | None]) -> bytes:
    """`body` with the members of `changes` set, or removed where None. Order stays; new members come last."""
    held = _object.decode(body)
    for name, value in changes.items():
        if value is None:
            held.pop(name, None)
        else:
            held[name] = msgspec.Raw(value)
    return msgspec.json.encode(held)


def appended(body: bytes, name: str, value: bytes) -> bytes:
    """`body`, an object with members but none called `name`, with that member at its end."""
    end = body.rindex(b"}")
    return b"".join((body[:end].rstrip(), b",", text(name), b":", value, body[end:]))


def found_at(body: bytes | msgspec.Raw, path: Sequence[str]) -> msgspec.Raw | None:
    """The member that `path` leads to, from object to object; None where there is none, or null."""
    try:
        return found_in(_object.decode(body), path)
    except msgspec.ValidationError:
        return None


def found_in(held: Mapping[str, msgspec.Raw], path: Sequence[str]) -> msgspec.Raw | None:
    """The same among members that are read already."""
    found = held.get(path[0])
    if found is None or found == _NULL:
        return None
    return found if len(path) == 1 else found_at(found, path[1:])


def with_at(body: bytes, path: Sequence[str], value: bytes) -> bytes:
    """`body` with the member that `path` leads to set, and the objects on the way made where they are missing. Every other byte
    stays where it was; an object that names the member twice is written anew, with the last of them.
    ValidationError where something on the way is no object.
    """
    return with_in(body, _object.decode(body), path, value)


def with_in(body: bytes, held: Mapping[str, msgspec.Raw], path: Sequence[str], value: bytes) -> bytes:
    """The same of a body whose members are read already."""
    name, *deeper = path
    if deeper:
        inner = held.get(name)
        value = with_at(b"{}" if inner is None or inner == _NULL else bytes(inner), deeper, value)
    if not held:
        return b"".join((b"{", text(name), b":", value, b"}"))
    if name not in held:
        return appended(body, name, value)
    try:
        start = place(body, held, name)
    except Repeated:
        return with_members(body, {name: value})
    return b"".join((body[:start], value, body[start + len(memoryview(held[name])) :]))


def place(body: bytes, held: Mapping[str, msgspec.Raw], name: str) -> int:
    """Where in `body` the value of its member `name` begins; 0 where it has none. `held` are its members; Repeated when one is
    named twice.

    An object without white space is as long as its members, so that a repetition, which adds bytes, cannot hide in it.
    """
    if 1 + 4 * len(held) + sum(map(len, held)) + sum(map(len, map(memoryview, held.values()))) != len(body):
        return _searched(body, held).get(name, 0)
    position = 1
    for one, raw in held.items():
        position += len(one) + 3
        if one == name:
            return position
        position += len(memoryview(raw)) + 1
    return 0


def _searched(body: bytes, held: Mapping[str, msgspec.Raw]) -> dict[str, int]:
    """Where each of them begins, where there is white space, or a name is not plain ASCII: from member to member."""
    found: dict[str, int] = {}
    position = body.index(b"{") + 1
    for name, raw in held.items():
        usual = b'"%b": ' % name.encode()
        if body.startswith(usual, position):
            start = position + len(usual)
        elif (key := _KEY.match(body, position)) is not None and _is(key[1], name):
            start = key.end()
        else:
            raise Repeated(name)
        value = bytes(raw)
        if not body.startswith(value, start):
            raise Repeated(name)
        found[name] = start
        position = start + len(value)
        position += 2 if body.startswith(b", ", position) else 0
    if held and _END.match(body, position) is None:
        raise Repeated(next(reversed(list(held))))
    return found


def _is(written: bytes, name: str) -> bool:
    """Whether `written`, the inside of a JSON string, says `name`."""
    return written == name.encode() or (b"\\" in written and msgspec.json.decode(b'"%b"' % written) == name)
