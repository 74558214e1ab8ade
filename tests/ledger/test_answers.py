"""The file of answers that outlive a process: believed whole, under the circumstances that it was written under, or not at all."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from floorline.ledger.answers import NAME, Answer, KeptAnswers, packed, unpacked
from floorline.ledger.store import StoreDown
from floorline.margin.remembering import of_tables
from floorline.query import Query, Reads
from tests.ledger.test_memory import TODAY
from tests.margin.company import call, keep

UNDER = {"release": "1", "days": "of UTC"}
ANSWERS = [
    Answer(sql="SELECT 1", parameters="[]", reads=Reads(whole=frozenset({"costs"})), rows=b"[]"),
    Answer(
        sql="SELECT 2", parameters="[('a', 1)]",
        reads=Reads(dated=frozenset({"calls"}), start=date(2026, 1, 1), end=date(2026, 2, 1)), rows=b'[{"n":2}]',
    ),
]  # fmt: skip


class Count(msgspec.Struct, frozen=True, kw_only=True):
    n: int


COUNT = of_tables(Query(sql="SELECT count() FROM calls", row=Count), "calls")


class Everything(msgspec.Struct, frozen=True, kw_only=True):
    """Every kind of value that a row may have."""

    sums: list[int]
    names: list[list[str]]
    usd: Decimal
    ratio: float
    day: date
    at: datetime
    maybe: str | None


def test_rows_are_after_a_restart_what_they_were():
    rows = [
        Everything(
            sums=[2**127, -(2**127), 0],
            names=[["", "é\u2028"], []],
            usd=Decimal("12345678901234567890.120000000000"),
            ratio=0.1,
            day=date(2026, 2, 28),
            at=datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC),
            maybe=None,
        )
    ]
    kept = packed(rows)
    assert kept is not None
    assert repr(unpacked(kept, Everything)) == repr(rows)


def test_rows_of_another_type_are_not_known():
    kept = packed([Count(n=1)])
    assert kept is not None
    assert unpacked(kept, Everything) is None
    assert packed(["\ud800"]) is None


def test_what_was_kept_is_taken_in_once(tmp_path):
    KeptAnswers(tmp_path).keep(UNDER, ANSWERS)
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
    assert KeptAnswers(tmp_path).take(UNDER) == ANSWERS
    assert list(tmp_path.iterdir()) == []
    assert KeptAnswers(tmp_path).take(UNDER) == []


@pytest.mark.parametrize("name", UNDER)
def test_nothing_is_believed_under_other_circumstances(tmp_path, caplog, name):
    KeptAnswers(tmp_path).keep(UNDER, ANSWERS)
    assert KeptAnswers(tmp_path).take({**UNDER, name: "another"}) == []
    assert f"their {name} is {UNDER[name]}, and this is another" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_cut_short_or_changed_is_not_believed_wherever_that_is(tmp_path, caplog):
    kept = KeptAnswers(tmp_path)
    kept.keep(UNDER, ANSWERS)
    whole = (tmp_path / NAME).read_bytes()
    for at in range(len(whole)):
        for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :]):
            (tmp_path / NAME).write_bytes(damaged)
            caplog.clear()
            assert KeptAnswers(tmp_path).take(UNDER) == []
            assert len(caplog.messages) == 1


def test_nothing_changes_while_answers_cannot_be_removed(tmp_path):
    (tmp_path / NAME).mkdir()
    with pytest.raises(StoreDown, match="cannot be removed"):
        KeptAnswers(tmp_path).forget()


def test_answers_that_cannot_be_written_leave_nothing_behind(tmp_path):
    kept = KeptAnswers(tmp_path)
    kept.keep(UNDER, ANSWERS)

    def until_full():
        yield ANSWERS[0]
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        kept.keep(UNDER, until_full())
    assert list(tmp_path.iterdir()) == []


def asked_once(open_ledger, **options: object) -> Path:
    """A ledger whose one question was answered, and which was closed in order; its file of answers."""
    ledger = open_ledger(**options)
    keep(ledger, [call("2018-11-06T12:00:00Z", "acme", "chat", "0.1")])
    ledger.remember(today=lambda: TODAY)
    assert ledger.query(COUNT) == [Count(n=1)]
    ledger.close()
    return ledger.home / NAME


def test_a_command_that_only_asks_leaves_the_answers_there(open_ledger):
    file = asked_once(open_ledger)
    with open_ledger() as ledger:
        assert ledger.query(COUNT) == [Count(n=1)]
    assert file.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda ledger: keep(ledger, [call("2018-11-06T13:00:00Z", "acme", "chat", "0.1")]),
        lambda ledger: ledger.rebuild(),
    ],
    ids=["a call", "a rebuild"],
)
def test_no_answers_are_on_the_disk_once_a_command_has_changed_something(open_ledger, change):
    file = asked_once(open_ledger)
    with open_ledger() as ledger:
        change(ledger)
        ledger.flush()
        assert not file.exists()
    assert not file.exists()


def test_answers_are_not_believed_of_a_store_that_was_changed_behind_them(open_ledger, caplog):
    file = asked_once(open_ledger)
    said = file.read_bytes()
    with open_ledger() as ledger:
        keep(ledger, [call("2018-11-06T13:00:00Z", "acme", "chat", "0.1")])
    file.write_bytes(said)
    with open_ledger() as ledger:
        ledger.remember(today=lambda: TODAY)
        assert "their store is" in caplog.text
        assert ledger.query(COUNT) == [Count(n=2)]


def test_answers_of_a_store_that_others_may_write_to_are_not_kept(open_ledger):
    reach = open_ledger.connect("home")
    assert not asked_once(open_ledger, connect=reach.__call__).exists()
