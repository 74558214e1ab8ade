import sqlite3
import tarfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from floorline.ledger import state as state_module
from floorline.ledger.key import Key
from floorline.ledger.state import AdjustmentBatch, Audited, Quarantined, State

GOLDEN = Path(__file__).parent / "golden" / "store-1.tar.gz"
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def state(tmp_path):
    opened = State.open(tmp_path)
    yield opened
    opened.close()


def test_the_newest_migration_is_the_one_the_code_expects():
    assert ScriptDirectory(str(state_module.MIGRATIONS)).get_heads() == [state_module.HEAD]


@pytest.mark.usefixtures("state")
def test_the_migrations_make_the_tables_that_the_code_uses(tmp_path):
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'state.sqlite'}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), state_module._tables) == []
    engine.dispose()


def test_a_price_version_is_kept_once_and_for_ever(state, tmp_path):
    assert state.add_price_versions({"a": '{"p":1}', "b": "{}"}, now=NOW) == 2
    assert state.add_price_versions({"a": '{"p":2}', "c": "{}"}, now=NOW) == 1
    again = State.open(tmp_path)
    assert again.price_versions() == {"a": '{"p":1}', "b": "{}", "c": "{}"}
    assert again.price_versions(["a", "x"]) == {"a": '{"p":1}'}
    again.close()


def test_an_adjustment_batch_is_replaced_by_its_id(state):
    batch = AdjustmentBatch(id="1", verb="re-rate", created_at=NOW, filters={"model": "gpt-4o"}, status="writing")
    later = AdjustmentBatch(
        id="2", verb="undo", created_at=NOW + timedelta(1), filters={}, status="applied", detail="of 1"
    )
    state.put_batch(later)
    state.put_batch(batch)
    applied = AdjustmentBatch(id="1", verb="re-rate", created_at=NOW, filters={"model": "gpt-4o"}, status="applied")
    state.put_batch(applied)
    assert state.batches() == [applied, later]


def test_settings_are_kept(state):
    assert state.setting("k") is None
    state.set_setting("k", "1")
    state.set_setting("k", "2")
    assert state.setting("k") == "2"


def test_a_row_is_quarantined_once_with_its_latest_reason(state):
    row = Quarantined(origin="usage.jsonl", line=3, reason="no model", body=b"{}", at=NOW)
    other = Quarantined(origin="spool 1/64", source="s", record_id="r", reason="refused", at=NOW)
    state.quarantine([row, other])
    state.quarantine([other])
    assert state.quarantined() == [row, other]


def test_a_state_of_the_first_format_opens_with_what_it_had_and_takes_keys(tmp_path):
    with tarfile.open(GOLDEN) as archive:
        archive.extractall(tmp_path, filter="data")
    home = tmp_path / "home"
    with closing(sqlite3.connect(home / "state.sqlite")) as old:
        assert old.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
    state = State.open(home)
    assert state.setting("golden") == "1"
    key = Key(id="k_1", name="bot", digest=b"d", created_at=NOW)
    state.change_virtual_keys(lambda _: [key], lambda _: None, now=NOW, actor="ada", action="key.create")
    state.close()
    again = State.open(home)
    assert again.virtual_keys() == [key]
    assert again.setting("golden") == "1"
    again.close()


def test_a_change_of_keys_that_cannot_be_published_is_undone(state):
    key = Key(id="k_1", name="bot", digest=b"d", created_at=NOW)

    def refuse(_: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        state.change_virtual_keys(lambda _: [key], refuse, now=NOW, actor="ada", action="key.create")
    assert state.virtual_keys() == []


def test_the_audit_is_kept_in_order(state, tmp_path):
    entries = [
        Audited(at=NOW, actor="ada", action="content.show", subject="call-1", detail="asked"),
        Audited(at=NOW - timedelta(1), actor="ben", action="erase.user", subject="erased-1"),
    ]
    for one in entries:
        state.audit(one)
    again = State.open(tmp_path)
    assert again.audited() == entries
    again.close()


def test_a_change_of_keys_is_audited_with_it_or_not_at_all(state):
    key = Key(id="k_1", name="bot", digest=b"d", created_at=NOW)

    def refuse(_: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        state.change_virtual_keys(lambda _: [key], refuse, now=NOW, actor="ada", action="key.create")
    assert state.audited() == []
    state.change_virtual_keys(lambda _: [key], lambda _: None, now=NOW, actor="ada", action="key.create")
    assert state.audited() == [Audited(at=NOW, actor="ada", action="key.create", subject="k_1")]


def test_an_erased_name_is_in_no_text_and_in_no_file(state, tmp_path):
    words = {"zebrafish": "erased-1", "zébre": "erased-2"}
    batch = AdjustmentBatch(
        id="1", verb="re-rate", created_at=NOW, filters={"model": "m"}, status="applied", detail="zebrafish asked"
    )
    state.put_batch(batch)
    state.audit(
        Audited(at=NOW, actor="ada", action="content.show", subject="call-1", detail="for zebrafish, not zebrafishes")
    )
    bodies = (
        b'{"c": "zebrafish"}',
        b"\x89zebrafish\x00",
        '{"c": "zébre"}'.encode(),
        b'{"c": "z\\u00e9bre"}',
        b"globex",
    )
    state.quarantine([Quarantined(origin="f", line=n, reason="r", body=body, at=NOW) for n, body in enumerate(bodies)])
    assert state.quarantined_with(words) == 4
    entry = Audited(at=NOW, actor="ada", action="erase.customer", subject="erased-1")
    state.erased(words, entry, setting="erasure", value="compacting")
    assert state.batches()[0].detail == "erased-1 asked"
    assert [one.detail for one in state.audited()] == ["for erased-1, not zebrafishes", ""]
    assert [one.body for one in state.quarantined()] == [b"globex"]
    assert state.setting("erasure") == "compacting"
    other = State.open(tmp_path)  # another process has it open
    assert other.audited()
    state.compact()
    assert not any(b'"zebrafish"' in path.read_bytes() for path in tmp_path.glob("state.sqlite*"))
    other.close()
