"""Keeping processes running: started, started again when they end, ended in order.

A child that ends at once with exit code 2 (bad use, bad input, a port in use) on its first start cannot be helped by
starting it again: everything ends, and says so. Whatever ends later is started again, after pauses that grow.
"""

import asyncio
import ctypes
import logging
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence
from dataclasses import dataclass

from floorline.errors import BadInput

log = logging.getLogger(__name__)

PAUSE_MS = 250
PAUSE_MS_MAX = 30_000
SETTLED_S = 60
"""A child that has run for this long is started again at once when it ends."""

CANNOT_START = 2
_PR_SET_PDEATHSIG = 1  # Linux


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A process to keep running: `python -m floorline` with these arguments. It has `grace_ms` to end when it is told to."""

    name: str
    arguments: Sequence[str]
    grace_ms: int


class Supervisor:
    """Runs groups of children. They are told to end one group after another, in the order given."""

    def __init__(self, *groups: Sequence[Child]) -> None:
        self._groups = groups
        self._running: dict[str, Process] = {}
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT; SIGHUP is passed on. BadInput when a child cannot start."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._pass_on, signal.SIGHUP)
        keepers = [loop.create_task(self._keep(child)) for group in self._groups for child in group]
        stopping = loop.create_task(self._stop.wait())
        await asyncio.wait([stopping, *keepers], return_when=asyncio.FIRST_COMPLETED)
        self._stop.set()
        for group in self._groups:
            await asyncio.gather(*(self._end(child) for child in group))
        for outcome in await asyncio.gather(*keepers, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    def _pass_on(self, number: signal.Signals) -> None:
        for process in self._running.values():
            process.send_signal(number)

    async def _keep(self, child: Child) -> None:
        """Start it, and start it again, until everything is to stop."""
        clock, pause_ms, first = asyncio.get_running_loop().time, PAUSE_MS, True
        while not self._stop.is_set():
            started = clock()
            # In a session of its own: Ctrl-C reaches the supervisor alone, which ends its children in order.
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "floorline", *child.arguments, start_new_session=True
            )
            self._running[child.name] = process
            code = await process.wait()
            del self._running[child.name]
            settled = clock() - started >= SETTLED_S
            if self._stop.is_set():
                return
            if code == CANNOT_START and first and not settled:
                raise BadInput(f"{child.name} could not start: mend what it says above, then start again")
            pause_ms, first = PAUSE_MS if settled else pause_ms, False
            log.error("%s ended with %d and is started again in %d ms", child.name, code, pause_ms)
            await self._pause(pause_ms)
            pause_ms = min(2 * pause_ms, PAUSE_MS_MAX)

    async def _pause(self, milliseconds: int) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), milliseconds / 1000)
        except TimeoutError:
            return

    async def _end(self, child: Child) -> None:
        """Tell it to end; kill it when it does not."""
        process = self._running.get(child.name)
        if process is None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), child.grace_ms / 1000)
        except TimeoutError:
            log.error("%s did not end within %d ms and is killed", child.name, child.grace_ms)  # noqa: TRY400 - no defect of ours
            process.kill()
            await process.wait()


def end_with_parent() -> None:
    """Have the kernel send this process SIGTERM when the one that started it ends, however it ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
