"""One HTTP request to a receiver: a deadline for all of it, bounded answers, no redirects, verified TLS.

Forward proxies are those of the environment (HTTPS_PROXY, NO_PROXY), and none for this machine; certificates are those of
the system.
"""

import base64
import http.client
import io
import socket
import ssl
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from floorline import __version__, clock
from floorline.delivery.route import Answer

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BODY_MAX = 64 << 10
"""Bytes of an answer that are read, unless another bound is said."""

WORDS_MAX = 200
RETRY_AFTER_MAX_MS = 86_400_000
_AGAIN = frozenset({408, 425, 429})
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class Unreached(Exception):
    """No answer came; says why, without the address, which may be a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A receiver's answer. Names of headers are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def words(self) -> str:
        """The status and the beginning of the body, in one printable line."""
        text = " ".join(self.body.decode(errors="replace").split())
        shown = "".join(c for c in text if c.isprintable())[:WORDS_MAX]
        return f"{self.status} {shown}".rstrip()


def post(url: str, body: bytes, headers: Mapping[str, str], *, timeout_ms: int, body_max: int = BODY_MAX) -> Reply:
    """POST `body` to an http or https address and read at most `body_max` bytes of the answer, all within `timeout_ms`. Unreached otherwise."""
    deadline_ns = time.monotonic_ns() + timeout_ms * 1_000_000
    host = urlsplit(url).hostname or ""
    try:
        connection, target = _connection(url, deadline_ns)
        try:
            connection.request("POST", target, body, {"User-Agent": f"Floorline/{__version__}", **headers})
            with connection.getresponse() as response:  # it outlives a connection that its receiver closes
                content = response.read(body_max)
                names = {name.lower(): value for name, value in response.getheaders()}
                return Reply(status=response.status, headers=names, body=content)
        finally:
            connection.close()
    except TimeoutError as error:
        raise Unreached(f"{host} did not answer within {timeout_ms} ms") from error
    except ssl.SSLError as error:
        raise Unreached(f"TLS with {host} failed: {error.reason or 'unknown reason'}") from error
    except OSError as error:
        raise Unreached(f"{host} cannot be reached: {error.strerror or type(error).__name__}") from error
    except (http.client.HTTPException, ValueError) as error:
        raise Unreached(f"{host} gave no proper answer: {type(error).__name__}") from error


def answered(reply: Reply, *, now: datetime) -> Answer:
    """What a status means for the message: taken, later, or never."""
    if 200 <= reply.status < 300:
        return Answer(outcome="taken", words=reply.words)
    if reply.status in _AGAIN or reply.status >= 500:
        return Answer(outcome="later", words=reply.words, after_ms=retry_after_ms(reply, now=now))
    if 300 <= reply.status < 400:
        host = urlsplit(reply.headers.get("location", "")).hostname or "another address"
        return Answer(
            outcome="refused", words=f"{reply.status}: redirects to {host}, which is not followed: name that address"
        )
    if reply.status == http.client.GONE:
        return Answer(outcome="refused", words=f"{reply.words} (the receiver asks for no more: remove the route)")
    return Answer(outcome="refused", words=reply.words)


def retry_after_ms(reply: Reply, *, now: datetime) -> int | None:
    """How long the receiver asks to wait, at most a day; None when it does not say."""
    stated = reply.headers.get("retry-after", "").strip()
    if stated.isascii() and stated.isdigit():
        return min(int(stated[:9]) * 1_000, RETRY_AFTER_MAX_MS)
    try:
        pause = clock.parse_instant(parsedate_to_datetime(stated)) - now
    except ValueError:
        return None
    return min(max(int(pause.total_seconds()), 0) * 1_000, RETRY_AFTER_MAX_MS)


def _connection(url: str, deadline_ns: int) -> tuple[http.client.HTTPConnection, str]:
    """A connection to the address, by way of the proxy if there is one, and what to ask for on it."""
    parts = urlsplit(url)
    host, is_tls = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if is_tls else 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    proxy = urllib.request.getproxies().get(parts.scheme, "")
    if not proxy or host in _LOCAL or urllib.request.proxy_bypass(host):
        return _open(host, port, is_tls, deadline_ns), target
    via = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    connection = _open(via.hostname or "", via.port or 80, is_tls, deadline_ns)
    if is_tls:
        connection.set_tunnel(host, port, headers=_proxy_credentials(via.username, via.password))
        return connection, target
    return connection, url


def _open(host: str, port: int, is_tls: bool, deadline_ns: int) -> http.client.HTTPConnection:
    timeout_s = _left_s(deadline_ns)
    if is_tls:
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    connection.response_class = partial(_Response, deadline_ns=deadline_ns)  # pyright: ignore[reportAttributeAccessIssue] - called like the class it stands for
    return connection


def _proxy_credentials(user: str | None, password: str | None) -> dict[str, str]:
    if user is None:
        return {}
    pair = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _left_s(deadline_ns: int) -> float:  # float: sockets count seconds
    left_ns = deadline_ns - time.monotonic_ns()
    if left_ns <= 0:
        raise TimeoutError
    return left_ns / 1e9  # float: as above


class _Response(http.client.HTTPResponse):
    """An answer that is read until a deadline, however slowly it comes."""

    def __init__(self, sock: socket.socket, *, method: str | None = None, deadline_ns: int) -> None:
        super().__init__(sock, method=method)
        raw = self.fp
        self.fp = io.BufferedReader(_Timed(raw, sock, deadline_ns))


class _Timed(io.RawIOBase):
    """Reads of a socket that end together at a deadline."""

    def __init__(self, raw: io.BufferedReader, sock: socket.socket, deadline_ns: int) -> None:
        self._raw, self._sock, self._deadline_ns = raw, sock, deadline_ns

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        self._sock.settimeout(_left_s(self._deadline_ns))
        view = memoryview(buffer).cast("B")
        piece = self._raw.read1(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._raw.close()
        super().close()
