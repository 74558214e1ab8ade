"""The erasure of a customer or a user, step by step and whole."""

import itertools
import json
import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace as replaced

from floorline.alerts.events import GuardEvent
from floorline.errors import BadInput
from floorline.events import Alias
from floorline.events import Customer as Record
from floorline.gateway.issuing import Issuer, Wish
from floorline.gateway.keyring_file import KEYRING_NAME
from floorline.jobs.collecting import Collector
from floorline.jobs.control import Control
from floorline.jobs.erasing import PENDING, Eraser, all_names
from floorline.jobs.margins import MarginRequest, Margins
from floorline.ledger.content import Content, ContentStore, Subject
from floorline.ledger.guard_events import leave
from floorline.ledger.purging import PURGES_NAME, Purger
from floorline.ledger.remote import RemoteLedger
from floorline.ledger.state import Audited, Quarantined
from floorline.margin.dimensions import DIMENSIONS
from floorline.margin.policy import FeaturePolicy, Policies
from floorline.margin.report import document
from floorline.query import Query
from tests.support.gateway import SpoolingGateway, estimator
from tests.support.ledger import entry
from tests.support.processes import command, control
from tests.support.records import call, mixed, outcome, revenue

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = b"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXM"
NAME, ALIAS, STATED = "zebrafish", "cus_zebra", "zebra-workspace"
STATED_ALIAS = Alias(
    source="config", id="1", kind="customer", alias=STATED, canonical=NAME, valid_from=date(2026, 1, 1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    name: str
    calls: int


class Stopped(Exception):
    pass


class Company:
    """A ledger with everything beside it that names the customer."""

    def __init__(self, ledger) -> None:
        self.ledger, self.home = ledger, ledger.home
        numbers = itertools.count(1)
        self.random = lambda size: next(numbers).to_bytes(size, "big")
        self.issuer = Issuer(ledger.state, self.home / KEYRING_NAME, SECRET, self.random, actor="ada")
        self.content = ContentStore(self.home / "content", SECRET, self.random, writer="g1", segment_bytes=1 << 16)
        self.steps: list[str] = []
        self.stop_before = ""

    def eraser(self, ledger=None, *, collect=lambda: None) -> Eraser:
        return Eraser(
            ledger or self.ledger, collect=collect, content=self.content.keys, answers=Purger(self.home / PURGES_NAME, self.content.keys),
            keys=self.issuer, aliases=[STATED_ALIAS], actor="ada", random=self.random, tell=self.tell,
        )  # fmt: skip

    def tell(self, step: str) -> None:
        self.steps.append(step)
        if self.stop_before == step:
            raise Stopped

    def fill(self) -> None:
        for n, name in enumerate((NAME, ALIAS, STATED, "globex")):
            user = Subject(name, f"person-{n}")
            self.ledger.write([entry(call(10 * n + m, customer_id=name, user_id=user.user)) for m in range(1, 4)])
            assert self.content.put(Content(call_id=f"call-{10 * n + 1}", at=NOW, feature="f", request=b"hello", answer=b"you"), user, 3_000)  # fmt: skip
        self.ledger.write([entry(revenue(1))])
        self.ledger.write(
            [entry(Alias(source="a", id=f"customer:{ALIAS}", kind="customer", alias=ALIAS, canonical=NAME))]
        )
        self.issuer.create(Wish(name=f"{NAME}-prod", customer=NAME), NOW)
        self.issuer.create(Wish(name="globex-prod", customer="globex"), NOW)
        self.ledger.state.quarantine([
            Quarantined(origin="usage.jsonl", line=1, reason="no model", body=b'{"workspace_id": "zebrafish"}', at=NOW),
            Quarantined(origin="usage.jsonl", line=2, reason="no model", body=b'{"workspace_id": "globex"}', at=NOW),
        ])  # fmt: skip
        self.ledger.state.audit(
            Audited(at=NOW, actor="ada", action="content.show", subject="call-1", detail=f"{NAME} asked")
        )
        (self.home / "gateways" / "g1").mkdir(parents=True)
        leave(
            self.home / "gateways" / "g1",
            GuardEvent(
                kind="budget", rule_id="included", scope="customer", subject=NAME, period="2026-03", resets_at=NOW + timedelta(days=9),
                step=Decimal("0.75"), used=Decimal(3), limit=Decimal(4), at=NOW,
            ),
        )  # fmt: skip
        (self.home / "damaged").mkdir()
        (self.home / "damaged" / "1.seg").write_bytes(b"..zebrafish..")
        (self.home / "damaged" / "2.seg").write_bytes(b"..globex..")

    def customers(self) -> list[int]:
        """How many calls each customer has, whatever it is called; the one that stays is last."""
        sql = "SELECT customer_id, toInt64(sum(calls)) FROM calls_day GROUP BY customer_id ORDER BY customer_id = 'globex', customer_id"
        return [row.calls for row in self.ledger.query(Query(sql=sql, row=Customer))]

    def check_erased(self) -> None:
        """Nothing of the customer can be told any more, and everything of the other one is as it was."""
        assert self.customers() == [3, 3, 3, 3]
        sql = "SELECT DISTINCT customer_id, 1 FROM calls"
        names = {row.name for row in self.ledger.query(Query(sql=sql, row=Customer))}
        assert "globex" in names
        assert len([name for name in names if re.fullmatch("erased-[0-9a-f]{16}", name)]) == 3
        assert self.ledger.verify() == []
        kept = [self.content.find(f"call-{10 * n + 1}") for n in range(4)]
        assert [found is not None for found in kept] == [False, False, False, True]
        state = self.ledger.state
        assert [(key.revoked, key.customer in names) for key in state.virtual_keys()] == [(True, True), (False, True)]
        assert [one.line for one in state.quarantined()] == [2]
        assert state.setting(PENDING) == ""
        assert [path.name for path in (self.home / "damaged").iterdir()] == ["2.seg"]
        assert [(one.action, one.subject in names) for one in state.audited() if one.action.startswith("erase")] == [
            ("erase.customer", True)
        ]
        aliases = self.ledger.query(Query(sql="SELECT alias, 1 FROM aliases ORDER BY alias", row=Customer))
        assert len(aliases) == 2
        assert {row.name for row in aliases} < names
        self.content.close()
        assert found_in(self.home, NAME, ALIAS, STATED) == []


def found_in(folder: Path, *names: str) -> list[str]:
    """The files below `folder` in which one of the names stands."""
    patterns = [part for name in names for part in ("-e", name)]
    return subprocess.run(
        ["grep", "-rlaF", *patterns, str(folder)], capture_output=True, text=True, check=False
    ).stdout.split()


@pytest.fixture
def company(ledger):
    company = Company(ledger)
    company.fill()
    yield company
    company.content.close()


def test_a_customer_is_shown_before_it_is_erased(company):
    found = company.eraser().look("customer", ALIAS)
    assert found.plan.renaming.customers == (NAME, ALIAS, STATED)
    assert {table: rows for table, rows in found.rows.items() if rows} == {"calls": 9, "aliases": 1}
    assert list(found.months) == ["2026-01"]
    assert (found.content_keys, len(found.virtual_keys), found.quarantined, found.damaged) == (3, 1, 1, ["1.seg"])
    assert not found.nothing
    assert company.eraser().look("customer", "nobody").nothing
    assert company.ledger.state.setting(PENDING) is None


def test_a_customer_is_erased_under_every_name(company):
    eraser = company.eraser()
    found = eraser.look("customer", NAME)
    eraser.begin(found.plan)
    erased = eraser.finish(found.plan, NOW)
    assert (erased.content_keys, len(erased.virtual_keys)) == (3, 1)
    assert tuple(company.steps) == STEPS
    company.check_erased()
    assert eraser.pending() is None


def test_a_user_is_erased_and_its_customer_stays(company):
    found = company.eraser().look("user", "person-0")
    assert ({t: n for t, n in found.rows.items() if n}, found.content_keys, found.virtual_keys) == ({"calls": 3}, 1, ())
    company.eraser().begin(found.plan)
    erased = company.eraser().finish(found.plan, NOW)
    users = {row.name for row in company.ledger.query(Query(sql="SELECT DISTINCT user_id, 1 FROM calls", row=Customer))}
    assert users == {erased.surrogate, "person-1", "person-2", "person-3"}
    assert company.content.find("call-1") is None
    assert company.content.find("call-11") is not None
    assert company.eraser().look("customer", NAME).rows["calls"] == 9
    assert company.eraser().look("user", "person-1", "globex").nothing


STEPS = (
    "collecting what gateways have spooled",
    "renaming rows and computing the rollups anew",
    "keeping the aliases of the configuration",
    "revoking virtual keys",
    "shredding content keys",
    "purging the caches",
    "removing damaged segments that name the subject",
    "replacing the name where people wrote it",
    "compacting the state",
)


@pytest.mark.parametrize("steps", [STEPS[3::4], pytest.param(STEPS, marks=pytest.mark.prove)], ids=["some", "each"])
def test_interrupted_before_any_step_and_run_again_the_end_is_the_same(open_ledger, steps):
    for number, step in enumerate(steps):
        company = Company(open_ledger(f"stopped-{number}"))
        company.fill()
        eraser = company.eraser()
        eraser.begin(eraser.look("customer", NAME).plan)
        company.stop_before = step
        with pytest.raises(Stopped):
            eraser.finish(eraser.pending(), NOW)
        company.stop_before = ""
        again = company.eraser()
        pending = again.pending()
        assert (pending is None) == (step == "compacting the state")
        if pending is not None:
            again.finish(pending, NOW)
        company.check_erased()
        company.ledger.close()


def test_what_gateways_have_spooled_is_collected_first(company):
    gateway = SpoolingGateway(company.home)
    for number in range(7):
        gateway.open(number)
        gateway.close(number)
    gateway.end()
    collector = Collector(company.ledger, company.home, estimator(), print)
    eraser = company.eraser(collect=lambda: collector.step(NOW))
    assert eraser.look("customer", "customer-3").rows["calls"] == 1
    assert not list((company.home / "gateways" / "g1" / "spool").glob("*.seg"))


def test_beside_a_control_process_the_same_and_late_calls_are_a_new_customer(company):
    running = Control(company.ledger, estimator(), on_failure=lambda: None)
    running.start()
    gateway = SpoolingGateway(company.home)
    with RemoteLedger.connect(company.home) as far:
        eraser = company.eraser(far)
        eraser.begin(eraser.look("customer", NAME).plan)
        eraser.finish(eraser.pending(), NOW)
        company.check_erased()
        far.write([entry(call(1_000, customer_id=NAME))])
        assert eraser.look("customer", NAME).rows["calls"] == 1
        assert company.ledger.verify() == []
    gateway.end()
    running.stop()


def test_a_name_that_has_meant_several_customers_is_none(company):
    alias = [
        Alias(source="a", id=str(n), kind="customer", alias=one, canonical=other)
        for n, (one, other) in enumerate(
            [("w-1", "acme"), ("w-1", "globex"), ("w-2", "acme"), ("old", "w-2"), ("acme", "acme")]
        )
    ]
    with pytest.raises(BadInput, match=r"'w-1' has meant several customers \(acme, globex\)"):
        all_names("w-1", alias)
    assert all_names("old", alias) == (("acme", "old", "w-2"), ("w-1",))
    assert all_names("globex", alias) == (("globex",), ("w-1",))
    circle = [Alias(source="a", id=x, kind="customer", alias=x, canonical=y) for x, y in ("ab", "bc", "ca")]
    assert set(all_names("a", circle)[0]) == {"a", "b", "c"}
    assert company.eraser().look("customer", "globex").shared == ()


def test_every_margin_table_is_the_same_to_the_last_digit(open_ledger):
    company = Company(open_ledger(timezone="America/New_York"))
    company.fill()
    ledger = company.ledger
    ledger.write([entry(record) for n in range(200) for record in mixed(n)])
    ledger.write([entry(Record(source="c", id=NAME, customer=NAME, plan="pro", segment="big", cohort="2026-01"))])
    ledger.write([entry(replaced(revenue(n + 500), customer=name)) for n, name in enumerate((NAME, ALIAS, STATED))])
    ledger.write(
        [entry(replaced(outcome(n), id=f"of-{n}", outcome_id=f"of-{n}", customer=NAME, run_id="r")) for n in range(3)]
    )
    tables = [(by,) for by in DIMENSIONS] + [("customer", by) for by in ("feature", "model", "plan", "workflow")]
    before = {by: margins(ledger, by, [STATED_ALIAS]) for by in tables}
    eraser = company.eraser()
    eraser.begin(eraser.look("customer", STATED).plan)
    eraser.finish(eraser.pending(), NOW)
    for by in tables:
        assert margins(ledger, by, []) == before[by], by
    assert any("someone" in text for text in before["customer",])
    assert ledger.verify() == []


def margins(ledger, by, aliases) -> list[str]:
    """The rows of a margin table, without the names of the erased."""
    policies = Policies(aliases=tuple(aliases), features={"reports": FeaturePolicy(name="reports")})
    request = MarginRequest(by=by, start=date(2026, 1, 1), end=date(2026, 4, 1))
    found = document(Margins(ledger, policies).table(request))
    return sorted(anonymous(json.dumps(row, default=str)) for row in [*found["rows"], found["total"]])


USAGE = "".join(
    json.dumps({"request_id": f"r-{n}", "user_id": f"user-of-{name}-{n % 2}", "workspace_id": name, "feature": "assistant",
                "plan": "pro", "workflow": "w", "model": "gpt-4o", "provider": "openai", "input_tokens": 100_000 + n,
                "output_tokens": 1_000, "cache_hit": False, "latency_ms": 1, "cost_usd": None, "run_id": f"run-{name}-{n}",
                "timestamp": f"2026-0{1 + n % 2}-{10 + n % 9}T09:00:00Z", "metadata": {"name": name}}) + "\n"
    for n, name in enumerate([NAME, ALIAS, "globex"] * 8)
)  # fmt: skip
REVENUE = "id,customer,plan,amount,currency,period_start,period_end\n" + "".join(
    f"in-{n},{name},pro,31.00,USD,2026-01-01,2026-02-01\n" for n, name in enumerate((ALIAS, STATED, "globex"))
)
CUSTOMERS = f"customer,name,plan,segment,cohort,aliases\n{NAME},Zebrafish Ltd,pro,big,2026-01,{ALIAS}\nglobex,Globex,pro,small,2026-01,\n"
CONFIG = f"aliases: [{{kind: customer, alias: {STATED}, canonical: {NAME}}}]\n"
GROUPINGS = ("customer", "user")
WINDOW = ("--from", "2026-01-01", "--to", "2026-03-01")
SURROGATE = re.compile(r"erased-[0-9a-f]{16}")


def figures(home: Path) -> dict[str, list[str]]:
    """Every margin grouping's rows, without the names, sorted."""
    found: dict[str, list[str]] = {}
    for by in GROUPINGS:
        rows = json.loads(command(home, "margin", "--by", by, *WINDOW, "--json"))
        found[by] = sorted(anonymous(json.dumps(rows, sort_keys=True)).split("{"))
    return found


def anonymous(text: str) -> str:
    return re.sub(
        rf"person-[012]|user-of-{NAME}-\d|user-of-{ALIAS}-\d|{SURROGATE.pattern}|{NAME}|{ALIAS}|{STATED}",
        "someone",
        text,
    )


@pytest.mark.prove
@pytest.mark.parametrize(
    "beside", [False, pytest.param(True, marks=pytest.mark.prove)], ids=["alone", "beside-a-control-process"]
)
def test_the_command_leaves_totals_and_no_name(tmp_path, beside):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    for name, text in (
        ("usage.jsonl", USAGE),
        ("revenue.csv", REVENUE),
        ("customers.csv", CUSTOMERS),
        ("floorline.yaml", CONFIG),
    ):
        (tmp_path / name).write_text(text)
    if not beside:
        whole_erasure(home)
        return
    with control(home):
        whole_erasure(home)


def whole_erasure(home: Path) -> None:
    command(home, "import", "customers", "customers.csv")
    command(home, "import", "usage", "usage.jsonl")
    command(home, "import", "revenue", "revenue.csv")
    command(home, "keys", "create", "--name", f"{NAME} prod", "--customer", NAME)
    before = figures(home)
    assert found_in(home, NAME)
    done = json.loads(command(home, "erase", "customer", ALIAS, "--yes", "--json"))
    assert SURROGATE.fullmatch(done["surrogate"])
    assert (done["rows"]["calls"], done["rows"]["revenue"], done["rows"]["customers"], len(done["virtual_keys"])) == (
        16,
        2,
        1,
        1,
    )
    assert found_in(home, NAME, ALIAS, STATED, "Zebrafish", "user-of-zebra") == []
    assert figures(home) == before
    assert "every rollup equals" in command(home, "ledger", "verify")
    audit = json.loads(command(home, "audit", "--json"))
    assert [(one["action"], one["subject"]) for one in audit][-1] == ("erase.customer", done["surrogate"])
    assert "nothing is kept of customer" in command(home, "erase", "customer", NAME)
    home.chmod(0o755)
    assert "chmod 700" in command(home, "erase", "customer", NAME, code=2)
