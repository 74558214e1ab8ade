"""A ledger that nothing nice is said of: names that are markup, formulas and paths, costs that nobody knows, refunds, a day of 23
hours. The pages of the dashboard are asked of it as of any other.
"""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from floorline.config import parse
from floorline.events import LedgerRecord
from floorline.ledger.ledger import Ledger
from floorline.wiring.dashboard import Dashboard
from tests.margin.company import call, keep, line, outcome, record
from tests.support.dashboard import dashboard_of
from tests.support.ledger import Opener

SCRIPT = "</script><script>alert(1)</script>"
MARKUP = '"><img src=x onerror=alert(1)>'
PATH = "../a/b%2Fc?d#e.json"
HOSTILE = (
    SCRIPT, MARKUP, PATH, "//evil.example/x", "\\evil", "..", "{customer}", '=HYPERLINK("x")', "日本語 🦊\u202e\u2028", "`x", "x" * 500,
)  # fmt: skip
CHANGED = "from=2026-03-08&to=2026-03-09"
"""The day of 23 hours in St. John's: from 03:30 to 02:30 of UTC."""

MARCH = "from=2026-03-01&to=2026-04-01"
CONFIG = parse(
    b"timezone: America/St_Johns\nfeatures:\n  \"<b>planned</b>\": {floor: 0.6, owner: '<i>x</i>'}\n  billed: {floor: 0.5}\n",
    Path("floorline.yaml"),
    {},
).config


def records() -> Iterator[LedgerRecord]:
    """Everything that the ledger holds."""
    for name in HOSTILE:
        named = {"workflow": name, "run_id": name, "step": name, "user_id": name, "plan": name, "model": name}
        yield call("2026-03-20T12:00:00Z", name, name, "0.05", metadata={name: name}, provider=name, **named)
        yield line(name, "31", "2026-03-01", "2026-04-01", plan=name)
        yield record(name, plan=name, segment=name, cohort=name)
    yield call("2026-03-20T12:00:00Z", "guessed", "unpriced", None, workflow="unpriced", run_id="r", step="s")
    yield outcome("2026-03-20T12:01:00Z", "o", run_id="r", workflow="unpriced", outcome_type="done")
    yield line("guessed", "10", "2026-03-01", "2026-04-01", feature="unpriced")
    yield line("refunded", "-50", "2026-03-01", "2026-04-01", kind="credit_note")
    yield call("2026-03-20T12:00:00Z", "refunded", "billed", "1")
    yield line("tiny", "0.000000000001", "2026-03-01", "2026-04-01")
    yield call("2026-03-20T12:00:00Z", "tiny", "billed", "90000")
    for at in ("2026-03-08T03:29:59Z", "2026-03-08T03:30:00Z", "2026-03-09T02:29:59Z", "2026-03-09T02:30:00Z"):
        yield call(at, "late", "billed", "1")


def quoted(name: str) -> str:
    """A name as it stands in an address."""
    return quote(name, safe="").replace(".", "%2E")


@pytest.fixture(scope="session")
def odd_ledger(databases, tmp_path_factory) -> Iterator[Ledger]:
    """The ledger: nobody may change it."""
    opener = Opener(databases, tmp_path_factory.mktemp("odd"))
    ledger = opener(timezone="America/St_Johns")
    keep(ledger, records())
    yield ledger
    opener.finish()


@pytest.fixture(scope="session")
def odd(odd_ledger) -> Dashboard:
    """Its dashboard."""
    return dashboard_of(odd_ledger, CONFIG)
