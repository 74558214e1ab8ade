"""The control process's own HTTP: which routes there are, who may ask them, and errors that say how to mend.

    router = Router([*control_routes(control), Route(method="GET", path="/api/v1/baselines", answer=…)], token)
    page = router.answer(Asked(method="GET", path="/healthz"))

A route needs the control token unless it is `open`: then it checks by itself who asks, a webhook by its signature.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from floorline.errors import LedgerFull
from floorline.ledger.store import StoreDown

BODY_BYTES_MAX = 64 << 10
"""Of a request to a route that does not say otherwise."""

RETRY_AFTER_S = 5
JSON = "application/json"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request. `query` is without its question mark; names of headers are in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    status: int
    kind: str
    body: str
    headers: Sequence[tuple[bytes, bytes]] = ()


class Refused(Exception):
    """A request that cannot be done: `kind` for programs, the message says to people what to change."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What is answered at `path`, whole; one that ends with a word in braces is that of any one name in its place. A GET
    answers HEAD too. `answer` may raise Refused, LedgerFull and StoreDown; it runs in a thread of its own.
    """

    method: str
    path: str
    answer: Callable[[Asked], Page]
    open: bool = False
    body_bytes_max: int = BODY_BYTES_MAX


class Router:
    """Finds the route of a request, sees that whoever asks may, and turns what is refused into a page."""

    def __init__(self, routes: Sequence[Route], token: str) -> None:
        self._token = token.encode()
        self._routes = _by_path(routes)

    def replace(self, routes: Sequence[Route]) -> None:
        """Answer by other routes from now on."""
        self._routes = _by_path(routes)

    @property
    def body_bytes_max(self) -> int:
        """The largest body that any route takes: what a listener must let through."""
        return max(route.body_bytes_max for route in self._routes.values())

    def answer(self, asked: Asked) -> Page:
        """The page that answers the request."""
        try:
            return self._route(asked).answer(asked)
        except Refused as refused:
            return _error(refused)
        except (LedgerFull, StoreDown) as error:
            page = _error(Refused(503, "unavailable", f"{error}: try again"))
            return Page(page.status, page.kind, page.body, [(b"retry-after", b"%d" % RETRY_AFTER_S)])

    def _route(self, asked: Asked) -> Route:
        method = "GET" if asked.method == "HEAD" else asked.method
        route = self._routes.get((self._path(asked.path), method))
        if route is None:
            raise self._missing(asked)
        if not route.open and not self._knows(asked):
            raise Refused(
                401, "unauthorised", "send `Authorization: Bearer …` with the token in FLOORLINE_HOME/control.token"
            )
        if len(asked.body) > route.body_bytes_max:
            raise Refused(
                413, "too_large", f"the body has {len(asked.body)} bytes, {asked.path} takes {route.body_bytes_max}"
            )
        return route

    def _path(self, asked: str) -> str:
        """The path of the routes that answer there: itself, or the one with a name in place of its last part."""
        if any(path == asked for path, _ in self._routes):
            return asked
        folder, _, name = asked.rpartition("/")
        named = (path for path, _ in self._routes if path.endswith("}") and path.rpartition("/")[0] == folder)
        return next(named, asked) if name else asked

    def _missing(self, asked: Asked) -> Refused:
        methods = [method for path, method in self._routes if path == self._path(asked.path)]
        if methods:
            return Refused(405, "method", f"{asked.method} is not answered at {asked.path}: {', '.join(methods)}")
        return Refused(
            404,
            "not_found",
            f"there is no {asked.path[:200]}: {', '.join(dict.fromkeys(path for path, _ in self._routes))}",
        )

    def _knows(self, asked: Asked) -> bool:
        scheme, _, presented = asked.headers.get(b"authorization", b"").partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(presented.strip(), self._token)


def _by_path(routes: Sequence[Route]) -> dict[tuple[str, str], Route]:
    found = {(route.path, route.method): route for route in routes}
    assert len(found) == len(routes), "two routes answer the same method of the same path"
    return found


def read_body(asked: Asked, type_: type[_T]) -> _T:
    """The JSON body as `type_`. Refused with the member that is wrong."""
    try:
        return msgspec.json.decode(asked.body, type=type_)
    except msgspec.ValidationError as error:
        raise Refused(400, "invalid", f"{error}: mend that and send it again") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, "invalid_json", f"the body is not JSON ({error}): send one JSON object") from error


def text_page(status: int, body: str) -> Page:
    """Plain text."""
    return Page(status, "text/plain; charset=utf-8", body)


def json_page(status: int, document: object) -> Page:
    """`document`, of what JSON can say, as JSON."""
    return Page(status, JSON, msgspec.json.encode(document).decode() + "\n")


def _error(refused: Refused) -> Page:
    return json_page(refused.status, {"error": {"type": refused.kind, "message": refused.message}})
