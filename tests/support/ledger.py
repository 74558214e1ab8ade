"""A ledger for tests: real tables in a real engine, a fresh database for every test.

tests/conftest.py makes the fixtures known to every test; in a test module, with `from tests.support.ledger import entry`:

    def test_a_call_is_found_again(ledger):
        written = ledger.write([entry(call(id="1", effective_cost=usd("0.01")))])
        assert written.new == 1
        assert ledger.query(Query(sql="SELECT count() FROM calls", row=Count)) == [Count(n=1)]

`ledger` has days of UTC and costs a few milliseconds: one chDB folder a test process, databases that are emptied and used
again. `open_ledger` opens one with other options, as in `open_ledger(timezone="Europe/Berlin")`; every ledger that it opened
is closed at the end.
`entry` wraps a record with the fingerprint of its own content.
"""

import itertools
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from floorline.events import LedgerRecord
from floorline.ledger.codec import fingerprint_of
from floorline.ledger.driver import Connect, embedded
from floorline.ledger.ledger import Entry, Ledger
from floorline.ledger.schema import migrations
from floorline.ledger.store import Store


def entry(record: LedgerRecord, *, content: str = "") -> Entry:
    """`record` with a fingerprint of `content`, or of the record itself."""
    return Entry(record=record, fingerprint=fingerprint_of(content.encode() or _said(record)))


def _said(record: LedgerRecord) -> bytes:
    """A record as the golden stores have its fingerprint: a field that is younger than they counts where it is used."""
    said = msgspec.structs.asdict(record)
    if not said.get("touches"):
        said.pop("touches", None)
    return msgspec.msgpack.encode(said)


class Databases:
    """Databases of one store, emptied and used again: to make the tables takes longer than most tests."""

    def __init__(self, connector: Callable[[str], Connect], prefix: str) -> None:
        self.connector = connector
        self._names = (f"{prefix}_{number}" for number in itertools.count())
        self._free: defaultdict[str, list[str]] = defaultdict(list)

    def take(self, timezone: str = "UTC") -> str:
        """A database without records, with days of `timezone` if it has tables."""
        free = self._free[timezone]
        return free.pop() if free else next(self._names)

    def give_back(self, name: str) -> None:
        """Empty a database, or drop it when a test left it in another shape."""
        store = Store(self.connector(name))
        made = store._rows("SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = 'migrations'")
        applied = {str(checksum) for (checksum,) in store._rows("SELECT checksum FROM migrations")} if made else set()
        if applied == {migration.checksum for migration in migrations()}:
            for (table,) in store._rows(_EMPTIED):
                store._run(f"TRUNCATE TABLE {table} SYNC")
            self._free[store.timezone].append(name)
        else:
            store._run(f"DROP DATABASE {name} SYNC")
        store.close()


_EMPTIED = """SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'
    AND total_rows > 0 AND name NOT IN ('migrations', 'settings')"""


class Opener:
    """Opens ledgers: the same `name` again is the same folder and database. Options are those of `Ledger.open`."""

    def __init__(self, databases: Databases, folder: Path) -> None:
        self.numbers = itertools.count()
        self._databases, self._folder = databases, folder
        self._used: dict[str, str] = {}
        self._opened: list[Ledger] = []

    def connect(self, name: str, timezone: str = "UTC") -> Connect:
        """How the ledger `name` reaches its database; `timezone` counts only when it has none yet."""
        if name not in self._used:
            self._used[name] = self._databases.take(timezone)
        return self._databases.connector(self._used[name])

    def __call__(self, name: str = "home", **options: object) -> Ledger:
        settings = {"wait_s": 0, "durability": "process", "segment_bytes": 1 << 20, **options}
        if "connect" not in settings:
            settings["connect"] = self.connect(name, str(settings.get("timezone") or "UTC"))
        ledger = Ledger.open(self._folder / name, **settings)
        self._opened.append(ledger)
        return ledger

    def closed(self) -> None:
        """Close every ledger that is open."""
        while self._opened:
            self._opened.pop().close()

    def finish(self) -> None:
        """Close every ledger and give their databases back."""
        self.closed()
        for name in self._used.values():
            self._databases.give_back(name)


@pytest.fixture(scope="session")
def engine() -> Iterator[Path]:
    """The one folder that chDB may open in this process. It stays open: the engine ends with its last client, and to start
    it for every ledger takes longer than most tests.
    """
    with tempfile.TemporaryDirectory(prefix="floorline-chdb-", ignore_cleanup_errors=True) as folder:
        path = Path(folder)
        client = embedded(path, "kept_open")()
        yield path
        client.close()


@pytest.fixture(scope="session")
def databases(engine: Path) -> Databases:
    """Databases of the embedded engine."""
    return Databases(partial(embedded, engine), "embedded")


@pytest.fixture
def open_ledger(databases: Databases, tmp_path: Path) -> Iterator[Opener]:
    """Opens ledgers, and closes them at the end."""
    opener = Opener(databases, tmp_path)
    yield opener
    opener.finish()


@pytest.fixture
def ledger(open_ledger: Opener) -> Ledger:
    """A fresh ledger with days of UTC."""
    return open_ledger()
