"""What people decide on pages, over a real state: forms and JSON, who did it, what is refused and what to do then."""

from datetime import timedelta
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from floorline.alerts.condition import Condition
from floorline.alerts.machine import About, Patience, judged
from floorline.jobs.alerting import shelf_of
from floorline.jobs.backlogging import shelf
from floorline.jobs.margins import Margins
from floorline.jobs.reviewing import Reviewer
from floorline.money import usd
from floorline.pricing.book import PriceBook
from floorline.reviews.policy import ReviewPolicy
from floorline.wiring import now
from tests.backlog.figures import opportunity
from tests.margin.company import call, keep, line
from tests.support.dashboard import client_of, dashboard_of

ALERT = "margin_red/feature/chat"
ITEM = opportunity(id="cache:chat", title="Cache what chat is asked").id
HTML = {"accept": "text/html"}


def at(path: str, id_: str, more: str = "") -> str:
    return f"{path}/{quote(id_, safe='')}{more}"


@pytest.fixture
def dashboard(ledger):
    fired = now() - timedelta(hours=3)
    condition = Condition("margin_red", "feature", "chat", "firing", "critical", usd("0.41"), usd("0.60"))
    stated = condition._replace(stake_usd=usd(900), evidence="the margin is 41.0 %, below 60.0 %")
    about = About(owner="ann", deadline=fired + timedelta(hours=1), driver_text="input tokens rose 40 %")
    alert = judged(None, stated, now=fired, period="2026-W14", patience=Patience(stay=timedelta(0)), about=about)
    shelf_of(ledger.state).put(ALERT, alert, now=fired)
    item = opportunity(id=ITEM, title="Cache what chat is asked", dollars="1200", subject="chat")
    shelf(ledger.state).put(ITEM, item, now=fired)
    return dashboard_of(ledger)


@pytest.fixture
def client(dashboard):
    return client_of(dashboard, "editor")


def block(client, path, name):
    return next(one for one in client.get(f"/api/v1{path}").json()["blocks"] if one["name"] == name)


def mark(client, path, form):
    forms = block(client, path, "act")["forms"]
    fields = next(one for one in forms if one["name"] == form)["fields"]
    return next(one["value"] for one in fields if one["name"] == "seen")


def test_an_alert_is_answered_and_its_page_says_who_did_and_until_when(client, ledger):
    page = client.get(at("/alerts", ALERT), headers=HTML).text
    assert "The deadline is past." in page
    assert "input tokens rose 40 %" in page
    listed = block(client, "/alerts", "alerts")["rows"]
    assert [(row["id"], row["at_stake_usd"], row["overdue"]) for row in listed] == [(ALERT, "900.000000000000", True)]
    seen = mark(client, at("/alerts", ALERT), "acknowledge")
    path = f"/api/v1{at('/alerts', ALERT)}"
    done = client.post(f"{path}/acknowledge", json={"note": "rolling back", "seen": seen}).json()
    assert (done["state"], done["assigned"]) == ("acknowledged", None)
    late = client.post(f"{path}/resolve", json={"seen": seen})
    assert late.status_code == 409
    assert "it is acknowledged by" in late.json()["error"]["message"]
    assert client.post(f"{path}/assign", json={"to": "ben@example.com"}).json()["assigned"] == "ben@example.com"
    assert client.post(f"{path}/note", json={"note": ""}).status_code == 400
    assert client.post(f"{path}/resolve", json={}).status_code == 200
    again = client.post(f"{path}/acknowledge", json={})
    assert (again.status_code, again.json()["error"]["message"]) == (
        409,
        f"{ALERT} is resolved: there is nothing to acknowledge",
    )
    trail = block(client, at("/alerts", ALERT), "history")["events"]
    assert [one["kind"] for one in trail] == ["resolved", "assigned", "acknowledged", "opened"]
    assert len({one["by"] for one in trail[:3]}) == 1
    assert [one.action for one in ledger.state.audited_of(ALERT)] == [
        "alert.acknowledge",
        "alert.assign",
        "alert.resolve",
    ]
    assert block(client, "/alerts?state=resolved", "alerts")["rows"][0]["state"] == "resolved"
    assert client.get(at("/alerts", "nothing")).status_code == 404


def test_an_opportunity_goes_its_way_by_forms_and_keeps_its_audit_trail(client, ledger):
    path = at("/backlog", ITEM)
    form = {"content-type": "application/x-www-form-urlencoded"}
    seen = mark(client, path, "accept")
    moved = client.post(
        f"{path}/accept",
        content=f"owner=ben&deadline=2026-12-24&note=&seen={seen}",
        headers=form,
        follow_redirects=False,
    )
    assert (moved.status_code, moved.headers["location"]) == (303, path)
    late = client.post(f"/api/v1{path}/reject", json={"note": "too risky", "seen": seen})
    assert (late.status_code, "it is accepted, by" in late.json()["error"]["message"]) == (409, True)
    assert client.post(f"/api/v1{path}/reject", json={"note": ""}).status_code == 400
    assert client.post(f"/api/v1{path}/amend", json={"owner": "cara", "note": "ben is away"}).json()["owner"] == "cara"
    assert client.post(f"/api/v1{path}/move", json={"to": "canary"}).json()["state"] == "canary"
    coming = (now() + timedelta(days=3)).date().isoformat()
    assert client.post(f"/api/v1{path}/ship", json={"on": coming}).status_code == 400
    assert client.post(f"/api/v1{path}/ship", json={"on": "2026-01-31"}).json()["state"] == "shipped"
    wrong = client.post(f"/api/v1{path}/accept", json={})
    assert (wrong.status_code, "from there it goes to measured, canary" in wrong.json()["error"]["message"]) == (
        409,
        True,
    )
    assert [one["title"] for one in block(client, path, "history")["events"]] == ["", "", "owner cara: ben is away", ""]
    assert [one.action.partition(".")[2] for one in ledger.state.audited_of(ITEM)] == [
        "accepted",
        "amend",
        "canary",
        "shipped",
    ]
    (row,) = block(client, "/backlog?state=shipped", "shipped")["rows"]
    assert (row["promised"], row["realised"]) == ("1200.000000000000", None)


def test_an_item_by_hand_is_added_and_filters_hold(client):
    body = {"title": "Negotiate committed use", "dollars_a_quarter": "9000", "owner": "ana"}
    added = client.post("/api/v1/backlog/add", json=body)
    assert added.json()["id"] == "by_hand:negotiate-committed-use"
    assert client.post("/api/v1/backlog/add", json=body).status_code == 409
    assert client.post("/api/v1/backlog/add", json={**body, "dollars_a_quarter": "much"}).status_code == 400
    rows = block(client, "/backlog?owner=ana", "items")["rows"]
    assert [(row["id"], row["adds"]) for row in rows] == [("by_hand:negotiate-committed-use", None)]
    assert [row["id"] for row in block(client, "/backlog?kind=batch&feature=chat", "items")["rows"]] == []
    assert (
        client.get("/backlog.csv?table=items&owner=ana")
        .text.splitlines()[1]
        .startswith("Negotiate committed use,9000.0")
    )


def test_a_review_is_made_shown_and_decided_on_and_the_next_one_says_what_came_of_it(client, ledger):
    reviews = Reviewer(margins=Margins(ledger), policy=ReviewPolicy(), book=PriceBook())
    week = reviews.last_week(now())
    start, end = week.before(4).start, week.end
    keep(ledger, [line("acme", "2800", f"{start}", f"{end}", feature="chat")])
    days = [start + timedelta(days=number) for number in range((end - start).days)]
    keep(ledger, [call(f"{day}T10:00:00Z", "acme", "chat", "60", model="gpt-4o", provider="openai") for day in days])
    assert client.get(f"/reviews/{week}").status_code == 404
    assert client.post(f"/api/v1/reviews/{week.before()}/make").json()["whole"]
    path = f"/reviews/{week.before()}/actions/{quote('floor/chat', safe='')}"
    seen = mark(client, path, "accept")
    decided = client.post(
        f"/api/v1{path}/decide", json={"verdict": "accept", "owner": "ben", "by": "2026-01-31", "seen": seen}
    )
    assert decided.json()["verdict"] == "accept"
    late = client.post(f"/api/v1{path}/decide", json={"verdict": "reject", "seen": seen})
    assert (late.status_code, "it is accept, ben, by 2026-01-31" in late.json()["error"]["message"]) == (409, True)
    assert [one["kind"] for one in block(client, path, "history")["events"]] == ["decide"]
    client.post(f"/api/v1/reviews/{week}/make")
    page = client.get(f"/reviews/{week}", headers=HTML).text
    assert f"What came of the decisions of {week.before()}" in page
    (chat,) = [one for one in block(client, f"/reviews/{week}", "followed")["rows"] if one["id"] == "floor/chat"]
    assert (chat["decision"], chat["owner"], chat["outcome"], chat["overdue"]) == (
        "accept",
        "ben",
        "as much is at stake",
        True,
    )
    report = reviews.shelf.get(str(week))
    (row,) = block(client, f"/reviews/{week}", "features")["rows"]
    assert (row["feature"], row["margin"]) == ("chat", f"{report.features[0].margin:.12f}")
    assert client.get("/reviews/2026-Q9").status_code == 404
    assert client.post(f"/api/v1/reviews/{week.before(-3)}/make").status_code == 400


def test_only_an_editor_decides_and_a_viewer_is_shown_no_form(dashboard):
    viewer = client_of(dashboard, "viewer")
    assert viewer.post(f"/api/v1{at('/alerts', ALERT)}/acknowledge", json={}).status_code == 403
    page = viewer.get(at("/alerts", ALERT), headers=HTML).text
    assert "Acknowledge</button>" not in page
    assert "Audit trail" in page


def test_a_rejected_item_says_until_when_it_is_quiet(client, ledger):
    path = at("/backlog", ITEM)
    assert (
        client.post(f"/api/v1{path}/reject", json={"note": "sales promised it", "days": 10}).json()["state"]
        == "rejected"
    )
    quiet = shelf(ledger.state).get(ITEM).quiet_until
    assert f"is not proposed again before {quiet}" in client.get(path, headers=HTML).text
    assert replace(shelf(ledger.state).get(ITEM), quiet_until=None).state == "rejected"
