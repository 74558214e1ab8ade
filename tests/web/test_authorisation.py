"""Who may ask what: every route that there is, one after another. A new route without a rule cannot be built, and a new open one
fails here.
"""

import pytest

from floorline.web.answering import Answering
from floorline.web.http import Asked, Refused
from floorline.web.who import ROLES, Who
from tests.support.dashboard import Somebody, as_role, client_of, dashboard_of

OPEN = {
    ("GET", "/healthz"),
    ("GET", "/static/{file}"),
    ("GET", "/widget/usage.js"),
    ("GET", "/api/v1/usage/{customer}"),
    ("OPTIONS", "/api/v1/usage/{customer}"),
    ("POST", "/stripe/webhook"),
    ("GET", "/login"),
    ("POST", "/login"),
    ("GET", "/enter/{secret}"),
    ("GET", "/invitation/{secret}"),
    ("POST", "/invitation/{secret}"),
    ("GET", "/oidc/start"),
    ("GET", "/oidc/callback"),
}
"""What everyone may ask; each but the files makes sure of who asks by itself, and has a test that it does."""

OWN = {("POST", "/logout"), ("POST", "/account/password"), ("POST", "/account/sessions/{id}/end")}
"""What everybody may change of what is theirs."""


@pytest.fixture
def dashboard(ledger):
    return dashboard_of(ledger)


def unseen(_refused, _asked):
    raise AssertionError("nothing is drawn here")


def filled(path):
    return path.replace("{", "").replace("}", "")


def test_only_what_is_meant_to_be_open_is_open(dashboard):
    assert {(route.method, route.path) for route in dashboard.routes if route.rule == "open"} == OPEN
    assert all(stream.rule != "open" for stream in dashboard.streams)


def test_whoever_is_not_known_gets_nothing_from_any_other_route(dashboard):
    client = client_of(dashboard)
    for route in dashboard.routes:
        if route.rule != "open":
            answer = client.request(route.method, filled(route.path))
            assert (answer.status_code, answer.json()["error"]["type"]) == (401, "unauthorised"), route.path
    for stream in dashboard.streams:
        assert client.get(filled(stream.path)).status_code == 401


def test_a_role_that_is_too_small_gets_nothing_from_any_route(dashboard):
    for route in dashboard.routes:
        if route.rule in {"open", "viewer"}:
            continue
        for role in ROLES[: ROLES.index(route.rule)]:
            answer = client_of(dashboard, role).request(route.method, filled(route.path))
            assert (answer.status_code, answer.json()["error"]["type"]) == (403, "role"), route.path


def test_every_change_is_refused_without_the_proof_that_our_page_asked_for_it(dashboard):
    client = client_of(dashboard)
    changes = [route for route in dashboard.routes if route.method not in {"GET", "OPTIONS"} and route.rule != "open"]
    assert changes
    for route in changes:
        headers = {**as_role("admin"), "x-csrf-token": "", "content-type": "application/x-www-form-urlencoded"}
        answer = client.request(route.method, filled(route.path), headers=headers)
        assert (answer.status_code, answer.json()["error"]["type"]) == (403, "forged"), route.path


def test_what_changes_something_takes_more_than_reading(dashboard):
    reading = {(route.method, route.path) for route in dashboard.routes if route.rule == "viewer"}
    assert {method for method, _ in reading - OWN} == {"GET"}


@pytest.mark.parametrize("role", ROLES)
def test_a_rule_lets_through_its_role_and_those_above(role):
    answering = Answering(Somebody(), unseen)
    asked = Asked(method="GET", path="/", who=Who(name="ann", role=role))
    for rule in ROLES:
        if ROLES.index(role) >= ROLES.index(rule):
            answering.check(rule, asked)
        else:
            with pytest.raises(Refused):
                answering.check(rule, asked)
