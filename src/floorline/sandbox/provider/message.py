"""A request as it was read, and an answer as it is to be sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from floorline.pricing.usage.tally import Fields, fields
from floorline.sandbox.provider.controls import UNASKED, Controls

_JSON = msgspec.json.Decoder()
Headers = tuple[tuple[str, str], ...]


class Refused(Exception):
    """The request cannot be answered as it is; the message says what to change."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, its body read whole. `path` is decoded, `lookup` holds the last value of each header by its name in
    lower case, `headers` all of them as they came. `continues`: it may be followed by another on its connection.
    """

    number: int = 0
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Headers = ()
    lookup: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    continues: bool = True
    http10: bool = False

    def json(self) -> Fields:
        """The body as a JSON object; Refused when it is none."""
        try:
            value = _JSON.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Refused(f"the body is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise Refused("the body is not a JSON object")
        return fields(value)  # pyright: ignore[reportUnknownArgumentType] - JSON that nobody checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One answer. `parts` is the body: one part when it is whole, one an event when it is `streamed`. `failure` is the
    event by which the dialect tells inside a stream that it failed. `usage` is what the answer reports, by bucket.
    `counted` is False for what no provider says: the sandbox's own pages.
    """

    status: int = 200
    headers: Headers = ()
    parts: Sequence[bytes]
    streamed: bool = False
    failure: bytes = b""
    usage: Mapping[str, int] = field(default_factory=dict[str, int])
    controls: Controls = UNASKED
    counted: bool = True
