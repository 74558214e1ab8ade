"""Work that would hold up the event loop, on threads of its own behind a bounded line. Beside calls it comes second: what calculates
yields the processor to the loop where the system lets it, and the interpreter is handed over every half millisecond.
"""

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Generic, Literal, TypeVar

import msgspec

log = logging.getLogger(__name__)

THREADS = 1
WAITING_MAX = 64
"""Pieces of work in line: with five milliseconds for each the last one waits a third of a second."""

NICENESS = 19
"""Of threads that calculate for milliseconds and seldom need the interpreter: the loop comes before them. One that has it may not wait
behind others, because then the loop does too.
"""

SWITCH_S = 0.0005
"""How long the loop waits for the interpreter at most when a thread has it: Python's own five milliseconds would be seen by every call."""

_T = TypeVar("_T")


class Late(msgspec.Struct, frozen=True, kw_only=True):
    """There is no result: the line was full (`behind`), it took too long (`slow`), or it failed."""

    why: Literal["behind", "slow", "failed"]


class Done(msgspec.Struct, Generic[_T], frozen=True, kw_only=True):
    """The result."""

    result: _T


class Workers:
    """Threads, and the line before them. `calculates`: their work is a model's, and comes second to everything else."""

    def __init__(self, threads: int = THREADS, waiting_max: int = WAITING_MAX, *, calculates: bool = False) -> None:
        self._pool = ThreadPoolExecutor(
            threads, thread_name_prefix="semantic", initializer=_begin, initargs=(calculates,)
        )
        self._waiting_max, self.waiting = waiting_max, 0

    async def run(self, work: Callable[[], _T], within_s: float) -> Done[_T] | Late:
        """What `work` gives, when it does in that time. What has not begun by then never does."""
        if self.waiting >= self._waiting_max:
            return Late(why="behind")
        future = self._pool.submit(work)
        self._in_line(future)
        try:
            return Done(result=await asyncio.wait_for(asyncio.wrap_future(future), within_s))
        except TimeoutError:
            return Late(why="slow")
        except Exception:  # a model's driver raises what it likes
            log.exception("a question could not be looked up")
            return Late(why="failed")

    def must(self, work: Callable[[], object]) -> None:
        """Have `work` done, soon, however long the line is: it is about what may not stay."""
        self._in_line(self._pool.submit(_told, work))

    def give(self, work: Callable[[], object]) -> bool:
        """Have `work` done, soon; False where the line is full."""
        if self.waiting >= self._waiting_max:
            return False
        self._in_line(self._pool.submit(_told, work))
        return True

    def _in_line(self, future: Future[_T]) -> None:
        loop = asyncio.get_running_loop()
        self.waiting += 1
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._left))

    def _left(self) -> None:
        self.waiting -= 1

    async def close(self) -> None:
        """Do what is in line, and end."""
        await asyncio.to_thread(self._pool.shutdown)


def _told(work: Callable[[], object]) -> None:
    try:
        work()
    except Exception:
        log.exception("something is not kept in the semantic cache")


def _begin(calculates: bool) -> None:
    sys.setswitchinterval(SWITCH_S)
    if calculates:
        with suppress(OSError, AttributeError):  # where threads have no priority of their own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
