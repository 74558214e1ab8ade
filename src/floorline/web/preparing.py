"""Pages that are made before anybody asks: whoever comes first after a start, a change or a quiet hour does not wait for the dear ones.

One page at a time, and for every second of making some without: readers and the collector go first.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from floorline.web.params import Params
from floorline.web.view import View

FIRST_S = 10
"""From the start to the first page."""

PAUSE_S = 2
REST = 4
"""Seconds without for every second of making: a fifth of one core at most."""

OPENED = timedelta(days=1)
OPENED_MAX = 24
"""Pages that somebody opened within OPENED and that are kept ready, those opened last."""

NOTED_AGAIN = timedelta(hours=1)
"""After so long it is noted anew that a page was opened."""


class Wanted(NamedTuple):
    """A page as somebody asks for it."""

    view: View[Any]
    params: Params


class Preparing:
    """Keeps pages ready in a thread of its own, from `start` to `stop`. `prepare` makes a page if it is to be made now and says
    whether it did; `now_s` is a clock that never goes back. Pages `always` wanted come first, then those that were `opened`:
    `before` this process, when each was noted, and since. `note` keeps for the next process that one was.
    """

    def __init__(
        self,
        *,
        always: Sequence[Wanted],
        before: Mapping[Wanted, datetime],
        prepare: Callable[[Wanted], Future[bool]],
        note: Callable[[Wanted, datetime], None],
        now_s: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._always, self._prepare, self._note, self._now_s, self._now = always, prepare, note, now_s, now
        self._opened = OrderedDict(before)
        self._noted = dict(before)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="preparing", daemon=True)

    def opened(self, page: Wanted) -> None:
        """Somebody was shown the page."""
        with self._lock:
            self._opened[page] = self._now()
            self._opened.move_to_end(page)
            while len(self._opened) > OPENED_MAX:
                self._opened.popitem(last=False)

    def wanted(self) -> list[Wanted]:
        """Every page to keep ready."""
        since = self._now() - OPENED
        with self._lock:
            opened = [page for page, at in reversed(self._opened.items()) if at >= since]
        return list(dict.fromkeys((*self._always, *opened)))

    def step(self) -> float:
        """Note what was opened and make the first page that is to be made now; how many seconds to leave until the next step. One that
        cannot be made is wanted no more until somebody opens it.
        """
        self._note_opened()
        for page in self.wanted():
            begun_s = self._now_s()
            asked = self._prepare(page)
            if asked.exception() is not None:
                self._forget(page)
            elif asked.result():
                return max(PAUSE_S, REST * (self._now_s() - begun_s))
        return PAUSE_S

    def start(self) -> None:
        """Begin, a while after everything else."""
        self._thread.start()

    def stop(self) -> None:
        """End with the page that is being made."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._note_opened()

    def _note_opened(self) -> None:
        """Here and not by who opens a page: nobody waits for a disk then."""
        with self._lock:
            opened = dict(self._opened)
        self._noted = {page: at for page, at in self._noted.items() if page in opened}
        for page, at in opened.items():
            if page not in self._noted or at - self._noted[page] >= NOTED_AGAIN:
                self._note(page, at)
                self._noted[page] = at

    def _forget(self, page: Wanted) -> None:
        with self._lock:
            self._opened.pop(page, None)
            self._always = [one for one in self._always if one != page]

    def _run(self) -> None:
        wait_s: float = FIRST_S
        while not self._stopping.wait(wait_s):
            wait_s = self.step()
