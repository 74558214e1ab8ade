"""What a measurement reports, and the machine it ran on."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure: `value` is text in `unit`; a baseline row says so in its note."""

    name: str
    value: str
    unit: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table whose figures stand side by side: each row has a cell for each column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def machine() -> str:
    """The processor, cores, memory and Python of this machine, in one line."""
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return f"{_processor()}, {os.cpu_count()} cores, {gib:.0f} GiB, Python {platform.python_version()}, load {load:.1f} at the start"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
