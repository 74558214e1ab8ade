"""HTTP as the control process speaks it: a request, an answer, a route with its rule, and errors that say how to mend.

    Route(method="GET", path="/api/v1/baselines", rule="viewer", answer=told)

A route is a function of a request to an answer, and knows nothing of sockets; `app` hosts it.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar
from urllib.parse import parse_qs

import msgspec

from floorline.web.who import Role, Who

BODY_BYTES_MAX = 64 << 10
"""Of a request to a route that does not say otherwise."""

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
_T = TypeVar("_T")

Rule = Role | Literal["open"]
"""Who may ask a route: whoever has at least the role; `open`: everyone, or whom the route itself makes sure of (a webhook by
its signature, a customer's usage by its token).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request. `query` is without its question mark; names of headers are in lower case; `names` are the parts of the path
    that the route has in braces. `who` asks: None is nobody that is known, and only open routes see that. `client` is the
    address that the request came from.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    who: Who | None = None
    client: str = ""

    def header(self, name: str) -> str:
        """A header's value, '' when it was not sent."""
        return self.headers.get(name, "")

    @property
    def sure(self) -> Who:
        """Who asks, on a route that is not open."""
        assert self.who is not None, "a route with a role is answered to somebody who has it"
        return self.who


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    status: int
    kind: str
    body: str | bytes
    headers: Sequence[tuple[str, str]] = ()


class Refused(Exception):
    """A request that cannot be done: `kind` for programs, the message says to people what to change."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the OpenAPI says of a route: its summary, its query parameters and body as types of msgspec, and its answer's."""

    summary: str
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    answer: type[msgspec.Struct] | None = None
    status: int = 200
    kind: str = JSON
    failures: Mapping[int, str] = field(default_factory=dict[int, str])
    """What else it answers, beside what every route of its kind does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What is answered at `path`, whole; parts of it in braces are names. A GET answers HEAD too. `answer` may raise Refused,
    LedgerFull and StoreDown; it runs in a thread of its own. `told` is its place in the OpenAPI, None leaves it out. `scope` is
    that of tokens which may ask it too, and nothing else.
    """

    method: str
    path: str
    rule: Rule
    answer: Callable[[Asked], Page]
    body_bytes_max: int = BODY_BYTES_MAX
    told: Told | None = None
    scope: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Server-sent events at `path`: `events` gives them as text, ready to be sent, until the listener goes; it raises
    Refused where the request is wrong. At most `listeners_max` listen at once.
    """

    path: str
    rule: Rule
    events: Callable[[Asked], AsyncIterator[str]]
    listeners_max: int = 64


def read_body(asked: Asked, type_: type[_T]) -> _T:
    """The JSON body as `type_`. Refused with the member that is wrong."""
    try:
        return msgspec.json.decode(asked.body, type=type_)
    except msgspec.ValidationError as error:
        raise Refused(400, "invalid", f"{error}: mend that and send it again") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, "invalid_json", f"the body is not JSON ({error}): send one JSON object") from error


def read_form(asked: Asked) -> dict[str, str]:
    """The fields of a form: the last value of each. Refused for what no form sends."""
    if asked.header("content-type").partition(";")[0].strip().lower() != FORM:
        raise Refused(415, "kind", f"send the form as {FORM}")
    try:
        fields = parse_qs(
            asked.body.decode(), keep_blank_values=True, strict_parsing=bool(asked.body), max_num_fields=200
        )
    except ValueError as error:
        raise Refused(400, "invalid", f"the form cannot be read ({error}): send it again") from error
    return {name: values[-1] for name, values in fields.items()}


def text_page(status: int, body: str) -> Page:
    """Plain text."""
    return Page(status, "text/plain; charset=utf-8", body)


def json_page(status: int, document: object) -> Page:
    """`document`, of what JSON can say, as JSON."""
    return Page(status, JSON, msgspec.json.encode(document).decode() + "\n")


def error_page(refused: Refused) -> Page:
    """A refusal as programs read it."""
    return json_page(refused.status, {"error": {"type": refused.kind, "message": refused.message}})


def moved(to: str, *headers: tuple[str, str]) -> Page:
    """Go and GET `to`, a path of ours."""
    return Page(303, "text/plain; charset=utf-8", "", [("location", to), *headers])
