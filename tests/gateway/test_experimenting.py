"""An experiment on the way of a call: its arm, its model, its header, and whether the answer came whole."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from floorline.gateway.message import Reply, Request
from floorline.guardrails.experiments.rule import Experiment
from floorline.guardrails.rules import Guardrails, Rules
from floorline.proof.certificate import Certificate, Certificates
from tests.support.dialects import OPENAI
from tests.support.serving import JSON, MODEL, run, serving

FREE = "sandbox-free"
TRIED = Experiment(name="small", feature="chat", model=FREE, metric="completed", share_ppm=999_999)
RAILS = Guardrails(default=Rules(holdout_ppm=0, experiments=(TRIED,)))


async def as_asked(request: Request, reply: Reply) -> None:
    """An answer by the model that was asked."""
    model = json.loads(request.body)["model"]
    reply.whole(200, JSON, OPENAI.whole.replace(MODEL.encode(), model.encode()))


def test_a_treated_call_goes_to_the_treatments_model_says_so_and_is_labelled(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=RAILS) as live:
            live.stub.script = as_asked
            got = await live.ask(OPENAI.path, OPENAI.ask)
            records = await live.settled()
            assert json.loads(live.stub.requests[0].body)["model"] == FREE
            assert got.headers["x-floorline-experiment"] == "small=treatment"
            assert (records.call.touches_guardrail, records.call.touches_arm) == (("experiment:small",), ("treated",))
            assert records.call.touches_saved[0] > 0
            (label,) = records.labels
            assert (label.kind, label.subject, label.arm, label.right, label.call_id) == (
                "experiment",
                "small",
                "treatment",
                True,
                got.headers["x-floorline-call-id"],
            )
            assert (label.customer, label.epoch, label.model) == (records.call.customer_id, TRIED.epoch, FREE)

    run(test())


def test_the_control_is_served_as_asked_and_an_answer_that_failed_is_labelled_wrong(tmp_path: Path) -> None:
    async def failing(_request: Request, reply: Reply) -> None:
        reply.whole(400, JSON, b'{"error": {"message": "no"}}')

    async def test() -> None:
        control = replace_share(1)
        async with serving(
            tmp_path, guardrails=Guardrails(default=Rules(holdout_ppm=0, experiments=(control,)))
        ) as live:
            live.stub.script = failing
            got = await live.ask(OPENAI.path, OPENAI.ask)
            records = await live.settled()
            assert json.loads(live.stub.requests[0].body)["model"] == MODEL
            assert got.headers["x-floorline-experiment"] == "small=control"
            (label,) = records.labels
            assert (label.arm, label.right, label.model) == ("control", False, MODEL)

    run(test())


def test_a_certificate_that_was_taken_back_ends_the_treatment_within_the_next_call(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=RAILS) as live:
            live.stub.script = as_asked
            assert (await live.ask(OPENAI.path, OPENAI.ask)).status == 200

            back = Certificate(
                kind="experiment",
                feature=TRIED.feature,
                subject="small",
                state="suspended",
                epoch=TRIED.epoch,
                since=datetime.now(UTC),
            )
            live.pipeline.snapshot = replace(
                live.pipeline.snapshot, certificates=Certificates(as_of=datetime.now(UTC), every=(back,))
            )
            got = await live.ask(OPENAI.path, OPENAI.ask)
            assert "x-floorline-experiment" not in got.headers
            assert [json.loads(one.body)["model"] for one in live.stub.requests] == [FREE, MODEL]

    run(test())


def replace_share(ppm: int) -> Experiment:
    """The experiment with another treated share."""
    return Experiment(name="small", feature="chat", model=FREE, metric="completed", share_ppm=ppm)
