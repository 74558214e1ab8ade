"""A stand-in for Stripe: it holds objects, lists and gives them as Stripe's API does, and sends signed webhooks.

    stripe = StripeSandbox()
    stripe.put(invoice, "invoice.finalized", at=…)     an object's new state, and its event
    with stripe.serve() as url:                        an API base for `stripe.api_base`
        stripe.send(f"{control}/stripe/webhook", secret, events)

Lists come newest first in pages; an invoice carries its first lines and says that it has more. `busy` has requests
refused with 429 first.
"""

import copy
import threading
import urllib.error
import urllib.request
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from floorline.ingest.stripe.objects import Obj, items, mapping, reference
from floorline.ingest.stripe.webhook import signature

KEY = "sk_test_sandbox"
LINES_EMBEDDED = 10
PAGE_OBJECTS = 10
PAGE_OBJECTS_MAX = 100
_LISTS = {
    "invoices": "invoice",
    "invoice_payments": "invoice_payment",
    "credit_notes": "credit_note",
    "refunds": "refund",
    "charges": "charge",
    "customers": "customer",
    "subscriptions": "subscription",
    "prices": "price",
    "products": "product",
    "events": "event",
}
_encoder = msgspec.json.Encoder(decimal_format="number")
_WITH_LINES = frozenset({"invoice", "credit_note"})


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and document of an answer."""

    status: int
    body: Obj
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class StripeSandbox:
    """Objects by kind and id with the order in which they came, the events of their changes, and how often to be busy."""

    busy: int = 0
    asked: int = 0
    now: int = 0
    """The clock of its answers, epoch seconds: the newest event's."""
    _objects: dict[str, dict[str, Obj]] = field(default_factory=dict[str, dict[str, Obj]])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, obj: Obj, type_: str, *, at: int) -> Obj:
        """Hold the object's new state; returns the event that tells of it."""
        with self._lock:
            self.now = max(self.now, at)
            events = self._objects.setdefault("event", {})
            event: Obj = {
                "id": f"evt_{len(events) + 1:06d}",
                "object": "event",
                "type": type_,
                "created": at,
                "data": {"object": copy.deepcopy(obj)},
            }
            events[event["id"]] = event
            self._objects.setdefault(str(obj["object"]), {})[reference(obj)] = {"created": at, **obj}
            return event

    def remove(self, kind: str, name: str) -> None:
        """Hold the object no more."""
        with self._lock:
            del self._objects[kind][name]

    @property
    def events(self) -> list[Obj]:
        """Every event, oldest first."""
        with self._lock:
            return list(self._objects.get("event", {}).values())

    def answer(self, path: str, query: str, authorization: str) -> Answer:
        """What Stripe answers to a GET."""
        with self._lock:
            self.asked += 1
            if self.busy > 0:
                self.busy -= 1
                return Answer(429, _error("Too many requests"), (("retry-after", "1"),))
            if authorization != f"Bearer {KEY}":
                return Answer(401, _error("Invalid API Key provided"))
            match path.removeprefix("/v1/").split("/"):
                case [name] if name in _LISTS:
                    return self._list(list(self._objects.get(_LISTS[name], {}).values()), parse_qs(query), path)
                case [name, id_] if name in _LISTS and id_ in self._objects.get(_LISTS[name], {}):
                    return Answer(200, _cut(self._objects[_LISTS[name]][id_]))
                case [name, id_, "lines"] if id_ in self._objects.get(_LISTS.get(name, ""), {}):
                    lines = items(self._objects[_LISTS[name]][id_].get("lines"))
                    return self._list(lines[::-1], parse_qs(query), path)
                case _:
                    return Answer(404, _error(f"No such object: {path}"))

    def _list(self, objects: list[Obj], query: dict[str, list[str]], path: str) -> Answer:
        """One page, newest first."""
        found = [obj for obj in reversed(objects) if _matches(obj, query)]
        if not path.endswith("/lines"):
            found.sort(key=lambda obj: int(obj.get("created") or 0), reverse=True)
        if after := query.get("starting_after"):
            names = [reference(obj) for obj in found]
            if after[0] not in names:
                return Answer(400, _error(f"No such object: {after[0]}"))
            found = found[names.index(after[0]) + 1 :]
        limit = min(int(query.get("limit", [str(PAGE_OBJECTS)])[0]), PAGE_OBJECTS_MAX)
        page = [_cut(obj) for obj in found[:limit]]
        return Answer(200, {"object": "list", "url": path, "data": page, "has_more": len(found) > limit})

    @contextmanager
    def serve(self, host: str = "127.0.0.1", port: int = 0) -> Generator[str]:
        """Answer on a port of this machine; yields the URL."""
        server = ThreadingHTTPServer((host, port), _handler(self))
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://{host}:{server.server_address[1]}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    @staticmethod
    def send(url: str, secret: str, events: Iterable[Obj], *, at: int) -> list[int]:
        """Send the events to a webhook endpoint, signed at `at`; the statuses of its answers. OSError when nobody answers."""
        statuses: list[int] = []
        for event in events:
            body, headers = signed(event, [secret], at=at)
            request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310 - of this machine
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
                    statuses.append(answer.status)
            except urllib.error.HTTPError as error:
                with error:
                    statuses.append(error.code)
        return statuses


def signed(event: Obj, secrets: Sequence[str], *, at: int) -> tuple[bytes, dict[str, str]]:
    """The body and headers of a webhook, signed with every secret as Stripe does while one is rotated."""
    body = _encoder.encode(event)
    signatures = ",".join(f"v1={signature(body, secret, at)}" for secret in secrets)
    return body, {"content-type": "application/json", "stripe-signature": f"t={at},{signatures}"}


def _matches(obj: Obj, query: dict[str, list[str]]) -> bool:
    """Whether the object is one that the list's filters name."""
    for name in ("invoice", "charge", "payment_intent", "customer"):
        if name in query and reference(obj.get(name)) != query[name][0]:
            return False
    payment = mapping(obj.get("payment"))
    if (
        "payment[payment_intent]" in query
        and reference(payment.get("payment_intent")) != query["payment[payment_intent]"][0]
    ):
        return False
    if "created[gte]" in query and int(obj.get("created") or 0) < int(query["created[gte]"][0]):
        return False
    return "types[]" not in query or obj.get("type") in query["types[]"]


def _cut(obj: Obj) -> Obj:
    """The object as it is given: with its first lines."""
    lines = items(obj.get("lines"))
    if obj.get("object") not in _WITH_LINES or len(lines) <= LINES_EMBEDDED:
        return obj
    return {**obj, "lines": {"object": "list", "data": lines[:LINES_EMBEDDED], "has_more": True}}


def _error(message: str) -> Obj:
    return {"error": {"message": message, "type": "invalid_request_error"}}


def _handler(sandbox: StripeSandbox) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            answer = sandbox.answer(url.path, url.query, self.headers.get("authorization", ""))
            body = _encoder.encode(answer.body)
            self.send_response_only(answer.status)
            self.send_header("date", format_datetime(datetime.fromtimestamp(sandbox.now, UTC), usegmt=True))
            for name, value in (
                ("content-type", "application/json"),
                ("content-length", str(len(body))),
                *answer.headers,
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it overrides
            """Nothing: a test reads what was asked."""

    return Handler
