"""Recorded answers of real providers through the gateway: the client has the provider's bytes, the record what they cost.

A sample of every provider and endpoint runs with every build; `make prove` takes every answer that was recorded.
"""

import asyncio
import gzip
import json
import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import brotli
import pytest

from floorline.cli.usage import Recorded, body_of, cost_of, read_record
from floorline.gateway.message import Reply, Request
from floorline.gateway.policy import Dialect, Provider
from floorline.ledger.codec import pico
from floorline.ledger.rows import CallRow
from floorline.pricing.book import PriceBook
from floorline.pricing.usage import price_provider
from tests.pricing.usage.recorded import records
from tests.support.serving import Client, Got, Live, run, serving

CLIENTS = 4
SAMPLE_OF_EACH = 3
_DIALECTS: dict[str, Dialect] = {
    "messages": "anthropic",
    "generateContent": "gemini",
    "streamGenerateContent": "gemini",
    "embedContent": "gemini",
    "cachedContents": "gemini",
    "interactions": "gemini",
    "converse": "bedrock",
    "converse-stream": "bedrock",
    "invoke": "bedrock",
    "invoke-stream": "bedrock",
    "agents": "bedrock",
    "apply-guardrail": "bedrock",
}
_OPENAI_PATHS = {
    "chat.completions": "/v1/chat/completions",
    "responses": "/v1/responses",
    "responses.compact": "/v1/responses/compact",
    "embeddings": "/v1/embeddings",
    "completions": "/v1/completions",
}
_FRAMING = {"content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive", "date", "trailer"}


def _deflated(body: bytes) -> bytes:
    return zlib.compress(body, 1)


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": lambda body: gzip.compress(body, 1),
    "deflate": _deflated,
    "br": lambda body: brotli.compress(body, quality=1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One recorded answer as a provider of the gateway's gives it."""

    record: Recorded
    body: bytes
    dialect: Dialect
    provider: str
    path: str

    @classmethod
    def of(cls, record: Recorded) -> "Sent":
        dialect = _DIALECTS.get(record.endpoint, "openai")
        sold_as = price_provider(record.provider, record.url) or "unknown"
        path = _OPENAI_PATHS.get(record.endpoint) if dialect == "openai" else None
        return cls(
            record=record,
            body=body_of(record),
            dialect=dialect,
            provider=f"{sold_as}-{dialect}",
            path=path or urlsplit(record.url).path,
        )

    @property
    def request(self) -> bytes:
        """A request that this may be the answer to."""
        model = (self.record.request_model or "").replace("%3A", ":").replace("%2F", "/")
        asked: dict[str, object] = {"model": model or "unnamed"}
        if self.record.stream and self.dialect in ("openai", "anthropic"):
            asked |= {"stream": True, "stream_options": {"include_usage": True}}
        return json.dumps(asked if self.dialect in ("openai", "anthropic") or model else {}).encode()

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The recorded ones but those of the connection."""
        found: list[tuple[bytes, bytes]] = []
        for name, value in self.record.response_headers.items():
            if name.lower() not in _FRAMING:
                values = value if isinstance(value, list) else [value]
                found += [(name.lower().encode(), one.encode("latin-1", "replace")) for one in values if one]
        return found


@cache
def book() -> PriceBook:
    return PriceBook()


@cache
def everything() -> list[Sent]:
    """Every recorded answer that reports usage, at a path that says which endpoint it is of."""
    return [Sent.of(record) for record in records() if record.endpoint not in ("grpc.chat", "/query")]


def sample() -> Iterator[Sent]:
    """The first few of each provider and endpoint, whole and streamed."""
    seen: dict[object, int] = {}
    for sent in everything():
        kind = (sent.provider, sent.record.endpoint, sent.record.stream)
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] <= SAMPLE_OF_EACH and len(sent.body) < 200_000:
            yield sent


def providers(all_of_them: list[Sent]) -> Callable[[str], dict[str, Provider]]:
    def at(address: str) -> dict[str, Provider]:
        return {
            sent.provider: Provider(
                name=sent.provider,
                dialect=sent.dialect,
                base_url=f"{address}/v1" if sent.dialect == "openai" else address,
                auth="none",
                price_as=sent.provider.rpartition("-")[0],
            )
            for sent in all_of_them
        }

    return at


def pieces(body: bytes, draw: random.Random) -> Iterator[bytes]:
    """`body` cut anywhere, most pieces short."""
    at = 0
    while at < len(body):
        size = draw.choice((1, 7, 60, 500, 4_000, 60_000))
        yield body[at : at + size]
        at += size


class Replay:
    """The stub's script, and what came of every answer."""

    def __init__(self, sents: list[Sent], encoding: str, *, cut: bool) -> None:
        self.sents, self.encoding, self.cut = sents, encoding, cut
        self.encoded = [ENCODERS[encoding](sent.body) for sent in sents]

    async def script(self, request: Request, reply: Reply) -> None:
        number = int(request.headers[b"x-replay"])
        headers, body = self.sents[number].headers, self.encoded[number]
        if self.encoding:
            headers = [*headers, (b"content-encoding", self.encoding.encode())]
        status = self.sents[number].record.response_status
        if not self.cut:
            reply.whole(status, headers, body)
            return
        reply.start(status, headers, None)
        for piece in pieces(body, random.Random(number)):
            reply.write(piece)
            if len(piece) > 500:
                await asyncio.sleep(0)
        reply.end()

    async def run(self, live: Live) -> list[Got]:
        """Ask for all of them, over a few connections."""
        live.stub.script = self.script
        found: dict[int, Got] = {}
        left = iter(range(len(self.sents)))

        async def ask(client: Client) -> None:
            for number in left:
                sent = self.sents[number]
                headers = {"x-replay": str(number), "x-floorline-run": str(number)}
                found[number] = await client.ask(f"/{sent.provider}{sent.path}", sent.request, headers)

        await asyncio.gather(*[ask(await live.client()) for _ in range(CLIENTS)])
        return [found[number] for number in range(len(self.sents))]


def told(call: CallRow) -> tuple[object, ...]:
    """What a record says of an answer, whichever way it came."""
    return (
        call.status, call.ending, call.model_served, dict(call.usage), call.effective_cost, call.list_cost, call.cost_basis,
        call.price_version, call.unpriced_reason, call.lines_unit, call.lines_quantity, call.lines_effective,
    )  # fmt: skip


def expected(sent: Sent, call: CallRow) -> tuple[int | None, str]:
    """Cost and price version as `floorline usage extract` finds them."""
    at = datetime.fromtimestamp(call.opened_at / 10**6, UTC)
    costing = cost_of(sent.record, read_record(sent.record).parts, book(), at)
    return None if costing.effective_cost is None else pico(costing.effective_cost), costing.price_version


def replayed(sents: list[Sent], encoding: str, folder: Path, *, cut: bool) -> list[CallRow]:
    """The record of each, after its bytes were compared."""
    calls: list[CallRow] = []

    async def test() -> None:
        async with serving(folder, providers=providers(sents), book=book(), unattributed="allow") as live:
            replay = Replay(sents, encoding, cut=cut)
            answers = await replay.run(live)
            for sent, got, body in zip(sents, answers, replay.encoded, strict=True):
                assert got.whole, sent.record.source_path
                assert got.status == sent.record.response_status, (sent.record.source_path, got.body)
                assert got.body == body, sent.record.source_path
            found = {call.run_id: call for call in (await live.settled(calls=len(sents))).calls}
            assert len(found) == len(sents)
            calls.extend(found[str(number)] for number in range(len(sents)))

    run(test())
    return calls


def check(sents: list[Sent], folder: Path, encodings: tuple[str, ...]) -> None:
    """Every answer, whole and cut into pieces, plain and encoded: the same bytes, the same record, the right cost."""
    plain = replayed(sents, "", folder / "plain", cut=False)
    off: list[str] = []
    for sent, call in zip(sents, plain, strict=True):
        if sent.provider.startswith("unknown-"):
            continue  # an address that was no provider: a gateway's providers have names
        cost, version = expected(sent, call)
        if (call.effective_cost, call.price_version) != (cost, version):
            off.append(f"{sent.record.source_path}: {call.effective_cost} {call.unpriced_reason}, expected {cost}")
    assert off == []
    for encoding in encodings:
        for cut in (False, True):
            if encoding or cut:
                again = replayed(sents, encoding, folder / f"{encoding}{cut}", cut=cut)
                for sent, call, one in zip(sents, plain, again, strict=True):
                    assert told(one) == told(call), f"{sent.record.source_path} {encoding} {cut}"


def test_a_sample_of_recorded_answers_passes_untouched_and_costs_what_extract_says(tmp_path: Path) -> None:
    sents = list(sample())
    assert len(sents) > 100
    check(sents, tmp_path, ("", "gzip", "br"))


@pytest.mark.prove
def test_every_recorded_answer_passes_untouched_and_costs_what_extract_says(tmp_path: Path) -> None:
    sents = everything()
    assert len(sents) == 2082
    check(sents, tmp_path, ("", "gzip", "deflate", "br"))
