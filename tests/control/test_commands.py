"""Every command prints the same beside a running control process as it does alone."""

import json
import re
from pathlib import Path

import pytest

from floorline.cli import COMMANDS
from tests.support.processes import command, control

EVENTS = [
    {
        "request_id": f"r-{n}", "user_id": f"u-{n % 3}", "workspace_id": ("acme", "globex")[n % 2], "feature": "assistant",
        "workflow": "answer", "step": "draft", "plan": "pro", "model": ("gpt-4o", "unheard-of")[n % 5 == 4], "provider": "openai",
        "input_tokens": 100_000 + n, "output_tokens": 25_000, "cache_hit": False, "latency_ms": 840, "cost_usd": None,
        "timestamp": f"2026-01-{10 + n % 9}T09:00:00Z",
    }
    for n in range(40)
]  # fmt: skip
REVENUE = "id,customer,plan,amount,currency,period_start,period_end\n" + "".join(
    f"in-{n},{customer},pro,31.00,USD,2026-01-01,2026-02-01\n" for n, customer in enumerate(("acme", "globex"))
)
CONFIG = "features: {assistant: {role: core}}\nplans: {pro: {allocation: calls}}\n"
PRICED = CONFIG + "prices: [{provider: openai, model: unheard-of, prices: {input: 1, output: 2}}]\n"
TRACE = "TIMESTAMP,ContextTokens,GeneratedTokens\n" + "".join(
    f"2024-05-10 00:{n:02}:00.009930+00:00,{100 + n},{n}\n" for n in range(50)
)
JANUARY = ("--from", "2026-01-01", "--to", "2026-02-01")
STEPS = (
    ("check",),
    ("import", "usage", "usage.jsonl"),
    ("import", "usage", "usage.jsonl"),
    ("import", "revenue", "revenue.csv"),
    ("replay", "trace.csv", "--format", "azure", "--days", "1"),
    *(("margin", "--by", by, *JANUARY, "--json") for by in ("customer", "user")),
    ("margin", "trend", "--to", "2026-02-01"),
    ("margin", "explain", "--to", "2026-01-15", "--json"),
    ("margin", "steps", *JANUARY, "--json"),
    ("costmap", *JANUARY, "--json"),
    ("runbook",),
    ("guardrails", *JANUARY, "--json"),
    ("limits", "--json"),
    ("cache", "stats"),
    ("certificates",),
    ("experiments",),
    ("eval", "list"),
    ("audit", "tiers", *JANUARY, "--json"),
    ("route", "simulate", *JANUARY),
    ("identities", *JANUARY, "--json"),
    ("recompute", *JANUARY),
    ("re-rate", *JANUARY, "--json"),
    ("re-rate", *JANUARY, "--apply", "--reason", "first prices"),
    ("re-rate", "--list"),
    ("keys", "list"),
    ("ledger", "quarantined"),
    ("ledger", "rebuild", "--timezone", "Europe/Berlin"),
    ("ledger", "verify"),
    ("ledger", "salvage"),
    ("backup", "backup.tar"),
    ("erase", "customer", "globex", "--yes"),
    ("erase", "user", "u-0", "--yes", "--json"),
    ("margin", "--by", "feature", *JANUARY, "--json"),
    ("audit",),
)
"""What is run, in this order."""

APART = {
    "bench", "budgets", "content", "control", "dashboard-link", "demo", "explain", "gateway", "intent", "price", "prompt", "restore",
    "sandbox", "serve", "sessions", "tokens", "usage", "usage-token", "users",
}  # fmt: skip
"""Commands that use no ledger or have one of their own, those that run beside it, those of a gateway's calls, and those of access."""

OF_JOBS = {"alerts", "backlog", "baselines", "close", "deliveries", "doctor", "notices", "review", "stripe"}
"""Commands that show what the control process's jobs have done by then, or who owns the ledger."""

MADE_UP = re.compile(r"[0-9a-f]{12,}|20\d\d-\d\d-\d\dT\S+|20\d\d-\d\d-\d\d \d\d:\d\d\S*|\d+\.\d s|: \d+ files.*")
"""Ids, instants, durations and sizes of the run."""


def without(said: str) -> str:
    """What was printed without what is made up, and without the link into the dashboard that a control process makes."""
    return MADE_UP.sub("…", "".join(line for line in said.splitlines(keepends=True) if "link.make" not in line))


@pytest.fixture
def homes(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("alone", "beside"):
        folder = tmp_path / name
        (folder / "home").mkdir(mode=0o700, parents=True)
        (folder / "floorline.yaml").write_text(CONFIG)
        (folder / "usage.jsonl").write_text("".join(json.dumps(event) + "\n" for event in EVENTS))
        (folder / "revenue.csv").write_text(REVENUE)
        (folder / "trace.csv").write_text(TRACE)
    return tmp_path / "alone" / "home", tmp_path / "beside" / "home"


def test_every_command_of_the_ledger_is_among_the_steps():
    assert {step[0] for step in STEPS} == set(COMMANDS) - APART - OF_JOBS


@pytest.mark.prove
def test_a_command_beside_a_control_process_prints_what_it_prints_alone(homes):
    alone, beside = homes
    with control(beside):
        for step in STEPS:
            if step[0] == "re-rate":
                for home in homes:
                    (home.parent / "floorline.yaml").write_text(PRICED)
            assert without(command(beside, *step)) == without(command(alone, *step)), step
