"""Workflows, prices, keys, settings and the first run: their figures are those of the commands, and what they do is done and kept."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from html import unescape
from pathlib import Path

import pytest

from floorline.alerts.events import PRICE_CHANGES, PRICE_NOTICES, PriceChange, PriceNotice
from floorline.config import Config, parse
from floorline.gateway.keyring_file import KEYRING_NAME, KeyringFile
from floorline.jobs.margins import Margins
from floorline.ledger.shelf import Shelf
from floorline.margin.dimensions import Scope
from floorline.margin.report import document
from floorline.money import text, usd
from floorline.pricing.book import PriceVersion, build_book
from floorline.wiring import now
from tests.margin.company import call, keep, line, outcome, table
from tests.support.dashboard import client_of, dashboard_of
from tests.support.ledger import Opener

JANUARY = "from=2026-01-01&to=2026-02-01"
FILE = """
providers: {openai: {dialect: openai, base_url: "http://127.0.0.1:9001/v1", api_key: "${OPENAI_API_KEY}"}}
prices:
  - {model: own, provider: openai, prices: {input: 2, output: 8}}
  - {model: own, provider: openai, from: 2026-01-10, prices: {input: 1}}
  - {model: own, provider: openai, from: 2100-01-01, prices: {input: 3}}
features: {chat: {floor: 0.65}}
plans: {pro: {features: [ghost]}}
"""
CONFIG = parse(FILE.encode(), Path("floorline.yaml"), {}).config
BOOK, _ = build_book(CONFIG.prices)


def _version(day: int) -> PriceVersion:
    version = BOOK.resolve("openai", "own", datetime(2026, 1, day, 12, tzinfo=UTC))
    assert isinstance(version, PriceVersion)
    return version


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Where the signing secret of keys is made."""
    home = tmp_path_factory.mktemp("flows")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("FLOORLINE_HOME", str(home / "home"))
        yield home


@pytest.fixture(scope="module")
def config(home) -> Config:
    path = home / "floorline.yaml"
    path.write_text(FILE)
    return parse(FILE.encode(), path, {}).config


def announce(state) -> None:
    """A price that a provider announced, and what the price watch made of it."""
    at, told = datetime(2026, 1, 20, tzinfo=UTC), {"provider": "openai", "model": "own", "valid_from": date(2099, 1, 1)}
    notice = PriceNotice(id="n-1", prices={"input": Decimal("1.5")}, source="their blog", at=at, **told)
    change = PriceChange(
        id="n-1", notice="n-1", before="a", after="b", monthly_effect_usd=usd("0.25"), seen_at=at, **told
    )
    Shelf(state, PRICE_NOTICES, PriceNotice).put("n-1", notice, now=at)
    Shelf(state, PRICE_CHANGES, PriceChange).put("n-1", change, now=at)


@pytest.fixture(scope="module")
def filled(databases, home):
    """A ledger with two runs of a workflow, one of them with an outcome, and a call that has no price."""
    opener = Opener(databases, home)
    at = {"workflow": "ticket", "provider": "openai", "model": "own"}
    old, new = _version(5), _version(15)
    ledger = opener()
    keep(
        ledger,
        [
            call("2026-01-05T09:00:01Z", "acme", "chat", "0.30", step="draft", run_id="r-1", price_version=old.id, **at),
            call("2026-01-05T09:00:00Z", "acme", "chat", "0.02", step="find", run_id="r-1", call_type="retrieval", price_version=old.id, **at),
            call("2026-01-15T09:00:00Z", "acme", "chat", "0.10", step="draft", run_id="r-2", price_version=new.id, **at),
            call("2026-01-16T09:00:00Z", "acme", "chat", None, provider="openai", model="nobody-knows"),
            outcome("2026-01-05T10:00:00Z", "o-1", run_id="r-1", workflow="ticket"),
            line("acme", "31.00", "2026-01-01", "2026-02-01"),
        ],
    )  # fmt: skip
    ledger.state.add_price_versions({old.id: old.to_json()}, now=datetime(2026, 1, 5, tzinfo=UTC))
    announce(ledger.state)
    yield ledger
    opener.finish()


@pytest.fixture(scope="module")
def client(filled, config):
    return client_of(dashboard_of(filled, config), "admin")


def block(client, address: str, name: str) -> dict:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text[:500]
    return next(one for one in answer.json()["blocks"] if one["name"] == name)


def cards(client, address: str, name: str) -> dict[str, object]:
    of = block(client, address, name)
    return {card["name"]: card["value"] for card in of.get("cards") or of["facts"]}


def test_a_workflows_figures_are_those_of_the_margin_table_and_of_its_steps(client, filled):
    rows = {row["workflow"]: row for row in block(client, f"/workflows.json?{JANUARY}", "workflows")["rows"]}
    for told in document(table(filled, "workflow"))["rows"]:
        row = rows[told["key"]["workflow"]]
        assert row["cost_per_completed"] == told["cost_per_successful_outcome"]
        unknown = row["cogs"] is None or told["margin_ratio"] is None
        assert row["margin_ratio"] == (None if unknown else str(Decimal(told["margin_ratio"])))
        assert (row["cogs"], row["revenue"]) == (told["cogs"], told["revenue"])
    assert rows["(none)"]["spend"] is None, "its one call has no price"
    greatest = block(client, f"/workflows.json?{JANUARY}", "greatest")["rows"]
    steps = Margins(filled).steps(date(2026, 1, 1), date(2026, 2, 1), Scope()).steps
    assert [(row["step"], row["cost"]) for row in greatest] == [(step.step, text(step.cost)) for step in steps]

    steps = block(client, f"/workflows/ticket.json?{JANUARY}", "steps")["rows"]
    assert [(row["step"], row["greatest"], row["cost"]) for row in steps] == [
        ("draft", True, "0.400000000000"), ("find", False, "0.020000000000"),
    ]  # fmt: skip
    ordered = block(client, "/workflows/ticket.json?from=2026-01-01&to=2026-01-06&against=previous", "steps")["rows"]
    assert [row["step"] for row in ordered] == ["find", "draft"], "as its run of the last day calls them"
    found = cards(client, f"/workflows/ticket.json?{JANUARY}", "figures")
    assert (found["completed"], found["open"], found["run_p95"]) == (1, 1, "0.320000000000")
    assert client.get(f"/workflows/nothing?{JANUARY}").status_code == 404
    assert client.get(f"/workflows/(none)?{JANUARY}", headers={"accept": "text/html"}).status_code == 200


def test_prices_are_those_of_the_book_and_each_version_can_be_looked_up(client):
    models = block(client, f"/prices.json?{JANUARY}", "models")["rows"]
    assert [(row["model"], row["input"], row["unpriced"]) for row in models] == [
        ("nobody-knows", None, 1), ("own", "1.000000000000", 0),
    ]  # fmt: skip
    (entry,) = block(client, f"/prices.json?{JANUARY}", "unpriced")["snippets"]
    assert '"nobody-knows"' in entry["text"]

    (change,) = [
        row for row in block(client, f"/prices.json?{JANUARY}", "changes")["rows"] if row["known_by"] == "their blog"
    ]
    assert (change["model"], change["what"], change["usd_a_month"]) == (
        "own",
        "announced: input $1.50",
        "0.250000000000",
    )

    address = f"/prices/openai/own.json?{JANUARY}"
    versions = block(client, address, "versions")["rows"]
    assert [(row["on"], row["input"]) for row in versions[-1:]] == [("2026-01-10", "1.000000000000")]
    stamped = block(client, address, "stamped")["rows"]
    assert [(row["version"], row["calls"]) for row in stamped] == [(_version(5).id, 2), (_version(15).id, 1)]

    one = f"/prices/versions/{_version(5).id}.json?{JANUARY}"
    assert {row["unit"]: row["list"] for row in block(client, one, "units")["rows"]}["input"] == "2.000000000000"
    assert [row["calls"] for row in block(client, one, "stamped")["rows"]] == [2]
    assert client.get("/prices/versions/0123456789abcdef").status_code == 404
    assert client.get(f"/prices/versions/{_version(15).id}?{JANUARY}").status_code == 200, (
        "of the book, if not of a call"
    )
    assert client.get("/prices/openai/never-called").status_code == 404


def test_a_key_is_made_shown_once_put_in_anothers_place_and_taken_back(client, filled):
    made = client.post(
        "/api/v1/keys", json={"name": "my app", "customer": "acme", "expires_days": 30, "models": "gpt-*, own"}
    )
    assert made.status_code == 201
    first, secret = made.json()["id"], made.json()["key"]
    assert secret.startswith("flk_")
    ring = KeyringFile(filled.home / KEYRING_NAME, _secret()).poll()
    assert ring.find(secret.encode(), now()).customer == "acme"

    form = client.post("/keys", data={"name": "by form", "csrf": "proof"}, headers={"accept": "text/html"})
    assert form.status_code == 200, "it is an answer, and no address leads to it"
    shown = re.search(r"flk_[A-Za-z0-9_-]{43}", form.text)[0]
    for address in ("/keys", "/keys.json", "/api/v1/keys", f"/keys/{first}"):
        told = client.get(address).text
        assert shown not in told
        assert secret not in told

    rotated = client.post(f"/api/v1/keys/{first}/rotate", json={"grace_hours": 1})
    assert rotated.status_code == 201
    second = rotated.json()["id"]
    assert client.post(f"/api/v1/keys/{second}/revoke").json()["id"] == second
    assert client.post(f"/api/v1/keys/{second}/revoke").status_code == 409
    states = {row["id"]: row["state"] for row in block(client, "/keys.json", "keys")["rows"]}
    assert (states[first], states[second]) == ("good", "revoked")
    audit = [(one.actor, one.action, one.subject) for one in filled.state.audited()]
    for action, key in (("key.create", first), ("key.rotate", second), ("key.revoke", second)):
        assert audit.count(("the admin", action, key)) == 1
    assert secret not in repr(filled.state.audited())


def test_a_key_that_cannot_be_is_refused_with_what_to_change(client):
    for wish, why in (
        ({"name": ""}, "a key needs a name"),
        ({"name": "a", "environment": "moon"}, "environment is 'moon'"),
        ({"name": "a", "providers": "nobody"}, "providers: 'nobody' is none of floorline.yaml: openai"),
        ({"name": "a", "expires_days": 0}, ">= 1"),
    ):
        answer = client.post("/api/v1/keys", json=wish)
        assert answer.status_code == 400
        assert why in answer.json()["error"]["message"]


def _secret() -> bytes:
    from floorline.wiring import signing_secret

    return signing_secret()


def test_settings_are_shown_with_their_line_and_what_looks_wrong(client, config):
    rows = {row["name"]: row for row in block(client, "/settings.json?q=api_key", "settings")["rows"]}
    assert (rows["providers.openai.api_key"]["where"], rows["providers.openai.api_key"]["value"]) == (
        "floorline.yaml:2", "${OPENAI_API_KEY} (unset)",
    )  # fmt: skip
    stated = block(client, "/settings.json?which=stated", "settings")["rows"]
    assert {row["where"].partition(":")[0] for row in stated} == {config.path.name}
    defaults = block(client, "/settings.json?q=yellow+band&which=default", "settings")["rows"]
    assert {row["where"] for row in defaults} == {"default"}
    page = client.get("/settings.json").json()
    warnings = [one["text"] for one in page["blocks"] if one["block"] == "note"]
    assert any("ghost" in text for text in warnings)
    assert [row["floor"] for row in block(client, "/settings.json", "floors")["rows"]] == ["0.65"]


def test_the_first_page_waits_for_the_first_call_and_says_when_it_has_come(ledger, config):
    client = client_of(dashboard_of(ledger, config), "admin")
    assert client.get("/").headers["location"] == "/start"
    assert block(client, "/start.json", "waiting")["kind"] == "info"
    snippets = block(client, "/start.json", "gateway")["snippets"]
    assert str(ledger.home.resolve()) in snippets[-2]["text"]
    assert block(client, "/start.json", "load-demo")["rule"] == "admin"
    keep(ledger, [call("2026-01-05T09:00:00Z", "acme", "chat", "0.30")])
    assert block(client, "/start.json", "waiting")["kind"] == "good"
    assert client.get("/").headers["location"] != "/start"
    assert client.post("/api/v1/start/demo").status_code == 409, "the demo goes into an empty ledger"


def test_counts_lead_to_the_calls_that_they_count(client):
    made = client.post("/api/v1/keys", json={"name": "my app"}).json()["id"]
    for address in (f"/workflows/ticket?{JANUARY}", f"/prices?{JANUARY}", f"/keys/{made}?{JANUARY}"):
        page = client.get(address, headers={"accept": "text/html"}).text
        links = {unescape(link) for link in re.findall(r'href="(/calls\?[^"]*)"', page)}
        assert links, address
        for link in sorted(links)[:2]:
            assert client.get(link.replace("/calls?", "/calls.json?")).status_code == 200, link
