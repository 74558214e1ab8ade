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
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from floorline.events import LedgerRecord
from floorline.ledger.codec import fingerprint_of
from floorline.ledger.driver import Connect, embedded
from floorline.ledger.ledger import Entry, Ledger

_runs = itertools.count()


def entry(record: LedgerRecord, *, content: str = "") -> Entry:
    """`record` with a fingerprint of `content`, or of the record itself."""
    return Entry(record=record, fingerprint=fingerprint_of(content.encode() or msgspec.msgpack.encode(record)))


@pytest.fixture(scope="session")
def engine() -> Iterator[Path]:
    """The one folder that chDB may open in this process."""
    with tempfile.TemporaryDirectory(prefix="floorline-chdb-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


class Opener:
    """Opens ledgers: the same `name` again is the same folder and database. Options are those of `Ledger.open`."""

    def __init__(self, engine: Path, folder: Path) -> None:
        self.numbers = itertools.count()
        self._engine, self._folder = engine, folder
        self._run = next(_runs)
        self._opened: list[Ledger] = []

    def connect(self, name: str) -> Connect:
        """How the ledger `name` reaches its database."""
        return embedded(self._engine, f"test_{self._run}_{name}")

    def __call__(self, name: str = "home", **options: object) -> Ledger:
        settings = {
            "connect": self.connect(name), "wait_s": 0, "durability": "process", "segment_bytes": 1 << 20, **options,
        }  # fmt: skip
        ledger = Ledger.open(self._folder / name, **settings)
        self._opened.append(ledger)
        return ledger

    def closed(self) -> None:
        """Close every ledger that is open."""
        while self._opened:
            self._opened.pop().close()


@pytest.fixture
def open_ledger(engine: Path, tmp_path: Path) -> Iterator[Opener]:
    """Opens ledgers, and closes them at the end."""
    opener = Opener(engine, tmp_path)
    yield opener
    opener.closed()


@pytest.fixture
def ledger(open_ledger: Opener) -> Ledger:
    """A fresh ledger with days of UTC."""
    return open_ledger()
