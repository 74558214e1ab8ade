"""A gateway that spools at a steady rate: HOME CALLS RATE. Every 41st call never closes. It says `done` and stays."""

import sys
import time
from pathlib import Path

from tests.support.gateway import SpoolingGateway

UNDER_WAY = 25  # a call closes when this many others have opened since


def never_closes(number: int) -> bool:
    return number % 41 == 40


def run(home: Path, calls: int, rate: int) -> None:
    gateway = SpoolingGateway(home, segment_bytes=1 << 18, sync_ms=50)
    started = time.monotonic()
    for number in range(calls + UNDER_WAY):
        if number < calls:
            gateway.open(number)
        before = number - UNDER_WAY
        if before >= 0 and not never_closes(before):
            gateway.close(before)
        time.sleep(max(0, started + number / rate - time.monotonic()))
    sys.stdout.write("done\n")
    sys.stdout.flush()
    time.sleep(600)


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
