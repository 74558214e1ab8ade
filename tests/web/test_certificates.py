"""The pages of certificates: what each is, and a person's word against one, which is in the file that gateways read."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from floorline.guardrails.rules import Guardrails
from floorline.jobs.certifying import keep, shelf
from floorline.proof.certificate import Certificate
from tests.support.dashboard import client_of, dashboard_of

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
NAME = "semantic/faq//"
PAGES = "/guardrails/certificates/"
PAGE = f"{PAGES}{quote(NAME, safe='')}"


@pytest.fixture
def dashboard(ledger):
    kept = shelf(ledger.state)
    faq = Certificate(
        kind="semantic", feature="faq", state="certified", threshold=0.91, budget=0.05, bound=0.031, labels=400, rights=396,
        share=0.42, since=NOON, reason="at most 3.1 % of hits are wrong",
    )  # fmt: skip
    chat = Certificate(
        kind="route", feature="chat", step="draft", subject="small", state="suspended", since=NOON, reason="an alarm"
    )
    for number, one in enumerate((faq, chat)):
        keep(kept, ledger.state, one, NOON + timedelta(hours=number))
    return dashboard_of(ledger)


def blocks(client, path: str) -> dict[str, dict]:
    return {one["name"]: one for one in client.get(f"/api/v1{path}").json()["blocks"]}


def test_the_page_lists_them_with_those_in_force_first_and_says_what_was_taken_back(dashboard):
    client = client_of(dashboard, "viewer")
    page = blocks(client, "/guardrails/certificates")
    first, second = page["certificates"]["rows"]
    assert (first["feature"], first["state"], first["right"], first["bound"]) == ("faq", "certified", "0.99", "0.031")
    assert (second["about"], second["reason"]) == ("route · draft · small", "An alarm.")
    assert page["taken-back-0"]["title"] == "chat, route · draft · small:"
    assert (first["net"], "taken-back-1" in page) == (None, False)
    assert [
        row["feature"] for row in blocks(client, "/guardrails/certificates?state=suspended")["certificates"]["rows"]
    ] == ["chat"]
    assert client.get("/guardrails/certificates").status_code == 200


def test_a_judge_whose_error_nobody_knows_is_said_once_with_what_measures_it(dashboard, ledger):
    said = "the labels of judge large carry no certificate until its error is measured: `floorline eval judge …`"
    for step in ("draft", "answer"):
        one = Certificate(
            kind="route", feature="legal", step=step, subject="small", budget=0.95, labels=300, rights=300, since=NOON,
            judge="large", reason=said,
        )  # fmt: skip
        keep(shelf(ledger.state), ledger.state, one, NOON)
    client = client_of(dashboard, "viewer")
    page = blocks(client, "/guardrails/certificates")
    assert (page["unmeasured-0"]["text"], "unmeasured-1" in page) == (f"T{said[1:]}.", False)
    html = client.get("/guardrails/certificates").text
    assert html.count("<code>floorline eval judge …</code>") == 3, "in the note and in the two rows"
    facts = {one["name"]: one["value"] for one in blocks(client, f"{PAGES}{quote('route/legal/draft/small', safe='')}")["facts"]["facts"]}  # fmt: skip
    assert (facts["judge"], facts["judge_error"], facts["bound"]) == ("large", None, None)
    assert "judge_error" not in {one["name"] for one in blocks(client, PAGE)["facts"]["facts"]}, (
        "no judge made its labels"
    )


def test_an_editor_stops_one_and_lets_it_go_on_and_a_viewer_may_not(dashboard, ledger):
    viewer, editor = client_of(dashboard, "viewer"), client_of(dashboard, "editor")
    assert viewer.post(f"/api/v1{PAGE}/stop", json={"note": "no"}).status_code == 403
    assert editor.post(f"/api/v1{PAGE}/stop", json={"note": "stale answers"}).json()["state"] == "suspended"
    assert editor.post(f"/api/v1{PAGE}/stop", json={"note": "again"}).status_code == 400
    page = blocks(viewer, PAGE)
    assert page["standing"]["text"].startswith("A person stopped it")
    assert [one["kind"] for one in page["history"]["events"]] == ["suspended", "certified"]
    assert editor.post(f"/api/v1{PAGE}/go-on", json={"note": "mended"}).json()["state"] == "certified"
    assert ledger.state.audited_of(NAME)[-1].action == "certificate.go_on"
    assert editor.post("/api/v1/guardrails/certificates/nothing/stop", json={"note": "x"}).status_code == 404
    assert viewer.get(f"/api/v1{PAGE[:-3]}x").status_code == 404


def test_what_gateways_read_follows_a_persons_word_only_where_a_rule_asks_for_it(dashboard, ledger):
    editor = client_of(dashboard, "editor")
    editor.post(f"/api/v1{PAGE}/stop", json={"note": "stale answers"})
    assert Guardrails().default.semantic_cache is None
    assert b'"every":[]' in (ledger.home / "certificates").read_bytes()
