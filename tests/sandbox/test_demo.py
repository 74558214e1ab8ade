"""The demo from end to end at a small volume, its checks that can fail, and the command."""

import json
import os
import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from floorline.config import parse
from floorline.errors import Mismatch
from floorline.ledger.driver import embedded
from floorline.ledger.ledger import Ledger
from floorline.pricing.book import build_book
from floorline.sandbox.calendar import Calendar
from floorline.sandbox.company import CODE, CONTRACTS, REPORTS, SMALL, SUPPORT, Volume
from floorline.sandbox.demo import Staged, Told, bring_in, demand, stage, tell
from floorline.sandbox.document import document
from floorline.sandbox.exports import write_settings
from floorline.sandbox.live import Answer, Seen, Stored, compared
from floorline.sandbox.screens import screens
from floorline.sandbox.traffic import open_traffic
from floorline.sandbox.trial import Trial
from tests.sandbox.guarding import guarded
from tests.sandbox.proving import PROVEN
from tests.support import starting
from tests.support.data import shared_data

LIVE = compared(
    Seen(answers=[Answer(feature=CODE, call_id="a", cost=Decimal("0.25"))]),
    [
        Stored(id="a", feature=CODE, ending="complete", basis="computed", pico=250_000_000_000),
        Stored(id="b", feature=CODE, ending="lost", basis="estimated", pico=1_000_000),
    ],
    calls=1,
    killed_after=1,
    down_ms=1_234,
)
CALENDAR = Calendar(until=date(2026, 10, 16))
HEAVY = replace(SMALL, pro_calls=400)  # enough traffic on the small plans to put someone under water


def staged_in(folder: Path, *, volume: Volume, servegen: Path | None = None) -> Staged:
    return stage(folder, open_traffic(servegen), seed=1, volume=volume, calendar=CALENDAR)


def told_by(folder: Path, staged: Staged, engine: Path) -> Told:
    settings = write_settings(folder, CALENDAR)
    parsed = parse(settings.read_bytes(), settings)
    assert not parsed.problems
    book, _ = build_book(parsed.config.prices)
    problems: list[object] = []
    with Ledger.open(folder / "ledger", connect=embedded(engine, f"demo_{folder.name}"), timezone="UTC") as ledger:
        bring_in(
            ledger,
            book,
            staged.exports,
            now=datetime(2026, 10, 16, tzinfo=UTC),
            on_problem=problems.append,
            progress=lambda _name: lambda _done, _size: None,
        )
        told = tell(ledger, parsed.config.policies, staged)
    assert not problems
    return told


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, engine: Path) -> tuple[Staged, Told]:
    folder = tmp_path_factory.mktemp("demo")
    staged = staged_in(folder, volume=HEAVY)
    return staged, told_by(folder, staged, engine)


def test_every_total_equals_the_sum_over_the_raw_rows(shown: tuple[Staged, Told]) -> None:
    _, told = shown
    assert len(told.checks) > 20
    assert told.failed == ()
    demand(told)


def test_every_feature_has_a_floor_and_a_zone_and_they_sum_to_the_total(shown: tuple[Staged, Told]) -> None:
    figures = shown[1].figures
    assert {line.feature for line in figures.features} == {CONTRACTS, SUPPORT, REPORTS, CODE}
    assert all(line.floor and line.zone in {"green", "yellow", "red"} for line in figures.features)
    assert sum(line.margin for line in figures.features) == figures.total.margin
    for line in figures.features:
        short = max(line.floor * line.revenue - line.margin, Decimal(0))
        assert line.gap_usd_per_month == short * 30 / 14
        assert (line.zone == "red") == (short > 0)


def test_customers_under_water_pay_less_than_they_cost_and_free_accounts_are_apart(shown: tuple[Staged, Told]) -> None:
    water = shown[1].figures.under_water
    assert water.customers
    assert all(0 < line.loses == line.costs - line.pays and line.plan != "code-free" for line in water.customers)
    assert [line.loses for line in water.customers] == sorted((line.loses for line in water.customers), reverse=True)
    assert water.free_accounts > 0
    assert water.free_costs > 0


def test_p95_costs_at_least_the_median_user_and_a_bundle_is_spread_over_every_user(shown: tuple[Staged, Told]) -> None:
    staged, told = shown
    spread = {line.plan: line for line in told.figures.spread}
    assert spread["code-pro"].units == staged.units["code-pro"] == HEAVY.pros
    assert spread["code-pro"].brings == 7
    assert spread["enterprise"].brings == 70
    assert all(line.cost_p95 >= 0 and line.margin_p95 is not None for line in spread.values())


def test_every_screen_fits_80_columns_and_names_the_traffic_and_whose_prices(shown: tuple[Staged, Told]) -> None:
    staged, told = shown
    out = StringIO()
    printed = screens(Console(file=out, width=80), staged)
    printed.opening(staged)
    printed.figures(told.figures, Trial(live=LIVE, guarded=guarded(staged.scene), proven=PROVEN, problems=()))
    printed.checks(told.checks)
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert text.count("Traffic: quantiles of 258 real clients (ServeGen). Plans, prices: the demo's.") == 9
    assert "Company, plans, prices, models and workflow shapes are the demo's own." in text


def test_the_document_holds_what_the_screens_hold(shown: tuple[Staged, Told]) -> None:
    staged, told = shown
    trial = Trial(live=LIVE, guarded=guarded(staged.scene), proven=PROVEN, problems=())
    found = json.loads(json.dumps(document(staged, told, trial, {"import": 1.0})))
    assert found["sandbox"] is True
    assert found["total"]["revenue"] == f"{told.figures.total.revenue:.12f}"
    assert all(check["holds"] for check in found["checks"])
    certified, refused, _ = found["proven"]["features"]
    assert (certified["state"], certified["saved"], certified["certified_after_round"]) == (
        "certified",
        "0.320000000000",
        2,
    )
    assert (refused["state"], refused["saved"], refused["cheap_answers"]) == ("refused", None, 0)


def tamper(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("changes", "totals"),
    [
        ([("usage.jsonl", '"input_tokens":', '"input_tokens":1')], {"tokens", "cost of calls", "margin"}),
        pytest.param(
            [("usage.jsonl", '"model":"claude-opus-4-5"', '"model":"claude-haiku-4-5"')], {"cost of calls"}, marks=pytest.mark.prove
        ),
        ([("revenue.csv", ",15,USD,2026-09-1", ",16,USD,2026-09-1"), ("costs.csv", ",24.00,USD,2026-09-16", ",23.00,USD,2026-09-16")], {"revenue", "cost with bills"}),
        pytest.param(
            [("outcomes.jsonl", '"ticket_resolved","status":"success"', '"ticket_resolved","status":"failed"')], {"revenue"},
            marks=pytest.mark.prove,
        ),
    ],
    ids=["tokens", "model", "bills", "outcome"],
)  # fmt: skip
def test_a_row_that_was_tampered_with_fails_the_check(
    tmp_path: Path, engine: Path, changes: list[tuple[str, str, str]], totals: set[str]
) -> None:
    staged = staged_in(tmp_path, volume=SMALL)
    for file, old, new in changes:
        tamper(tmp_path / file, old, new)
    told = told_by(tmp_path, staged, engine)
    assert totals <= {check.what for check in told.failed}
    with pytest.raises(Mismatch, match="do not equal the sum over the raw rows") as failure:
        demand(told)
    assert failure.value.exit_code == 1
    out = StringIO()
    screens(Console(file=out, width=80), staged).checks(told.checks)
    assert out.getvalue().count("≠") == len(told.failed)
    assert max(map(len, out.getvalue().splitlines())) <= 80


def test_a_row_that_is_lost_on_the_way_fails_the_check(tmp_path: Path, engine: Path) -> None:
    staged = staged_in(tmp_path, volume=SMALL)
    usage = tmp_path / "usage.jsonl"
    usage.write_text("".join(usage.read_text().splitlines(keepends=True)[:-1]))
    assert "calls" in {check.what for check in told_by(tmp_path, staged, engine).failed}


@pytest.mark.prove
def test_the_real_profiles_give_a_company_whose_totals_hold(tmp_path: Path, engine: Path) -> None:
    staged = staged_in(tmp_path, volume=SMALL, servegen=shared_data("servegen_dev.tgz"))
    assert staged.label == "profiles of 258 real clients (ServeGen)"
    assert told_by(tmp_path, staged, engine).failed == ()


def floorline(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FLOORLINE_HOME": str(home)}
    return starting.run("-m", "floorline", *arguments, env=environment, cwd=home.parent)


def test_the_command_keeps_what_it_made_for_other_commands(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    done = floorline(
        "demo", "--small", "--json", "--until", "2026-10-15", "--keep", str(kept), home=tmp_path / "unused"
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert all(check["holds"] for check in found["checks"])
    assert not (tmp_path / "unused").exists()
    days = ("--from", found["from"], "--to", found["to"], "--json")
    margin = floorline("margin", "--by", "feature", *days, home=kept / "home")
    assert margin.returncode == 0, margin.stderr
    assert json.loads(margin.stdout)["total"]["margin_usd"] == found["total"]["margin_usd"]
    again = floorline("demo", "--small", "--keep", str(kept), home=tmp_path / "unused")
    assert again.returncode == 2
    assert "name a new folder" in again.stderr


def test_a_replay_run_twice_changes_nothing(tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    trace.write_text(
        "".join(
            json.dumps(
                {"timestamp": 1_000 * n, "input_length": 2_000, "output_length": 10, "hash_ids": [1, 2, 3, n + 9]}
            )
            + "\n"
            for n in range(200)
        )
    )
    command = ("replay", str(trace), "--format", "mooncake", "--feature", "chat", "--model", "gpt-4o", "--json")
    first, second = (json.loads(floorline(*command, home=tmp_path / "home").stdout) for _ in range(2))
    assert (first["new"], first["known"]) == (200, 0)
    assert (second["new"], second["known"]) == (0, 200)
    assert first["cache_read_tokens"] == 199 * 1_536
    # gpt-4o: (400,000 - 305,664) x $2.50 + 305,664 x $1.25 + 2,000 x $10, per million
    assert first["usd"] == "0.637920000000"
    wrong = floorline("replay", str(trace), "--format", "azure", home=tmp_path / "home")
    assert wrong.returncode == 2
    assert "no column TIMESTAMP" in wrong.stderr
