"""Servers under measurement: each in a session of its own on one core, its processor time read to the nanosecond."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from floorline.errors import BadInput

READY_S_MAX = 120
STOP_S_MAX = 10
POLL_S = 0.05  # seconds
_CLOCK_OF_A_PROCESS = 2  # CPUCLOCK_SCHED of the Linux kernel: the scheduler's own sum over all threads, ended ones too


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """Which core the gateway under measurement has for itself, and which the upstream and the load share."""

    gateway: int
    load: int

    @classmethod
    def of_this_machine(cls) -> "Cores":
        """The first two cores that this process may use."""
        allowed = sorted(os.sched_getaffinity(0))
        if len(allowed) < 2:
            raise BadInput(f"bench gateway needs 2 cores, this process may use {len(allowed)}: widen its affinity")
        return cls(gateway=allowed[0], load=allowed[1])


class Server:
    """One server process with all that it starts, pinned to `core`; what it prints goes to `log`."""

    def __init__(
        self, command: Sequence[str], *, core: int, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(  # noqa: S603 - a server that this measurement installed or found
                pinned(core, command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                cwd=log.parent,
                start_new_session=True,
            )

    def wait_until_listening(self, port: int) -> None:
        """Until `port` takes connections; BadInput with the log's last line when the server ends or takes too long."""
        deadline = time.monotonic() + READY_S_MAX
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if self._process.poll() is not None:
                raise BadInput(f"{self.name} ended with {self._process.returncode} at its start: {self.last_words()}")
            time.sleep(POLL_S)
        raise BadInput(f"{self.name} does not listen after {READY_S_MAX} s: {self.last_words()}")

    @property
    def name(self) -> str:
        """The log's name: what the server is called."""
        return self._log.stem

    def last_words(self) -> str:
        """The last line that the server printed."""
        return last_line(self._log.read_text(errors="replace"))

    def cpu_ns(self) -> int:
        """Processor time of every process of the server, in nanoseconds."""
        return sum(_cpu_ns(pid) for pid in _session(self._process.pid))

    def rss_bytes(self) -> int:
        """Resident memory of every process of the server."""
        return sum(_rss_bytes(pid) for pid in _session(self._process.pid))

    def pause(self) -> None:
        """Take the processor away, so that what idles here disturbs no other measurement."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after `pause`."""
        os.killpg(self._process.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End the server and all that it started."""
        for number in (signal.SIGCONT, signal.SIGTERM):
            _signal_session(self._process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S_MAX)
        _signal_session(self._process.pid, signal.SIGKILL)
        self._process.wait()


def completed(
    command: Sequence[str], *, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """`command` run to its end, whatever its end; 127 when there is no such program."""
    try:
        return subprocess.run(  # noqa: S603 - a program that this measurement made, installed or found
            command, cwd=folder, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, "", f"{command[0]} is not installed")


def pinned(core: int, command: Sequence[str]) -> list[str]:
    """`command` so that it runs on `core` alone."""
    taskset = shutil.which("taskset")
    if taskset is None:
        raise BadInput("bench gateway pins processes to cores with taskset: apt-get install util-linux")
    return [taskset, "-c", str(core), *command]


def last_line(text: str) -> str:
    """The last line that says something: of a program that failed it mostly says why."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return next((line.strip() for line in reversed(plain.splitlines()) if line.strip()), "it printed nothing")


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _signal_session(session: int, number: signal.Signals) -> None:
    try:
        os.killpg(session, number)
    except ProcessLookupError:
        return


def _session(leader: int) -> list[int]:
    found: list[int] = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            stat = Path(entry.path, "stat").read_text()
        except OSError:  # it ended meanwhile
            continue
        if int(stat[stat.rindex(")") + 2 :].split()[3]) == leader:
            found.append(int(entry.name))
    return found


def _cpu_ns(pid: int) -> int:
    try:
        return time.clock_gettime_ns(~pid << 3 | _CLOCK_OF_A_PROCESS)
    except OSError:  # it ended meanwhile
        return 0


def _rss_bytes(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:  # it ended meanwhile
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
