"""From labels to the file that gateways read: certified anew where labels came, audited, stopped by people."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from msgspec import structs

from floorline.errors import BadInput
from floorline.evals.judging import Agreement
from floorline.evals.kept import JUDGES, Measured, judge_id
from floorline.events import Label
from floorline.guardrails.cache import CacheRule
from floorline.guardrails.certified.rule import CertifiedRule
from floorline.guardrails.frame import ENFORCE
from floorline.guardrails.rules import Guardrails, Rules
from floorline.guardrails.semantic import features
from floorline.guardrails.semantic.rule import SemanticRule
from floorline.jobs.certifying import Certifier, CertifyingJob, by, go_on, id_of, publish, shelf, stop
from floorline.ledger.shelf import Shelf
from floorline.proof import bounds
from floorline.proof.certificate import NAME, Certificate, Certificates, from_bytes
from floorline.proof.labels import Place, place_of
from tests.support.ledger import entry
from tests.support.records import START, label

NOW = START + timedelta(days=1)
PLACE = Place("route", "feature-1", "draft", "small")
ON = Guardrails(features={"feature-1": Rules(cache=CacheRule())})
asked: list[Place] = []


def certify(_rule: CacheRule, labels: Sequence[Label], before: Certificate | None, now: datetime) -> Certificate:
    """Certified while at least 90 % are surely right."""
    rights = sum(one.right for one in labels)
    bound = bounds.lower(rights, len(labels))
    state = "certified" if bound >= 0.9 else "shadow"
    since = before.since if before is not None and before.state == state else now
    place = place_of(labels[-1])
    asked.append(place)
    return Certificate(
        kind="route", feature=place.feature, step=place.step, subject=place.subject, state=state, bound=bound, labels=len(labels),
        rights=rights, since=since, reason=f"{rights} of {len(labels)} are right",
    )  # fmt: skip


CERTIFIER = by("route", "certified_route", lambda rules: rules.cache, certify)


@pytest.fixture
def job(ledger) -> CertifyingJob:
    asked.clear()
    return CertifyingJob(ledger, ON, [CERTIFIER])


def add(ledger, numbers: range, **changes: object) -> None:
    ledger.write([entry(label(number, **changes)) for number in numbers])


def published(ledger) -> Certificates:
    return from_bytes((ledger.home / NAME).read_bytes())


def test_a_place_goes_from_shadow_to_certified_as_labels_come_and_every_turn_is_audited(ledger, job):
    add(ledger, range(1, 11), right=True)
    assert job.run(NOW) == "0 of 1 certificates are in force, 1 changed"
    assert published(ledger).find(*PLACE).state == "shadow"
    add(ledger, range(11, 61), right=True)
    assert job.run(NOW + timedelta(minutes=1)) == "1 of 1 certificates are in force, 1 changed"
    found = published(ledger).find(*PLACE)
    assert (found.acts, found.labels, found.since) == (True, 60, NOW + timedelta(minutes=1))
    turns = shelf(ledger.state).get(id_of(PLACE)).turns
    assert [(one.state, one.labels, one.by) for one in turns] == [
        ("shadow", 10, "floorline"),
        ("certified", 60, "floorline"),
    ]
    audited = ledger.state.audited_of("route/feature-1/draft/small")
    assert [(one.action, one.detail) for one in audited][-1] == ("certificate.certified", "60 of 60 are right")


def test_only_places_with_new_labels_are_looked_at_and_the_file_is_left_alone_where_nothing_changed(ledger, job):
    add(ledger, range(1, 5))
    add(ledger, range(5, 9), step="other")
    job.run(NOW)
    written = (ledger.home / NAME).stat().st_ino
    assert len(asked) == 2
    job.run(NOW)
    assert len(asked) == 2
    assert (ledger.home / NAME).stat().st_ino == written
    add(ledger, range(9, 10), step="other")
    job.run(NOW)
    assert asked[2:] == [Place("route", "feature-1", "other", "small")]


def test_what_a_judge_is_measured_to_err_by_counts_at_once_and_without_new_labels(ledger):
    rule = CertifiedRule(setting=ENFORCE, candidates={"large": ("small",)}, bar=0.9, judge="judge")
    job = CertifyingJob(ledger, Guardrails(default=Rules(certified_route=rule)))
    place = Place("route", "feature-1", "draft", "small for large")
    add(ledger, range(1, 301), subject="small for large", right=True, origin="judge", judge="judge")
    judges = Shelf(ledger.state, JUDGES, Measured)

    def after(wrong: int, minute: int) -> Certificate:
        agreed = Agreement(both_right=400 - wrong, people_only=wrong)
        one = Measured(at=NOW, feature="feature-1", judge="judge", compare=True, digest="d", agreement=agreed)
        judges.put(judge_id("feature-1", "judge", one.asks), one, now=NOW)
        job.run(NOW + timedelta(minutes=minute))
        return published(ledger).find(*place)

    job.run(NOW)
    found = published(ledger).find(*place)
    assert (found.state, found.judge, found.judge_error) == ("shadow", "judge", None)
    assert found.reason == (
        "the labels of judge judge carry no certificate until its error is measured: "
        "`floorline eval judge --feature feature-1 --judge judge --compare`"
    )
    found = after(8, 1)
    assert (found.acts, found.judge_error, found.since) == (True, bounds.upper(8, 400), NOW + timedelta(minutes=1))
    found = after(80, 2)
    assert (found.state, found.since) == ("shadow", NOW + timedelta(minutes=2))
    assert found.reason == "its judge errs in 23.6 %, more than the bar of 90.0 % leaves room for"
    assert after(8, 3).acts


def test_a_feature_without_a_rule_has_no_certificate_and_loses_the_one_it_had(ledger, job):
    add(ledger, range(1, 5), feature="feature-2")
    add(ledger, range(5, 9))
    job.run(NOW)
    assert [one.place for one in published(ledger).every] == [PLACE]
    assert publish(ledger, Guardrails(), [CERTIFIER], NOW) == ()
    assert published(ledger).every == ()


def test_labels_of_one_kind_can_be_certified_together_for_another(ledger):
    def together(_rails, labels, before, now):
        assert all(before(place) is None for place in labels)
        return [Certificate(kind="score", feature=place.feature, subject="all", labels=sum(map(len, labels.values())), since=now)
                for place in labels]  # fmt: skip

    certifier = Certifier(
        of="route", guardrail="certified_score", makes=("score",), is_on=lambda *_: True, certify=together, apart=False
    )
    add(ledger, range(1, 4))
    add(ledger, range(4, 6), feature="feature-2")
    CertifyingJob(ledger, ON, [certifier]).run(NOW)
    assert [(one.place, one.labels) for one in published(ledger).every] == [
        (Place("score", "feature-1", "", "all"), 5), (Place("score", "feature-2", "", "all"), 5),
    ]  # fmt: skip


def test_what_a_person_stopped_stays_suspended_whatever_labels_show_until_somebody_lets_it_go_on(ledger, job):
    add(ledger, range(1, 61), right=True)
    job.run(NOW)
    stop(ledger.state, id_of(PLACE), by="kim", why="answers look stale", now=NOW)
    add(ledger, range(61, 70), right=True)
    job.run(NOW)
    found = published(ledger).find(*PLACE)
    assert (found.acts, found.reason) == (False, "stopped by kim: answers look stale")
    with pytest.raises(BadInput, match="stopped already"):
        stop(ledger.state, id_of(PLACE), by="kim", why="again", now=NOW)
    go_on(ledger.state, id_of(PLACE), by="lee", why="mended", now=NOW)
    publish(ledger, ON, [CERTIFIER], NOW)
    assert published(ledger).find(*PLACE).acts
    assert [one.action for one in ledger.state.audited_of(id_of(PLACE))][-2:] == [
        "certificate.stop",
        "certificate.go_on",
    ]
    with pytest.raises(BadInput, match="no certificate"):
        stop(ledger.state, "route/nobody//x", by="kim", why="", now=NOW)


def test_whoever_is_to_be_told_hears_of_every_turn_once(ledger):
    heard = []
    job = CertifyingJob(ledger, ON, [CERTIFIER], tell=heard.append)
    add(ledger, range(1, 61), right=True)
    job.run(NOW)
    job.run(NOW)
    add(ledger, range(61, 99), right=False)
    job.run(NOW)
    assert [(one.before, one.certificate.state) for one in heard] == [("", "certified"), ("certified", "shadow")]


def test_a_damaged_file_is_written_anew(ledger, job):
    add(ledger, range(1, 3))
    job.run(NOW)
    (ledger.home / NAME).write_bytes(b"half")
    job.run(NOW)
    assert [one.place for one in published(ledger).every] == [PLACE]


def test_labels_that_are_too_old_say_nothing(ledger, job):
    add(ledger, range(1, 3))
    assert job.run(NOW + timedelta(days=200)) == ""
    assert published(ledger).every == ()


def test_near_answers_are_certified_for_a_feature_or_for_each_of_its_customers_as_its_rule_says(ledger):
    together = SemanticRule(setting=ENFORCE, false_hits_max=0.05)
    rails = Guardrails(
        features={
            "feature-1": Rules(semantic_cache=together),
            "feature-2": Rules(semantic_cache=structs.replace(together, certify="customer")),
        }
    )
    near = {
        "kind": "semantic",
        "step": "",
        "origin": "exact",
        "right": True,
        "score": 0.95,
        "features": (0.0,) * len(features.NAMES),
    }
    for start, feature in ((1, "feature-1"), (201, "feature-2")):
        add(ledger, range(start, start + 60), feature=feature, subject="", **near)
        add(ledger, range(start + 100, start + 160), feature=feature, subject="acme", **near)
    assert CertifyingJob(ledger, rails).run(NOW) == "2 of 2 certificates are in force, 2 changed"
    assert [one.place for one in published(ledger).every] == [
        Place("semantic", "feature-1"), Place("semantic", "feature-2", "", "acme"),
    ]  # fmt: skip
