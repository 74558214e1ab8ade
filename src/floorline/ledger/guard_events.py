"""What a gateway's guardrails report, a file each in its folder until the control process has kept it.

A gateway holds no state and needs no control process: it leaves an event (`leave`), and whoever owns the ledger takes it
(`waiting`, then `done`). A file's name is a digest of the event's key, so that what is told twice is one file.
"""

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import msgspec

from floorline.alerts.events import GuardEvent

FOLDER = "events"
_decoder = msgspec.json.Decoder(GuardEvent)


def leave(gateway: Path, event: GuardEvent) -> None:
    """Put `event` into the folder of a gateway, whole or not at all. OSError when the disk does not take it."""
    folder = gateway / FOLDER
    folder.mkdir(exist_ok=True)
    path = folder / f"{blake2b(event.key.encode(), digest_size=16).hexdigest()}.json"
    draft = path.with_suffix(".new")
    draft.write_bytes(msgspec.json.encode(event))
    draft.rename(path)


def waiting(gateways: Path) -> Iterator[tuple[Path, GuardEvent | None]]:
    """Every event that the gateways below a folder left, with its file; None for a file that is none of this release."""
    for path in sorted(gateways.glob(f"*/{FOLDER}/*.json")):
        try:
            yield path, _decoder.decode(path.read_bytes())
        except FileNotFoundError:
            continue  # another process took it
        except msgspec.DecodeError:
            yield path, None


def done(path: Path) -> None:
    """The event is kept."""
    path.unlink(missing_ok=True)
