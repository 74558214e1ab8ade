"""A whole gateway for tests: real sockets on loopback, a provider whose answers each test scripts, and the records it left."""

import asyncio
import secrets
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import uvloop

from floorline.embedding.lexical import Lexical
from floorline.events import Opening
from floorline.gateway.accounting import Prices
from floorline.gateway.app import now_ms
from floorline.gateway.cache.asking import Keys
from floorline.gateway.cache.memory import Memory
from floorline.gateway.cache.store import ExactCache
from floorline.gateway.capturing import Capturer, Redact
from floorline.gateway.guarding import Counters, Guard
from floorline.gateway.keys import Keyring, digest, new_key
from floorline.gateway.message import Reply, Request
from floorline.gateway.metrics import Metrics
from floorline.gateway.pipeline import Chance, Pipeline, explained, utc_now
from floorline.gateway.policy import LETTERS, GatewayPolicy, Limits, Provider
from floorline.gateway.recording import Recorder
from floorline.gateway.semantic.embedders import Ready, ready
from floorline.gateway.semantic.looking import SemanticCache
from floorline.gateway.semantic.store import Store
from floorline.gateway.semantic.workers import Workers
from floorline.gateway.server import Server
from floorline.gateway.snapshot import Snapshot, upstreams
from floorline.gateway.wire.signing import Signer
from floorline.guardrails.rules import Rules
from floorline.ledger import codec
from floorline.ledger.content import ContentStore
from floorline.ledger.key import Key
from floorline.ledger.rows import CallRow, LabelRow
from floorline.ledger.segment import Segment
from floorline.ledger.spool import Spool, segment_paths
from floorline.pricing.book import PriceBook
from floorline.pricing.overrides import PriceOverride, Rate
from floorline.proof.certificate import Certificates

SECRET = b"a signing secret for tests, 32 bytes"
KEY = new_key(bytes(32))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MODEL = "sandbox-1"
BOOK = PriceBook(
    overrides=[
        PriceOverride(model=MODEL, rates={"input": Rate(price=Decimal(1)), "output": Rate(price=Decimal(2))}),
        PriceOverride(model="sandbox-free", free=True),
    ]
)
"""One dollar a million tokens in, two out; and a model that costs nothing."""

JSON = [(b"content-type", b"application/json")]
EVENTS = [(b"content-type", b"text/event-stream")]
OWNED = {"x-floorline-customer": "acme", "x-floorline-feature": "assistant"}
LETTERS_ALONE = {"": ready(LETTERS, Lexical())}
Script = Callable[[Request, Reply], Awaitable[None]]


def key(**changes: object) -> Key:
    """The key that `KEY` is."""
    fields: dict[str, object] = {
        "id": "k_1",
        "name": "tests",
        "digest": digest(KEY.encode(), SECRET),
        "created_at": NOON,
    }
    return Key(**{**fields, **changes})


def run(test: Coroutine[None, None, None], *, within_s: float = 60) -> None:
    """Run a test's coroutine on the loop that gateways run on."""
    uvloop.run(asyncio.wait_for(test, within_s))


async def until(holds: Callable[[], object], *, within_s: float = 10) -> None:
    """Wait for something that comes by itself."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - a record in a file tells nobody that it is there
            await asyncio.sleep(0.01)


# -- the provider


class Stub:
    """A provider. `script` answers every request that comes; all of them are kept in `requests`."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.script: Script = nothing
        self.address = ""

    async def handle(self, request: Request, reply: Reply) -> None:
        self.requests.append(request)
        await self.script(request, reply)

    @property
    def paths(self) -> list[str]:
        """Where every request went."""
        return [request.path for request in self.requests]


async def nothing(request: Request, _reply: Reply) -> None:
    """No test wants to come here."""
    raise AssertionError(f"{request.method} {request.path} was sent upstream")


def answer(body: bytes, *, status: int = 200, headers: list[tuple[bytes, bytes]] = JSON, after_s: float = 0) -> Script:
    """Always this whole answer."""

    async def script(_request: Request, reply: Reply) -> None:
        if after_s:
            await asyncio.sleep(after_s)
        if not reply.gone:
            reply.whole(status, headers, body)

    return script


def streamed(
    pieces: list[bytes],
    *,
    headers: list[tuple[bytes, bytes]] = EVENTS,
    pause_s: float = 0,
    broken: bool = False,
    hold: asyncio.Event | None = None,
) -> Script:
    """Always this stream, a piece at a time; `broken` off instead of ended, after `hold` was set."""

    async def script(_request: Request, reply: Reply) -> None:
        reply.start(200, headers, None)
        for piece in pieces:
            reply.write(piece)
            await asyncio.sleep(pause_s)
        if hold is not None:
            await hold.wait()
        if broken:
            reply.abort()
        elif not reply.gone:
            reply.end()

    return script


async def hung_up(_request: Request, reply: Reply) -> None:
    """The connection breaks before any answer."""
    reply.abort()


def in_turn(*scripts: Script) -> Script:
    """The first request is answered by the first script, and so on; the last one goes on for ever."""
    left = list(scripts)

    async def script(request: Request, reply: Reply) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(request, reply)

    return script


# -- the gateway


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What a spool holds. `order` names each frame: `open`, `close`, `price` and the id that it belongs to."""

    openings: list[Opening] = field(default_factory=list[Opening])
    calls: list[CallRow] = field(default_factory=list[CallRow])
    labels: list[LabelRow] = field(default_factory=list[LabelRow])
    prices: dict[str, str] = field(default_factory=dict[str, str])
    order: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    @property
    def call(self) -> CallRow:
        """The only call. It was opened once, before it was closed once."""
        assert [what for what in self.order if what[0] != "price"] == [
            ("open", self.calls[0].id),
            ("close", self.calls[0].id),
        ]
        return self.calls[0]


def read_spool(folder: Path) -> Records:
    """Everything in a gateway's spool, in the order in which it was appended."""
    records = Records()
    for path in segment_paths(folder):
        for _, payload in Segment(path).frames():
            number = codec.number_of(payload)
            if number == codec.OPENING:
                records.openings.append(codec.decode_opening(payload))
                records.order.append(("open", records.openings[-1].id))
            elif number == codec.PRICE_VERSION:
                name, version = codec.decode_price_version(payload)
                records.prices[name] = version
                records.order.append(("price", name))
            else:
                frame = codec.decode(payload)
                row = frame.table.decoder.decode(frame.row)
                if isinstance(row, LabelRow):
                    records.labels.append(row)
                    continue
                assert isinstance(row, CallRow)
                assert frame.identity == codec.identity_of(row.source, row.id)
                records.calls.append(row)
                records.order.append(("close", row.id))
    return records


def usd(pico: int | None) -> Decimal | None:
    """An amount of a row in dollars."""
    return None if pico is None else Decimal(pico).scaleb(-12)


def unsigned(_provider: Provider) -> Signer | None:
    return None


class Live:
    """A gateway that serves, in this process."""

    def __init__(
        self,
        stub: Stub,
        spool: Spool,
        pipeline: Pipeline,
        server: Server,
        cache: ExactCache,
        semantic: SemanticCache,
    ) -> None:
        self.stub, self.spool, self.pipeline, self.server = stub, spool, pipeline, server
        self.cache, self.semantic = cache, semantic
        self.metrics = pipeline._metrics
        self.address = ("", 0)
        self._clients: list[Client] = []

    async def client(self) -> "Client":
        """A new connection to the gateway."""
        made = await Client.to(*self.address)
        self._clients.append(made)
        return made

    async def ask(self, path: str, body: bytes | None, headers: Mapping[str, str] = OWNED, **options: object) -> "Got":
        """One request on a connection of its own."""
        client = await self.client()
        return await client.ask(path, body, headers, **options)

    def records(self) -> Records:
        """What was recorded so far."""
        return read_spool(self.spool.folder)

    async def settled(self, *, calls: int = 1) -> Records:
        """The records once `calls` calls have ended and nothing is being handled any more."""
        await until(lambda: not self.server.busy and len(self.records().calls) >= calls)
        return self.records()

    def enforce(self, policy: GatewayPolicy) -> None:
        """Put another policy into force."""
        before = self.pipeline.snapshot
        self.pipeline.snapshot = replace(before, policy=policy, upstreams=upstreams(policy, before.upstreams, unsigned))

    def leave(self) -> None:
        for client in self._clients:
            client.leave()


def plain(address: str) -> dict[str, Provider]:
    """A provider of each dialect, all of them at `address`."""
    return {
        "openai": Provider(name="openai", dialect="openai", base_url=f"{address}/v1", api_key="sk-real"),
        "anthropic": Provider(
            name="anthropic", dialect="anthropic", base_url=address, auth="x-api-key", api_key="ant-real"
        ),
        "gemini": Provider(
            name="gemini", dialect="gemini", base_url=address, auth="x-goog-api-key", api_key="goog-real"
        ),
        "bedrock": Provider(name="bedrock", dialect="bedrock", base_url=address, auth="none", price_as="aws"),
    }


@asynccontextmanager
async def serving(
    folder: Path,
    *,
    providers: Callable[[str], Mapping[str, Provider]] = plain,
    keys: tuple[Key, ...] = (),
    book: PriceBook = BOOK,
    segment_bytes: int = 1 << 22,
    quota_bytes: int = 1 << 26,
    spool: Spool | None = None,
    draw: Callable[[], float] = lambda: 0.0,
    redact: Redact | None = None,
    cache_ms: Callable[[], int] = now_ms,
    counters: Counters | None = None,
    now: Callable[[], datetime] = utc_now,
    embedders: Mapping[str, Ready] = LETTERS_ALONE,
    certificates: Certificates | None = None,
    **changes: object,
) -> AsyncIterator[Live]:
    """A gateway in front of a stub. `changes` are fields of its policy, `cache_ms` is its caches' clock."""
    async with stubbing() as stub:
        policy = GatewayPolicy(providers=providers(stub.address), **changes)
        spool = spool or Spool(
            folder / "spool", segment_bytes=segment_bytes, quota_bytes=quota_bytes, fail=policy.spool_fail
        )
        content = ContentStore(folder / "content", SECRET, secrets.token_bytes, writer="g1", segment_bytes=1 << 24)
        capturer = Capturer(content, redact)
        cache = ExactCache(Memory(policy.cache.memory_bytes), Keys(SECRET), content.keys.names, cache_ms)
        semantic = SemanticCache(
            Store(policy.cache.semantic_bytes, None),
            Keys(SECRET),
            content.keys.names,
            cache_ms,
            Workers(),
            Workers(calculates=True),
        )
        semantic.follow(embedders, (lambda _: Rules()) if policy.guardrails is None else policy.guardrails.of)
        ring = Keyring(keys or (key(),), SECRET)
        pipeline = _pipeline(policy, spool, ring, book, draw, capturer, Guard(counters, cache, semantic), now)
        pipeline.snapshot = replace(pipeline.snapshot, certificates=certificates)
        server = Server(pipeline.handle, policy.limits, explain=explained)
        live = Live(stub, spool, pipeline, server, cache, semantic)
        live.address = await server.listen("127.0.0.1", 0)
        try:
            yield live
        finally:
            live.leave()
            server.limits = replace(server.limits, shutdown_ms=300)
            await server.close()
            await pipeline.close()
            for way in pipeline.snapshot.upstreams.values():
                way.pool.close()
            capturer.close()


@asynccontextmanager
async def stubbing() -> AsyncIterator[Stub]:
    """A provider alone, for a gateway that is a process of its own."""
    stub = Stub()
    server = Server(stub.handle, Limits(shutdown_ms=300))
    host, port = await server.listen("127.0.0.1", 0)
    stub.address = f"http://{host}:{port}"
    try:
        yield stub
    finally:
        await server.close()


def _pipeline(
    policy: GatewayPolicy,
    spool: Spool,
    ring: Keyring,
    book: PriceBook,
    draw: Callable[[], float],
    capturer: Capturer,
    guard: Guard,
    now: Callable[[], datetime],
) -> Pipeline:
    numbers = iter(range(10**9))
    metrics = Metrics()
    return Pipeline(
        Snapshot(
            policy=policy,
            ring=ring,
            prices=Prices(book=book, trusted=policy.trusted_cost_providers),
            upstreams=upstreams(policy, {}, unsigned),
            breakers={},
        ),
        Recorder(spool, "g1", lost_after=timedelta(hours=1)),
        metrics,
        Chance(now=now, call_id=lambda: f"{next(numbers):032x}", draw=draw),
        capturer,
        {},
        lambda: False,
        guard,
    )


# -- the client


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """An answer as the client has it. `whole`: its framing says that nothing is missing."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool = True


class Client:
    """One connection to a gateway, that of an application."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._left = False

    @classmethod
    async def to(cls, host: str, port: int) -> "Client":
        return cls(*await asyncio.open_connection(host, port, limit=1 << 24))

    async def ask(
        self,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str] = OWNED,
        *,
        method: str = "",
        bearer: str | None = KEY,
    ) -> Got:
        """One request and its answer."""
        await self.send(path, body, headers, method=method, bearer=bearer)
        return await self.read()

    async def send(
        self,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str] = OWNED,
        *,
        method: str = "",
        bearer: str | None = KEY,
    ) -> None:
        """One request; a body makes a POST of it."""
        lines = [f"{method or ('GET' if body is None else 'POST')} {path} HTTP/1.1", "host: gateway"]
        if bearer is not None:
            lines.append(f"authorization: Bearer {bearer}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body is not None:
            lines += [f"content-length: {len(body)}"]
        self._writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""))
        await self._writer.drain()

    async def head(self) -> Got:
        """Status and headers of the answer."""
        text = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = text[:-4].split("\r\n")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(": ")
            assert name not in headers or not name.startswith("x-floorline-"), f"{name} stands twice"
            headers[name] = value
        return Got(status=int(first.split(" ")[1]), headers=headers, body=b"")

    async def read(self) -> Got:
        """The whole answer, or what there is of one that breaks off."""
        return await self.rest(await self.head())

    async def rest(self, head: Got) -> Got:
        """The answer whose head has come, with its body."""
        parts: list[bytes] = []
        whole = True
        try:
            async for piece in self.pieces(head):
                parts.append(piece)  # noqa: PERF401 - what came before a break counts
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            whole = False
            parts.append(error.partial if isinstance(error, asyncio.IncompleteReadError) else b"")
        return replace(head, body=b"".join(parts), whole=whole)

    async def pieces(self, head: Got) -> AsyncIterator[bytes]:
        """The body, as its framing cuts it. IncompleteReadError when it breaks off."""
        if head.headers.get("transfer-encoding") == "chunked":
            while size := int(await self._reader.readuntil(b"\r\n"), 16):
                yield (await self._reader.readexactly(size + 2))[:-2]
            await self._reader.readexactly(2)
        else:
            length = int(head.headers.get("content-length", 0))
            if length:
                yield await self._reader.readexactly(length)

    def stop_reading(self) -> None:
        """Take nothing of what is sent."""
        self._writer.transport.pause_reading()

    def leave(self) -> None:
        """Go, at once: by a reset, as of a process that is killed."""
        if not self._left and not self._writer.is_closing():
            raw = self._writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._left = True
        self._writer.transport.abort()
