"""The whole loop on a real gateway: near questions are compared in shadow, labels certify, their answers are served, and when the same wording
comes to mean other answers an alarm takes it back.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from floorline.gateway.message import Reply, Request
from floorline.guardrails.frame import ENFORCE
from floorline.guardrails.rules import Guardrails, Rules
from floorline.guardrails.semantic.controller import certify
from floorline.guardrails.semantic.rule import SemanticRule
from floorline.proof.certificate import Certificate, Certificates
from tests.gateway.semantic.test_shadow import CHAT, ask, completion
from tests.gateway.test_comparing import labelling
from tests.support.serving import JSON, Live, run, until

BUDGET = 0.05
RULE = SemanticRule(setting=ENFORCE, similarity_min=0.5, false_hits_max=BUDGET)
START = datetime(2026, 11, 1, tzinfo=UTC)
STRETCH = 300

TOPICS = (
    "cancel my subscription", "reset the password", "change our billing address", "export all invoices", "invite a colleague",
    "delete an account", "upgrade to the team plan", "connect a printer", "download last year's report", "enable dark mode",
)  # fmt: skip
WORDINGS = (
    "how do i {}", "how can i {}", "how do i {} please", "tell me how to {}", "please, how can i {}", "i want to {}, how",
    "what do i do to {}", "can you tell me how to {}",
)  # fmt: skip


class World:
    """A model that answers by topic; once `moved`, every wording has an answer of its own."""

    def __init__(self) -> None:
        self.moved, self.now = False, START
        self._draw = Random(11)

    def question(self) -> str:
        return self._draw.choice(WORDINGS).format(self._draw.choice(TOPICS))

    def right(self, question: str) -> str:
        return question if self.moved else next(topic for topic in TOPICS if topic in question)

    async def script(self, request: Request, reply: Reply) -> None:
        said = json.loads(request.body)["messages"][-1]["content"]
        reply.whole(200, JSON, completion(f"answer: {self.right(said)}"))


async def asks(live: Live, world: World, count: int) -> tuple[float, float]:
    """So many questions, one a second; the share that was served from here, and of those the share that was wrong."""
    hits = wrong = 0
    client = await live.client()
    for _ in range(count):
        question = world.question()
        got = await client.ask(CHAT, ask(question))
        await until(lambda: not live.server.busy and live.semantic.learning.idle)
        hit = got.headers["x-floorline-semantic-cache"] == "hit"
        hits += hit
        wrong += (
            hit and f"answer: {world.right(question)}" not in json.loads(got.body)["choices"][0]["message"]["content"]
        )
        world.now += timedelta(seconds=1)
    return hits / count, wrong / max(hits, 1)


@pytest.mark.prove
def test_near_answers_are_certified_served_within_their_budget_and_taken_back_when_wordings_come_to_matter(
    tmp_path: Path,
) -> None:
    found: list[tuple[str, float, float]] = []
    world = World()

    async def test() -> None:
        rails = Guardrails(default=Rules(holdout_ppm=0, semantic_cache=RULE))
        clock = {"now": lambda: world.now, "cache_ms": lambda: int(world.now.timestamp() * 1_000)}
        async with labelling(tmp_path, rails, **clock) as (live, labels):
            live.stub.script = world.script
            known: Certificate | None = None
            for stretch in range(4):
                world.moved = stretch >= 2
                hits, wrong = await asks(live, world, STRETCH)
                known = certify(RULE, labels, known, world.now)
                certificates = Certificates(as_of=world.now, every=(known,))
                live.pipeline.snapshot = replace(live.pipeline.snapshot, certificates=certificates)
                found.append((known.state, hits, wrong))

    run(test(), within_s=120)
    assert [state for state, _, _ in found[:3]] == ["certified", "certified", "suspended"]
    shares = [hits for _, hits, _ in found]
    assert shares[0] == shares[3] == 0, "in shadow, and after the alarm, the model answers"
    assert shares[1] > 0.5
    assert found[1][2] <= BUDGET
    assert found[2][2] > BUDGET, "that is what the alarm is about"
