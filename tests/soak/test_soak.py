"""Hours in minutes' steps: a gateway under steady load and faults stays as small as it was, and loses nothing.

make soak                              ten minutes
FLOORLINE_SOAK_MINUTES=60 make soak    an hour
"""

import asyncio
import json
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest

from tests.acceptance.clients.conftest import free_port
from tests.soak.callers import Callers
from tests.support.processes import Process, command, until

MINUTES = float(os.environ.get("FLOORLINE_SOAK_MINUTES", "10"))
RATE = 100
SAMPLE_S = 10
GROWTH_MAX = 1.10
GROWTH_MAX_KB = 8 << 10
CONFIG = """
providers:
  openai:
    dialect: openai
    base_url: "http://127.0.0.1:{upstream}/v1"
    auth: none
    timeouts: {{first_byte: 5s, idle: 5s}}
gateway:
  disconnect: drain
"""


@dataclass(frozen=True)
class Sample:
    """What one process holds at a moment."""

    at: float
    rss_kb: int
    descriptors: int


def sample(process: Process) -> Sample:
    proc = Path(f"/proc/{process.popen.pid}")
    status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines() if ":" in line)
    return Sample(time.monotonic(), int(status["VmRSS"].split()[0]), len(list((proc / "fd").iterdir())))


def watch(process: Process, samples: list[Sample], stop: threading.Event) -> None:
    while not stop.wait(SAMPLE_S):
        samples.append(sample(process))


def flat(samples: list[Sample]) -> tuple[float, float]:
    """The median memory of the second quarter and of the last."""
    quarter = max(len(samples) // 4, 1)
    early = [one.rss_kb for one in samples[quarter : 2 * quarter]] or [samples[0].rss_kb]
    return median(early), median([one.rss_kb for one in samples[-quarter:]])


@pytest.mark.soak
def test_memory_and_descriptors_stay_flat_and_every_call_is_in_the_ledger(tmp_path: Path):
    home, upstream, port = tmp_path / "home", free_port(), free_port()
    config = tmp_path / "floorline.yaml"
    config.write_text(CONFIG.format(upstream=upstream))
    key = json.loads(
        command(home, "keys", "create", "--name", "soak", "--customer", "acme", "--feature", "chat", "--json")
    )
    sandbox = Process(home, "sandbox", "--port", str(upstream), "--latency-ms", "20", "--chaos", "0.03")
    sandbox.wait_for("sandbox provider on")
    control = Process(home, "control", "--config", str(config), "--port", str(free_port()))
    gateway = Process(home, "gateway", "--config", str(config), "--port", str(port))
    samples: dict[str, list[Sample]] = {"gateway": [], "control": []}
    stop = threading.Event()
    try:
        gateway.wait_for("serving on")
        control.wait_for("the dashboard is")
        idle = sample(gateway)
        for name, process in (("gateway", gateway), ("control", control)):
            threading.Thread(target=watch, args=(process, samples[name], stop), daemon=True).start()
        callers = Callers(port, key["key"], RATE)
        asyncio.run(callers.run(MINUTES * 60))
        until(
            lambda: sample(gateway).descriptors <= idle.descriptors + 4, seconds=180, what="the end of every connection"
        )
        stop.set()
        recorded = report(home)
    finally:
        stop.set()
        gateway_code = gateway.end()
        control_code = control.end()
        sandbox.end()
    sent = sum(callers.outcomes.values())
    early, late = flat(samples["gateway"])
    print(
        f"{sent} calls in {MINUTES:g} min; gateway {early / 1024:.1f} MB then {late / 1024:.1f} MB; {dict(callers.outcomes)}"
    )
    print(
        f"control {[round(kb / 1024) for kb in flat(samples['control'])]} MB; descriptors {idle.descriptors} idle, at most {max(one.descriptors for one in samples['gateway'])}"
    )
    assert late <= max(early * GROWTH_MAX, early + GROWTH_MAX_KB), "the gateway's memory grew"
    assert (gateway_code, control_code) == (0, 0)
    assert callers.outcomes["whole: 200"] > sent * 0.3
    unheard = sum(
        count
        for outcome, count in callers.outcomes.items()
        if outcome.endswith(("timed out", "broken", "nothing, cut off"))
    )
    calls = sum(row["calls"] for row in recorded)
    assert sent - unheard <= calls <= sent, "every call that was answered is in the ledger, once"


def report(home: Path) -> list[dict]:
    """The ledger's rows by customer, as soon as nothing more comes."""
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    end = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86_400))
    before = -1
    while True:
        found = json.loads(command(home, "margin", "--by", "customer", "--from", day, "--to", end, "--json"))
        calls = sum(row["calls"] for row in found["rows"])
        if calls == before:
            return found["rows"]
        before = calls
        time.sleep(5)
