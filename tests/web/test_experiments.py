"""Experiments and hold-outs with what came of them: the figures, the command and the page."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from rich.console import Console

from floorline.cli.experiments import print_trial, print_trials
from floorline.config import Config
from floorline.events import Touch
from floorline.guardrails.experiments.rule import Experiment, Subject, label
from floorline.guardrails.rules import Guardrails, Rules
from floorline.jobs.certifying import CertifyingJob
from floorline.jobs.experiments import Trial, document, trials
from floorline.jobs.margins import Margins
from floorline.margin.policy import Policies
from floorline.money import usd
from floorline.wiring import now as real_now
from tests.margin.company import call, keep, outcome
from tests.support.dashboard import client_of, dashboard_of
from tests.support.ledger import Opener

TRIED = Experiment(name="small", feature="chat", model="small-1", margin=0.05, harm=0.05)
FRESH = Experiment(name="terse", feature="chat")
RAILS = Guardrails(features={"chat": Rules(experiments=(TRIED, FRESH))})


@pytest.fixture(scope="module")
def now() -> datetime:
    return real_now().astimezone(UTC).replace(microsecond=0) - timedelta(minutes=5)


@pytest.fixture(scope="module")
def filled(databases, tmp_path_factory, now):
    """40 customers a side; the treated's calls cost half, and half of their answers are wrong. A cache whose hold-out fares alike."""
    opener = Opener(databases, tmp_path_factory.mktemp("experiments"))
    ledger = opener()
    records, at = [], (now - timedelta(hours=1)).isoformat()
    for number in range(80):
        treated = number % 2 == 0
        name = f"customer-{number}"
        arm = "treated" if treated else "holdout"
        tried = Touch(guardrail="experiment:small", mode="enforce", arm=arm, action="route", saved=usd("0.01"))
        cached = Touch(guardrail="cache", mode="enforce", arm=arm, action="hit", saved=usd("0.02"))
        records += [
            call(at, name, "chat", "0.01" if treated else "0.02", touches=(tried,)),
            call(at, name, "faq", "0.01" if treated else "0.02", touches=(cached,), run_id=f"run-{number}"),
            outcome(at, f"o-{number}", run_id=f"run-{number}", feature="faq", customer=name, status="success"),
            label(
                TRIED, Subject(call_id=f"c-{number}", customer=name, user_id="", model="small-1", treated=treated),
                source="outcomes", id_=f"o-{number}", at=now - timedelta(minutes=80 - number), right=not treated or number % 4 == 0,
            ),
        ]  # fmt: skip
    keep(ledger, records)
    CertifyingJob(ledger, RAILS).run(now)
    yield ledger
    opener.finish()


@pytest.fixture(scope="module")
def found(filled, now) -> list[Trial]:
    return trials(Margins(filled, Policies()), RAILS, now, 30)


def test_an_experiment_shows_quality_beside_cost_and_that_it_was_rolled_back(found):
    small = found[0]
    assert (small.name, small.standing, small.pairs, small.metric) == ("small", "rolled back", 40, "outcome")
    assert (small.control.rate, small.treated.rate, small.difference) == (1.0, 0.5, -0.5)
    assert small.low < -0.5 < small.high < -small.margin
    assert (small.control.cost, small.treated.cost, small.net) == (2 * 10**10, 10**10, 40 * 10**10)
    assert small.measured[1] > 0


def test_one_without_labels_runs_and_says_so(found):
    terse = found[1]
    assert (terse.standing, terse.reason, terse.difference, terse.control.units) == ("running", "no label yet", None, 0)


def test_the_hold_out_of_a_guardrail_is_an_experiment_of_the_same_kind(found):
    (cache,) = [one for one in found if one.is_holdout]
    assert (cache.name, cache.feature, cache.metric, cache.control.units, cache.treated.units) == (
        "cache",
        "faq",
        "outcome",
        40,
        40,
    )
    assert (cache.control.rate, cache.treated.rate, cache.difference) == (1.0, 1.0, 0.0)
    assert (cache.low, cache.high) == (-0.075, 0.075)
    assert (cache.standing, cache.reason) == ("running", "it may still be worse by up to 7.5 points (+0.0 points)")
    assert cache.measured[0] == 40 * 10**10


def said(show, what) -> str:
    out = io.StringIO()
    show(Console(file=out, width=220, color_system=None), what)
    return out.getvalue()


def test_the_command_tells_people_and_programs_the_same(found):
    told = said(print_trials, found)
    row = next(line for line in told.splitlines() if line.lstrip().startswith("small, chat"))
    assert "rolled back" in row
    assert "100.0 % / 50.0 %" in row
    assert "−50.0 points" in row
    assert "hold-out of cache, faq: it may still be worse by up to 7.5 points" in told
    one = said(print_trial, found[0])
    assert one.startswith("small of chat: small-1 serves them. rolled back: rolled back after 40 pairs")
    assert "it is to be above −5.0 points" in one
    shown = msgspec.json.decode(msgspec.json.encode([document(trial) for trial in found]))
    assert [(trial["name"], trial["kind"], trial["saved_net_usd"]) for trial in shown] == [
        ("small", "experiment", "0.400000000000"), ("terse", "experiment", "0.000000000000"), ("cache", "holdout", "0.800000000000"),
    ]  # fmt: skip


def test_the_page_shows_harm_first_both_arms_and_every_hold_out(filled):
    config = Config()
    client = client_of(
        dashboard_of(filled, replace(config, gateway=replace(config.gateway, guardrails=RAILS))), "viewer"
    )
    page = client.get("/api/v1/guardrails/experiments").json()
    blocks = {one["name"]: one for one in page["blocks"]}
    assert page["lead"] == "2 experiments: 1 running, 1 rolled back."
    assert blocks["harm-0"]["links"][0]["to"] == "/guardrails/certificates/experiment%2Fchat%2F%2Fsmall"
    assert client.get(blocks["harm-0"]["links"][0]["to"]).status_code == 200
    small, terse = blocks["experiments"]["rows"]
    assert (small["control_right"], small["treated_right"], small["difference"], small["pairs"]) == (
        "1.0",
        "0.5",
        "-0.5",
        40,
    )
    assert (terse["id"], terse["low"]) == (None, None)
    assert [row["name"] for row in blocks["holdouts"]["rows"]] == ["cache"]
    assert "worst in small" in blocks["differences"]["said"]
    assert client.get("/guardrails/experiments").status_code == 200
