"""The pages of guardrails and budgets have the figures of the commands, and say who is refused."""

from contextlib import closing
from dataclasses import replace
from decimal import Decimal

from floorline.config import Config
from floorline.guardrails.allowance import Allowance
from floorline.guardrails.budget import Budget, Part
from floorline.guardrails.cache import CacheRule
from floorline.guardrails.frame import Setting
from floorline.guardrails.rules import Guardrails, Rules
from floorline.jobs.effectiveness import effects_of
from floorline.jobs.margins import Margins
from floorline.ledger.checkpoint import NAME, Checkpoint, Place, Saved, SavedBucket
from floorline.ledger.snapshot import GATEWAYS
from floorline.margin.dimensions import Scope
from floorline.margin.effectiveness_report import effectiveness_document
from floorline.wiring import now
from tests.jobs.test_guardrail_days import END, START, records
from tests.margin.company import keep
from tests.support.dashboard import client_of, dashboard_of

DAYS = f"from={START}&to={END}"
BUDGET = Budget(name="monthly", scope=(Part(dimension="customer"),), unit="usd", limit=Decimal(10))


def block(client, path, name):
    return next(one for one in client.get(f"/api/v1{path}").json()["blocks"] if one["name"] == name)


def configured(**gateway):
    config = Config()
    return replace(config, gateway=replace(config.gateway, **gateway))


def test_the_page_of_guardrails_has_the_commands_figures_and_what_is_configured(ledger):
    keep(ledger, records())
    rules = Rules(cache=CacheRule(setting=Setting(mode="canary", share_ppm=100_000)))
    client = client_of(dashboard_of(ledger, configured(guardrails=Guardrails(default=rules))), "viewer")
    document = effectiveness_document(effects_of(Margins(ledger), START, END, Scope()), START, END, "UTC")
    *rows, total = block(client, f"/guardrails?{DAYS}", "effects")["rows"]
    names = ("feature", "guardrail", "touched", "saved", "own_cost", "net")
    assert [[row[name] for name in names] for row in rows] == [
        [one[name] for name in names] for one in document["guardrails"]
    ]
    assert (total["saved"], total["net"]) == (document["total"]["saved"], document["total"]["net"])
    assert {row["measured"] for row in rows} >= {"not enough: 0 of 30 held out"}
    (on,) = block(client, f"/guardrails?{DAYS}", "configured")["rows"]
    assert (on["guardrail"], on["mode"], on["holdout"], on["touched"]) == ("cache", "canary 10%", "2%", 6)
    assert {row["guardrail"] for row in block(client, f"/guardrails?{DAYS}&kind=output", "days")["rows"]} == {"output"}
    assert len(block(client, f"/guardrails/decisions?{DAYS}&feature=chat", "decisions")["rows"]) == 1


def test_budgets_are_meters_and_whoever_is_refused_is_named_first(ledger):
    window, at = BUDGET.window.at(now()), now()
    used = {"acme": 10, "beta": 8, "cara": 1}
    buckets = tuple(
        SavedBucket(BUDGET.id, who, window.start, window.end, window.name, amount * 10**12, 0, 10**11, 1)
        for who, amount in used.items()
    )
    folder = ledger.home / GATEWAYS / "g1"
    folder.mkdir(parents=True)
    with closing(Checkpoint(folder / NAME)) as file:
        file.write(Saved(Place(), at, True, {BUDGET.id: window.start}, (), buckets))
    client = client_of(dashboard_of(ledger, configured(allowance=Allowance(budgets=(BUDGET,)))), "viewer")
    page = client.get("/budgets", headers={"accept": "text/html"}).text
    assert "Calls are refused with 402 for acme (monthly)" in page
    rows = block(client, "/budgets", "counters")["rows"]
    assert [(row["holder"], row["state"].partition(";")[0], row["ratio"]) for row in rows] == [
        ("acme", "used up, calls are refused", "1.010000000000"),
        ("beta", "near its limit", "0.810000000000"),
        ("cara", "within", "0.110000000000"),
    ]
    meters = block(client, "/budgets?state=near", "meters")["meters"]
    assert [(one["used"], one["limit"], one["state"], one["reserved"]) for one in meters] == [
        ("8.000000000000", "10.000000000000", "near", "0.100000000000")
    ]
    assert [one["holder"] for one in block(client, "/budgets?holder=CAR", "counters")["rows"]] == ["cara"]
