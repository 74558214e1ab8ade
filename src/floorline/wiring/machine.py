"""How the machine that the dashboard runs on is used from a shell, for what it tells people to type."""

import shlex
import shutil
import sys
from pathlib import Path

from floorline.config import Config
from floorline.ledger.address import addresses
from floorline.web.machine import Machine
from floorline.wiring import CONFIG_NAME


def machine_of(folder: Path, config: Config) -> Machine:
    """The machine of this process, which serves the home `folder` by `config`."""
    home = folder.resolve()
    file = home / CONFIG_NAME if config.path is None else config.path.resolve()
    variables = {"FLOORLINE_HOME": home} if config.path is None else {"FLOORLINE_HOME": home, "FLOORLINE_CONFIG": file}
    said = " ".join(f"{name}={shlex.quote(str(path))}" for name, path in variables.items())
    return Machine(command=f"{said} {_command()}", config=str(file), gateways=addresses(folder))


def _command() -> str:
    beside, found = Path(sys.executable).with_name("floorline"), shutil.which("floorline")
    named = found is not None and Path(found) == beside
    return "floorline" if named else f"{shlex.quote(sys.executable)} -m floorline"
