"""The ledger of a running control process, as a command uses it: the same surface as `Ledger`, over a socket."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast, get_type_hints

import msgspec

from floorline.errors import ControlGone, FloorlineError
from floorline.ledger import protocol
from floorline.ledger.codec import Unfit, encode
from floorline.ledger.ledger import READERS, Entry, Written
from floorline.ledger.renaming import Renaming
from floorline.ledger.store import bindable, build, field_names
from floorline.query import Query

if TYPE_CHECKING:
    from floorline.ledger.state import State

Row = TypeVar("Row")
R = TypeVar("R", bound=protocol.Reply)
WRITE_BYTES = 4 << 20
"""Frames are sent in messages of about this size: an import of any length takes little memory on both sides."""


class RemoteLedger:
    """The ledger that a control process owns. Threads may share it: their requests take turns."""

    def __init__(self, home: Path, connection: socket.socket) -> None:
        """Not for use: `connect` makes one."""
        self.home = home
        self._connection = connection
        self._busy = threading.Lock()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="floorline-reader")
        self._state: State | None = None
        welcome = self._one(protocol.Hello(protocol.VERSION), protocol.Welcome)
        self.pid = welcome.pid
        self.notices = list(welcome.notices)

    @classmethod
    def connect(cls, home: Path) -> "RemoteLedger | None":
        """The ledger of the control process that serves `home`; None when there is none."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with protocol.reachable(home) as name:
                connection.connect(name)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            connection.close()
            return None
        except BaseException:
            connection.close()
            raise
        try:
            return cls(home, connection)
        except BaseException:
            connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """The control process goes on; what was written to it is kept."""
        self._readers.shutdown()
        self._connection.close()
        if self._state is not None:
            self._state.close()

    @property
    def state(self) -> "State":
        """The state, which any process may open."""
        if self._state is None:
            from floorline.ledger.state import State  # noqa: PLC0415 - the slowest library to load

            self._state = State.open(self.home)
        return self._state

    @property
    def timezone(self) -> str:
        """The reporting timezone of the rollups' days."""
        return self._one(protocol.Zone(), protocol.Done).texts[0]

    def known(self, source: str, ids: Sequence[str]) -> list[bytes | None]:
        """The stored fingerprint of each (`source`, id), None for one that is not there."""
        return list(self._one(protocol.Known(source, ids), protocol.Prints).found)

    def write(self, entries: Sequence[Entry]) -> Written:
        """As `Ledger.write`: what is new survives a kill of either process when this returns."""
        payloads: list[bytes] = []
        places: list[int] = []
        invalid: list[tuple[int, str]] = []
        for place, entry in enumerate(entries):
            try:
                payloads.append(encode(entry.record, entry.fingerprint))
            except Unfit as error:
                invalid.append((place, str(error)))
            else:
                places.append(place)
        done = self.write_frames(payloads)
        invalid += [(places[at], reason) for at, reason in done.invalid]
        return Written(
            new=done.new, same=done.same, refused=[places[at] for at in done.refused], invalid=sorted(invalid)
        )

    def write_frames(self, payloads: Sequence[bytes]) -> Written:
        """As `Ledger.write_frames`."""
        new, same = 0, 0
        refused: list[int] = []
        invalid: list[tuple[int, str]] = []
        for first, part in _messages(payloads):
            written = self._one(protocol.Write(part), protocol.Kept).written
            new, same = new + written.new, same + written.same
            refused += [first + at for at in written.refused]
            invalid += [(first + at, reason) for at, reason in written.invalid]
        return Written(new=new, same=same, refused=refused, invalid=invalid)

    def flush(self) -> None:
        """Everything written is in the store when this returns."""
        self._one(protocol.Flush(), protocol.Done)

    def query(self, query: Query[Row]) -> list[Row]:
        """The rows of `query`, over everything written so far."""
        found: list[Row] = []

        def take(page: protocol.Page) -> None:
            found.extend(build(query.row, _decoder(query.row, page.wide).decode(page.rows)))

        self._each(protocol.Ask(query.sql, bindable(query)), protocol.Page, take)
        return found

    def begin(self, query: Query[Row]) -> Future[list[Row]]:
        """As `query`, over a connection of its own, beside what else is asked."""
        return self._readers.submit(self._query_apart, query)

    def _query_apart(self, query: Query[Row]) -> list[Row]:
        apart = RemoteLedger.connect(self.home)
        if apart is None:
            raise self._gone("nobody serves its socket any more")
        with apart:
            return apart.query(query)

    def verify(self) -> list[str]:
        """What does not hold; [] when all is well."""
        return list(self._one(protocol.Verify(), protocol.Done).texts)

    def rebuild(self, timezone: str | None = None) -> None:
        """Compute every rollup anew from the base tables."""
        self._one(protocol.Rebuild(timezone or ""), protocol.Done)

    def rename(self, renaming: Renaming) -> None:
        """As `Ledger.rename`; the control process first collects what gateways have spooled by now."""
        self._one(protocol.Rename(renaming), protocol.Done)

    def backup(self, folder: Path) -> None:
        """A consistent copy in `folder`, made by the control process."""
        self._one(protocol.Backup(str(folder.resolve())), protocol.Done)

    def _one(self, request: protocol.Request, kind: type[R]) -> R:
        """The reply to a request."""
        found: list[R] = []
        self._each(request, kind, found.append)
        return found[0]

    def _each(self, request: protocol.Request, kind: type[R], take: Callable[[R], None]) -> None:
        """Hand every reply to a request to `take`. Raises the error that the other side tells, or ControlGone when it ends."""
        with self._busy:
            try:
                protocol.send(self._connection, request)
                for reply in self._until_last(kind):
                    take(reply)
            except protocol.Closed as closed:
                raise self._gone(str(closed)) from closed
            except FloorlineError:
                raise
            except BaseException:
                self._connection.close()  # what is left of the replies is no answer to the next request
                raise

    def _gone(self, how: str) -> ControlGone:
        return ControlGone(
            f"the control process of {self.home} ended while this command used it ({how}). What it acknowledged is kept and "
            f"nothing is half done: run the command again"
        )

    def _until_last(self, kind: type[R]) -> Iterator[R]:
        while True:
            body = protocol.receive(self._connection)
            if body is None:
                raise protocol.Closed("the connection ended")
            reply = protocol.replies.decode(body)
            if isinstance(reply, protocol.Failed):
                raise protocol.raised(reply)
            assert isinstance(reply, kind), f"a {kind.__name__} was due, {type(reply).__name__} came"
            yield reply
            if not isinstance(reply, protocol.Page) or reply.last:
                return


def _messages(payloads: Sequence[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """The payloads in parts of about WRITE_BYTES, each with the place of its first."""
    part, first, size = list[bytes](), 0, 0
    for at, payload in enumerate(payloads):
        if part and size + len(payload) > WRITE_BYTES:
            yield first, part
            part, first, size = [], at, 0
        part.append(payload)
        size += len(payload)
    if part:
        yield first, part


@cache
def _decoder(row: type[Any], wide: bool) -> msgspec.msgpack.Decoder[list[tuple[object, ...]]]:
    """Reads rows by the types of the fields of `row`: money as Decimal, days as days, and nothing else."""
    hints = get_type_hints(row)
    shape = cast("Callable[..., type[tuple[object, ...]]]", tuple.__class_getitem__)(
        tuple(hints[name] for name in field_names(row))
    )
    return msgspec.msgpack.Decoder(list[shape], strict=not wide)
