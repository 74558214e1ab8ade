"""kill -9 at any moment: nothing acknowledged is lost, nothing is counted twice, rollups equal the base."""

import os
import random
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.records import call

ROOT = Path(__file__).resolve().parents[2]


class Worker:
    """One run of kill_worker.py; `lines` is what it printed so far."""

    def __init__(self, home: Path, *arguments: int) -> None:
        self.lines: list[list[str]] = []
        self.said = {"open": threading.Event(), "kept": threading.Event()}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.ledger.kill_worker", str(home), *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            if line.endswith("\n"):  # a kill may cut the last line short
                self.lines.append(line.split(maxsplit=3))
                if self.lines[-1][0] in self.said:
                    self.said[self.lines[-1][0]].set()

    def kill_after(self, seconds: float, *, since: str) -> None:
        """Wait for the opening or the first write unless `since` is the start, then `seconds`, then kill."""
        if since != "start":
            assert self.said[since].wait(60), f"the worker did not say {since!r} in 60 s"
        time.sleep(seconds)
        if self.process.poll() is not None:
            pytest.fail(f"the worker ended by itself: {self.process.stderr.read()}")
        self.process.kill()
        self.end()

    def end(self) -> int:
        code = self.process.wait(timeout=120)
        self.reader.join()
        self.process.stdout.close()
        self.stderr = self.process.stderr.read()
        self.process.stderr.close()
        return code

    def last(self, word: str) -> list[str] | None:
        return next((line for line in reversed(self.lines) if line[0] == word), None)


def dollars(count: int) -> int:
    return int(sum((call(n).effective_cost or Decimal(0) for n in range(count)), Decimal(0)) * 10**12)


def run_kills(home: Path, kills: int, seed: int) -> None:
    random_ = random.Random(seed)
    kept, furthest = 0, 0
    for _ in range(kills):
        chunk = random_.choice((7, 40, 150))
        first = max(0, kept - random_.choice((0, 0, 25, 400)))
        worker = Worker(home, first, chunk)
        since = random_.choices(("start", "open", "kept"), weights=(3, 3, 4))[0]
        worker.kill_after(random_.uniform(0.2, 1.2) if since == "start" else random_.uniform(0, 0.5), since=since)
        if opened := worker.last("open"):
            calls = int(opened[1])
            assert kept <= calls <= furthest, (
                f"{kept} calls were acknowledged and {furthest} handed in, {calls} are there"
            )
            assert int(opened[2]) == dollars(calls), "the calls that are there do not cost what they cost"
        if acknowledged := worker.last("kept"):
            kept = max(kept, int(acknowledged[1]))
        furthest = max(furthest, first + chunk, kept + chunk)
    worker = Worker(home, 0, 500, furthest)
    assert worker.end() == 0, worker.stderr
    done = worker.last("done")
    assert done is not None
    assert int(done[1]) == furthest
    assert int(done[2]) == dollars(furthest)
    assert done[3].strip() == "[]"
    assert kept > kills, "the workers hardly wrote: this proved nothing"


def test_three_kills(tmp_path: Path) -> None:
    run_kills(tmp_path / "home", kills=3, seed=10)  # since the start, the opening and a write


@pytest.mark.prove
def test_a_hundred_kills_at_random_moments(tmp_path: Path) -> None:
    seed = int(os.environ.get("FLOORLINE_SEED", random.SystemRandom().randrange(10**6)))
    sys.stdout.write(f"FLOORLINE_SEED={seed}\n")
    run_kills(tmp_path / "home", kills=100, seed=seed)
