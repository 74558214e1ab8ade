"""The content store: kept encrypted, for a time, readable by whoever has the subject's key."""

import itertools
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from floorline.errors import LedgerCorrupt
from floorline.ledger.content import Content, ContentStore, Subject, purge
from floorline.ledger.content_index import IndexWriter, candidates
from floorline.ledger.spool import Position
from tests.support.processes import environment

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = b"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXM"
ADA, BEN = Subject("acme", "ada"), Subject("acme", "ben")
OTHER = Subject("globex", "ada")


def content(call_id: str, *, at: datetime = NOW) -> Content:
    return Content(call_id=call_id, at=at, feature="chat", request=b"my secret question", answer=b"a secret answer")


@pytest.fixture
def opened(tmp_path):
    """Opens the store in one folder, as any process would."""
    stores: list[ContentStore] = []

    def opened(writer: str = "g1", *, secret: bytes = SECRET, quota_bytes: int = 1 << 20) -> ContentStore:
        store = ContentStore(
            tmp_path / "content", secret, os.urandom, writer=writer, segment_bytes=1 << 16, quota_bytes=quota_bytes
        )
        stores.append(store)
        return store

    yield opened
    for store in stores:
        store.close()


def test_what_was_put_is_found_by_every_process_with_the_secret(opened):
    writer, other = opened("g1"), opened("g2")
    assert writer.put(content("1"), ADA, 30)
    assert other.put(content("2"), ADA, 7)
    for store in (writer, other, opened("")):
        assert store.find("1") == content("1")
        assert store.find("2") == content("2")
        assert store.find("3") is None


def test_nothing_on_disk_can_be_read_and_no_name_stands_there(opened, tmp_path):
    store = opened()
    store.put(content("1"), ADA, 30)
    store.close()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(path.suffix for path in files) == ["", ".idx", ".seg"]
    for path in files:
        held = path.read_bytes()
        assert not any(text in held for text in (b"secret", b"question", b"acme", b"ada", b"chat"))
        assert not any(text in str(path) for text in ("acme", "ada"))
    assert not any(
        path.stat().st_mode & 0o077 for path in (tmp_path / "content", *(tmp_path / "content" / "keys").rglob("*"))
    )


def test_the_key_of_another_subject_opens_nothing(opened, tmp_path):
    store = opened()
    for number, subject in enumerate((ADA, BEN, OTHER)):
        store.put(content(f"{number}"), subject, 30)
    (ada, ben) = (tmp_path / "content" / "keys" / "/".join(store.keys.names(subject)) for subject in (ADA, BEN))
    assert len({store.keys.find(*store.keys.names(subject)) for subject in (ADA, BEN, OTHER)}) == 3
    ben.replace(ada)
    with pytest.raises(LedgerCorrupt, match="another signing secret"):
        opened("").find("0")
    assert opened("").find("2") == content("2")


def test_another_secret_finds_no_subject(opened):
    opened().put(content("1"), ADA, 30)
    with pytest.raises(LedgerCorrupt, match="FLOORLINE_SECRET"):
        opened("", secret=b"x" * 40).find("1")


def test_a_shredded_subject_is_gone_and_gets_a_new_key_when_it_comes_back(opened):
    store, other = opened("g1"), opened("g2")
    for number, subject in enumerate((ADA, BEN, OTHER)):
        store.put(content(f"{number}"), subject, 30)
    assert other.keys.count(ADA, whole_customer=False) == 1
    assert other.keys.shred(ADA, whole_customer=False) == 1
    assert [store.find(f"{number}") is None for number in range(3)] == [True, False, False]
    assert other.put(content("late"), ADA, 30)
    assert store.put(content("later"), ADA, 30)  # with the key that the other process made
    assert [store.find(name) is None for name in ("0", "late", "later")] == [True, False, False]
    assert store.keys.count(ADA, whole_customer=True) == 2
    assert store.keys.shred(ADA, whole_customer=True) == 2
    assert store.keys.shred(ADA, whole_customer=True) == 0
    assert [store.find(name) is None for name in ("0", "1", "2", "late", "later")] == [True, True, False, True, True]


def test_a_day_that_is_over_is_removed_and_not_before(opened, tmp_path):
    store = opened()
    for days in (1, 2, 30):
        store.put(content(f"{days}"), ADA, days)
    assert purge(tmp_path / "content", NOW + timedelta(days=1)) == 0
    assert purge(tmp_path / "content", NOW + timedelta(days=2)) == 1
    assert [store.find(name) is None for name in ("1", "2", "30")] == [True, False, False]
    assert purge(tmp_path / "content", NOW + timedelta(days=40)) == 2
    assert purge(tmp_path / "nowhere", NOW) == 0
    store.close()  # the folders that it wrote are gone, and that is no error


def test_the_files_of_days_that_are_written_no_more_are_closed(opened):
    store = opened()
    for day in range(5):
        assert store.put(content(f"{day}", at=NOW + timedelta(days=day)), ADA, 30)
        assert len(store._days) == 1
    assert store.put(content("back", at=NOW + timedelta(days=4)), ADA, 29)  # the day that rested before
    assert all(store.find(name) for name in ("0", "3", "4", "back"))


def test_what_exceeds_the_quota_is_dropped(opened):
    store = opened(quota_bytes=1 << 17)
    large = msgspec.structs.replace(content("x"), answer=b"x" * 20_000)
    kept = [store.put(msgspec.structs.replace(large, call_id=f"{n}"), ADA, 30) for n in range(12)]
    assert kept[0] is True
    assert kept[-1] is False
    assert [store.find(f"{n}") is not None for n in range(12)] == kept
    full = opened("g2", quota_bytes=1 << 10)
    assert full.put(content("1"), ADA, 30) is False


KILLED = """
import os, signal, sys
from datetime import datetime, UTC
from pathlib import Path
from floorline.ledger.content import Content, ContentStore, Subject
store = ContentStore(Path(sys.argv[1]), sys.argv[2].encode(), os.urandom, writer="g1", segment_bytes=1 << 16)
for number in range(100):
    said = Content(call_id=f"{number}", at=datetime(2026, 3, 1, tzinfo=UTC), feature="f", request=b"q", answer=b"a")
    assert store.put(said, Subject("acme", f"user-{number % 7}"), 30)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_put_survives_a_kill(opened, tmp_path):
    folder = tmp_path / "content"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), SECRET.decode()], env=environment(tmp_path), check=False
    )
    assert done.returncode == -signal.SIGKILL
    found = opened("").find
    assert all(found(f"{number}") is not None for number in range(0, 100, 9))
    assert opened("g1").put(content("after"), ADA, 30)
    assert found("after") == content("after")


def test_a_call_is_found_by_the_index_alone_and_without_one(opened, tmp_path):
    store = opened()
    for number in range(400):  # several segments
        store.put(content(f"{number}"), ADA, 30)
    day = tmp_path / "content" / "2026-03-31" / "g1"
    assert len(list(day.glob("*.idx"))) > 1
    read: list[str] = []
    for path in sorted(day.glob("*.seg")):
        read += [call_id for payload in candidates(path, "7") for call_id, *_ in [msgspec.msgpack.decode(payload)]]
    assert read == ["7"]
    first = day / "000000000001.idx"
    for index in (b"", first.read_bytes()[:-5], first.read_bytes()[:-24] + bytes(24)):  # never made, cut, zeros
        first.write_bytes(index)
        assert all(store.find(f"{number}") == content(f"{number}") for number in (0, 7, 120, 399))
    first.unlink()
    assert store.find("7") == content("7")
    assert store.find("400") is None


def test_an_index_that_cannot_be_written_ends_and_hides_nothing(opened, tmp_path):
    store = opened()
    store.put(content("1"), ADA, 30)
    day = tmp_path / "content" / "2026-03-31" / "g1"
    writer = IndexWriter(day / "nowhere")
    writer.add("2", Position(1, 64))
    writer.close()
    assert not (day / "nowhere").exists()
    store.put(content("2"), ADA, 30)
    assert store.find("2") == content("2")


def test_everything_that_is_kept_is_read_with_its_subject(opened):
    store = opened()
    for number, (subject, days) in enumerate(((ADA, 30), (BEN, 30), (ADA, 7))):
        store.put(content(f"{number}"), subject, days)
    found = list(opened("").read())
    assert [kept.content for kept in found] == [content("1"), content("0"), content("2")]
    assert found[1].subject == found[2].subject != found[0].subject
    store.keys.shred(ADA, whole_customer=False)
    assert [kept.content.call_id for kept in opened("").read()] == ["1"]


def test_a_file_that_cannot_be_read_hides_no_other(opened, tmp_path):
    store = opened()
    store.put(content("1"), ADA, 30)
    (tmp_path / "content" / "2026-03-31" / "g0").mkdir()
    (tmp_path / "content" / "2026-03-31" / "g0" / "000000000001.seg").write_bytes(b"nonsense" * 100)
    assert store.find("1") == content("1")


def test_two_processes_that_make_a_key_at_once_have_the_same(opened):
    first, second = opened("g1"), opened("g2")
    keys = [store.keys.make(subject) for subject in (ADA, BEN) for store in (first, second)]
    assert [key for key, _ in itertools.groupby(keys)] == [keys[0], keys[2]]
