"""Work that is done without the cycle collector."""

import gc
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count

COLLECTED_EVERY = 200
"""After so much work the collector looks at everything, whatever of it there is."""

_times = count(1)


@contextmanager
def uncollected() -> Generator[None]:
    """Without the cycle collector: a table makes a million small tuples and no cycle, and looking for one takes a third
    of its time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            _settle()
            gc.enable()


def _settle() -> None:
    """What was made counts as old, so that the collector does not look through all of it as soon as it may; what a process froze
    stays frozen.
    """
    if next(_times) % COLLECTED_EVERY == 0:
        gc.collect()
    elif not gc.get_freeze_count():
        gc.freeze()
        gc.unfreeze()
