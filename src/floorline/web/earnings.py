"""What a call earns, for everybody who looks at what it costs now: it is of whole days, and a margin table is not made for it
every few seconds.
"""

import threading
import time
from collections.abc import Callable
from datetime import date

from floorline.jobs.margins import Margins
from floorline.jobs.pulse import Earned, earned_per_call
from floorline.margin.dimensions import Scope

HOLDS_S = 600
SCOPES_MAX = 16


class Earnings:
    """`of` a day and scope: made anew when what is known is older than HOLDS_S. Threads may share it."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._known: dict[tuple[date, Scope], tuple[float, Earned]] = {}
        self._making = threading.Lock()

    def of(self, margins: Margins, today: date, scope: Scope) -> Earned:
        """What calls of each feature earned in the days before `today`."""
        with self._making:
            at_s, known = self._known.get((today, scope), (0.0, None))
            if known is not None and self._now_s() - at_s < HOLDS_S:
                return known
            made = earned_per_call(margins, today, scope)
            if len(self._known) >= SCOPES_MAX:
                self._known.clear()
            self._known[today, scope] = self._now_s(), made
            return made
