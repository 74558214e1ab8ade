"""Who makes vectors of questions, what happens when that takes too long, and how what is known goes again."""

import asyncio
import json
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from floorline.embedding.embedder import Embedded, Embedder
from floorline.embedding.lexical import Lexical
from floorline.gateway.app import now_ms
from floorline.gateway.message import Reply, Request
from floorline.gateway.policy import Allowed, Embedding
from floorline.gateway.semantic.embedders import Ready, ready
from floorline.guardrails.cache import CacheRule
from floorline.guardrails.frame import ENFORCE
from floorline.ledger.content import Subject
from floorline.ledger.purging import Purge, Purges
from floorline.wiring.embedders import open_embedder
from tests.gateway.semantic.test_shadow import ALIKE, ASKED, CHAT, Provider, ask, asked, comparing, completion
from tests.support.embedders import minilm
from tests.support.serving import JSON, LETTERS_ALONE, OWNED, Live, run, serving, until

SERVED = {"e": ready(Embedding(served="sandbox-embedder", dimensions=1_024, time_ms=5_000), None)}


class Embeddings:
    """A provider that answers, and makes vectors by letters."""

    def __init__(self, *, fails: bool = False, after_s: float = 0) -> None:
        self.fails, self.after_s = fails, after_s
        self.asked: list[Mapping[str, object]] = []

    async def __call__(self, request: Request, reply: Reply) -> None:
        body = json.loads(request.body)
        if request.path != "/v1/embeddings":
            reply.whole(200, JSON, completion("Open the settings."))
            return
        self.asked.append(body)
        await asyncio.sleep(self.after_s)
        vector = Lexical().embed(body["input"]).vector
        assert vector is not None
        data = [{"index": 0, "embedding": [] if self.fails else vector.tolist()}]
        usage = {"prompt_tokens": 8, "total_tokens": 8}
        reply.whole(200, JSON, json.dumps({"model": "sandbox-1", "data": data, "usage": usage}).encode())


class Slow:
    """Letters, once `hold` is set."""

    def __init__(self) -> None:
        self.hold = threading.Event()
        self.name, self.dimensions, self.tokens_max, self.multilingual = "slow", 1_024, 250, True

    def embed(self, text: str) -> Embedded:
        self.hold.wait(10)
        return Lexical().embed(text)


async def found(live: Live, text: str, **headers: str) -> str:
    return (await asked(live, text, **headers)).headers["x-floorline-semantic-cache"]


def test_a_sentence_model_knows_a_question_in_other_words(tmp_path: Path) -> None:
    async def test() -> None:
        local = {"m": ready(Embedding(local=minilm(), time_ms=5_000), open_embedder(minilm()))}
        rules = comparing(embedder="m", similarity_min=0.7)
        async with serving(tmp_path, guardrails=rules, embedders=local) as live:
            live.stub.script = Provider()
            assert await found(live, "How do I cancel my subscription?") == "miss"
            assert await found(live, "how can i stop my subscription") == "near"
            assert await found(live, "What is the weather in Oslo?") == "miss"
            assert await found(live, "取消我的订阅") == "bypass"
            assert live.semantic.looks["treated", "bypass", "unknown_words"] == 1

    run(test())


def test_a_served_embedder_is_a_call_of_its_own_for_the_same_customer(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=comparing(embedder="e"), embedders=SERVED) as live:
            live.stub.script = provider = Embeddings()
            assert [await found(live, text) for text in (ASKED, ALIKE)] == ["miss", "near"]
            assert provider.asked[0] == {
                "model": "sandbox-embedder", "input": ASKED, "encoding_format": "float", "dimensions": 1_024,
            }  # fmt: skip
            embedding, call, *_ = live.records().calls
            assert (embedding.call_type, embedding.step) == ("embedding", "semantic_cache")
            assert (embedding.customer_id, embedding.feature) == ("acme", "assistant")
            assert embedding.metadata["made_for"] == call.id
            assert live.semantic.owed.of("assistant") > 0

    run(test())


@pytest.mark.parametrize(
    ("provider", "reason"), [(Embeddings(fails=True), "failed"), (Embeddings(after_s=0.5), "slow")]
)
def test_a_served_embedder_that_fails_or_dawdles_is_a_miss(provider: Embeddings, reason: str, tmp_path: Path) -> None:
    async def test() -> None:
        quick = {"e": ready(Embedding(served="sandbox-embedder", time_ms=100), None)}
        async with serving(tmp_path, guardrails=comparing(embedder="e"), embedders=quick) as live:
            live.stub.script = provider
            assert await found(live, ASKED) == "bypass"
            assert live.semantic.looks == {("treated", "bypass", reason): 1}
            await live.settled(calls=2)

    run(test())


def test_a_question_goes_to_no_embedder_that_its_customer_may_not_go_to(tmp_path: Path) -> None:
    async def test() -> None:
        allowed = {"acme": Allowed(providers=frozenset({"anthropic"}))}
        async with serving(tmp_path, guardrails=comparing(embedder="e"), embedders=SERVED, customers=allowed) as live:
            live.stub.script = provider = Embeddings()
            await live.ask("/v1/messages", ask(ASKED, max_tokens=5))
            assert provider.asked == []
            assert live.semantic.looks == {("treated", "bypass", "failed"): 1}

    run(test())


def test_a_slow_embedder_delays_its_own_calls_so_long_and_others_not_at_all(tmp_path: Path) -> None:
    async def test() -> None:
        slow = Slow()
        one: Embedder = slow
        embedders: dict[str, Ready] = {"s": Ready("slow", Embedding(time_ms=1_500), one)}
        async with serving(tmp_path, guardrails=comparing(embedder="s"), embedders=embedders) as live:
            live.stub.script = Provider()
            clock = asyncio.get_running_loop().time
            begun = clock()
            waiting = [asyncio.create_task(live.ask(CHAT, ask(f"{ASKED} {n}"))) for n in range(100)]
            await asyncio.sleep(0.02)
            other = await live.ask(CHAT, ask(ASKED, temperature=1))
            assert other.status == 200
            assert {got.status for got in await asyncio.gather(*waiting)} == {200}
            assert clock() - begun < 10
            reasons = {reason: count for (_, state, reason), count in live.semantic.looks.items() if state == "bypass"}
            assert reasons.pop("temperature") == 1
            assert reasons.pop("slow") > 0
            assert reasons.pop("behind") > 0
            assert reasons == {}
            slow.hold.set()

    run(test())


def test_an_embedder_that_nobody_configured_passes_calls_by(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=comparing(embedder="other")) as live:
            live.stub.script = Provider()
            assert await found(live, ASKED) == "bypass"
            assert live.semantic.looks == {("treated", "bypass", "no_embedder"): 1}

    run(test())


def test_another_embedder_or_partition_finds_nothing_of_before_and_what_was_kept_goes(tmp_path: Path) -> None:
    async def test() -> None:
        rails = comparing()
        async with serving(tmp_path, guardrails=rails) as live:
            live.stub.script = Provider()
            await found(live, ASKED)
            live.semantic.follow(LETTERS_ALONE, rails.of)
            assert await found(live, ALIKE) == "near"
            renamed = {"": Ready("another", LETTERS_ALONE[""].embedding, LETTERS_ALONE[""].model)}
            live.semantic.follow(renamed, rails.of)
            assert await found(live, ALIKE) == "miss"
            assert len(live.semantic.store) == 1
            live.semantic.follow(renamed, comparing(partition="feature").of)
            await until(lambda: len(live.semantic.store) == 0)

    run(test())


@pytest.mark.parametrize("kind", ["all", "call", "feature", "customer", "user"])
def test_a_purge_forgets_what_it_names_and_nothing_else(kind: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=comparing()) as live:
            live.stub.script = Provider()
            first = await asked(live, ASKED, **{"x-floorline-user": "ada"})
            await asked(live, ASKED, **{"x-floorline-customer": "globex", "x-floorline-feature": "other"})
            customer, user = live.cache._names(Subject("acme", "ada"))
            words = {
                "all": "", "call": first.headers["x-floorline-call-id"], "feature": "assistant", "customer": customer,
                "user": f"{customer}/{user}",
            }  # fmt: skip
            purge = Purge(kind=kind, word=words[kind], at_ms=now_ms())
            live.semantic.purge(Purges([purge]))
            await until(lambda: len(live.semantic.store) == (0 if kind == "all" else 1))
            assert await found(live, ALIKE) == "miss"

    run(test())


def test_what_has_expired_or_is_too_old_for_who_asks_is_not_near(tmp_path: Path) -> None:
    async def test() -> None:
        ahead = [0]
        async with serving(tmp_path, guardrails=comparing(ttl_s=60), cache_ms=lambda: now_ms() + ahead[0]) as live:
            live.stub.script = Provider()
            await found(live, ASKED)
            ahead[0] = 30_000
            assert await found(live, ALIKE, **{"cache-control": "max-age=10"}) == "miss"
            assert await found(live, ALIKE) == "near"
            ahead[0] = 120_000
            assert await found(live, ALIKE) == "miss"
            live.semantic.sweep(now_ms() + 300_000)
            await until(lambda: len(live.semantic.store) == 0)

    run(test())


def test_what_the_exact_cache_has_is_not_looked_for_here(tmp_path: Path) -> None:
    async def test() -> None:
        rails = comparing()
        rails = replace(rails, default=replace(rails.default, cache=CacheRule(setting=ENFORCE)))
        async with serving(tmp_path, guardrails=rails) as live:
            live.stub.script = Provider()
            for _ in range(2):
                got = await live.ask(CHAT, ask(ASKED), OWNED)
            assert got.headers["x-floorline-cache"] == "hit"
            assert live.semantic.looks == {("treated", "miss", ""): 1}

    run(test())
