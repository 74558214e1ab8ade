"""The whole loop on a real gateway: calls are compared in shadow, labels certify, calls go to the cheaper model or cascade, and when that gets
worse an alarm brings them back.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from floorline.events import Label
from floorline.gateway.message import Reply, Request
from floorline.guardrails.cascade.rule import CascadeRule, Grader
from floorline.guardrails.cascade.thresholds import certify as certify_check
from floorline.guardrails.certified.by_feature import certify
from floorline.guardrails.certified.rule import CertifiedRule
from floorline.guardrails.frame import ENFORCE, MILLION
from floorline.proof.certificate import Certificate, Certificates
from tests.gateway.test_cascading import CHEAP, JUDGE, saying
from tests.gateway.test_comparing import labelling, rails
from tests.support.serving import MODEL, Live, run, until

BAR = 0.9
ROUTE = CertifiedRule(setting=ENFORCE, candidates={MODEL: (CHEAP,)}, bar=BAR, sample_ppm=MILLION)
CASCADE = CascadeRule(
    setting=ENFORCE, stages={MODEL: (CHEAP,)}, weight=Grader(model=JUDGE), bar=BAR, sample_ppm=MILLION
)
START = datetime(2026, 11, 1, tzinfo=UTC)


class World:
    """Models that answer questions by number: the model asked for always rightly, the cheap one with a `skill`, which the judge sees
    in 85 of 100 answers.
    """

    def __init__(self, skill: float) -> None:
        self.skill, self.now = skill, START
        self._draw = Random(7)
        self.right = 0

    async def script(self, request: Request, reply: Reply) -> None:
        body = json.loads(request.body)
        said = body["messages"][-1]["content"]
        if body["model"] == JUDGE:
            sees = self._draw.random() < 0.85
            good = ("wrong" not in json.loads(said)["answer"]) is sees
            await saying({JUDGE: json.dumps({"grade": 9 if good else 2})})(request, reply)
        elif body["model"] == CHEAP and Random(f"{said}{self.skill}").random() >= self.skill:
            await saying({CHEAP: f"wrong {said}"})(request, reply)
        else:
            await saying({body["model"]: f"answer {said}"})(request, reply)


async def asks(live: Live, world: World, labels: list[Label], first: int, count: int) -> float:
    """So many questions, one a second; the share of them that were answered rightly."""
    right = 0
    client = await live.client()
    for number in range(first, first + count):
        before = len(labels)
        body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": f"question {number}"}]}).encode()
        right += b"answer question" in (await client.ask("/v1/chat/completions", body)).body
        await until(lambda before=before: len(labels) > before)
        world.now += timedelta(seconds=1)
    return right / count


def loop(
    world: World,
    guardrails: object,
    certified: Callable[[Sequence[Label], Certificate | None, datetime], Certificate],
    folder: Path,
) -> list[tuple[str, float]]:
    """Stretches of 300 questions; after each the labels are certified, and after the second the cheap model is worse."""
    found: list[tuple[str, float]] = []

    async def test() -> None:
        async with labelling(folder, guardrails, now=lambda: world.now) as (live, labels):
            live.stub.script = world.script
            known: Certificate | None = None
            for stretch in range(4):
                world.skill = world.skill if stretch < 2 else 0.5
                rate = await asks(live, world, labels, stretch * 300, 300)
                known = certified(labels, known, world.now)
                certificates = Certificates(as_of=world.now, every=(known,))
                live.pipeline.snapshot = replace(live.pipeline.snapshot, certificates=certificates)
                found.append((known.state, rate))

    run(test(), within_s=120)
    return found


@pytest.mark.prove
def test_a_cheaper_model_is_certified_serves_and_is_taken_back_when_it_gets_worse(tmp_path: Path) -> None:
    found = loop(World(0.97), rails(ROUTE), lambda *known: certify(ROUTE, *known), tmp_path)
    assert [state for state, _ in found] == ["certified", "certified", "suspended", "refused"]
    rates = [rate for _, rate in found]
    assert rates[0] == rates[3] == 1, "in shadow, and after the alarm, the model asked for answers"
    assert BAR <= rates[1] < 1
    assert rates[2] < BAR, "that is what the alarm is about"


@pytest.mark.prove
def test_a_cascade_holds_its_bar_though_its_cheap_model_gets_worse_because_its_judge_sees_that(tmp_path: Path) -> None:
    found = loop(World(0.7), rails(cascade=CASCADE), lambda *known: certify_check(CASCADE, *known), tmp_path)
    assert [state for state, _ in found] == ["certified"] * 4
    assert found[0][1] == 1, "in shadow the model asked for answers"
    assert all(BAR <= rate < 1 for _, rate in found[1:])
