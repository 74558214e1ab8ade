"""The semantic cache of a gateway that is a process: a sentence model and a Redis from floorline.yaml, labels in the ledger, a certificate in a
file, and answers that outlast a kill and go when they are reported or erased.
"""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from floorline.gateway.policy import Embedding
from floorline.gateway.semantic.embedders import ready
from floorline.gateway.semantic.looking import epoch_of
from floorline.guardrails.semantic.rule import SemanticRule
from floorline.ledger.files import put_file
from floorline.proof.certificate import NAME, Certificate, Certificates, to_bytes
from floorline.wiring.embedders import open_embedder
from tests.gateway.semantic.test_shadow import CHAT, Provider, ask
from tests.support.embedders import MODEL_SHA256, TOKENIZER_SHA256, minilm
from tests.support.processes import command
from tests.support.redis_server import RedisServer
from tests.support.running import Running, running
from tests.support.serving import OWNED, Got, run

pytestmark = pytest.mark.prove

CONFIG = """
  cache: {{redis: "${{CACHE_REDIS}}"}}
  embedders:
    minilm:
      model: {model}
      sha256: {sha256}
      tokenizer: {tokenizer}
      tokenizer_sha256: {tokenizer_sha256}
      time: 5s
features:
  assistant:
    guardrails: {{holdout: 0%, semantic_cache: {{embedder: minilm, audit: 5%, similarity_min: 0.7, partition: {partition}}}}}
"""
"""Goes on in `gateway`, where the support's configuration ends."""

QUESTIONS = ("How do I cancel my subscription?", "how can i cancel my subscription", "how do i cancel the subscription")


@pytest.fixture(autouse=True)
def _redis(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    made = RedisServer(tmp_path_factory.mktemp("redis"))
    monkeypatch.setenv("CACHE_REDIS", made.url)
    yield
    made.stop()


def configure(gateway: Running, partition: str = "customer") -> None:
    model = minilm()
    gateway.configure(
        CONFIG.format(
            model=model.path,
            sha256=MODEL_SHA256,
            tokenizer=model.tokenizer,
            tokenizer_sha256=TOKENIZER_SHA256,
            partition=partition,
        )
    )


def certify(gateway: Running) -> None:
    """Publish a certificate, as the control process does."""
    embedder = ready(Embedding(local=minilm()), open_embedder(minilm()))
    certificate = Certificate(
        kind="semantic",
        feature="assistant",
        state="certified",
        threshold=0.7,
        since=datetime.now(UTC),
        epoch=epoch_of(embedder, SemanticRule()),
    )
    put_file(gateway.home / NAME, to_bytes(Certificates(as_of=datetime.now(UTC), every=(certificate,))))


async def asked(gateway: Running, text: str, customer: str = "acme") -> Got:
    client = await gateway.client()
    return await client.ask(CHAT, ask(text), {**OWNED, "x-floorline-customer": customer}, bearer=gateway.key)


async def until_said(gateway: Running, wanted: str, text: str, customer: str = "acme") -> Got:
    """Ask until the semantic cache says that: one call in twenty is audited, and files are looked at twice a second."""
    async with asyncio.timeout(20):
        while True:
            got = await asked(gateway, text, customer)
            if got.headers.get("x-floorline-semantic-cache") == wanted:
                return got
            await asyncio.sleep(0.1)


async def floorline(gateway: Running, *words: str) -> str:
    return await asyncio.to_thread(command, gateway.home, *words)


async def stats(gateway: Running) -> dict[str, object]:
    (found,) = json.loads(await floorline(gateway, "cache", "stats", "--json"))["semantic"]
    return found


def test_a_near_answer_is_compared_then_served_by_certificate_outlasts_a_kill_and_goes_when_it_is_bad_or_erased(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        async with running(tmp_path) as gateway:
            gateway.stub.script = Provider()
            configure(gateway)
            first = await until_said(gateway, "miss", QUESTIONS[0])
            near = await asked(gateway, QUESTIONS[1])
            assert near.headers["x-floorline-semantic-cache"] == "near"
            assert float(near.headers["x-floorline-similarity"]) > 0.7
            told = await floorline(gateway, "explain", near.headers["x-floorline-call-id"])  # has it collected, too
            assert "semantic_cache: a stored question is 0." in told
            found = await stats(gateway)
            assert (found["feature"], found["hits"], found["near"]) == ("assistant", 0, 1)
            assert (found["labels"], found["right"]) == (1, 1)

            certify(gateway)
            hit = await until_said(gateway, "hit", QUESTIONS[2])
            assert (hit.body, hit.headers["x-floorline-cache"]) == (first.body, "semantic")
            told = await floorline(gateway, "explain", hit.headers["x-floorline-call-id"])
            assert "s before to a question" in told
            assert "semantic_cache (enforce): hit; saved $0.00014" in told

            gateway.process.kill()
            await gateway.start()
            hit = await until_said(gateway, "hit", QUESTIONS[2])
            assert 'floorline_semantic_looks_total{gateway="g1",arm="treated",found="near",reason=""}' in (
                await gateway.metrics()
            )

            said = await floorline(
                gateway, "cache", "report-bad", hit.headers["x-floorline-call-id"], "--reason", "out of date"
            )
            assert "it was the answer to a near question" in said
            found = await stats(gateway)
            assert found["labels"] - found["right"] == 1

            await until_said(gateway, "hit", QUESTIONS[2])  # another answer that says the same is still there
            await floorline(gateway, "cache", "purge", "--feature", "assistant")
            await until_said(gateway, "miss", "What is the weather in Oslo?")
            await until_said(gateway, "hit", "what is the weather in oslo now")
            await until_said(gateway, "miss", "What is the weather in Oslo?", customer="globex")
            await floorline(gateway, "erase", "customer", "acme", "--yes")
            await until_said(gateway, "miss", "what is the weather like in oslo")
            await until_said(gateway, "hit", "what is the weather in oslo now", customer="globex")

            configure(gateway, partition="feature")
            await until_said(gateway, "miss", "what is the weather in oslo now", customer="globex")

    run(test(), within_s=300)
