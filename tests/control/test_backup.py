"""A backup is everything as of one moment, made beside whatever runs, and comes back whole or not at all."""

import json
import stat
from pathlib import Path

import pytest

from floorline.errors import BadInput
from floorline.jobs.backup import restore
from tests.control.spool_worker import never_closes
from tests.control.test_processes import PRICES, Writer
from tests.support import starting
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
    done = starting.run("-c", COMPLETE, str(home), env=environment(home), cwd=home.parent)
    assert done.returncode == 0, done.stderr
    return {int(number): int(pico) for number, pico in (line.split() for line in done.stdout.splitlines())}


def calls_of(home: Path) -> int:
    rows = json.loads(command(home, "margin", "--from", "2026-03-01", "--to", "2026-03-02", "--json"))["rows"]
    return sum(row["calls"] for row in rows)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home of fifty calls and a key, and a backup of it that a command made alone."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "floorline.yaml").write_text(PRICES)
    (folder / "first.jsonl").write_text(usage(*range(50)))
    (folder / "second.jsonl").write_text(usage(*range(50, 60)))
    home = folder / "home"
    command(home, "import", "usage", "first.jsonl")
    command(home, "keys", "create", "--name", "n")
    command(home, "backup", "backup.tar")
    return folder


def test_a_restored_ledger_is_as_it_was_and_goes_on(made):
    home, other = made / "home", made / "other"
    before = command(home, "margin", *DAYS)
    command(home, "import", "usage", "second.jsonl")
    other.mkdir()
    command(other, "restore", "backup.tar")
    after = command(home, "margin", *DAYS)
    assert command(other, "margin", *DAYS) == before != after
    assert command(other, "ledger", "verify").startswith("every rollup equals")
    assert "50 known" in command(other, "import", "usage", "first.jsonl")
    assert "10 new" in command(other, "import", "usage", "second.jsonl")
    assert command(other, "margin", *DAYS) == after
    assert command(other, "keys", "list") == command(home, "keys", "list")
    assert not (home / "backup" / "copy").exists()


def test_a_backup_is_its_owners_alone_and_replaces_nothing(made):
    assert stat.S_IMODE((made / "backup.tar").stat().st_mode) == 0o600
    assert "exists: name another file" in command(made / "home", "backup", "backup.tar", code=2)
    assert "cannot be written" in command(made / "home", "backup", "nowhere/backup.tar", code=2)
    assert "is not empty" in command(made / "home", "restore", "backup.tar", code=2)


@pytest.mark.parametrize("harm", ["cut", "changed", "empty", "other"])
def test_what_is_no_whole_backup_is_refused_and_leaves_nothing(made, tmp_path, harm):
    content = (made / "backup.tar").read_bytes()
    at = content.index(b"FLCLAIM") + 100
    harmed = tmp_path / "harmed.tar"
    harmed.write_bytes(
        {
            "cut": content[: len(content) // 2],
            "changed": content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :],
            "empty": b"",
            "other": b"not a backup" * 1_000,
        }[harm]
    )
    with pytest.raises(BadInput, match=r"harmed\.tar"):
        restore(harmed, tmp_path / "other")
    assert list(tmp_path.iterdir()) == [harmed]


@pytest.mark.prove
def test_a_backup_under_load_is_one_moment_of_it(tmp_path):
    (tmp_path / "floorline.yaml").write_text(PRICES)
    home = tmp_path / "home"
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
