"""A ledger for tests: real tables in a real engine, a fresh database for every test.

Use it by importing the fixtures into the conftest.py of your own tests:

    from tests.support.ledger import engine, ledger, open_ledger

    __all__ = ["engine", "ledger", "open_ledger"]

then, in a test module, with `from tests.support.ledger import entry`:

    def test_a_call_is_found_again(ledger):
        written = ledger.write([entry(call(id="1", effective_cost=usd("0.01")))])
        assert written.new == 1
        assert ledger.query(Query(sql="SELECT count() FROM calls", row=Count)) == [Count(n=1)]

`ledger` costs about 0.3 s (one chDB folder a test process, one database a test) and has days of UTC. `open_ledger` opens
one with other options, as in `open_ledger(timezone="Europe/Berlin")`; every ledger that it opened is closed at the end.
`entry` wraps a record with the fingerprint of its own content.
"""

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from floorline.events import LedgerRecord
from floorline.ledger.codec import fingerprint_of
from floorline.ledger.driver import embedded
from floorline.ledger.ledger import Entry, Ledger

_numbers = itertools.count()


def entry(record: LedgerRecord, *, content: str = "") -> Entry:
    """`record` with a fingerprint of `content`, or of the record itself."""
    return Entry(record=record, fingerprint=fingerprint_of(content.encode() or msgspec.msgpack.encode(record)))


@pytest.fixture(scope="session")
def engine() -> Iterator[Path]:
    """The one folder that chDB may open in this process."""
    with tempfile.TemporaryDirectory(prefix="floorline-chdb-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def open_ledger(engine: Path, tmp_path: Path) -> Iterator[Callable[..., Ledger]]:
    """Opens ledgers: the same `name` again is the same folder and database. Options are those of `Ledger.open`."""
    run = next(_numbers)
    opened: list[Ledger] = []

    def open_(name: str = "home", **options: object) -> Ledger:
        connect = embedded(engine, f"test_{run}_{name}")
        settings = {"connect": connect, "wait_s": 0, "durability": "process", "segment_bytes": 1 << 20, **options}
        ledger = Ledger.open(tmp_path / name, **settings)
        opened.append(ledger)
        return ledger

    yield open_
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(open_ledger: Callable[..., Ledger]) -> Ledger:
    """A fresh ledger with days of UTC."""
    return open_ledger()
