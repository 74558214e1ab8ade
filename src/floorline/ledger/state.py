"""What is not a record: price versions, adjustment batches, settings, quarantined rows, virtual keys, audit, documents. SQLAlchemy Core on SQLite.

The SQL is portable, so that a URL of PostgreSQL can stand in for the file. Instants are ISO 8601 text in UTC.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import IntegrityError

from floorline.ledger.key import Key
from floorline.ledger.lock import Lock
from floorline.ledger.renaming import renamed

MIGRATIONS = Path(__file__).with_name("state_migrations")
HEAD = "0004"  # the newest migration, so that an up-to-date state opens without loading Alembic

_tables = sa.MetaData()
_price_versions = sa.Table(
    "price_versions",
    _tables,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("first_seen", sa.String(32), nullable=False),
)
_batches = sa.Table(
    "adjustment_batches",
    _tables,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("verb", sa.String(32), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("filters", sa.Text, nullable=False),
    sa.Column("status", sa.String(32), nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
)
_settings = sa.Table(
    "settings",
    _tables,
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
_quarantine = sa.Table(
    "quarantine",
    _tables,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("line", sa.Integer, nullable=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("record_id", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("at", sa.String(32), nullable=False),
    sa.UniqueConstraint("origin", "line", "record_id", name="quarantine_once"),
)
_virtual_keys = sa.Table(
    "virtual_keys",
    _tables,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("body", sa.Text, nullable=False),
)
_audit = sa.Table(
    "audit",
    _tables,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
)
_documents = sa.Table(
    "documents",
    _tables,
    sa.Column("kind", sa.String(32), primary_key=True),
    sa.Column("id", sa.String(200), primary_key=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("changed_at", sa.String(32), nullable=False),
)
KEYS_CHANGED = "keys.changed"
"""The setting that every change of keys writes first, so that two processes change them one after the other."""

_OPENING_WAIT_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentBatch:
    """One recompute, re-rate or undo: what was asked (`filters`), how far it came (`status`), and notes (`detail`)."""

    id: str
    verb: str
    created_at: datetime
    filters: Mapping[str, str]
    status: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A row that was not stored. `origin` is a file's name, or a spool segment and offset; `line` is its line there."""

    origin: str
    line: int | None = None
    source: str = ""
    record_id: str = ""
    reason: str
    body: bytes = b""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """Something that was done to keys, content, alerts, reviews or the backlog: by whom, what, to which, and why or how
    much. `subject` is an id or a surrogate, never a name that was erased.
    """

    at: datetime
    actor: str
    action: str
    subject: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as it is kept: JSON text, and how often it was changed."""

    id: str
    revision: int
    body: str


class State:
    """The state of one ledger."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, home: Path) -> "State":
        """The state in `home`, made or migrated when needed. Several processes may have it open at once."""
        lock = Lock.take(home / "state.lock", wait_s=_OPENING_WAIT_S)
        try:
            return cls.connect(f"sqlite:///{home / 'state.sqlite'}")
        finally:
            lock.release()

    @classmethod
    def connect(cls, url: str) -> "State":
        """The state at a database URL, made or migrated when needed."""
        engine = sa.create_engine(url)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
        with engine.connect() as connection:
            if not _is_current(connection):
                _upgrade(connection)
        return cls(engine)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    # -- price versions: kept for ever

    def add_price_versions(self, bodies: Mapping[str, str], *, now: datetime) -> int:
        """Keep price versions (id → JSON) that are not known yet; how many were new. Other processes may add the same."""
        columns = _price_versions.c
        new = 0
        with self._engine.begin() as connection:
            for id_, body in bodies.items():
                known = sa.exists().where(columns.id == id_)
                row = sa.select(sa.literal(id_), sa.literal(body), sa.literal(_text(now))).where(~known)
                insert = sa.insert(_price_versions).from_select([columns.id, columns.body, columns.first_seen], row)
                new += connection.execute(insert).rowcount
        return new

    def price_versions(self, ids: Iterable[str] | None = None) -> dict[str, str]:
        """Kept price versions (id → JSON): those named, or all. An id that is not kept is absent."""
        query = sa.select(_price_versions.c.id, _price_versions.c.body)
        wanted = None if ids is None else set(ids)
        with self._engine.connect() as connection:
            rows = connection.execute(query)
            return {row.id: row.body for row in rows if wanted is None or row.id in wanted}

    # -- adjustment batches

    def put_batch(self, batch: AdjustmentBatch) -> None:
        """Add a batch, or replace the one of the same id."""
        row = {
            "id": batch.id,
            "verb": batch.verb,
            "created_at": _text(batch.created_at),
            "filters": msgspec.json.encode(dict(batch.filters)).decode(),
            "status": batch.status,
            "detail": batch.detail,
        }
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_batches).where(_batches.c.id == batch.id))
            connection.execute(sa.insert(_batches), [row])

    def batches(self) -> list[AdjustmentBatch]:
        """Every batch, oldest first."""
        query = sa.select(_batches).order_by(_batches.c.created_at, _batches.c.id)
        with self._engine.connect() as connection:
            return [
                AdjustmentBatch(
                    id=row.id,
                    verb=row.verb,
                    created_at=datetime.fromisoformat(row.created_at),
                    filters=msgspec.json.decode(row.filters, type=dict[str, str]),
                    status=row.status,
                    detail=row.detail,
                )
                for row in connection.execute(query)
            ]

    # -- settings

    def setting(self, key: str) -> str | None:
        """A setting's value, None when it was never set."""
        with self._engine.connect() as connection:
            return connection.scalar(sa.select(_settings.c.value).where(_settings.c.key == key))

    def set_setting(self, key: str, value: str) -> None:
        """Keep a setting."""
        with self._engine.begin() as connection:
            _put_setting(connection, key, value)

    # -- virtual keys

    def virtual_keys(self) -> list[Key]:
        """Every virtual key, oldest first, revoked and expired ones too."""
        with self._engine.connect() as connection:
            return _read_keys(connection)

    def change_virtual_keys(
        self,
        change: Callable[[Sequence[Key]], Sequence[Key]],
        publish: Callable[[Sequence[Key]], None],
        *,
        now: datetime,
        actor: str,
        action: str,
    ) -> None:
        """Put what `change` makes of the keys (new ones, and others in place of those of the same id), then hand every
        key to `publish`. It is one transaction and no other process changes keys meanwhile: what either raises undoes it.
        The audit names every key that it put.
        """
        with self._engine.begin() as connection:
            _put_setting(connection, KEYS_CHANGED, _text(now))
            for key in change(_read_keys(connection)):
                _add_audited(connection, Audited(at=now, actor=actor, action=action, subject=key.id))
                connection.execute(sa.delete(_virtual_keys).where(_virtual_keys.c.id == key.id))
                row = {"id": key.id, "digest": key.digest.hex(), "body": msgspec.json.encode(key).decode()}
                connection.execute(sa.insert(_virtual_keys), [row])
            publish(_read_keys(connection))

    # -- documents: read and changed through a Shelf

    def documents(self, kind: str) -> list[StoredDocument]:
        """Every document of a kind, in the order of their ids."""
        columns = _documents.c
        query = sa.select(columns.id, columns.revision, columns.body).where(columns.kind == kind).order_by(columns.id)
        with self._engine.connect() as connection:
            return [StoredDocument(*row) for row in connection.execute(query)]

    def document(self, kind: str, id_: str) -> StoredDocument | None:
        """One document, None when there is none."""
        columns = _documents.c
        query = sa.select(columns.id, columns.revision, columns.body)
        with self._engine.connect() as connection:
            row = connection.execute(query.where(columns.kind == kind, columns.id == id_)).first()
            return None if row is None else StoredDocument(*row)

    def put_document(self, kind: str, id_: str, body: str | None, *, revision: int, now: datetime) -> bool:
        """Put `body` (None: remove it) in place of the document of that revision (0: of none). False, and nothing is done,
        when it has another revision by now.
        """
        columns = _documents.c
        same = (columns.kind == kind) & (columns.id == id_) & (columns.revision == revision)
        with self._engine.begin() as connection:
            if body is None:
                return connection.execute(sa.delete(_documents).where(same)).rowcount == 1
            row = {"revision": revision + 1, "body": body, "changed_at": _text(now)}
            if revision:
                return connection.execute(sa.update(_documents).where(same).values(row)).rowcount == 1
            try:
                connection.execute(sa.insert(_documents), [{"kind": kind, "id": id_, **row}])
            except IntegrityError:  # another process made it first
                connection.rollback()
                return False
            return True

    # -- who did what

    def audit(self, entry: Audited) -> None:
        """Keep that something is done. It is on disk when this returns."""
        with self._engine.begin() as connection:
            _add_audited(connection, entry)

    def audited(self) -> list[Audited]:
        """Everything that was done, oldest first."""
        with self._engine.connect() as connection:
            return [_audited_of(row) for row in connection.execute(sa.select(_audit).order_by(_audit.c.number))]

    def audited_of(self, subject: str) -> list[Audited]:
        """What was done to one subject, oldest first."""
        query = sa.select(_audit).where(_audit.c.subject == subject).order_by(_audit.c.number)
        with self._engine.connect() as connection:
            return [_audited_of(row) for row in connection.execute(query)]

    def lately_audited(
        self, rows_max: int, *, before: int | None = None, actor: str = "", action: str = ""
    ) -> list[tuple[int, Audited]]:
        """What was done, by its number, the latest first: before the number `before`, by one actor or of one action where they
        are named.
        """
        columns = _audit.c
        query = sa.select(_audit).order_by(columns.number.desc()).limit(rows_max)
        for column, wanted in ((columns.actor, actor), (columns.action, action)):
            query = query.where(column == wanted) if wanted else query
        if before is not None:
            query = query.where(columns.number < before)
        with self._engine.connect() as connection:
            return [(row.number, _audited_of(row)) for row in connection.execute(query)]

    def audited_words(self) -> tuple[list[str], list[str]]:
        """The actors and the actions that the audit names, each in order."""
        with self._engine.connect() as connection:
            actors, actions = (
                connection.scalars(sa.select(column).distinct().order_by(column)).all()
                for column in (_audit.c.actor, _audit.c.action)
            )
        return list(actors), list(actions)

    def erased(self, words: Mapping[str, str], entry: Audited, *, setting: str, value: str) -> None:
        """Replace the names `words` by their surrogates wherever people wrote them, drop quarantined rows that contain one,
        keep `entry` and the setting: all of it or nothing.
        """
        with self._engine.begin() as connection:
            _replace_words(connection, _batches, _batches.c.id, ("filters", "detail"), words)
            _replace_words(connection, _audit, _audit.c.number, ("subject", "detail"), words)
            _replace_in_documents(connection, words)
            numbers = _quarantined_with(connection, words)
            connection.execute(sa.delete(_quarantine).where(_quarantine.c.number.in_(numbers)))
            _add_audited(connection, entry)
            _put_setting(connection, setting, value)

    def quarantined_with(self, names: Iterable[str]) -> int:
        """How many quarantined rows contain one of `names`."""
        with self._engine.connect() as connection:
            return len(_quarantined_with(connection, names))

    def compact(self) -> None:
        """Leave nothing in the file of what was removed or replaced."""
        if self._engine.dialect.name == "sqlite":
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(sa.text("VACUUM"))
                connection.execute(sa.text("PRAGMA wal_checkpoint(TRUNCATE)"))

    # -- what was not stored, and why

    def quarantine(self, rows: Sequence[Quarantined]) -> None:
        """Keep rows that were not stored. The same row of the same origin is kept once, with its latest reason."""
        columns = _quarantine.c
        with self._engine.begin() as connection:
            for row in rows:
                same = (columns.origin == row.origin) & (columns.record_id == row.record_id)
                same &= columns.line.is_(None) if row.line is None else columns.line == row.line
                connection.execute(sa.delete(_quarantine).where(same))
                connection.execute(
                    sa.insert(_quarantine),
                    [
                        {
                            "origin": row.origin,
                            "line": row.line,
                            "source": row.source,
                            "record_id": row.record_id,
                            "reason": row.reason,
                            "body": row.body,
                            "at": _text(row.at),
                        }
                    ],
                )

    def quarantined(self) -> list[Quarantined]:
        """Every row that was not stored, oldest first."""
        query = sa.select(_quarantine).order_by(_quarantine.c.number)
        with self._engine.connect() as connection:
            return [
                Quarantined(
                    origin=row.origin,
                    line=row.line,
                    source=row.source,
                    record_id=row.record_id,
                    reason=row.reason,
                    body=row.body,
                    at=datetime.fromisoformat(row.at),
                )
                for row in connection.execute(query)
            ]


def _put_setting(connection: sa.Connection, key: str, value: str) -> None:
    connection.execute(sa.delete(_settings).where(_settings.c.key == key))
    connection.execute(sa.insert(_settings), [{"key": key, "value": value}])


def _add_audited(connection: sa.Connection, entry: Audited) -> None:
    row = {
        "at": _text(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "detail": entry.detail,
    }
    connection.execute(sa.insert(_audit), [row])


def _audited_of(row: sa.Row[Any]) -> Audited:
    return Audited(
        at=datetime.fromisoformat(row.at), actor=row.actor, action=row.action, subject=row.subject, detail=row.detail
    )


def _replace_words(
    connection: sa.Connection, table: sa.Table, key: sa.Column[Any], columns: Sequence[str], words: Mapping[str, str]
) -> None:
    for row in connection.execute(sa.select(table)).mappings().all():
        changed = {name: text for name in columns if (text := renamed(row[name], words)) != row[name]}
        if changed:
            connection.execute(sa.update(table).where(key == row[key.name]).values(changed))


def _replace_in_documents(connection: sa.Connection, words: Mapping[str, str]) -> None:
    """The names within a document's JSON, as whole texts, as keys, and within prose; in ids too."""
    columns = _documents.c
    for row in connection.execute(sa.select(_documents)).all():
        body = msgspec.json.encode(_renamed_within(msgspec.json.decode(row.body), words)).decode()
        id_ = renamed(row.id, words)
        if (id_, body) != (row.id, row.body):
            connection.execute(
                sa.update(_documents)
                .where(columns.kind == row.kind, columns.id == row.id)
                .values(id=id_, body=body, revision=row.revision + 1)
            )


def _renamed_within(value: object, words: Mapping[str, str]) -> object:
    if isinstance(value, str):
        return renamed(value, words)
    if isinstance(value, list):
        return [_renamed_within(one, words) for one in cast("list[object]", value)]
    if isinstance(value, dict):
        entries = cast("dict[str, object]", value).items()
        return {renamed(name, words): _renamed_within(one, words) for name, one in entries}
    return value


def _quarantined_with(connection: sa.Connection, names: Iterable[str]) -> list[int]:
    """The numbers of the rows in whose bytes or texts one of `names` stands."""
    wanted = {spelled.encode() for name in names for spelled in (name, json.dumps(name)[1:-1])}
    found: list[int] = []
    for row in connection.execute(sa.select(_quarantine)):
        content = b"\n".join((row.body, *(text.encode() for text in (row.record_id, row.reason, row.source))))
        if any(name in content for name in wanted):
            found.append(row.number)
    return found


def _read_keys(connection: sa.Connection) -> list[Key]:
    bodies = connection.scalars(sa.select(_virtual_keys.c.body))
    return sorted((msgspec.json.decode(body, type=Key) for body in bodies), key=lambda key: (key.created_at, key.id))


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat()


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    """A commit is on disk when it returns, and readers do not wait for the writer."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _is_current(connection: sa.Connection) -> bool:
    if not sa.inspect(connection).has_table("alembic_version"):
        return False
    return connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == HEAD


def _upgrade(connection: sa.Connection) -> None:
    """Run the migrations that are missing. Alembic takes as long to load as the rest of the opening: only when needed."""
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()
