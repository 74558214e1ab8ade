"""The metrics of gateway processes that share a port: whichever is asked answers for all of them.

Each leaves its samples in its folder as often as it looks at its files; those of a process that has ended are left out.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from floorline.gateway.metrics import Samples
from floorline.ledger.lock import is_free

NAME = "metrics"


class Beside:
    """One process among those below the same folder. `folder` is its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, samples: Samples) -> None:
        """Leave this process's samples for the others. A disk that refuses is no reason to stop serving."""
        draft = self._folder / f"{NAME}.new"
        with suppress(OSError):
            draft.write_bytes(msgspec.msgpack.encode(samples))
            draft.replace(self._folder / NAME)

    def others(self) -> Iterator[Samples]:
        """The samples of every other process that lives, a second old at most."""
        for path in sorted(self._folder.parent.glob(f"*/{NAME}")):
            if path.parent != self._folder and not is_free(path.parent / "lock"):
                with suppress(OSError, msgspec.DecodeError):
                    yield msgspec.msgpack.decode(path.read_bytes(), type=dict[str, list[str]])
