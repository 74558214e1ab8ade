"""The processes of the demo's live parts: simulated providers, and gateways that are started, killed and stopped."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from floorline.errors import FloorlineError
from floorline.ingest.calls import Pricer
from floorline.jobs.collecting import Collector
from floorline.jobs.lost import Estimator
from floorline.ledger.ledger import Ledger
from floorline.pricing.book import PriceBook

READY_S = 30
PAUSE_S = 0.05
_PRIVATE = ("FLOORLINE_HOME", "FLOORLINE_CONFIG", "FLOORLINE_SECRET", "FLOORLINE_CONTROL_TOKEN")
"""Of the user's own installation: the demo's processes must not see them."""


@contextmanager
def provider(folder: Path, *words: str) -> Generator[str]:
    """A simulated provider as a process of its own, started with these words besides; its address."""
    port = free_port()
    process = started(folder, "sandbox", "--with-parent", "--port", str(port), "--latency-ms", "15", *words)
    try:
        await_port(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def gateway(folder: Path, config: Path, port: int) -> subprocess.Popen[bytes]:
    """A gateway of `folder` that serves."""
    process = started(folder, "gateway", "--with-parent", "--config", str(config), "--port", str(port))
    await_port(process, port)
    return process


def started(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """A command of this very program, whose home is `folder`; what it says goes into a log there."""
    environment = {name: value for name, value in os.environ.items() if name not in _PRIVATE}
    environment["FLOORLINE_HOME"] = str(folder)
    with (folder / f"{words[0]}.log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-m", "floorline", *words],
            env=environment,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,  # Ctrl-C reaches the demo alone, which ends its processes in order
        )


def await_port(process: subprocess.Popen[bytes], port: int) -> None:
    """Until something listens. FloorlineError when it ends or takes too long."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            raise FloorlineError(f"a process of the demo ended with {process.returncode}: see its log with --keep")
        time.sleep(PAUSE_S)
    raise FloorlineError(f"a process of the demo did not listen within {READY_S} s")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def collect(folder: Path, ledger: Ledger, book: PriceBook) -> None:
    """Bring what gateways left in their spools below `folder` into the ledger."""
    collector = Collector(ledger, folder, Estimator(pricer=Pricer(book=book)), _complain)
    collector.step(datetime.now(UTC))


def _complain(message: str) -> None:
    raise FloorlineError(message)
