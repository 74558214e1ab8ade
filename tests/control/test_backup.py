"""A backup is everything as of one moment, made beside whatever runs, and comes back whole or not at all."""

import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.control.spool_worker import never_closes
from tests.control.test_processes import PRICES, Writer
from tests.support.gateway import cost_of
from tests.support.processes import command, control, environment, until

DAYS = ("--from", "2026-01-01", "--to", "2026-02-01", "--by", "customer", "--json")
COMPLETE = """
import sys
from dataclasses import dataclass
from pathlib import Path
from floorline.ledger.ledger import Ledger
from floorline.query import Query

@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    id: str
    pico: int

with Ledger.open(Path(sys.argv[1])) as ledger:
    sql = "SELECT id, toInt64(toDecimal128(effective_cost, 12) * 1000000000000) FROM calls WHERE ending = 'complete'"
    for row in ledger.query(Query(sql=sql, row=Row)):
        print(row.id.removeprefix("call-"), row.pico)
"""


def usage(*numbers: int) -> str:
    return "".join(
        json.dumps({
            "request_id": f"r-{n}", "user_id": "u", "workspace_id": "acme", "feature": "assistant", "model": "gpt-4o",
            "provider": "openai", "input_tokens": 1_000 + n, "output_tokens": 10, "cache_hit": False, "latency_ms": 1,
            "cost_usd": None, "timestamp": "2026-01-10T09:00:00Z",
        }) + "\n"
        for n in numbers
    )  # fmt: skip


def complete(home: Path) -> dict[int, int]:
    """The calls that closed, with their costs, read by a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", COMPLETE, str(home)], env=environment(home), capture_output=True, text=True, check=True
    )
    return {int(number): int(pico) for number, pico in (line.split() for line in done.stdout.splitlines())}


def calls_of(home: Path) -> int:
    rows = json.loads(command(home, "margin", "--from", "2026-03-01", "--to", "2026-03-02", "--json"))["rows"]
    return sum(row["calls"] for row in rows)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "floorline.yaml").write_text(PRICES)
    (tmp_path / "first.jsonl").write_text(usage(*range(50)))
    (tmp_path / "second.jsonl").write_text(usage(*range(50, 60)))
    return tmp_path / "home"


@pytest.fixture
def backed_up(home: Path) -> Path:
    """A backup of fifty calls and a key, made by a command alone."""
    command(home, "import", "usage", "first.jsonl")
    command(home, "keys", "create", "--name", "n")
    command(home, "backup", "backup.tar")
    return home.parent / "backup.tar"


@pytest.mark.usefixtures("backed_up")
def test_a_restored_ledger_is_as_it_was_and_goes_on(home):
    before = command(home, "margin", *DAYS)
    command(home, "import", "usage", "second.jsonl")
    other = home.parent / "other"
    command(other, "restore", "backup.tar")
    assert command(other, "margin", *DAYS) == before != command(home, "margin", *DAYS)
    assert command(other, "ledger", "verify").startswith("every rollup equals")
    assert "50 known" in command(other, "import", "usage", "first.jsonl")
    assert "10 new" in command(other, "import", "usage", "second.jsonl")
    assert command(other, "margin", *DAYS) == command(home, "margin", *DAYS)
    assert command(other, "keys", "list") == command(home, "keys", "list")
    assert command(home, "ledger", "verify") == command(other, "ledger", "verify")
    assert not (home / "backup" / "copy").exists()


def test_a_backup_is_its_owners_alone_and_replaces_nothing(home, backed_up):
    assert stat.S_IMODE(backed_up.stat().st_mode) == 0o600
    assert "exists: name another file" in command(home, "backup", "backup.tar", code=2)
    assert "cannot be written" in command(home, "backup", "nowhere/backup.tar", code=2)


@pytest.mark.parametrize("harm", ["cut", "changed", "empty", "other"])
def test_what_is_no_whole_backup_is_refused_and_leaves_nothing(home, backed_up, harm):
    content = backed_up.read_bytes()
    at = content.index(b"FLCLAIM") + 100
    backed_up.write_bytes(
        {
            "cut": content[: len(content) // 2],
            "changed": content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :],
            "empty": b"",
            "other": b"not a backup" * 1_000,
        }[harm]
    )
    other = home.parent / "other"
    assert "floorline: " in command(other, "restore", "backup.tar", code=2)
    assert not other.exists()
    assert not list(home.parent.glob(".*restoring"))


@pytest.mark.usefixtures("backed_up")
def test_restore_wants_an_empty_folder(home):
    assert "is not empty" in command(home, "restore", "backup.tar", code=2)
    shutil.rmtree(home)
    home.mkdir()
    command(home, "restore", "backup.tar")
    assert "50 known" in command(home, "import", "usage", "first.jsonl")


def test_a_backup_under_load_is_one_moment_of_it(home):
    home.mkdir()
    writer = Writer.start(home, 3_000, 250)
    with control(home):
        until(lambda: calls_of(home) > 200, what="some calls")
        early = calls_of(home)
        command(home, "backup", "backup.tar")
        late = calls_of(home)
        writer.finish()
    other = home.parent / "other"
    command(other, "restore", "backup.tar")
    assert command(other, "ledger", "verify").startswith("every rollup equals")
    with control(other):  # collects what the gateway had spooled and was not in the ledger yet
        until(lambda: not list((other / "gateways").glob("*/spool/*.seg")), what="the end of the spool")
    assert command(other, "ledger", "verify").startswith("every rollup equals")
    found = complete(other)
    last = max(found)
    assert set(found) == {n for n in range(last + 1) if not never_closes(n)}, "calls closed in this order"
    assert {n: int(cost_of(n) * 10**12) for n in found} == found
    assert early <= len(found) <= late < 3_000
    assert len(complete(home)) == sum(not never_closes(n) for n in range(3_000))
