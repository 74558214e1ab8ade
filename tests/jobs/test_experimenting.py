"""Outcomes become labels of the experiment that their run's calls were in, once."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from floorline.events import Outcome, Touch
from floorline.guardrails.experiments.rule import Experiment
from floorline.guardrails.rules import Guardrails, Rules
from floorline.jobs.certifying import CertifyingJob, shelf
from floorline.jobs.experimenting import by_outcome, label_outcomes
from floorline.proof import queries
from tests.support.ledger import entry
from tests.support.records import START, call

NOW = START + timedelta(hours=1)
TRIED = Experiment(name="small", feature="chat", model="small-1", margin=0.05, harm=0.05)
RAILS = Guardrails(
    features={"chat": Rules(experiments=(TRIED, Experiment(name="thumbs", feature="chat", metric="feedback")))}
)


def run(number: int, *, treated: bool, status: str = "success"):
    touch = Touch(guardrail="experiment:small", mode="enforce", arm="treated" if treated else "holdout", action="route")
    said = {
        "opened_at": START,
        "feature": "chat",
        "customer_id": f"c-{number}",
        "user_id": "",
        "run_id": f"r-{number}",
        "touches": (touch,),
    }
    ended = Outcome(
        source="app", id=f"o-{number}", outcome_id=f"o-{number}", at=NOW, run_id=f"r-{number}", status=status
    )
    return [entry(call(2 * number, **said)), entry(call(2 * number + 1, **{**said, "touches": ()})), entry(ended)]


@pytest.fixture
def filled(ledger):
    ledger.write([
        *run(1, treated=True), *run(2, treated=False, status="failed"), *run(3, treated=True, status="cancelled"),
        entry(Outcome(source="app", id="o-9", outcome_id="o-9", at=NOW, run_id="r-nobody")),
    ])  # fmt: skip
    return ledger


def labels(ledger):
    return ledger.query(queries.labels(TRIED.place, START))


def test_only_experiments_that_go_by_outcomes_are_looked_at():
    assert by_outcome(RAILS) == {"experiment:small": TRIED}
    assert by_outcome(Guardrails()) == {}


def test_an_outcome_of_a_run_in_an_experiment_is_one_label_of_its_arm(filled):
    assert label_outcomes(filled, RAILS, NOW) == "2 outcomes of experiments"
    found = {one.customer: one for one in labels(filled)}
    assert {name: (one.arm, one.right) for name, one in found.items()} == {
        "c-1": ("treatment", True),
        "c-2": ("control", False),
    }
    assert (found["c-1"].origin, found["c-1"].epoch, found["c-1"].at) == ("outcome", TRIED.epoch, NOW)


def test_it_is_labelled_once_whatever_is_said_of_it_later(filled):
    label_outcomes(filled, RAILS, NOW)
    amended = Outcome(
        source="app",
        id="o-1b",
        outcome_id="o-1",
        at=NOW,
        recorded_at=NOW + timedelta(minutes=5),
        run_id="r-1",
        status="failed",
    )
    filled.write([entry(amended)])
    assert label_outcomes(filled, RAILS, NOW + timedelta(minutes=6)) == ""
    assert [one.right for one in labels(filled) if one.customer == "c-1"] == [True]


def test_labels_of_an_experiment_lead_to_its_certificate(ledger):
    for number in range(40):
        ledger.write(run(number, treated=number % 2 == 0, status="failed" if number % 2 == 0 else "success"))
    label_outcomes(ledger, RAILS, NOW)
    CertifyingJob(ledger, RAILS).run(NOW + timedelta(minutes=1))
    (kept,) = shelf(ledger.state).all().values()
    assert (kept.certificate.place, kept.certificate.state) == (TRIED.place, "suspended")
    assert "rolled back after 20 pairs" in kept.certificate.reason
    CertifyingJob(ledger, Guardrails(features={"chat": Rules(experiments=(replace(TRIED, name="next"),))})).run(NOW)
    assert b'"every":[]' in (ledger.home / "certificates").read_bytes()
