"""The demo loaded into a ledger of somebody's own: only into an empty one, once, whole."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from floorline.config import Config
from floorline.errors import BadInput
from floorline.events import Call
from floorline.jobs.alerting import shelf_of
from floorline.jobs.backlogging import shelf
from floorline.jobs.margins import MarginRequest, Margins
from floorline.ledger.codec import fingerprint_of
from floorline.ledger.driver import embedded
from floorline.ledger.ledger import Entry, Ledger
from floorline.margin.policy import Policies
from floorline.sandbox import company as own
from floorline.wiring import CONFIG_NAME
from floorline.wiring.demo_loading import demo_loader

NOW = datetime(2026, 10, 16, 9, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path, engine: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "home", connect=embedded(engine, f"loading_{tmp_path.name}"), timezone="UTC") as opened:
        yield opened


def test_it_is_refused_where_there_are_calls_already(ledger: Ledger) -> None:
    call = Call(source="usage", id="one", opened_at=NOW)
    ledger.write([Entry(record=call, fingerprint=fingerprint_of(b"one"))])
    loader = demo_loader(Config(), ledger, lambda: None)
    with pytest.raises(BadInput, match="another FLOORLINE_HOME"):
        loader.begin()
    assert loader.progress() is None


@pytest.mark.prove
def test_it_is_loaded_whole_and_once_and_the_companys_settings_become_the_homes(ledger: Ledger) -> None:
    read: list[str] = []
    loader = demo_loader(Config(), ledger, lambda: read.append("again"), volume=own.SMALL)
    loader.begin()
    with pytest.raises(BadInput, match="loaded already"):
        loader.begin()
    shares = []
    while (progress := loader.progress()) is not None and progress.running:
        shares.append(progress.done)
        time.sleep(0.2)
    assert progress is not None
    assert progress.said.startswith("It is loaded: ")
    assert shares == sorted(shares)
    assert read == ["again"]
    assert (ledger.home / CONFIG_NAME).is_file()
    today = datetime.now(UTC).date()
    request = MarginRequest(by=("feature",), start=today - timedelta(days=90), end=today)
    earned = {row.key[0]: row.revenue for row in Margins(ledger, Policies()).table(request).rows}
    assert all(earned[feature] > 0 for feature in own.WORKFLOWS)
    assert shelf_of(ledger.state).all()
    assert shelf(ledger.state).all()
