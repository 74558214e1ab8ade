"""The worked cases A to G, imported from files and read back with `floorline margin`, as an installed command does both.

Each assertion is what follows from the case's inputs. Where the figure published with the case differs, both are printed
(`pytest -rP`) with the reason; no input is tuned to reach one. Prices of the cases that state dollars rather than tokens are
those of two models in floorline.yaml: `flat` at $2.50 / $10 and `large` at $3 / $15 per million tokens in and out.
"""

import csv
import json
import math
import os
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support import starting

CONFIG = """
prices:
  - {provider: own, model: flat, prices: {input: 2.50, output: 10}}
  - {provider: own, model: large, prices: {input: 3, output: 15}}
  - {provider: own, model: embedder, prices: {input: 0.02}}
plans:
  resolved-at-2: {outcome_prices: {resolved: 2}}
  resolved-at-5: {outcome_prices: {resolved: 5}}
"""
MONTHS = {
    "2026-01": ("2026-01-01", "2026-02-01"),
    "2026-02": ("2026-02-01", "2026-03-01"),
    "2026-03": ("2026-03-01", "2026-04-01"),
}
# USD → tokens of model flat: 400,000 in are $1, 100,000 out are $1
DOLLAR_IN, DOLLAR_OUT = 400_000, 100_000


def tokens_in(usd: str) -> int:
    count = Decimal(usd) * DOLLAR_IN
    assert count == int(count)
    return int(count)


def tokens_out(usd: str) -> int:
    return int(Decimal(usd) * DOLLAR_OUT)


class Files:
    """Writes the files of every case as the user would have them."""

    def __init__(self) -> None:
        self.usage: list[dict] = []
        self.revenue: list[list[object]] = []
        self.costs: list[dict] = []
        self.outcomes: list[dict] = []

    def call(self, case: str, feature: str, tokens: tuple[int, int], *, month: str = "2026-01", **more: object) -> None:
        self.usage.append({
            "request_id": f"r{len(self.usage)}", "user_id": f"{case}-user", "workspace_id": case, "feature": feature,
            "provider": "own", "model": "flat", "input_tokens": tokens[0], "output_tokens": tokens[1], "cache_hit": False,
            "latency_ms": 900, "cost_usd": None, "timestamp": f"{month}-15T12:00:00Z", **more,
        })  # fmt: skip

    def bill(self, customer: str, plan: str, amount: str, month: str = "2026-01", feature: str = "") -> None:
        self.revenue.append([f"l{len(self.revenue)}", customer, plan, amount, "USD", *MONTHS[month], feature])

    def cost(self, component: str, amount: str, month: str = "2026-01", **more: str) -> None:
        start, end = MONTHS[month]
        self.costs.append({
            "id": f"c{len(self.costs)}", "component": component, "amount": amount, "currency": "USD",
            "period_start": start, "period_end": end, **more,
        })  # fmt: skip

    def ticket(self, customer: str, plan: str, parts: dict[str, str]) -> None:
        """A resolved ticket of several calls, each with its dollars."""
        run = f"{customer}-{len(self.outcomes)}"
        kinds = {"classify": "classification", "retrieve": "retrieval", "answer": "generation", "check": "judging"}
        for step, usd in parts.items():
            self.call(
                customer, "support agent", (tokens_in(usd), 0), plan=plan, workflow="resolve", run_id=run, step=step,
                call_type=kinds[step],
            )  # fmt: skip
        self.outcomes.append({
            "outcome_id": run, "at": "2026-01-15T13:00:00Z", "status": "success", "outcome_type": "resolved", "run_id": run,
        })  # fmt: skip

    def write(self, folder: Path) -> dict[str, Path]:
        for name, rows in (("usage", self.usage), ("costs", self.costs), ("outcomes", self.outcomes)):
            (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        with (folder / "revenue.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "customer", "plan", "amount", "currency", "period_start", "period_end", "feature"])
            writer.writerows(self.revenue)
        return {
            kind: folder / f"{kind}.{'csv' if kind == 'revenue' else 'jsonl'}"
            for kind in ("usage", "revenue", "costs", "outcomes")
        }


def case_a(files: Files) -> None:
    for n in range(50):  # $0.08 in, $0.03 out, $0.01 of embedding and retrieval
        files.call("A seat", "contract analysis", (tokens_in("0.08"), tokens_out("0.03")), run_id=f"seat-{n}")
        files.call(
            "A seat", "contract analysis", (500_000, 0), model="embedder", call_type="embedding", run_id=f"seat-{n}"
        )
    files.bill("A seat", "seat", "99")
    for _ in range(400):
        files.call("A heavy tenth", "contract analysis", (tokens_in("0.25"), tokens_out("0.10")))
    files.bill("A heavy tenth", "seat", "99")
    for usd in ["0.03"] * 17 + ["0.15"] + ["0.87"] * 2:  # mean 0.12, and 0.87 at rank 19 of 20
        files.call("A tail", "contract analysis", (tokens_in(usd), 0))


def case_b(files: Files) -> None:
    simple = {"classify": "0.01", "retrieve": "0.02", "answer": "0.38", "check": "0.04"}
    hard = {"classify": "0.01", "retrieve": "0.09", "answer": "1.60", "check": "0.10"}
    for _ in range(20):
        files.ticket("B simple", "resolved-at-2", simple)
        files.ticket("B complex", "resolved-at-2", hard)
        files.ticket("B complex at 5", "resolved-at-5", hard)
    for n in range(20):
        files.ticket("B mix", "resolved-at-2", hard if n % 5 == 0 else simple)


def case_c(files: Files) -> None:
    inference = {
        "assistant": 145,
        "reports": 113,
        **dict.fromkeys(("search", "drafting", "coding", "triage"), 24),
        "alerts": 26,
    }
    saved = {"assistant": 50 + 15, "reports": 28 + 22}
    for feature, thousands in inference.items():
        for month, calls in (("2026-02", thousands), ("2026-03", thousands - saved.get(feature, 0))):
            for _ in range(calls):  # each call is a thousand dollars
                files.call("C enterprise", feature, (1_000 * DOLLAR_IN, 0), month=month)
    revenue = {
        "assistant": Decimal(145_000) / (1 - Decimal("0.42")),
        "reports": Decimal(113_000) / (1 - Decimal("0.51")),
    }
    rest = Decimal(380_000) / (1 - Decimal("0.58")) - sum(revenue.values())
    for month in ("2026-02", "2026-03"):
        for feature, amount in {**revenue, "search": rest}.items():
            files.bill("C enterprise", "enterprise", f"{amount:.2f}", month, feature)


def case_d(files: Files) -> None:
    for month, free_calls, free_usd in (
        ("2026-02", 14, "100"),
        ("2026-03", 10, "20"),
    ):  # the free tier: $1,400, then $200
        for n in range(150):
            files.call(f"D-{n}", "code assistant", (tokens_in("28"), 0), month=month, plan="code-pro")
        for n in range(free_calls):
            files.call(f"D-free-{n}", "code assistant", (tokens_in(free_usd), 0), month=month, plan="code-free")
        for n in range(1_500):
            files.bill(f"D-{n}", "code-pro", "15", month)
        files.cost("infrastructure", "2800", month, plan="code-pro", feature="code assistant")


def case_e_to_g(files: Files) -> None:
    files.call("E usual", "writing", (0, 500_000), model="large")
    files.call("E heavy", "writing", (0, 5_000_000), model="large")
    files.bill("E usual", "flat-50", "50")
    files.bill("E heavy", "flat-50", "50")
    for _ in range(30):  # three million requests as thirty calls of 100,000 requests' tokens
        files.call("F", "extraction", (500 * 100_000, 50 * 100_000), model="large")
    for _ in range(5):
        files.call("F smaller", "extraction", (500 * 100_000, 50 * 100_000), model="large")
    files.call("G", "event", (4_521, 387), provider="anthropic", model="claude-sonnet-4-5")


class Company:
    """All the cases in one ledger."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tables: dict[tuple[str, ...], dict] = {}

    def run(self, *arguments: str) -> str:
        environment = {**os.environ, "FLOORLINE_HOME": str(self.folder / "home")}
        done = starting.run("-m", "floorline", *arguments, env=environment, cwd=self.folder)
        assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def margin(self, by: str, month: str = "2026-01") -> dict:
        start, end = MONTHS[month]
        arguments = ("margin", "--by", by, "--from", start, "--to", end, "--json")
        if arguments not in self._tables:
            self._tables[arguments] = json.loads(self.run(*arguments))
        return self._tables[arguments]

    def row(self, by: str, *key: str, month: str = "2026-01") -> dict:
        (found,) = [row for row in self.margin(by, month)["rows"] if tuple(row["key"].values()) == key]
        return found


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    folder = tmp_path_factory.mktemp("cases")
    (folder / "floorline.yaml").write_text(CONFIG)
    files = Files()
    for case in (case_a, case_b, case_c, case_d, case_e_to_g):
        case(files)
    company = Company(folder)
    for kind, path in files.write(folder).items():
        company.run("import", kind, str(path))
    return company


def percent(row: dict) -> Decimal:
    return round(Decimal(row["margin_ratio"]) * 100, 2)


def compare(case: str, follows: object, published: object, why: str) -> None:
    sys.stdout.write(f"{case}: {follows} follows from the inputs, published {published}: {why}\n")


def test_a_one_seat(company):
    row = company.row("customer", "A seat")
    assert (row["revenue"], row["cogs"]) == ("99.000000000000", "6.000000000000")
    assert row["components"] == {"inference": "5.500000000000", "orchestration": "0.500000000000"}
    assert percent(row) == Decimal("93.94")
    compare("A seat", "93.94 %", "94 %", "rounded to whole percent")


def test_a_heavy_tenth_is_under_water(company):
    row = company.row("customer", "A heavy tenth")
    assert (row["cogs"], percent(row)) == ("140.000000000000", Decimal("-41.41"))
    compare("A heavy tenth", "-41.41 %", "-40 %", "rounded to tens")


def test_a_tail_costs_seven_and_a_quarter_means(company):
    row = company.row("customer", "A tail")
    assert (row["cost_per_call_mean"], row["cost_per_call_p95"]) == ("0.120000000000", "0.870000000000")
    assert Decimal(row["cost_per_call_p95"]) / Decimal(row["cost_per_call_mean"]) == Decimal("7.25")


def test_b_a_resolved_ticket(company):
    row = company.row("customer,feature", "B simple", "support agent")
    assert (row["revenue"], row["cogs"], percent(row)) == ("40.000000000000", "9.000000000000", Decimal("77.50"))
    assert (row["successful_outcomes"], row["cost_per_successful_outcome"]) == (20, "0.450000000000")
    compare("B support agent", "77.50 %", "77 %", "cut to whole percent")


def test_b_complex_resolutions_at_two_prices(company):
    assert percent(company.row("customer", "B complex")) == 10
    assert percent(company.row("customer", "B complex at 5")) == 64


def test_b_a_mix_of_one_complex_in_five(company):
    row = company.row("customer,feature", "B mix", "support agent")
    assert (row["cost_per_successful_outcome"], percent(row)) == ("0.720000000000", 64)
    compare("B mix", "64 %", "63 %", "(2 - 0.72) / 2 = 0.64")


def test_b_the_workflow_is_costed_per_outcome_and_by_step(company):
    row = company.row("workflow", "resolve")
    assert (row["outcomes"], row["cost_per_successful_outcome"]) == (80, "1.192500000000")
    by_type = company.row("feature,call-type", "support agent", "retrieval")
    assert by_type["components"]["orchestration"] == by_type["cogs"]


def test_c_enterprise_before_and_after(company):
    before = company.margin("feature", "2026-02")
    rows = {month: company.row("customer", "C enterprise", month=month) for month in ("2026-02", "2026-03")}
    assert rows["2026-02"]["revenue"] == "904761.900000000000"
    assert (percent(rows["2026-02"]), percent(rows["2026-03"])) == (58, Decimal("70.71"))
    compare("C enterprise", "70.71 %", "71 %", "rounded to whole percent")
    features = {row["key"]["feature"]: row for row in before["rows"]}
    assert (percent(features["assistant"]), percent(features["reports"])) == (42, 51)
    assert (features["assistant"]["zone"], features["reports"]["zone"]) == ("red", "red")
    two = sum(Decimal(features[name]["cogs"]) for name in ("assistant", "reports"))
    assert round(two / Decimal(rows["2026-02"]["cogs"]) * 100, 1) == Decimal("67.9")


def test_d_the_code_assistant_with_and_without_its_free_tier(company):
    pro = company.row("plan", "code-pro", month="2026-02")
    assert (pro["revenue"], pro["cogs"]) == ("22500.000000000000", "7000.000000000000")
    assert pro["components"] == {"inference": "4200.000000000000", "infrastructure": "2800.000000000000"}
    assert percent(pro) == Decimal("68.89")
    both = company.row("feature", "code assistant", month="2026-02")
    assert percent(both) == Decimal("62.67")
    compare(
        "D with the free tier", "62.67 %", "59 %", "$8,400 of $22,500 leaves 62.67 %; 59 % would need $9,225 of cost"
    )


def test_d_a_free_tier_of_200_dollars(company):
    assert percent(company.row("feature", "code assistant", month="2026-03")) == 68
    compare("D free tier to $200", "68.00 %", "67 %", "$7,200 of $22,500")


def test_d_break_even_conversions(company):
    pro = company.row("plan", "code-pro", month="2026-02")
    free = company.row("plan", "code-free", month="2026-02")
    assert (free["cogs"], free["revenue"]) == ("1400.000000000000", "0.000000000000")
    each = Decimal(pro["margin_usd"]) / 1_500
    assert math.ceil(Decimal(free["cogs"]) / each) == 136
    compare(
        "D break-even conversions",
        136,
        94,
        "$1,400 / ($15 x 68.89 %); 94 is $1,400 / $15, without the cost of serving them",
    )


def test_e_the_heavy_user_is_under_water(company):
    usual, heavy = (company.row("customer", f"E {name}") for name in ("usual", "heavy"))
    assert (usual["cogs"], percent(usual)) == ("7.500000000000", 85)
    assert (heavy["cogs"], percent(heavy)) == ("75.000000000000", -50)
    assert company.row("user", "E heavy-user")["margin_per_active_user"] == "-25.000000000000"


def test_f_what_the_workload_costs(company):
    month = Decimal(company.row("customer", "F")["cogs"])
    assert month == 6_750
    compare("F fine-tune", "$6,750 a month", "$1,725", "3 M x (500 x $3 + 50 x $15) per million tokens")
    months = round(Decimal(2_000) / (month - 800), 2)
    assert months == Decimal("0.34")
    compare("F fine-tune", "pays back in 0.34 months", "2.2 months", "the published figure follows from its $1,725")
    assert Decimal(company.row("customer", "F smaller")["cogs"]) == 1_125
    compare("F smaller", "$1,125", "under $300", "500 K requests at the same prices")


def test_g_an_event_at_catalogue_prices(company):
    row = company.row("customer", "G")
    assert row["cogs"] == row["cost_per_call_mean"] == "0.019368000000"
    compare("G event", "$0.019368", "$0.01942", "4,521 x $3 + 387 x $15 per million tokens")


def test_d_the_cost_map_and_the_waterfall_as_commands(company):
    start, end = MONTHS["2026-02"]
    header, *lines = csv.reader(company.run("costmap", "--from", start, "--to", end, "--csv").splitlines())
    assistant = dict(zip(header, next(line for line in lines if line[0] == "code assistant"), strict=True))
    assert (assistant["generation_cost"], assistant["infrastructure_cost"]) == (
        "5600.000000000000",
        "2800.000000000000",
    )
    arguments = ("margin", "waterfall", "--by", "plan", "--key", "code-pro", "--from", start, "--to", end, "--json")
    (pro,) = json.loads(company.run(*arguments))["rows"]
    assert [(step["name"], step["to"]) for step in pro["steps"]] == [
        ("subscription", "22500.000000000000"), ("revenue", "22500.000000000000"), ("inference", "18300.000000000000"),
        ("infrastructure", "15500.000000000000"), ("margin", "15500.000000000000"),
    ]  # fmt: skip


def test_the_cases_reconcile_in_every_grouping(company):
    totals = {
        by: company.margin(by)["total"] for by in ("customer", "feature", "workflow", "user", "feature,call-type")
    }
    assert len({(total["revenue"], total["cogs"]) for total in totals.values()}) == 1
