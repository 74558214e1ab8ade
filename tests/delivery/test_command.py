"""`floorline deliveries` and `floorline alerts test` as a user meets them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from floorline import wiring
from floorline.cli.deliveries import command, send_tests
from floorline.delivery.outbox import deliveries, drain, enqueue
from floorline.delivery.route import Answer, Route
from floorline.errors import BadInput
from floorline.jobs.delivering import deliver
from floorline.ledger.state import State
from tests.delivery.messages import NOW, alert
from tests.delivery.test_outbox import LATER, REFUSED, TAKEN, Receiver, middle
from tests.delivery.test_signature import NEW
from tests.support.receivers import Pager, SlackWorkspace, listening


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOORLINE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("FLOORLINE_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return wiring.make_home()


@pytest.fixture
def state(home):
    opened = State.open(home)
    yield opened
    opened.close()


def run(of, *arguments: str):
    return CliRunner(env={"COLUMNS": "150"}).invoke(of, arguments)


def fill(state: State, **answers: Answer) -> None:
    """A message to each route, which its receiver has answered."""
    for name, answer in answers.items():
        route = Route(name=name, channel=Receiver(answer=lambda _, answer=answer: answer))
        enqueue(state, alert(id=f"{name}/1", title=f"about {name}"), [route], now=NOW)
        drain(state, [route], NOW, randbelow=middle)


def test_the_outbox_is_listed(state):
    assert run(command).output == "the outbox is empty\n"
    fill(state, chat=TAKEN, pager=LATER, hook=REFUSED)
    shown = run(command).output
    assert "trigger: about pager" in shown
    found = json.loads(run(command, "--json").stdout)
    assert [(one["route"], one["state"], one["answer"], one["attempts"]) for one in found] == [
        ("chat", "taken", "ok", 1),
        ("pager", "waiting", "503", 1),
        ("hook", "failed", "400", 1),
    ]
    assert [one["route"] for one in json.loads(run(command, "--state", "failed", "--json").stdout)] == ["hook"]
    assert json.loads(run(command, "--route", "nobody", "--json").stdout) == []


def test_what_failed_is_sent_again_when_it_is_asked_for(state):
    fill(state, chat=TAKEN, hook=REFUSED)
    taken, failed = deliveries(state)
    assert run(command, "retry").exit_code == 2
    assert isinstance(run(command, "retry", "nonsense").exception, BadInput)
    assert run(command, "retry", failed.id).output == f"{failed.id}  hook  is due again\n"
    assert "it was taken" in run(command, "retry", taken.id).output
    receiver = Receiver()
    said = deliver(state, [Route(name="hook", channel=receiver)], wiring.now())
    assert said == "1 taken, 0 put off, 0 failed"
    assert deliver(state, [Route(name="hook", channel=receiver)], wiring.now()) == ""
    assert run(command, "retry", "--failed").output == "there is none\n"


@pytest.mark.usefixtures("home")
def test_a_test_goes_through_each_route_and_each_answer_is_told(monkeypatch):
    workspace, pager = SlackWorkspace(), Pager()
    monkeypatch.setenv("TOKEN", workspace.token)
    monkeypatch.setenv("KEY", pager.routing_key)
    monkeypatch.setenv("SECRET", NEW)
    with listening(workspace.handle) as chat, listening(pager.handle) as paging:
        workspace.at = f"http://127.0.0.1:{chat}"
        Path("floorline.yaml").write_text(f"""
delivery:
  chat: {{kind: slack, token: "${{TOKEN}}", channel: C1, base_url: "{workspace.at}/api"}}
  pager: {{kind: pagerduty, routing_key: "${{KEY}}", base_url: "http://127.0.0.1:{paging}"}}
  hook: {{kind: webhook, url: "http://127.0.0.1:1/", secrets: ["${{SECRET}}"]}}
""")
        everyone = run(send_tests)
        only = run(send_tests, "--route", "pager", "--json")
    assert everyone.exit_code == 1
    assert everyone.output.splitlines()[0] == "chat (slack) took it: ok"
    assert everyone.output.splitlines()[1].startswith("pager (pagerduty) took it: 202")
    assert everyone.output.splitlines()[2].startswith("hook (webhook) did not take it now: 127.0.0.1 cannot be reached")
    assert only.exit_code == 0
    assert json.loads(only.stdout)[0]["outcome"] == "taken"
    assert pager.incidents == {"test/pager": ["trigger", "resolve"] * 2}
    assert "Nothing has happened" in json.dumps(workspace.posted)
    assert workspace.uploads["F1"].startswith(b"\x89PNG")


@pytest.mark.usefixtures("home")
def test_without_a_route_a_test_says_what_to_do():
    assert "name one under `delivery:`" in str(run(send_tests).exception)
    Path("floorline.yaml").write_text('delivery: {a: {kind: apprise, url: "${UNSET}"}}\n')
    assert "there is no route 'b': a" in str(run(send_tests, "--route", "b").exception)
    assert "is not set" in run(send_tests).output
