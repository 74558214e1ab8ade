"""How the machine that the dashboard runs on is used from a shell, for what it tells people to type."""

import shlex
import shutil
import sys
from pathlib import Path

from floorline.ledger.address import addresses
from floorline.web.machine import Machine


def machine_of(folder: Path) -> Machine:
    """The machine of this process, whose ledger is in the home `folder`."""
    return Machine(command=_command(folder), gateways=addresses(folder))


def _command(folder: Path) -> str:
    beside, found = Path(sys.executable).with_name("floorline"), shutil.which("floorline")
    named = found is not None and Path(found) == beside
    command = "floorline" if named else f"{shlex.quote(sys.executable)} -m floorline"
    return f"FLOORLINE_HOME={shlex.quote(str(folder.resolve()))} {command}"
