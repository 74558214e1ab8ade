"""Feedback: whether an answer was right, said by whoever may say so, once, and what becomes of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from floorline.config import Config
from floorline.events import Touch
from floorline.guardrails.experiments.rule import Experiment
from floorline.guardrails.rules import Guardrails, Rules
from floorline.proof import queries
from floorline.proof.labels import Place
from floorline.web.access.gate import Gate
from floorline.web.access.policy import WebPolicy
from floorline.web.access.records import Records
from floorline.web.api.feedback import Pace
from tests.support.dashboard import client_of, dashboard_of
from tests.support.ledger import entry
from tests.support.records import START, call

PATH = "/api/v1/feedback"
NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
TRIED = Experiment(name="small", feature="chat", model="small-1", metric="feedback")
SCORED = Experiment(name="scored", feature="chat", metric="scorer")


@pytest.fixture
def dashboard(ledger):
    touches = tuple(
        Touch(guardrail=one.guardrail, mode="enforce", arm="treated", action="route") for one in (TRIED, SCORED)
    )
    ledger.write(
        [
            entry(
                call(
                    1, id="call-1", opened_at=START, feature="chat", customer_id="acme", user_id="ann", touches=touches
                )
            )
        ]
    )
    rails = Guardrails(features={"chat": Rules(experiments=(TRIED, SCORED))})
    config = Config()
    return dashboard_of(ledger, replace(config, gateway=replace(config.gateway, guardrails=rails)))


def labels(ledger, place: Place):
    return ledger.query(queries.labels(place, START))


def test_a_word_of_a_person_is_a_label_of_the_answer_and_of_the_experiment_that_goes_by_it(dashboard, ledger):
    answer = client_of(dashboard, "editor").post(PATH, json={"call_id": "call-1", "right": False})
    assert (answer.status_code, answer.json()) == (201, {"call_id": "call-1", "labels": 2})
    (plain,) = labels(ledger, Place("feedback", "chat", call(1).step))
    assert (plain.right, plain.customer, plain.user_id, plain.call_id, plain.origin) == (
        False,
        "acme",
        "ann",
        "call-1",
        "feedback",
    )
    (tried,) = labels(ledger, TRIED.place)
    assert (tried.arm, tried.right, tried.epoch) == ("treatment", False, TRIED.epoch)
    assert labels(ledger, SCORED.place) == []
    client_of(dashboard, "editor").post(
        PATH, json={"call_id": "call-1", "right": True, "by": "scorer", "user_id": "grader"}
    )
    assert [one.origin for one in labels(ledger, SCORED.place)] == ["scorer"]


def test_what_is_said_again_changes_nothing_and_the_opposite_is_refused(dashboard, ledger):
    client = client_of(dashboard, "editor")
    said = {"call_id": "call-1", "right": True, "user_id": "ann"}
    assert [client.post(PATH, json=said).status_code for _ in range(2)] == [201, 200]
    refused = client.post(PATH, json={**said, "right": False})
    assert (refused.status_code, refused.json()["error"]["type"]) == (409, "changed")
    assert client.post(PATH, json={**said, "right": False, "user_id": "bob"}).status_code == 201
    assert [(one.actor, one.detail) for one in ledger.state.audited_of("call-1")] == [
        ("the editor", "right"),
        ("the editor", "wrong"),
    ]


def test_a_call_that_nobody_knows_and_words_that_are_no_feedback_are_refused(dashboard):
    client = client_of(dashboard, "editor")
    assert client.post(PATH, json={"call_id": "0" * 32, "right": True}).status_code == 404
    for said in (
        {"call_id": "call-1"},
        {"call_id": "call-1", "right": "yes"},
        {"call_id": "a\nb", "right": True},
        {"right": True},
    ):
        assert client.post(PATH, json=said).status_code == 400
    assert client.post(PATH, content=b"x" * 70_000).status_code == 413
    assert client_of(dashboard, "viewer").post(PATH, json={"call_id": "call-1", "right": True}).status_code == 403


def test_a_token_of_the_scope_feedback_says_it_and_sees_and_does_nothing_else(ledger):
    ledger.write([entry(call(1, id="call-1", opened_at=START))])
    gate = Gate(ledger.state, WebPolicy(), "c" * 43, lambda: NOON)
    token = Records.of(ledger.state, WebPolicy()).tokens.create("thumbs", "feedback", None, by="ada", now=NOON).text
    client = client_of(dashboard_of(ledger, access=gate))
    headers = {"authorization": f"Bearer {token}"}
    assert client.post(PATH, json={"call_id": "call-1", "right": True}, headers=headers).status_code == 201
    for path in ("/api/v1/features", "/metrics", "/api/v1/feedback/x", "/api/v1/tokens"):
        assert client.get(path, headers=headers).status_code in {403, 404}, path
    refused = client.get("/api/v1/features", headers=headers).json()["error"]
    assert refused["message"] == "token thumbs is for feedback alone: this takes the role viewer"


def test_a_sender_has_so_much_at_once_and_then_one_at_a_time():
    pace = Pace(at_once=3, every=timedelta(seconds=1))
    assert [pace.take("a", NOON) for _ in range(4)] == [timedelta()] * 3 + [timedelta(seconds=1)]
    assert pace.take("b", NOON) == timedelta()
    assert pace.take("a", NOON + timedelta(seconds=1)) == timedelta()
    assert pace.take("a", NOON + timedelta(seconds=1.5)) == timedelta(seconds=0.5)
    assert [pace.take("a", NOON + timedelta(hours=1)) for _ in range(3)] == [timedelta()] * 3
