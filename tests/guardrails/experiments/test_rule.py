"""Who is in which arm of an experiment, and what a call in it is told and sent to."""

from datetime import UTC, datetime

from msgspec.structs import replace

from floorline.guardrails.decide import decide
from floorline.guardrails.experiments.rule import Experiment, Subject, label
from floorline.guardrails.experiments.rule import step as assigned
from floorline.guardrails.frame import FORWARD, NOTHING_KNOWN, Evidence, Facts
from floorline.guardrails.route import RouteRule
from floorline.guardrails.routing import Routing
from floorline.guardrails.rules import Rules
from floorline.proof.certificate import Certificate, Certificates

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
SMALL = Experiment(name="small", feature="chat", model="gpt-4o-mini")


def facts(customer: str = "acme", **said: object) -> Facts:
    return Facts(
        **{"at": NOON, "customer": customer, "feature": "chat", "model": "gpt-4o", "unit": f"customer\0{customer}",
           "reachable": frozenset({"gpt-4o-mini"}), **said}
    )  # fmt: skip


def customers(*, treated: bool) -> list[str]:
    named = [f"customer-{number}" for number in range(400)]
    return [name for name in named if SMALL.is_treated(f"customer\0{name}") is treated]


def shown(state: str, epoch: str = SMALL.epoch) -> Evidence:
    one = Certificate(kind="experiment", feature="chat", subject="small", state=state, epoch=epoch, since=NOON)
    return Evidence(certified=Certificates(as_of=NOON, every=(one,)))


def test_about_half_of_the_customers_are_treated_and_each_stays_in_its_arm():
    treated, control = customers(treated=True), customers(treated=False)
    assert 160 < len(treated) < 240
    verdict = assigned(facts(treated[0]), NOTHING_KNOWN, [SMALL], FORWARD)
    assert (verdict.model, verdict.touches[0].arm, verdict.headers) == (
        "gpt-4o-mini",
        "treated",
        (("experiment", "small=treatment"),),
    )
    verdict = assigned(facts(control[0]), NOTHING_KNOWN, [SMALL], FORWARD)
    assert (verdict.model, verdict.touches[0].arm, verdict.headers) == (
        "",
        "holdout",
        (("experiment", "small=control"),),
    )
    assert verdict.moves == {"experiment:small": "gpt-4o-mini"}


def test_another_experiment_divides_the_same_customers_otherwise():
    other = replace(SMALL, name="terse")
    both = [name for name in customers(treated=True) if other.is_treated(f"customer\0{name}")]
    assert 60 < len(both) < 140


def test_the_hold_out_calls_without_anybody_and_calls_that_cannot_go_there_are_in_no_experiment():
    name = customers(treated=True)[0]
    for one in (
        facts(name, held_out=True), facts("", unit="key\0k"), facts(name, reachable=frozenset()), facts(name, model="gpt-4o-mini"),
        facts(name, priced=False),
    ):  # fmt: skip
        assert assigned(one, NOTHING_KNOWN, [SMALL], FORWARD) == FORWARD
    assert assigned(facts(name), NOTHING_KNOWN, [replace(SMALL, step="draft")], FORWARD) == FORWARD


def test_what_the_application_does_itself_is_told_and_changes_nothing_here():
    told = replace(SMALL, model="")
    verdict = assigned(facts(customers(treated=True)[0]), NOTHING_KNOWN, [told], FORWARD)
    assert (verdict.model, verdict.touches[0].action, verdict.headers) == (
        "",
        "told",
        (("experiment", "small=treatment"),),
    )


def test_an_experiment_that_was_rolled_back_treats_nobody_until_it_is_another_one():
    treated = facts(customers(treated=True)[0])
    for state in ("suspended", "refused"):
        assert assigned(treated, shown(state), [SMALL], FORWARD) == FORWARD
    assert assigned(treated, shown("suspended", epoch="another"), [SMALL], FORWARD).model == "gpt-4o-mini"
    assert replace(SMALL, share_ppm=100_000).epoch != SMALL.epoch == replace(SMALL, margin=0.05).epoch


def test_what_is_shown_is_adopted_for_everyone_where_the_rule_says_so():
    control = facts(customers(treated=False)[0])
    assert assigned(control, shown("certified"), [SMALL], FORWARD).model == ""
    assert assigned(control, shown("certified"), [replace(SMALL, adopt=True)], FORWARD).model == "gpt-4o-mini"


def test_the_treated_go_past_route_rules_and_the_control_is_served_as_without_an_experiment():
    rules = Rules(experiments=(SMALL,), route=RouteRule(routes=(Routing(name="all", to="gpt-4.1"),)))
    reachable = frozenset({"gpt-4o-mini", "gpt-4.1"})
    treated, control = customers(treated=True)[0], customers(treated=False)[0]
    assert decide(facts(treated, reachable=reachable), NOTHING_KNOWN, rules).model == "gpt-4o-mini"
    assert decide(facts(control, reachable=reachable), NOTHING_KNOWN, rules).model == "gpt-4.1"


def test_a_label_of_the_experiment_names_its_arm_and_what_it_holds_under():
    subject = Subject(call_id="c-1", customer="acme", user_id="u", model="gpt-4o-mini", treated=True)
    found = label(SMALL, subject, source="outcomes", id_="o-1", at=NOON, right=True)
    assert (found.id, found.arm, found.subject, found.epoch) == (
        "o-1:experiment:small",
        "treatment",
        "small",
        SMALL.epoch,
    )
    assert (found.origin, found.served, found.customer) == ("outcome", True, "acme")
