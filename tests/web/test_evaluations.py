"""The page of evaluations: the figures of `floorline eval`, and what follows from them."""

from decimal import Decimal
from urllib.parse import quote

import pytest

from floorline.evals.judging import agreement
from floorline.evals.kept import EVALUATIONS, JUDGES, Evaluated, Measured, judge_id
from floorline.evals.summary import Answered, Trust, summary
from floorline.ledger.shelf import Shelf
from floorline.wiring import now
from tests.support.dashboard import client_of, dashboard_of

ID = "intents 2026-03-01T12:00:00.000Z"


def answers(model: str, rights: int, of: int, cost: str) -> list[Answered]:
    return [
        Answered(case=str(n), model=model, text="x", right=n < rights, cost=Decimal(cost), latency_ms=90 + n)
        for n in range(of)
    ]


@pytest.fixture
def client(ledger):
    at, trust = now(), Trust(judge="judge", error=0.08)
    found = summary(
        {"strong": answers("strong", 95, 100, "0.01"), "cheap": answers("cheap", 90, 100, "0.001")}, 0.05, trust
    )
    one = Evaluated(
        id=ID, at=at, feature="intents", set="evals/intents.jsonl", digest="d", scorer="judge", margin=0.05, trust=trust,
        summary=found,
    )  # fmt: skip
    Shelf(ledger.state, EVALUATIONS, Evaluated).put(ID, one, now=at)
    verdicts = agreement([(True, True)] * 90 + [(True, False)] * 3 + [(False, False)] * 7)
    judge = Measured(at=at, feature="intents", judge="judge", compare=False, digest="d", agreement=verdicts)
    Shelf(ledger.state, JUDGES, Measured).put(judge_id("intents", "judge", "right"), judge, now=at)
    return client_of(dashboard_of(ledger), "viewer")


def table(client, path: str, name: str):
    blocks = client.get(f"/api/v1{path}").json()["blocks"]
    return next(block for block in blocks if block["name"] == name)["rows"]


def test_the_list_has_every_comparison_and_every_judge(client):
    (row,) = table(client, "/evaluations", "evaluations")
    assert (row["reference"], row["candidate"], row["cases"], row["verdict"]) == ("strong", "cheap", 100, "not decided")
    (judge,) = table(client, "/evaluations", "judges")
    assert (judge["verdicts"], judge["agreed"], judge["error"]) == (100, 97, "0.0757")
    assert client.get("/evaluations", headers={"accept": "text/html"}).status_code == 200


def test_one_evaluation_says_what_follows_and_why_not(client):
    path = f"/evaluations/{quote(ID, safe='')}"
    document = client.get(f"/api/v1{path}").json()
    assert "may err in 8.0 %" in document["lead"]
    assert any(block["name"] == "doubt" for block in document["blocks"])
    models = table(client, path, "models")
    assert [(row["model"], row["quality"], row["cost"]) for row in models] == [
        ("strong", "0.9500", "0.010000000000"),
        ("cheap", "0.9000", "0.001000000000"),
    ]
    assert client.get(path, headers={"accept": "text/html"}).status_code == 200
    assert client.get("/api/v1/evaluations/none").status_code == 404
