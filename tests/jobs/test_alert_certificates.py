"""Which certificates the alerts are told of."""

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from floorline.alerts.figures import MONTH_DAYS, TakenBack
from floorline.alerts.tuning import ANY_WINDOW_DAYS_MAX
from floorline.events import Touch
from floorline.guardrails.cache import CacheRule
from floorline.guardrails.rules import Guardrails, Rules
from floorline.jobs.alert_certificates import lost_by, taken_back
from floorline.jobs.alert_figures import Memory, Sources
from floorline.jobs.alerting import Setup, evaluate, shelf_of
from floorline.jobs.certifying import Certifier, Kept, Turn, go_on, id_of, keep, shelf, stop
from floorline.jobs.margins import Margins
from floorline.margin.policy import FeaturePolicy, Policies
from floorline.proof.certificate import Certificate
from tests.support.ledger import Opener, entry
from tests.support.records import START, call

AT = START + timedelta(days=2)
LATER = AT + timedelta(hours=1)
RAILS = Guardrails(default=Rules(cache=CacheRule()))
CERTIFIERS = [
    Certifier(of=kind, guardrail=name, makes=(kind,), is_on=lambda rails, _: rails.default.cache is not None, certify=lambda *_: ())
    for kind, name in (("route", "certified_route"), ("semantic", "semantic_cache"))
]  # fmt: skip


def kept(kind: str, *turns: tuple[str, str]) -> Kept:
    """Each turn an hour after the one before, by whom."""
    made = [Turn(at=AT + timedelta(hours=n), state=state, reason=state, by=by) for n, (state, by) in enumerate(turns)]
    return Kept(certificate=Certificate(kind=kind, feature="faq", state=turns[-1][0], since=AT), turns=tuple(made))


@pytest.mark.parametrize(
    ("kind", "states", "lost"),
    [
        ("route", ["certified"], None),
        ("route", ["shadow", "refused"], None),
        ("route", ["certified", "suspended"], 1),
        ("semantic", ["certified", "suspended", "shadow"], 1),
        ("route", ["certified", "shadow", "refused"], 1),
        ("route", ["certified", "suspended", "certified"], None),
        ("route", ["certified", "suspended", "certified", "suspended"], 3),
        ("experiment", ["shadow", "suspended"], 1),
        ("experiment", ["suspended"], 0),
        ("experiment", ["certified", "suspended"], 1),
        ("experiment", ["shadow", "refused"], None),
        ("experiment", ["suspended", "shadow"], None),
    ],
)
def test_a_certificate_is_lost_by_the_turn_that_gateways_act_by_it_no_more_from(kind, states, lost):
    one = kept(kind, *((state, "floorline") for state in states))
    assert lost_by(one) == (None if lost is None else one.turns[lost])


def test_what_a_person_does_loses_nothing():
    assert lost_by(kept("route", ("certified", "floorline"), ("suspended", "kim"), ("certified", "kim"))) is None


@pytest.fixture(scope="module")
def ledger(databases, tmp_path_factory):
    opener = Opener(databases, tmp_path_factory.mktemp("taken-back"))
    found = opener()
    touch = Touch(guardrail="certified_route", mode="enforce", arm="treated", action="route", saved=Decimal("0.75"), cost=Decimal("0.25"))  # fmt: skip
    found.write(
        [
            entry(call(number, opened_at=AT, feature="faq", environment="production", purpose="production", touches=(touch,)))
            for number in range(4)
        ]
    )  # fmt: skip
    yield found
    opener.finish()


POLICIES = Policies(features={"faq": FeaturePolicy(name="faq", owner="ann")})


def test_an_alert_is_opened_for_the_features_owner_with_what_was_saved_and_is_over_once_it_is_in_force_again(ledger):
    margins, state = Margins(ledger, POLICIES), ledger.state
    made = Certificate(kind="route", feature="faq", step="draft", subject="small", state="certified", since=AT)
    gone = replace(made, state="suspended", reason="answers were wrong.")
    sources = Sources(taken_back=lambda now: taken_back(margins, RAILS, now, CERTIFIERS), memory=Memory())

    def told(now):
        evaluate(ledger, POLICIES, state, now, Setup(sources=sources))
        return shelf_of(state).all().get("certificate_taken_back/certificate/route/faq/draft/small")

    keep(shelf(state), state, made, AT)
    assert told(AT) is None
    keep(shelf(state), state, gone, LATER)
    assert taken_back(margins, RAILS, LATER, CERTIFIERS) == [
        TakenBack("route/faq/draft/small", "faq", LATER, "answers were wrong", Decimal(2))
    ]
    alert = told(LATER)
    assert (alert.state, alert.owner, alert.at_stake_usd, alert.driver) == ("open", "ann", Decimal(2), "")
    keep(shelf(state), state, made, LATER + timedelta(hours=1))
    assert told(LATER + timedelta(hours=1)).state == "resolved"
    keep(shelf(state), state, gone, LATER + timedelta(hours=2))
    assert told(LATER + timedelta(hours=2)).state == "reopened"
    stop(state, id_of(made.place), by="kim", why="we know", now=LATER + timedelta(hours=3))
    assert told(LATER + timedelta(hours=3)).state == "resolved"
    go_on(state, id_of(made.place), by="kim", why="look again", now=LATER + timedelta(hours=4))
    assert taken_back(margins, RAILS, LATER + timedelta(hours=4), CERTIFIERS) != []
    assert taken_back(margins, Guardrails(), LATER, CERTIFIERS) == []  # its rule is gone
    assert taken_back(margins, RAILS, LATER + timedelta(days=ANY_WINDOW_DAYS_MAX, hours=3), CERTIFIERS) == []


def test_a_customers_own_certificate_is_told_without_the_dollars_of_its_feature(ledger):
    one = Certificate(kind="semantic", feature="faq", subject="acme", state="certified", since=AT)
    for made in (one, replace(one, state="suspended", reason="an alarm")):
        keep(shelf(ledger.state), ledger.state, made, LATER)
    found = taken_back(Margins(ledger, POLICIES), RAILS, LATER, CERTIFIERS)
    assert [each.saved_usd for each in found if each.name == "semantic/faq//acme"] == [None]


def test_one_that_touched_no_call_saved_nothing(ledger):
    one = Certificate(kind="route", feature="faq", step="review", subject="small", state="certified", since=AT)
    later = LATER + timedelta(days=MONTH_DAYS + 5)
    for made in (one, replace(one, state="suspended", reason="an alarm")):
        keep(shelf(ledger.state), ledger.state, made, later)
    found = taken_back(Margins(ledger, POLICIES), RAILS, later, CERTIFIERS)
    assert [each.saved_usd for each in found if each.name == "route/faq/review/small"] == [0]
