"""Where a gateway can be reached, as it says itself while it serves: in a file of its folder."""

from pathlib import Path

from floorline.ledger.files import put_file
from floorline.ledger.lock import is_free
from floorline.ledger.snapshot import GATEWAYS

NAME = "address"


def tell_address(folder: Path, address: str) -> None:
    """Keep that the gateway of `folder` serves at `address`, as http://127.0.0.1:4000."""
    put_file(folder / NAME, address.encode())


def addresses(home: Path) -> tuple[str, ...]:
    """Where the gateways that serve from `home` now can be reached, each address once."""
    serving = [folder for folder in sorted((home / GATEWAYS).glob("*")) if (folder / NAME).is_file()]
    return tuple(dict.fromkeys((one / NAME).read_text() for one in serving if not is_free(one / "lock")))
