"""The store: chDB embedded or a ClickHouse server, through one client library and one dialect of SQL.

It migrates, takes batches, answers queries, and can compute every rollup anew. It does not know the spool.
"""

import re
import threading
from array import array
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from secrets import token_hex
from typing import TypeVar, cast

import msgspec
from clickhouse_connect.driver.exceptions import DatabaseError, Error

from floorline.errors import FloorlineError, LedgerCorrupt
from floorline.ledger.codec import TABLES, Table, values
from floorline.ledger.driver import Client, Connect
from floorline.ledger.schema import Migration, View, migrations
from floorline.query import Parameter, Query

Row = TypeVar("Row")
Bindable = str | int | list[str | int]
"""What the client binds to a placeholder."""

INSERT_SETTINGS: Mapping[str, str | int] = {
    "async_insert": 0,
    "insert_deduplicate": 1,
    "deduplicate_blocks_in_dependent_materialized_views": 1,  # rollups dedupe with the base table
    "max_insert_block_size": 1_048_576,  # one batch = one block = one part a partition
    "min_insert_block_size_rows": 1_048_576,
    "min_insert_block_size_bytes": 0,
    "max_insert_threads": 1,
    "max_partitions_per_insert_block": 0,  # an import may span any number of months
    "input_format_parallel_parsing": 0,
}
DAYS = 49_700
"""Days from 1970 on whose instants have 32 bits, in every timezone."""

_TIMEOUT = 159  # the engine's code for a query that took longer than its own max_execution_time
_BOUNDED = "max_bytes_before_external_group_by = 1000000000"  # a big GROUP BY goes to disk before it fills the memory
_BOOKS = (
    """CREATE TABLE IF NOT EXISTS migrations (number UInt32, name String, checksum String, applied_at DateTime DEFAULT now())
    ENGINE = MergeTree ORDER BY number""",
    """CREATE TABLE IF NOT EXISTS settings (number UInt64, name String, value String)
    ENGINE = MergeTree ORDER BY (name, number)""",
)
# The engine's codes for "this data does not fit": the batch is then probed, row by row if need be, without writing.
_DATA_FAULTS = frozenset({
    6, 26, 27, 32, 33, 38, 41, 44, 53, 69, 70, 72, 117, 128, 130, 131, 190, 321, 349, 407, 469, 691, 1001,
})  # fmt: skip


class StoreDown(FloorlineError):
    """The store did not take or answer what was sent; nothing is lost, the spool keeps it."""


class TooSlow(StoreDown):
    """A query with a limit of its own to the time it may take was not answered within it."""


class BatchRefused(FloorlineError):
    """The store refuses a batch because of its data; nothing of the batch was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows of one table and version that enter the store together, under a token that never changes."""

    table: Table
    version: int
    token: str
    rows: Sequence[bytes]


class Store:
    """One database of tables and rollups. Threads may share it: each gets a client of its own."""

    def __init__(self, connect: Connect, *, changing: Callable[[], None] = lambda: None) -> None:
        """`changing` is called before anything in the store changes: what it raises, that does not."""
        self._connect, self._changing = connect, changing
        self._local = threading.local()
        self._clients: list[Client] = []
        self._lock = threading.Lock()
        self._timezone = ""  # asked of the store once: every page asks

    @property
    def client(self) -> Client:
        """The client of the thread that asks."""
        client = cast("Client | None", getattr(self._local, "client", None))
        if client is None:
            with self._lock:
                try:
                    client = self._connect()
                except Error as error:
                    raise StoreDown(f"the store cannot be opened: {_first_line(error)}") from error
                self._clients.append(client)
            self._local.client = client
        return client

    def forget(self) -> None:
        """Close the client of the thread that asks: it ends, or will not need it soon."""
        client = cast("Client | None", getattr(self._local, "client", None))
        if client is not None:
            with self._lock:
                self._clients.remove(client)
            client.close()
            del self._local.client

    def close(self) -> None:
        """Close every thread's client."""
        with self._lock:
            for client in self._clients:
                client.close()
            self._clients.clear()
            self._local = threading.local()

    # -- what is in it

    def migrate(self, timezone: str) -> None:
        """Bring the tables to this release's format; `timezone` counts only when the store is new.

        LedgerCorrupt when a migration that was applied has since been changed.
        """
        for statement in _BOOKS:
            self._run(statement)
        applied = dict(cast("Sequence[tuple[int, str]]", self._rows("SELECT number, checksum FROM migrations")))
        known = migrations()
        if len(applied) > len(known):
            raise LedgerCorrupt(
                f"the store has format {len(applied)}, this release knows {len(known)}: upgrade Floorline"
            )
        if not applied:
            self._set("timezone", timezone)
        for migration in known:
            self._apply(migration, applied.get(migration.number), fill=bool(applied))

    def _apply(self, migration: Migration, applied: str | None, *, fill: bool) -> None:
        if applied == migration.checksum:
            return
        if applied is not None:
            raise LedgerCorrupt(
                f"migration {migration.number} was applied as {applied} and is now {migration.checksum}: the store was made by "
                f"another build; export what you need and import it into a new folder"
            )
        self._changing()
        for statement in migration.statements(timezone=self.timezone):
            self._run(statement)
        if fill:  # interrupted, it begins again
            self._fill(migration.views(timezone=self.timezone))
        self._add("migrations", {"number": migration.number, "name": migration.name, "checksum": migration.checksum})

    @property
    def timezone(self) -> str:
        """The reporting timezone whose days the rollups are keyed by."""
        if not self._timezone:
            self._timezone = self._get("timezone")
        return self._timezone

    def engine(self) -> str:
        """The engine's version."""
        ((version,),) = self._rows("SELECT version()")
        return str(version)

    def day_starts(self) -> Sequence[int]:
        """The seconds since 1970 at which each day of the timezone begins, from 1970 on, as the store itself reckons: its list of
        timezones may be another than this process's. Instants have 32 bits here: the last day is of the year 2106.
        """
        sql = "SELECT toUnixTimestamp(toDateTime(toDate(number), {zone:String})) FROM numbers({days:UInt32}) ORDER BY number"
        return array("q", [cast("int", start) for (start,) in self._rows(sql, {"zone": self.timezone, "days": DAYS})])

    def _get(self, name: str) -> str:
        rows = self._rows("SELECT argMax(value, number) FROM settings WHERE name = {name:String}", {"name": name})
        return str(rows[0][0])

    def _set(self, name: str, value: str) -> None:
        """The newest row counts, by number and not by a clock that may be set back."""
        self._changing()
        ((last,),) = self._rows("SELECT max(number) FROM settings")
        self._add("settings", {"number": cast("int", last) + 1, "name": name, "value": value})
        self._timezone = ""

    def mark(self) -> None:
        """Have the store stand as it never did before."""
        self._set("mark", token_hex(16))

    def standing(self) -> str:
        """Another text once a record was added, a name or a timezone changed, a rollup was computed anew, or the store was marked; and
        in a copy of the store that was made before that.
        """
        ((number, name, value),) = self._rows("SELECT number, name, value FROM settings ORDER BY number DESC LIMIT 1")
        counts = ", ".join(f"(SELECT count() FROM {table.name})" for table in TABLES.values())  # noqa: S608 - a fixed name
        (rows,) = self._rows(f"SELECT {counts}")
        return " ".join(map(str, (number, name, value, *rows)))

    # -- in

    def insert(self, batch: Batch) -> None:
        """Add the rows of `batch`; again under the same token changes nothing, rollups included.

        BatchRefused when the data is at fault: nothing was written. StoreDown when it cannot be told: send it again.
        """
        self._changing()
        self._insert(batch.table.name, batch, {**INSERT_SETTINGS, "insert_deduplication_token": batch.token})

    def held(self, table: str, ids: Sequence[str]) -> set[tuple[str, str]]:
        """The (source, id) of the records of `table` that have one of `ids`."""
        sql = f"SELECT toString(source), id FROM {table} WHERE id IN {{ids:Array(String)}}"  # noqa: S608 - a table's own name
        return {(str(source), str(name)) for source, name in self._rows(sql, {"ids": list(ids)})}

    def probe(self, batch: Batch) -> str:
        """Why the store refuses the data of `batch`, '' when it takes it. Nothing is written."""
        probe = f"{batch.table.name}_probe"
        self._run(f"CREATE OR REPLACE TABLE {probe} AS {batch.table.name} ENGINE = Null")
        try:
            self._insert(probe, batch, dict(INSERT_SETTINGS))
        except BatchRefused as refused:
            return str(refused)
        return ""

    def _insert(self, table: str, batch: Batch, settings: dict[str, str | int]) -> None:
        body = b"".join([values(row) for row in batch.rows])
        try:
            self.client.raw_insert(table, batch.table.columns(batch.version), body, settings=settings, fmt="MsgPack")
        except DatabaseError as error:
            if error.code in _DATA_FAULTS:
                raise BatchRefused(_first_line(error)) from error
            raise StoreDown(
                f"the store did not take {len(batch.rows)} rows of {table}: {_first_line(error)}"
            ) from error
        except Error as error:
            raise StoreDown(
                f"the store did not take {len(batch.rows)} rows of {table}: {_first_line(error)}"
            ) from error

    # -- out

    def query(self, query: Query[Row]) -> list[Row]:
        """The rows of `query`, each built by position into its row type. Values are bound by the store, never pasted."""
        return build(query.row, self.answer(query.sql, bindable(query)))

    def answer(self, sql: str, parameters: Mapping[str, Bindable]) -> list[list[object]]:
        """The values of the rows of a query, instants in UTC."""
        rows = self._rows(sql, parameters)
        if rows and not any(value is None or isinstance(value, datetime) for value in rows[0]):
            return [list(row) for row in rows]  # columns have one type: none holds instants
        return [list(map(_plain, row)) for row in rows]

    def _rows(self, sql: str, parameters: Mapping[str, object] | None = None) -> Sequence[Sequence[object]]:
        try:
            return self.client.query(sql, parameters=dict(parameters or {})).result_rows
        except Error as error:
            if isinstance(error, DatabaseError) and error.code == _TIMEOUT:
                raise TooSlow(f"the store did not answer in time: {_first_line(error)}") from error
            raise StoreDown(f"the store did not answer: {_first_line(error)}") from error

    def _run(self, statement: str, parameters: Mapping[str, Bindable] | None = None) -> None:
        try:
            self.client.command(statement, parameters=dict(parameters or {}))
        except Error as error:
            raise StoreDown(f"the store refused `{statement[:80]}…`: {_first_line(error)}") from error

    def _add(self, table: str, row: Mapping[str, str | int]) -> None:
        try:
            body = msgspec.json.encode(row)  # encoded here, because the library's own encoding imports pandas
            self.client.raw_insert(table, list(row), body, settings={}, fmt="JSONEachRow")
        except Error as error:
            raise StoreDown(f"the store did not take a row of {table}: {_first_line(error)}") from error

    @contextmanager
    def still(self) -> Generator[frozenset[Path]]:
        """The folders of the active parts, which stay until this ends. Nothing may be inserted meanwhile."""
        self._run("SYSTEM STOP MERGES")
        try:
            rows = self._rows("SELECT path FROM system.parts WHERE active AND database = currentDatabase()")
            yield frozenset(Path(str(path)).resolve() for (path,) in rows)
        finally:
            self._run("SYSTEM START MERGES")

    # -- rows that get other values

    def holds(self, table: str, where: str, parameters: Mapping[str, Parameter]) -> bool:
        """Whether `table` has a row for which `where` is true."""
        return bool(self._rows(f"SELECT 1 FROM {table} WHERE {where} LIMIT 1", _bound(parameters)))  # noqa: S608 - our own names

    def rewrite(self, table: str, columns: Mapping[str, str], where: str, parameters: Mapping[str, Parameter]) -> None:
        """Put the expressions `columns` in place of the values of the rows for which `where` is true, key columns included.

        A draft of the table takes the partitions that do not change as they are, and trades places with it at once; no
        view may be fed by it meanwhile. What was there before is on the disk no longer when this returns.
        """
        self._changing()
        self.drop_draft(table)
        bound = _bound(parameters)
        draft = f"{table}_draft"
        partitions = f"SELECT DISTINCT _partition_id FROM {table} WHERE"  # noqa: S608 - our own names
        changing = {str(part) for (part,) in self._rows(f"{partitions} {where}", bound)}
        replaced = ", ".join(f"if({where}, {to}, {name}) AS {name}" for name, to in columns.items())
        self._run(f"CREATE TABLE {draft} AS {table}")
        for part in sorted({str(part) for (part,) in self._rows(f"{partitions} 1")}):
            if part in changing:
                rows = f"SELECT * REPLACE ({replaced}) FROM {table} WHERE _partition_id = {{part:String}}"  # noqa: S608 - as above
                insert = f"INSERT INTO {draft} {rows} SETTINGS insert_deduplicate = 0"
                self._run(insert, {**bound, "part": part})
            else:
                assert re.fullmatch(r"\w+", part), f"{part!r} is no partition's id"
                self._run(f"ALTER TABLE {draft} ATTACH PARTITION ID '{part}' FROM {table}")
        self._run(f"EXCHANGE TABLES {table} AND {draft}")
        self.drop_draft(table)

    def drop_draft(self, table: str) -> None:
        """Remove what a `rewrite` left, whole or not."""
        self._run(f"DROP TABLE IF EXISTS {table}_draft SYNC")

    # -- rollups

    def views(self) -> list[View]:
        """Every view that feeds a rollup, as this store's timezone makes them."""
        return [view for migration in migrations() for view in migration.views(timezone=self.timezone)]

    @property
    def rebuilding(self) -> str:
        """The timezone of a rebuild that was begun and not finished, '' otherwise."""
        return self._get("rebuilding")

    def drop_views(self, timezone: str) -> None:
        """Nothing feeds the rollups any more, until a `rebuild`; whoever opens the store before begins it."""
        self._set("rebuilding", timezone)
        for view in self.views():
            self._run(f"DROP VIEW IF EXISTS {view.name} SYNC")

    def rebuild(self, timezone: str) -> None:
        """Compute every rollup anew from the base tables, keyed by the days of `timezone`.

        Nothing may be on its way into the store. Interrupted, it must be begun again: `rebuilding` says so.
        """
        self.drop_views(timezone)
        self._set("timezone", timezone)
        views = self.views()
        self._fill(views)
        for view in views:
            self._run(view.create)
        self._set("rebuilding", "")

    def _fill(self, views: Sequence[View]) -> None:
        """Make the rollups of some views anew from the base tables."""
        for target in dict.fromkeys(view.target for view in views):
            self._run(f"TRUNCATE TABLE {target} SYNC")
        for view in views:
            columns = ", ".join(self._columns(view.target))  # by name, as views fill it
            for part in self._slices(view):
                insert = f"INSERT INTO {view.target} ({columns}) SELECT {columns} FROM ({part})"  # noqa: S608 - our own views
                self._run(f"{insert} SETTINGS insert_deduplicate = 0, {_BOUNDED}")

    def _columns(self, table: str) -> list[str]:
        rows = self._rows(
            "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {t:String} ORDER BY position",
            {"t": table},
        )
        return [str(name) for (name,) in rows]

    def _slices(self, view: View) -> Iterator[str]:
        """The view's SELECT over the rows there are, a month at a time, so that memory stays bounded."""
        if "FROM calls AS c" in view.select:
            for (month,) in self._rows("SELECT DISTINCT toYYYYMM(utc_day) AS month FROM calls ORDER BY month"):
                source = f"(SELECT *, utc_five_minute FROM calls WHERE toYYYYMM(utc_day) = {month}) AS c"  # noqa: S608 - a number
                yield view.select.replace("FROM calls AS c", f"FROM {source}")
        else:  # a rollup is smaller by far; adjustments are few
            yield view.select

    def differences(self) -> list[str]:
        """What does not hold: a rollup that differs from its base tables, or a base table that holds an identity twice."""
        found: list[str] = []
        for table in (
            "calls",
            "adjustments",
            "revenue",
            "costs",
            "outcomes",
            "customers",
            "aliases",
            "fx_rates",
            "labels",
        ):
            ((rows, identities),) = self._rows(f"SELECT count(), uniqExact(source, id) FROM {table}")  # noqa: S608 - a fixed name
            if rows != identities:
                found.append(f"{table} holds {rows} rows of {identities} identities")
        views = self.views()
        for target in dict.fromkeys(view.target for view in views):
            groups = self._groups_that_differ(target, [view for view in views if view.target == target])
            if groups:
                found.append(f"{target} differs from its base tables in {groups} groups: rebuild the rollups")
        return found

    def _groups_that_differ(self, target: str, views: Sequence[View]) -> int:
        ((keys,),) = self._rows(
            "SELECT sorting_key FROM system.tables WHERE database = currentDatabase() AND name = {t:String}",
            {"t": target},
        )
        sums = [name for name in self._columns(target) if name not in str(keys).split(", ")]
        base = [
            f"SELECT {keys}, {', '.join(f'-{n} AS {n}' for n in sums)} FROM ({view.select})"  # noqa: S608 - our own views
            for view in views
        ]
        both = " UNION ALL ".join([f"SELECT {keys}, {', '.join(sums)} FROM {target}", *base])  # noqa: S608 - our own names
        unequal = " OR ".join(f"sum({n}) != 0" for n in sums)
        ((groups,),) = self._rows(
            f"SELECT count() FROM (SELECT {keys} FROM ({both}) GROUP BY {keys} HAVING {unequal}) SETTINGS {_BOUNDED}"  # noqa: S608 - as above
        )
        return cast("int", groups)


def build(row: type[Row], found: Sequence[Sequence[object]]) -> list[Row]:
    """Rows of type `row` from their values, by position."""
    names = field_names(row)
    make = cast("Callable[..., Row]", row)
    assert not found or len(found[0]) == len(names), f"{row.__name__} has {len(names)} fields, the row {len(found[0])}"
    return [make(**dict(zip(names, values, strict=True))) for values in found]


def field_names(row: type[Row]) -> tuple[str, ...]:
    """The fields of a row type, in order."""
    if is_dataclass(row):
        return tuple(field.name for field in fields(row))
    assert issubclass(row, msgspec.Struct), f"{row.__name__} is neither a dataclass nor a msgspec Struct"
    return row.__struct_fields__


def bindable(query: Query[Row]) -> dict[str, Bindable]:
    """The parameters of `query` as the client binds them."""
    return _bound(query.parameters)


def _bound(parameters: Mapping[str, Parameter]) -> dict[str, Bindable]:
    return {name: _bindable(value) for name, value in parameters.items()}


def _bindable(value: Parameter) -> Bindable:
    """Instants as UTC text, because the client ignores the session's timezone; days and amounts as text too."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str | int):
        return value
    return [one.isoformat() if isinstance(one, date) else one for one in value]


def _plain(value: object) -> object:
    """A value as the row types have it: instants in UTC."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:600]
