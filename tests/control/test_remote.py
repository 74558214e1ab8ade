"""A command beside a control process uses its ledger and does not know the difference."""

import contextlib
import socket
import stat
import threading
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from floorline.errors import BadInput, ControlGone, LedgerFull
from floorline.ledger import protocol
from floorline.ledger.remote import RemoteLedger
from floorline.ledger.serving import LedgerServer
from floorline.query import Query
from tests.support.ledger import entry
from tests.support.records import call, revenue


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    text: str
    number: int
    money: Decimal
    missing: Decimal | None
    day: date
    instant: datetime
    texts: list[str]
    wide: int


EVERY_TYPE = Query(
    sql="""SELECT {text:String}, {number:Int64}, toDecimal128({money:String}, 12), CAST(NULL AS Nullable(Decimal(18, 12))),
           {day:Date}, toDateTime64({instant:DateTime64(6)}, 6), {texts:Array(String)}, toInt128({number:Int64})""",
    row=Row,
    parameters={
        "text": "it's a \\ 'text'\n", "number": -(2**62), "money": Decimal("12.340000000001"), "day": date(2026, 3, 1),
        "instant": datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC), "texts": ["a", "b'c"],
    },
)  # fmt: skip


def nothing() -> None:
    """There are no gateways to collect from."""


@pytest.fixture
def served(ledger):
    server = LedgerServer(ledger, nothing)
    yield ledger
    server.close()


@pytest.fixture
def far(served):
    connected = RemoteLedger.connect(served.home)
    assert connected is not None
    with connected:
        yield connected


def test_rows_are_the_same_objects_as_from_the_ledger_itself(served, far):
    assert far.query(EVERY_TYPE) == served.query(EVERY_TYPE)
    assert far.query(EVERY_TYPE)[0].instant.tzinfo == UTC


def test_whole_numbers_of_any_size_arrive(served, far):
    wide = Query(sql=EVERY_TYPE.sql.replace("toInt128(", "100 * toInt128("), row=Row, parameters=EVERY_TYPE.parameters)
    assert far.query(wide) == served.query(wide)
    assert far.query(wide)[0].wide == -100 * 2**62


def test_what_is_written_through_the_socket_is_what_is_written_here(served, far):
    long = {f"key-{n}": "x" * 4_000 for n in range(50)}  # 200 KB a call: they take several messages
    entries = [*(entry(call(n, metadata=long)) for n in range(39)), entry(revenue(1))]
    bad = entry(call(1_000, status=70_000))
    written = far.write([*entries[:5], bad, *entries[5:]])
    assert (written.new, written.invalid) == (40, [(5, "calls.status: Expected `int` <= 65535")])
    again = far.write([*entries, entry(revenue(1), content="changed"), entry(call(1), content="changed")])
    assert (again.new, again.same, again.refused) == (0, 40, [40, 41])
    assert served.write(entries).same == 40
    assert far.known("test", ["call-0", "nobody"])[1] is None


def test_long_answers_come_in_pages(far):
    count = 2 * protocol.PAGE_ROWS + 7
    numbers = far.query(Query(sql=f"SELECT number FROM system.numbers LIMIT {count}", row=Number))
    assert [row.number for row in numbers] == list(range(count))
    assert far.query(Query(sql="SELECT 1 WHERE 0", row=Number)) == []


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    number: int


def test_everything_else_is_there_too(served, far):
    far.write([entry(call(1))])
    far.flush()
    assert far.verify() == []
    assert far.timezone == "UTC"
    far.rebuild("Europe/Berlin")
    assert served.timezone == far.timezone == "Europe/Berlin"
    assert far.state.price_versions() == served.state.price_versions()
    assert far.notices == served.notices


def test_errors_come_out_as_what_they_are(open_ledger):
    full = open_ledger("home", segment_bytes=1 << 14, quota_bytes=1 << 14)
    server = LedgerServer(full, nothing)
    (full.home / "spool" / "000000000001.new").mkdir()
    far = RemoteLedger.connect(full.home)
    with far, pytest.raises(LedgerFull, match="cannot be made"):
        far.write([entry(call(1))])
    (full.home / "spool" / "000000000001.new").rmdir()
    server.close()


def test_a_failed_query_leaves_the_connection_good(far):
    with pytest.raises(Exception, match="the store did not answer"):
        far.query(Query(sql="SELECT nonsense FROM nowhere", row=Number))
    assert far.timezone == "UTC"


def test_the_socket_is_its_owners_alone_and_goes_with_its_server(ledger):
    server = LedgerServer(ledger, nothing)
    path = ledger.home / protocol.SOCKET
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    server.close()
    assert not path.exists()
    assert RemoteLedger.connect(ledger.home) is None


def test_a_socket_that_a_killed_process_left_is_nobody(ledger):
    path = ledger.home / protocol.SOCKET
    left = socket.socket(socket.AF_UNIX)
    with protocol.reachable(ledger.home) as name:
        left.bind(name)
    left.close()
    assert path.exists()
    assert RemoteLedger.connect(ledger.home) is None
    LedgerServer(ledger, nothing).close()


def test_another_version_of_the_protocol_is_refused_in_words(served):
    connection = socket.socket(socket.AF_UNIX)
    with protocol.reachable(served.home) as name:
        connection.connect(name)
    protocol.send(connection, protocol.Hello(99))
    failure = protocol.replies.decode(protocol.receive(connection))
    connection.close()
    assert isinstance(failure, protocol.Failed)
    assert "speaks version 1 of the ledger's protocol, this command version 99" in failure.message
    assert isinstance(protocol.raised(failure), BadInput)


@pytest.mark.parametrize(
    "sent", [b"", b"\0", b"\xff" * 4, b"\4\0\0\0junk", b"GET / HTTP/1.1\r\n\r\n" * 9, bytes(range(256))]
)
def test_whatever_else_is_sent_closes_that_connection_and_no_other(served, far, sent):
    connection = socket.socket(socket.AF_UNIX)
    with protocol.reachable(served.home) as name:
        connection.connect(name)
    connection.sendall(sent)
    with contextlib.suppress(ConnectionError):  # it may be reset
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 16):
            pass
    connection.close()
    assert far.timezone == "UTC"


def test_a_control_process_that_ends_is_named_in_the_error(ledger):
    server = LedgerServer(ledger, nothing)
    far = RemoteLedger.connect(ledger.home)
    server.close()
    with far, pytest.raises(ControlGone, match=r"ended while this command used it .* run the command again"):
        far.flush()


def test_commands_take_turns_when_there_are_many(served):
    found: list[int] = []

    def ask() -> None:
        with RemoteLedger.connect(served.home) as far:
            found.extend(row.number for row in far.query(Query(sql="SELECT 1", row=Number)))

    threads = [threading.Thread(target=ask) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 40
    deadline = time.monotonic() + 30
    while len(served.store._clients) > 2 and time.monotonic() < deadline:  # a thread that ended takes its client along
        time.sleep(0.05)
    assert len(served.store._clients) <= 2
