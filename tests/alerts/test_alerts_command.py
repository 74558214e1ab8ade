"""`floorline alerts` and `floorline prices notices` as people use them."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from floorline.alerts.condition import Condition
from floorline.alerts.machine import Patience, judged
from floorline.jobs.alerting import shelf_of
from floorline.ledger.state import State
from tests.support.processes import command

NOW = datetime(2026, 3, 30, 6, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def run(tmp_path):
    """Runs a command in a home of its own, in which one feature's margin was alarming on Monday."""
    home = tmp_path / "home"
    home.mkdir()
    condition = Condition("margin_red", "feature", "chat", "firing", "critical", Decimal("0.41"), Decimal("0.60"))
    stated = condition._replace(stake_usd=Decimal(900), evidence="it is low")
    fired = judged(None, stated, now=NOW, period="2026-W14", patience=Patience(stay=DAY))
    with closing(State.open(home)) as state:
        shelf_of(state).put(fired.id, fired, now=NOW)

    def ran(*words, group="alerts", code=0):
        return command(home, group, *words, code=code)

    return ran


def test_the_command_lists_shows_acknowledges_and_resolves(run):
    assert "$900.00" in run("list", "--rule", "margin_red")
    assert json.loads(run("list", "--state", "resolved", "--json")) == []
    shown = run("show", "chat")
    assert "chat: margin below its floor (41.0 %)" in shown
    assert "(not told yet)" in shown
    assert json.loads(run("acknowledge", "red/feature", "--note", "on it", "--json"))["state"] == "acknowledged"
    assert run("assign", "chat", "maria") == "margin_red/feature/chat is maria's\n"
    assert run("note", "chat", "the provider confirms it") == "noted of margin_red/feature/chat\n"
    assert "noted by" in run("show", "chat")
    assert [one["what"] for one in json.loads(run("show", "chat", "--json"))["remarks"]] == ["assigned", "noted"]
    assert run("resolve", "chat") == "margin_red/feature/chat is resolved\n"
    (known,) = json.loads(run("list", "--all", "--json"))
    assert [(one["state"], one["note"], one["told"]) for one in known["history"]] == [
        ("open", None, False), ("acknowledged", "on it", False), ("resolved", None, False),
    ]  # fmt: skip
    assert known["at_stake_usd"] == "900.000000000000"
    assert known["response_s"] > 0
    assert run("list") == "no alert is open\n"
    assert "is resolved: there is nothing to resolve" in run("resolve", "chat", code=2)
    assert "there is no alert 'nobody'" in run("show", "nobody", code=2)


def test_the_command_reads_a_week_and_the_rules(run):
    assert "opened: chat, margin below its floor (it is low)" in run("digest", "--week", "2026-W14")
    assert json.loads(run("digest", "--week", "2026-W14", "--json"))["counts"] == {"open": 1}
    assert json.loads(run("noise", "--week", "2026-W14", "--json"))["fired"] == 1
    assert "write it as 2026-W46" in run("noise", "--week", "14", code=2)
    assert json.loads(run("rules", "--json"))["rules"]["margin_red"]["window_days"] == 3
    assert "Rules" in run("rules")


def test_a_notice_is_kept_listed_and_forgotten(run):
    stated = ("--provider", "openai", "--model", "gpt-4o", "--from", "2026-05-01", "--price", "input=3.5")
    added = json.loads(run("add", *stated, "--json", group="notices"))
    assert (added["id"], added["prices"], added["monthly_effect_usd"]) == (
        "openai/gpt-4o/2026-05-01",
        {"input": "3.5"},
        None,
    )
    assert "openai/gpt-4o" in run("list", group="notices")
    assert "is forgotten" in run("remove", added["id"], group="notices")
    assert json.loads(run("list", "--json", group="notices")) == []
    assert "write it as input=1.25" in run("add", *stated[:-1], "input", group="notices", code=2)
    assert "'inputs' is not a unit" in run("add", *stated[:-1], "inputs=1", group="notices", code=2)
