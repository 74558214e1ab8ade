"""A ledger of every earlier format still opens, with the right totals, in a process of its own (one chDB folder each)."""

import os
import tarfile
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.events import Adjustment, Call, Revenue
from tests.support import starting
from tests.support.records import mixed

GOLDEN = Path(__file__).parent / "golden"
ROOT = Path(__file__).resolve().parents[2]
RECORDS = [record for number in range(1, 301) for record in mixed(number)]

READ = """
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from floorline.ledger.ledger import Ledger
from floorline.query import Query
from tests.support.ledger import entry
from tests.support.records import call, mixed

@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    calls: int
    usd: Decimal
    rollup_usd: Decimal
    revenue: Decimal
    outcomes: int

TOTALS = '''SELECT count(), sum(effective_cost) + (SELECT sum(effective_delta) FROM adjustments),
    (SELECT sum(effective_cost) FROM calls_day), (SELECT sum(amount) FROM revenue), (SELECT count() FROM outcomes) FROM calls'''

with Ledger.open(Path(sys.argv[1])) as ledger:
    (t,) = ledger.query(Query(sql=TOTALS, row=Totals))
    again = ledger.write([entry(record) for number in range(1, 302) for record in mixed(number)])
    print(ledger.timezone, t.calls, t.usd, t.rollup_usd, t.revenue, t.outcomes, ledger.state.setting("golden"), again.new, again.same)
    print(ledger.verify(), ledger.notices)
"""


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.glob("store-*.tar.gz")))
def test_a_ledger_of_an_earlier_format_opens_with_its_totals_and_takes_more(tmp_path, name):
    with tarfile.open(GOLDEN / name) as archive:
        archive.extractall(tmp_path, filter="data")
    done = starting.run("-c", READ, str(tmp_path / "home"), env=os.environ, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    calls = [r for r in RECORDS if isinstance(r, Call)]
    usd = sum((c.effective_cost or 0 for c in calls), Decimal(0))
    usd += sum((r.effective_delta for r in RECORDS if isinstance(r, Adjustment)), Decimal(0))
    revenue = sum((r.amount for r in RECORDS if isinstance(r, Revenue)), Decimal(0))
    first, second = done.stdout.strip().splitlines()
    assert first.split() == [
        "Europe/Berlin",
        "300",
        f"{usd:f}",
        f"{usd:f}",
        f"{revenue:.12f}",
        "12",
        "1",
        "1",
        str(len(RECORDS)),
    ]
    assert second == "[] []"


def test_the_golden_files_are_small():
    assert sum(path.stat().st_size for path in GOLDEN.iterdir() if path.is_file()) < 300_000
