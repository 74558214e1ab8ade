"""The client library of the store, as far as the ledger uses it, and the two ways to reach a store."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

DATABASE = "floorline"
_SESSION = {"session_timezone": "UTC"}  # an instant without a zone is UTC, wherever the process runs


class Result(Protocol):
    """The answer to a query."""

    @property
    def result_rows(self) -> Sequence[Sequence[object]]:
        """Every row, values in the order of the select list."""
        ...


class Client(Protocol):
    """One connection; a thread has its own."""

    database: str | None

    def command(self, cmd: str, *, parameters: Mapping[str, object] | None = None) -> object:
        """Run a statement with `{name:Type}` placeholders."""
        ...

    def query(self, query: str, *, parameters: Mapping[str, object]) -> Result:
        """Run a query with `{name:Type}` placeholders."""
        ...

    def raw_insert(
        self,
        table: str,
        column_names: Sequence[str],
        insert_block: bytes,
        *,
        settings: Mapping[str, str | int],
        fmt: str,
    ) -> object:
        """Add rows that are encoded already."""
        ...

    def close(self) -> None:
        """Give the connection free."""
        ...


Connect = Callable[[], Client]


@dataclass(frozen=True, slots=True)
class Embedded:
    """Clients of a chDB store in a folder: what is in it changes by one process at a time."""

    path: Path
    database: str

    def __call__(self) -> Client:
        """One client."""
        self.path.mkdir(parents=True, exist_ok=True)
        return _in(self.database, _get_client(interface="chdb", path=str(self.path)))


def embedded(path: Path, database: str = DATABASE) -> Embedded:
    """Clients of a chDB store in the folder `path`. A process can open one such folder only, with many databases."""
    return Embedded(path, database)


def server(url: str, database: str = DATABASE) -> Connect:
    """Clients of a ClickHouse server, as in `https://user:password@host:8443`."""

    def connect() -> Client:
        return _in(database, _get_client(dsn=url, autogenerate_session_id=False))

    return connect


def _get_client(**options: object) -> Client:
    library = importlib.import_module("clickhouse_connect")  # its types are not whole; loaded when a store is opened
    return cast("Client", library.get_client(settings=_SESSION, tz_mode="aware", **options))


def _in(database: str, client: Client) -> Client:
    client.command(f"CREATE DATABASE IF NOT EXISTS `{database}`")
    client.database = database
    return client
