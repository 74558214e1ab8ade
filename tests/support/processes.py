"""Floorline's processes for tests: started, waited for, ended, each with a home of its own."""

import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import starting

ROOT = Path(__file__).resolve().parents[2]


def environment(home: Path) -> dict[str, str]:
    """As the command finds it, with a home."""
    path = f"{ROOT / 'src'}{os.pathsep}{ROOT}"
    return {**os.environ, "FLOORLINE_HOME": str(home), "PYTHONPATH": path}


def command(home: Path, *arguments: str, code: int = 0) -> str:
    """What a command prints; it must end with `code`."""
    done = starting.run("-m", "floorline", *arguments, env=environment(home), cwd=home.parent)
    assert done.returncode == code, f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout if code == 0 else done.stderr


def until(holds: Callable[[], bool], *, seconds: float = 60, what: str = "it") -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not happen in {seconds} s"
        time.sleep(0.05)


class Process:
    """One process of Floorline. What it says on standard error is in `log`."""

    def __init__(self, home: Path, *arguments: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.log = home.parent / f"{arguments[0]}-{time.monotonic_ns()}.log"
        with self.log.open("wb") as log:
            self.popen = starting.start(
                "-m", "floorline", *arguments, env=environment(home), cwd=home.parent, stdout=log, stderr=log
            )

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def says(self, text: str) -> bool:
        return text in self.log.read_text()

    def wait_for(self, text: str, *, seconds: float = 60) -> None:
        """Wait until it says something."""
        deadline = time.monotonic() + seconds
        while not self.says(text):
            assert self.running, f"it ended with {self.popen.returncode}:\n{self.log.read_text()}"
            assert time.monotonic() < deadline, f"{text!r} was not said in {seconds} s:\n{self.log.read_text()}"
            time.sleep(0.05)

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()

    def end(self) -> int:
        """SIGTERM; the exit code."""
        if self.running:
            self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(timeout=90)


@contextmanager
def control(home: Path, *arguments: str) -> Iterator[Process]:
    """A control process that serves `home`."""
    process = Process(home, "control", "--port", "0", *arguments)
    try:
        process.wait_for("the dashboard is")
        yield process
    finally:
        if process.running:
            assert process.end() == 0, process.log.read_text()


def get(url: str, token: str = "", *, seconds: float = 10) -> tuple[int, str]:
    """Status and body of a page."""
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
