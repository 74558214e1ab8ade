"""The control process's side of the socket: commands use the ledger that it owns, a thread each.

An error that a command must hear of goes back as a message. Anything else is a defect: the thread ends with it, the
command sees its connection close, and the ledger goes on.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from floorline import __version__
from floorline.errors import FloorlineError
from floorline.ledger import protocol
from floorline.ledger.ledger import Ledger
from floorline.ledger.protocol import Request

CONNECTIONS_MAX = 16
"""Commands at a time; more wait for their turn."""


class LedgerServer:
    """Serves `ledger` at the socket in its folder until it is closed."""

    def __init__(self, ledger: Ledger, collect: Callable[[], None]) -> None:
        """`collect` returns when everything that gateways had spooled before it was called is in the ledger."""
        self._ledger, self._collect = ledger, collect
        self._turns = threading.BoundedSemaphore(CONNECTIONS_MAX)
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._closing = False
        self._listener = self._listen()
        self._thread = threading.Thread(target=self._accept, name="ledger-accept", daemon=True)
        self._thread.start()

    def _listen(self) -> socket.socket:
        """The listening socket, its owner's alone. One that a killed process left is not in use: the ledger's lock is ours."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with protocol.reachable(self._ledger.home) as name:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)  # noqa: PTH108 - a name below /proc
            mask = os.umask(0o177)
            try:
                listener.bind(name)
            finally:
                os.umask(mask)
        listener.listen(CONNECTIONS_MAX)
        return listener

    def close(self) -> None:
        """Take no more commands, and wait for none: what one has been told is kept, is kept."""
        self._closing = True
        (self._ledger.home / protocol.SOCKET).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            threads = list(self._open.items())
        for connection, _ in threads:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)  # the request under way is answered still
        for _, thread in threads:
            thread.join()
        self._thread.join()

    def _accept(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            self._turns.acquire()
            thread = threading.Thread(target=self._serve, args=(connection,), name="ledger-command", daemon=True)
            with self._lock:
                self._open[connection] = thread
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            self._converse(connection)
        except protocol.Closed:
            pass
        finally:
            connection.close()
            with self._lock:
                self._open.pop(connection, None)
            self._ledger.store.forget()
            self._turns.release()

    def _converse(self, connection: socket.socket) -> None:
        while not self._closing and (body := protocol.receive(connection)) is not None:
            try:
                request = protocol.requests.decode(body)
            except msgspec.MsgspecError as error:
                protocol.send(connection, protocol.Failed("BadInput", f"not a request of this release: {error}"))
                return
            try:
                for reply in self._answers(request):
                    protocol.send(connection, reply)
            except protocol.Closed:
                raise
            except FloorlineError as error:
                protocol.send(connection, protocol.failed(error))

    def _answers(self, request: Request) -> Iterator[protocol.Reply]:
        ledger = self._ledger
        match request:
            case protocol.Hello(version):
                yield self._welcome(version)
            case protocol.Known(source, ids):
                yield protocol.Prints(ledger.known(source, ids))
            case protocol.Write(payloads):
                yield protocol.Kept(ledger.write_frames(payloads))
            case protocol.Ask(sql, parameters):
                yield from protocol.pages(ledger.answer(sql, parameters))
            case protocol.Verify():
                yield protocol.Done(ledger.verify())
            case protocol.Zone():
                yield protocol.Done([ledger.timezone])
            case _:
                self._do(request)
                yield protocol.Done()

    def _do(self, request: protocol.Deed) -> None:
        """What has no other answer than that it is done."""
        ledger = self._ledger
        match request:
            case protocol.Flush():
                ledger.flush()
            case protocol.Rebuild(timezone):
                ledger.rebuild(timezone or None)
            case protocol.Rename(renaming):
                self._collect()
                ledger.rename(renaming)
            case protocol.Backup(folder):
                ledger.backup(Path(folder))

    def _welcome(self, version: int) -> protocol.Reply:
        if version != protocol.VERSION:
            return protocol.Failed(
                "BadInput",
                f"the control process is Floorline {__version__} and speaks version {protocol.VERSION} of the ledger's "
                f"protocol, this command version {version}: run both from the same release",
            )
        return protocol.Welcome(protocol.VERSION, os.getpid(), self._ledger.notices)
