"""One path for every record: what is promised when all goes well and when it does not."""

import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from floorline.errors import BadInput, LedgerBusy, LedgerCorrupt, LedgerFull
from floorline.ledger import codec
from floorline.ledger.ledger import Ledger
from floorline.ledger.segment import Segment
from floorline.ledger.spool import Spool, segment_paths
from floorline.ledger.store import StoreDown
from floorline.query import Query
from tests.support.ledger import entry
from tests.support.records import adjustment, call, mixed, outcome, revenue


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    calls: int
    usd: Decimal


def total(ledger: Ledger) -> Total:
    (found,) = ledger.query(Query(sql="SELECT count(), sum(effective_cost) FROM calls", row=Total))
    return found


def cost_of(*numbers: int) -> Total:
    costs = [call(n).effective_cost or Decimal(0) for n in numbers]
    return Total(calls=len(numbers), usd=sum(costs, Decimal(0)))


def entries(*numbers: int):
    return [entry(call(n)) for n in numbers]


def spooled(home: Path, *records, cut: bool = False, segment_bytes: int = 1 << 20) -> Path:
    """A spool as a killed process leaves it."""
    spool = Spool(home / "spool", segment_bytes=segment_bytes)
    for record in records:
        spool.append(codec.encode(record, entry(record).fingerprint))
    if cut:
        spool.append(codec.CUT)
    return segment_paths(home / "spool")[-1]


# -- what is written


def test_a_record_written_twice_is_there_once(ledger):
    generations = [ledger.generation]
    assert ledger.write(entries(1, 2)).new == 2
    generations.append(ledger.generation)
    again = ledger.write(entries(2, 1, 3, 3))
    generations.append(ledger.generation)
    assert (again.new, again.same, again.refused, again.invalid) == (1, 3, [], [])
    assert total(ledger) == cost_of(1, 2, 3)
    assert len(set(generations)) == 3
    ledger.write(entries(1))
    assert ledger.generation == generations[-1]


def test_the_same_identity_with_another_content_is_refused_by_its_position(ledger):
    ledger.write(entries(1))
    written = ledger.write(
        [*entries(2), entry(call(1), content="changed"), *entries(3), entry(call(3), content="changed")]
    )
    assert (written.new, written.refused) == (2, [1, 3])
    assert total(ledger) == cost_of(1, 2, 3)


def test_records_that_are_frames_already_are_the_same_records(ledger):
    frames = [codec.encode(entry(call(n)).record, entry(call(n)).fingerprint) for n in (1, 2)]
    changed = codec.encode(call(2), codec.fingerprint_of(b"changed"))
    unknown = bytes([99, *frames[0][1:]])
    written = ledger.write_frames([*frames, unknown, frames[0], changed])
    assert (written.new, written.same, written.refused) == (2, 1, [4])
    assert written.invalid == [(2, "a frame of table 99 version 2 was written by a newer release")]
    assert ledger.write(entries(1, 2, 3)).new == 1
    assert total(ledger) == cost_of(1, 2, 3)


def test_what_its_table_cannot_hold_is_named_and_the_rest_is_kept(ledger):
    written = ledger.write([*entries(1), entry(call(2, status=70_000)), *entries(3)])
    assert written.new == 2
    assert written.invalid == [(1, "calls.status: Expected `int` <= 65535")]
    assert total(ledger) == cost_of(1, 3)


def test_a_record_that_no_segment_holds_is_named(open_ledger):
    ledger = open_ledger(segment_bytes=1 << 14)
    written = ledger.write([entry(call(1, reasons=("x" * 4_000,) * 5)), *entries(2)])
    assert written.new == 1
    assert "at most" in written.invalid[0][1]


def test_fingerprints_are_known_before_anything_is_priced(ledger):
    ledger.write(entries(1))
    assert ledger.known("test", ["call-1", "call-2"]) == [entry(call(1)).fingerprint, None]
    assert ledger.known("elsewhere", ["call-1"]) == [None]


def test_identities_outlive_the_process(open_ledger):
    open_ledger().write(entries(*range(50)))
    open_ledger_again(open_ledger)
    ledger = open_ledger_again(open_ledger)
    assert ledger.write(entries(*range(60))).same == 50
    assert total(ledger) == cost_of(*range(60))


def open_ledger_again(open_ledger, **options) -> Ledger:
    open_ledger.closed()
    return open_ledger(**options)


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(range(60)),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=8),
    again=st.integers(0, 59),
)
def test_any_order_any_split_and_any_repetition_are_the_same_ledger(open_ledger, order, sizes, again):
    open_ledger.closed()
    ledger = open_ledger(f"home{next(open_ledger.numbers)}", batch_rows=35, segment_bytes=1 << 14)
    position = 0
    while position < len(order):
        size = sizes[position % len(sizes)]
        ledger.write([entry(record) for n in order[position : position + size] for record in mixed(n)])
        position += size
    assert ledger.write([entry(record) for record in mixed(again)]).new == 0
    assert total(ledger) == cost_of(*range(60))
    assert ledger.verify() == []


def test_the_spool_is_empty_after_a_close(open_ledger, tmp_path):
    open_ledger(batch_rows=10, segment_bytes=1 << 14).write(entries(*range(60)))
    assert segment_paths(tmp_path / "home" / "spool")
    open_ledger.closed()
    assert list((tmp_path / "home" / "spool").iterdir()) == []


def test_threads_share_a_ledger(ledger):
    results = []

    def work(first: int) -> None:
        for n in range(first, first + 40, 10):
            results.append(ledger.write(entries(*range(n, n + 10))).new)
            total(ledger)

    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 20, 40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(results) == 80
    assert total(ledger) == cost_of(*range(80))


# -- one owner


def test_a_second_process_is_refused_with_the_pid_of_the_first(open_ledger, tmp_path):
    open_ledger()
    program = """
import sys
from pathlib import Path
from floorline.errors import LedgerBusy
from floorline.ledger.ledger import Ledger
try:
    Ledger.open(Path(sys.argv[1]), wait_s=0)
except LedgerBusy as error:
    sys.exit(str(error))
"""
    path = str(Path(__file__).resolve().parents[2] / "src")
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "home")],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    pid = (tmp_path / "home" / "lock").read_text()
    assert f"process {pid} owns {tmp_path / 'home'}" in done.stderr
    with pytest.raises(LedgerBusy):
        open_ledger(wait_s=0)


def test_an_unknown_timezone_is_refused_before_anything_is_made(open_ledger, tmp_path):
    with pytest.raises(BadInput, match="not an IANA timezone"):
        open_ledger(timezone="Mars/Olympus")
    assert not (tmp_path / "home").exists()


# -- after a kill


def test_what_a_killed_process_left_in_the_spool_is_shipped_and_claimed(open_ledger, tmp_path):
    spooled(tmp_path / "home", *(call(n) for n in range(30)), cut=True)
    spooled(
        tmp_path / "home", *(call(n) for n in range(30, 40)), revenue(1), outcome(1), adjustment(call(3), 1, Decimal(1))
    )
    ledger = open_ledger()
    assert total(ledger) == cost_of(*range(40))
    assert ledger.write(entries(*range(45))).same == 40
    assert ledger.verify() == []


def test_a_batch_that_was_stored_before_the_kill_is_not_stored_again(open_ledger, tmp_path):
    home = tmp_path / "home"
    ledger = open_ledger(batch_rows=10)
    ledger.write(entries(*range(25)))
    ledger.flush()
    copy = tmp_path / "as after the kill"
    shutil.copytree(home / "spool", copy)
    open_ledger.closed()
    shutil.rmtree(home / "claims")
    shutil.copytree(copy, home / "spool", dirs_exist_ok=True)
    again = open_ledger()
    assert total(again) == cost_of(*range(25))
    assert again.write(entries(*range(25))).same == 25
    assert again.verify() == []


@pytest.mark.parametrize("loses", ["calls", "steps_day"])
def test_what_the_engine_took_for_a_repetition_after_a_kill_is_put_in_again(open_ledger, tmp_path, loses):
    """The batch's token is noted, but its rows (of the base table, or of one rollup) were never published."""
    home = tmp_path / "home"
    ledger = open_ledger(batch_rows=10)
    ledger.write(entries(*range(25)))
    ledger.flush()
    copy = tmp_path / "as after the kill"
    shutil.copytree(home / "spool", copy)
    ledger.store.client.command(f"ALTER TABLE {loses} DELETE WHERE 1 SETTINGS mutations_sync = 2")
    assert ledger.verify() != []
    open_ledger.closed()
    shutil.copytree(copy, home / "spool", dirs_exist_ok=True)
    again = open_ledger()
    assert f"{25 if loses == 'calls' else 0} records were put in again" in again.notices[0]
    assert total(again) == cost_of(*range(25))
    assert again.verify() == []
    assert again.write(entries(*range(25))).same == 25


def test_a_damaged_segment_is_reported_with_its_offset_and_set_aside_only_when_asked(open_ledger, tmp_path):
    path = spooled(tmp_path / "home", call(1), call(2), call(3))
    third = Segment(path).read()[0][2][0]
    with path.open("r+b") as file:
        file.seek(third + 60)
        file.write(b"damage")
    with pytest.raises(LedgerCorrupt, match=f"{path.name} is damaged at offset {third}"):
        open_ledger()
    assert path.exists()
    ledger = open_ledger(set_aside=True)
    assert total(ledger) == cost_of(1, 2)
    assert f"damaged at offset {third}" in ledger.notices[0]
    assert "2 whole records" in ledger.notices[0]
    assert [p.name[-16:] for p in (tmp_path / "home" / "damaged").iterdir()] == [path.name]
    assert ledger.write(entries(1, 2, 3)).new == 1


def test_a_segment_that_was_cut_short_is_reported(open_ledger, tmp_path):
    path = spooled(tmp_path / "home", call(1))
    with path.open("r+b") as file:
        file.truncate(1_000)
    with pytest.raises(LedgerCorrupt, match="damaged at offset 1000"):
        open_ledger()


# -- when the store refuses


def test_a_record_that_the_store_refuses_is_quarantined_with_its_reason_and_the_rest_stored(open_ledger, tmp_path):
    good = codec.encode(call(1), entry(call(1)).fingerprint)
    bad_row = msgspec.msgpack.encode(["test", "call-bad", *[1] * 60])
    spool = Spool(tmp_path / "home" / "spool", segment_bytes=1 << 20)
    for payload in (good, good[:4] + codec.identity_of("test", "call-bad") + bytes(16) + bad_row):
        spool.append(payload)
    for n in range(2, 20):
        spool.append(codec.encode(call(n), entry(call(n)).fingerprint))
    ledger = open_ledger()
    assert total(ledger) == cost_of(*range(1, 20))
    assert ledger.verify() == []
    (row,) = ledger.state.quarantined()
    assert (row.source, row.record_id, row.body) == ("test", "call-bad", bad_row)
    assert row.reason.startswith("calls: ")
    mended = ledger.write([entry(call(50, id="call-bad"))])
    assert mended.new == 1, "a mended record may come under the same identity"


class Unreliable:
    """A client of a store that goes away and comes back."""

    def __init__(self, client, switch: dict) -> None:
        self._client, self._switch = client, switch

    def __getattr__(self, name: str):
        return getattr(self._client, name)

    def raw_insert(self, *arguments, **options):
        from clickhouse_connect.driver.exceptions import OperationalError

        if self._switch["down"] == "before":
            raise OperationalError("connection refused")
        self._client.raw_insert(*arguments, **options)
        if self._switch["down"] == "after":
            raise OperationalError("connection reset")


@pytest.mark.parametrize("down", ["before", "after"])
def test_a_store_that_goes_away_loses_and_doubles_nothing(open_ledger, tmp_path, down):
    switch = {"down": ""}
    connect = open_ledger.connect("home")
    ledger = open_ledger(connect=lambda: Unreliable(connect(), switch), batch_rows=10)
    ledger.write(entries(*range(5)))
    switch["down"] = down
    ledger.write(entries(*range(5, 12)))
    with pytest.raises(StoreDown, match="connection"):
        ledger.flush()
    with pytest.raises(StoreDown, match="connection"):
        ledger.close()
    assert segment_paths(tmp_path / "home" / "spool"), "what could not be shipped stays in the spool"
    switch["down"] = ""
    again = open_ledger()
    assert again.write(entries(*range(12))).same == 12
    assert total(again) == cost_of(*range(12))
    assert again.verify() == []


def test_a_flush_after_the_store_came_back_ships_everything(open_ledger):
    switch = {"down": "before"}
    connect = open_ledger.connect("home")
    ledger = open_ledger(connect=lambda: Unreliable(connect(), switch), batch_rows=100)
    ledger.write(entries(*range(5)))
    with pytest.raises(StoreDown):
        ledger.flush()
    switch["down"] = ""
    assert total(ledger) == cost_of(*range(5))
    assert ledger.verify() == []


def test_a_quota_smaller_than_an_import_is_emptied_into_the_store_on_the_way(open_ledger):
    ledger = open_ledger(segment_bytes=1 << 14, quota_bytes=1 << 15, batch_rows=1_000)
    assert ledger.write(entries(*range(300))).new == 300
    assert total(ledger) == cost_of(*range(300))


def writes_until_refused(ledger: Ledger) -> int:
    for n in range(1_000):
        try:
            ledger.write(entries(n))
        except (LedgerFull, StoreDown):
            return n
    pytest.fail("the spool was never full")


def test_a_full_spool_whose_store_is_down_refuses_and_keeps_what_it_said_it_kept(open_ledger):
    switch = {"down": ""}
    connect = open_ledger.connect("home")
    options = {"segment_bytes": 1 << 14, "quota_bytes": 1 << 15, "batch_rows": 1_000}
    ledger = open_ledger(connect=lambda: Unreliable(connect(), switch), **options)
    switch["down"] = "before"
    kept = writes_until_refused(ledger)
    assert kept > 20
    switch["down"] = ""
    assert total(ledger).calls >= kept
    assert ledger.write(entries(*range(kept + 1))).same >= kept
    assert total(ledger) == cost_of(*range(kept + 1))


def test_an_interrupted_step_believes_only_the_spool(open_ledger):
    class Interrupting(list):
        def __init__(self, *items) -> None:
            super().__init__(items)
            self.armed = True

        def append(self, item) -> None:
            if self.armed:
                raise KeyboardInterrupt
            super().append(item)

    ledger = open_ledger()
    ledger.write(entries(1))
    ledger._group = Interrupting(*ledger._group)
    with pytest.raises(KeyboardInterrupt):
        ledger.write(entries(2))
    with pytest.raises(LedgerCorrupt, match="close it and open it again"):
        ledger.write(entries(3))
    ledger.close()
    again = open_ledger()
    assert total(again) == cost_of(1, 2)
    assert again.write(entries(1, 2, 3)).same == 2
