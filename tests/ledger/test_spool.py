import os
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.errors import LedgerCorrupt, LedgerFull
from floorline.ledger import segment as segment_module
from floorline.ledger.segment import START, Damaged, Segment
from floorline.ledger.spool import Spool, segment_paths

GOLDEN = Path(__file__).parent / "golden" / "format-1.seg"
SIZE = 1 << 14


def payloads(folder: Path) -> list[bytes]:
    return [payload for path in segment_paths(folder) for _, payload in Segment(path).read()[0]]


def segment_with(path: Path, *contents: bytes) -> list[int]:
    segment = Segment.create(path, SIZE, bytes(16))
    return [segment.append(content) for content in contents]


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


@settings(max_examples=25, deadline=None)
@given(contents=st.lists(st.binary(min_size=1, max_size=3_000), min_size=1, max_size=40))
def test_what_is_appended_is_read_in_order_over_any_number_of_segments(tmp_path_factory, contents):
    folder = tmp_path_factory.mktemp("spool")
    spool = Spool(folder, segment_bytes=SIZE)
    for content in contents:
        spool.append(content)
    assert payloads(folder) == contents  # without a sync: as after a kill
    spool.close()
    assert payloads(folder) == contents


def test_a_reader_follows_the_writer(tmp_path):
    writer = Segment.create(tmp_path / "1.seg", SIZE, bytes(16))
    reader = Segment(tmp_path / "1.seg")
    assert list(reader.frames()) == []
    writer.append(b"one")
    assert [payload for _, payload in reader.frames()] == [b"one"]
    writer.append(b"two")
    assert [payload for _, payload in reader.frames()] == [b"two"]


def test_a_segment_of_format_1_is_still_read():
    """Made by tests/ledger/golden/make.py when format 1 was current. It is never made again."""
    found, torn = Segment(GOLDEN).read()
    assert torn is None
    assert [payload for _, payload in found] == [b"first", b"second of the golden segment", bytes(range(256))]


def test_blocks_are_really_allocated(tmp_path):
    Segment.create(tmp_path / "1.seg", 1 << 20, bytes(16))
    assert (tmp_path / "1.seg").stat().st_blocks * 512 >= 1 << 20


def test_a_frame_that_was_overwritten_is_reported_with_segment_and_offset(tmp_path):
    path = tmp_path / "1.seg"
    offsets = segment_with(path, b"first", b"second", b"third")
    overwrite(path, offsets[1] + 8, b"SECOND")
    found, torn = Segment(path).read()
    assert [payload for _, payload in found] == [b"first"]
    assert torn is not None
    assert torn.offset == offsets[1]
    with pytest.raises(Damaged, match=rf"1\.seg is damaged at offset {offsets[1]}"):
        list(Segment(path).frames())


def test_a_length_beyond_the_file_is_reported(tmp_path):
    path = tmp_path / "1.seg"
    (offset,) = segment_with(path, b"first")
    overwrite(path, offset, struct.pack("<I", 1 << 30))
    assert Segment(path).read()[1].offset == offset


def test_a_page_that_was_lost_before_whole_frames_is_reported_and_not_taken_for_the_end(tmp_path):
    path = tmp_path / "1.seg"
    offsets = segment_with(path, b"first", b"lost in a power failure", b"third")
    overwrite(path, offsets[1], bytes(offsets[2] - offsets[1]))
    found, torn = Segment(path).read()
    assert [payload for _, payload in found] == [b"first"]
    assert torn.offset == offsets[1]
    assert "whole frame at" in torn.reason


def test_a_payload_without_its_length_is_what_a_kill_leaves_and_no_damage(tmp_path):
    path = tmp_path / "1.seg"
    offsets = segment_with(path, b"first", b"killed before its length was stored")
    overwrite(path, offsets[1], bytes(4))
    found, torn = Segment(path).read()
    assert [payload for _, payload in found] == [b"first"]
    assert torn is None


@pytest.mark.parametrize("size", [0, 20, START, SIZE // 2])
def test_a_segment_cut_short_is_reported(tmp_path, size):
    path = tmp_path / "1.seg"
    segment_with(path, b"first")
    os.truncate(path, size)
    with pytest.raises(Damaged, match=rf"offset {size}"):
        Segment(path)


def test_a_file_that_is_no_segment_is_refused(tmp_path):
    path = tmp_path / "1.seg"
    path.write_bytes(b"x" * 100)
    with pytest.raises(LedgerCorrupt, match="not a spool segment"):
        Segment(path)


def test_a_full_spool_that_fails_closed_refuses_and_keeps_what_it_has(tmp_path):
    spool = Spool(tmp_path, segment_bytes=SIZE, quota_bytes=2 * SIZE)
    for _ in range(32):
        spool.append(b"x" * 1_000)
    with pytest.raises(LedgerFull, match="quota of 32768"):
        spool.append(b"x" * 1_000)
    assert len(payloads(tmp_path)) == 32
    assert spool.dropped == 0


def test_a_full_spool_that_fails_open_drops_and_counts(tmp_path):
    spool = Spool(tmp_path, segment_bytes=SIZE, quota_bytes=2 * SIZE, fail="open")
    places = [spool.append(b"x" * 1_000) for _ in range(40)]
    assert places[32:] == [None] * 8
    assert spool.dropped == 8
    for path in spool.sealed_paths():
        path.unlink()
    assert spool.append(b"there is room again") is not None


def test_a_record_longer_than_a_segment_is_refused(tmp_path):
    spool = Spool(tmp_path, segment_bytes=SIZE)
    assert spool.append(b"x" * spool.payload_bytes_max) is not None
    with pytest.raises(ValueError, match="exceeds a segment"):
        spool.append(b"x" * (spool.payload_bytes_max + 1))


def test_the_thread_that_syncs_rests_while_nothing_comes_and_wakes_with_the_next_record(tmp_path):
    spool = Spool(tmp_path, segment_bytes=SIZE, sync_ms=1)
    thread = next(one for one in threading.enumerate() if one.name == "spool-sync")
    status = Path(f"/proc/self/task/{thread.native_id}/status")

    def waits() -> int:
        return int(status.read_text().partition("\nvoluntary_ctxt_switches:")[2].split()[0])

    for n in range(2):
        before = -1
        while before != (before := waits()):
            time.sleep(0.1)
        spool.append(b"%d" % n)
        time.sleep(0.02)
        assert waits() > before, "it has woken"
    spool.close()
    assert payloads(tmp_path) == [b"0", b"1"]


def test_the_thread_makes_the_next_segment_ahead_and_syncs(tmp_path):
    spool = Spool(tmp_path, segment_bytes=SIZE, sync_ms=5)
    deadline = time.monotonic() + 10
    while len(segment_paths(tmp_path)) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert [path.name for path in segment_paths(tmp_path)] == ["000000000001.seg", "000000000002.seg"]
    for n in range(100):
        spool.append(b"%d" % n * 200)
    spool.close()
    assert spool.failure is None
    assert len(payloads(tmp_path)) == 100


def test_the_segment_of_a_process_that_ended_is_never_appended_to(tmp_path):
    Spool(tmp_path, segment_bytes=SIZE).append(b"of the first")
    second = Spool(tmp_path, segment_bytes=SIZE)
    second.append(b"of the second")
    assert [len(Segment(path).read()[0]) for path in segment_paths(tmp_path)] == [1, 1]
    assert Segment(segment_paths(tmp_path)[0]).epoch != Segment(segment_paths(tmp_path)[1]).epoch


def test_a_full_disk_is_an_error_that_leaves_nothing_behind(tmp_path):
    """A limit on file sizes stands in for the full disk: the same refusal of posix_fallocate, without a file system."""
    program = """
import resource, sys
from pathlib import Path
from floorline.errors import LedgerFull
from floorline.ledger.spool import Spool
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    Spool(Path(sys.argv[1]), segment_bytes=1 << 20).append(b"x")
except LedgerFull as error:
    sys.exit(0 if "cannot be made" in str(error) and not list(Path(sys.argv[1]).iterdir()) else 3)
sys.exit(4)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")}
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)], env=environment, check=False).returncode == 0


def test_a_spool_folder_ignores_and_removes_a_half_made_segment(tmp_path):
    (tmp_path / "000000000003.new").write_bytes(b"half")
    Spool(tmp_path, segment_bytes=SIZE).append(b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["000000000001.seg"]


def test_a_segment_that_holds_records_is_sealed_after_a_while(tmp_path):
    spool = Spool(tmp_path, segment_bytes=1 << 14)
    spool.seal_after(100, 0)
    spool.append(b"one")
    for now in (1_000, 1_050, 1_099):
        spool.seal_after(100, now)
        assert spool.sealed_paths() == []
    spool.seal_after(100, 1_100)
    assert len(spool.sealed_paths()) == 1
    spool.seal_after(100, 5_000)  # nothing is held
    spool.append(b"two")
    spool.seal_after(100, 5_001)  # seen only now
    assert len(spool.sealed_paths()) == 1
    spool.seal_after(100, 5_101)
    assert len(spool.sealed_paths()) == 2
    spool.close()


def test_an_idle_spool_leaves_the_disk_alone(tmp_path, monkeypatch):
    class Counting:
        def __init__(self, libc):
            self.libc, self.calls = libc, 0

        def msync(self, *arguments):
            self.calls += 1
            return self.libc.msync(*arguments)

        def __getattr__(self, name):
            return getattr(self.libc, name)

    counting = Counting(segment_module._libc)
    monkeypatch.setattr(segment_module, "_libc", counting)
    spool = Spool(tmp_path, segment_bytes=1 << 16)
    for expected in (1, 2):
        spool.append(b"record")
        for _ in range(3):
            spool.sync()
        assert counting.calls == expected
    spool.seal()
    spool.sync()
    spool.sync()
    assert counting.calls == 3
    spool.close()
