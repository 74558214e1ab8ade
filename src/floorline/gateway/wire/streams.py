"""An answer on its way to the client: held back just before the client could believe it complete, and edited where asked.

    edit = stream_edit(route, content_type, content_encoding, usage_asked=…, include_cost=…)
    for each piece of the upstream:  send(edit.feed(piece));  if edit.terminal: record, then send(edit.release(stamp))
    at the upstream's end:           record unless done, then send(edit.release(stamp))
    when the upstream breaks:        what is held is dropped; an error event may be sent when `edit.at_boundary`

Bytes pass as the objects they came as, unless they are the last ones, an event that arrives in parts (it is passed on whole),
or one of the two edits: the extra usage chunk that only the gateway asked for is removed, and the cost is put into the last
event that states usage.
"""

import base64
import re
import struct
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

import msgspec

from floorline import money
from floorline.gateway.policy import Dialect
from floorline.gateway.wire.framing import (
    MESSAGE_BYTES_MIN,
    Held,
    event_message,
    message_parts,
    sse_data,
    with_sse_data,
    with_value,
)
from floorline.gateway.wire.routes import Route

LIMIT_BYTES = 32 << 20
"""The longest event that is kept back until it is whole; a longer one passes unread."""

Kind = Literal["", "usage", "extra", "end", "failed"]
_ABSENT = msgspec.Raw()
_DONE = b"[DONE]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What a stream's last usage event is told about the call's cost. None is unknown, not zero."""

    cost_usd: Decimal | None
    cost_basis: str
    price_version: str

    def members(self) -> dict[str, bytes]:
        """As members of a JSON object, the amount a number with all its digits."""
        amount = b"null" if self.cost_usd is None else money.text(self.cost_usd).encode()
        return {
            "cost_usd": amount,
            "cost_basis": msgspec.json.encode(self.cost_basis),
            "price_version": msgspec.json.encode(self.price_version),
        }


class StreamEdit(Protocol):
    """One answer's edits. `terminal`: the dialect's last event has come and is held; `failed`: it tells of a failure."""

    terminal: bool
    failed: bool

    @property
    def at_boundary(self) -> bool:
        """Whether what was passed on ends with a whole event, so that one of our own may follow."""
        ...

    def feed(self, piece: bytes) -> bytes:
        """What may be passed on now: `piece` itself in the common case, nothing while it is held."""
        ...

    def release(self, stamp: Stamp | None = None) -> bytes:
        """What is held, the cost in its usage event when `stamp` is given. What comes after passes."""
        ...


def stream_edit(
    route: Route,
    content_type: str,
    content_encoding: str = "",
    *,
    usage_asked: bool = False,
    include_cost: bool = False,
) -> StreamEdit:
    """The edits of an answer of this type. What is compressed, or no stream of events, is only held back by its last piece."""
    kind = content_type.partition(";")[0].strip().lower()
    if content_encoding.strip().lower() not in ("", "identity"):
        return HoldLast()
    if kind == "text/event-stream":
        return SseEdit(_marks(route), remove_usage=usage_asked and not include_cost, stamped=include_cost)
    if kind == "application/vnd.amazon.eventstream":
        return EventStreamEdit(stamped=include_cost)
    return HoldLast()


class HoldLast:
    """Whole answers, and streams whose last event is not recognised: the last piece waits for the answer's end."""

    __slots__ = ("_last", "_passing", "failed", "terminal")

    at_boundary = False

    def __init__(self) -> None:
        self.terminal = False
        self.failed = False
        self._last = b""
        self._passing = False

    def feed(self, piece: bytes) -> bytes:
        """The piece before this one."""
        if self._passing:
            return piece
        last, self._last = self._last, piece
        return last

    def release(self, stamp: Stamp | None = None) -> bytes:
        """The last piece, as it came."""
        del stamp
        self._passing = True
        last, self._last = self._last, b""
        return last


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What to look for in a dialect's events.

    `quick`: an event that has none of these bytes is of no interest. `ends` and `failures` are values of `type`.
    `usage` is the type of the event that states the final usage, '' for any that has it at `path`.
    """

    quick: tuple[bytes, ...]
    path: tuple[str, ...]
    ends: frozenset[str] = frozenset()
    failures: frozenset[str] = frozenset({"error"})
    usage: str = ""


_CHAT = Marks(quick=(_DONE, b'"error"'), path=("usage",))
_RESPONSES = Marks(
    quick=(b"response.completed", b"response.incomplete", b"response.failed", _DONE, b'"error"'),
    path=("response", "usage"),
    ends=frozenset({"response.completed", "response.incomplete"}),
    failures=frozenset({"response.failed", "error"}),
)
_MESSAGES = Marks(
    quick=(b"message_stop", b'"error"'), path=("usage",), ends=frozenset({"message_stop"}), usage="message_delta"
)
_GENERATE = Marks(quick=(b"finishReason", _DONE, b'"error"'), path=("usageMetadata",))
_BY_DIALECT: dict[Dialect, Marks] = {"openai": _CHAT, "anthropic": _MESSAGES, "gemini": _GENERATE, "bedrock": _CHAT}


def _marks(route: Route) -> Marks:
    return _RESPONSES if route.endpoint == "responses" else _BY_DIALECT[route.dialect]


class _Event(msgspec.Struct):
    type: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT
    choices: msgspec.Raw = _ABSENT
    usage: msgspec.Raw = _ABSENT


_event = msgspec.json.Decoder(_Event)
_USAGE = re.compile(rb'"usage"[ \t\r\n]*:[ \t\r\n]*\{')
_EMPTY_LIST = re.compile(rb"\[[ \t\r\n]*\]\Z")


class SseEdit:
    """Server-sent events."""

    __slots__ = (
        "_held",
        "_marks",
        "_passing",
        "_quick",
        "_remove",
        "_rest",
        "_stamped",
        "_usage",
        "failed",
        "terminal",
    )

    def __init__(self, marks: Marks, *, remove_usage: bool, stamped: bool) -> None:
        self.terminal = False
        self.failed = False
        self._marks, self._quick = marks, marks.quick
        self._remove = remove_usage
        self._stamped = stamped
        self._usage = _USAGE if marks is not _GENERATE and (remove_usage or stamped) else None
        self._rest = Held(LIMIT_BYTES)
        self._held: list[bytes] = []
        self._passing = False

    @property
    def at_boundary(self) -> bool:
        """Whether an event of our own may follow."""
        return not self._rest and not self.terminal

    def feed(self, piece: bytes) -> bytes:
        """What may be passed on now."""
        if self._passing:
            return piece
        if self._rest or not piece.endswith((b"\n\n", b"\n\r\n")):
            piece = self._rest.events(piece)
        if self._held:
            return self._look(piece) if piece else piece
        interesting = any(map(piece.__contains__, self._quick)) or (
            self._usage is not None and self._usage.search(piece) is not None
        )
        return self._look(piece) if interesting else piece

    def _look(self, block: bytes) -> bytes:
        """Go through the whole events of `block` one by one."""
        passed: list[bytes] = []
        changed = False
        for event in _EVENTS.findall(block):
            kind: Kind = "" if self.terminal else self._kind(event)
            if kind == "usage":
                passed += self._held
                self._held.clear()
            elif kind in ("end", "failed"):
                self.terminal, self.failed = True, kind == "failed"
            hold = bool(self._held) or kind in ("usage", "end", "failed")
            changed = changed or hold or kind == "extra"
            # The empty lines before an event that is removed belong to no event.
            kept = event[: len(event) - len(event.lstrip(b"\r\n"))] if kind == "extra" else event
            (self._held if hold else passed).append(kept)
        return b"".join(passed) if changed else block

    def _kind(self, event: bytes) -> Kind:
        marks = self._marks
        data = sse_data(event)
        if data.startswith(_DONE) and _DONE in marks.quick:
            return "end"
        try:
            seen = _event.decode(data)
        except (msgspec.DecodeError, RecursionError):
            return ""
        name = bytes(seen.type).strip(b'"').decode(errors="replace")
        if name in marks.failures or bytes(seen.error)[:1] in (b"{", b'"'):
            return "failed"
        if name in marks.ends:
            return "end"
        if (
            marks is _GENERATE
        ):  # the last event has a finish reason; where answers run side by side, others may follow one
            return "usage" if self._held or b"finishReason" in event else ""
        if bytes(seen.usage)[:1] != b"{" or not (self._remove or self._stamped):
            return ""
        if self._remove and (bytes(seen.choices) in (b"", b"null") or _EMPTY_LIST.match(bytes(seen.choices))):
            return "extra"
        return "usage" if self._stamped and marks.usage in ("", name) else ""

    def release(self, stamp: Stamp | None = None) -> bytes:
        """What is held, from the last usage event or the terminal event on."""
        if self._passing:
            return b""
        self._passing = True
        if stamp is not None and self._stamped and self._held:
            self._held[0] = with_sse_data(
                self._held[0], lambda data: with_value(data, self._marks.path, stamp.members())
            )
        return b"".join(self._held) + self._rest.take()


_EVENTS = re.compile(rb".*?\n\r?\n|.+\Z", re.DOTALL)


def _base64_marks(needle: bytes) -> tuple[bytes, ...]:
    """How `needle` looks inside base64, at each of the three places where it can begin."""
    marks: list[bytes] = []
    for lead in range(3):
        encoded = base64.b64encode(b"\0" * lead + needle)
        marks.append(encoded[(0, 2, 3)[lead] : len(encoded) - 4])
    return tuple(marks)


_METADATA = b":event-type\x07\x00\x08metadata"
_EXCEPTION = b":exception-type"
_LAST_MESSAGES = (_METADATA, _EXCEPTION, *_base64_marks(b'"amazon-bedrock-invocationMetrics"'))


class EventStreamEdit:
    """AWS's binary event stream: the message that states the usage is the last."""

    __slots__ = ("_held", "_passing", "_rest", "_stamped", "failed", "terminal")

    def __init__(self, *, stamped: bool) -> None:
        self.terminal = False
        self.failed = False
        self._stamped = stamped
        self._rest = Held(LIMIT_BYTES)
        self._held: list[bytes] = []
        self._passing = False

    @property
    def at_boundary(self) -> bool:
        """Whether a message of our own may follow."""
        return not self._rest and not self._rest.broken and not self.terminal

    def feed(self, piece: bytes) -> bytes:
        """What may be passed on now."""
        if self._passing or (self._rest.broken and not self.terminal):
            return piece
        block = self._rest.messages(piece)
        if self.terminal:
            self._held.append(block)
            return b""
        for mark in _LAST_MESSAGES:
            if mark in block:
                return self._look(block)
        return block

    def _look(self, block: bytes) -> bytes:
        position = 0
        while position < len(block):
            (length,) = struct.unpack_from(">I", block, position)
            if length < MESSAGE_BYTES_MIN:
                break
            message = block[position : position + length]
            if any(mark in message for mark in _LAST_MESSAGES):
                self.terminal, self.failed = True, _EXCEPTION in message
                self._held += [message, block[position + length :]]
                return block[:position]
            position += length
        return block

    def release(self, stamp: Stamp | None = None) -> bytes:
        """What is held, from the last message on."""
        if self._passing:
            return b""
        self._passing = True
        if stamp is not None and self._stamped and self._held and _METADATA in self._held[0]:
            headers, payload = message_parts(self._held[0])
            self._held[0] = event_message(headers, with_value(payload, ("usage",), stamp.members()))
        return b"".join(self._held) + self._rest.take()
