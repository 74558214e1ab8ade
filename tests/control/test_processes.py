"""The control process as it runs: beside commands, killed at any moment, and what its listener tells."""

import os
import random
import signal
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from tests.control.spool_worker import never_closes
from tests.support import starting
from tests.support.gateway import LOST_USD, SpoolingGateway, cost_of
from tests.support.processes import ROOT, Process, command, control, environment, get, until

PRICES = """prices:
- {provider: sandbox, model: sandbox-1, prices: {input: 1, output: 2}}
"""
CHECK = """
import sys
from dataclasses import dataclass
from pathlib import Path
from floorline.ledger.ledger import Ledger
from floorline.query import Query

@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    ending: str
    calls: int
    pico: int

with Ledger.open(Path(sys.argv[1])) as ledger:
    sql = "SELECT ending, count(), toInt64(sum(effective_cost) * 1000000000000) FROM calls GROUP BY ending ORDER BY ending"
    for row in ledger.query(Query(sql=sql, row=Sum)):
        print(row.ending, row.calls, row.pico)
    print(ledger.verify())
"""


def sums(home: Path) -> list[str]:
    """What the ledger holds, read by a process of its own."""
    done = starting.run("-c", CHECK, str(home), env=environment(home), cwd=home.parent)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def expected(calls: int) -> list[str]:
    closed = [n for n in range(calls) if not never_closes(n)]
    dollars = sum((cost_of(n) for n in closed), Decimal(0))
    lost = calls - len(closed)
    return [f"complete {len(closed)} {int(dollars * 10**12)}", f"lost {lost} {int(lost * LOST_USD * 10**12)}", "[]"]


@dataclass
class Writer:
    popen: subprocess.Popen

    @classmethod
    def start(cls, home: Path, calls: int, rate: int) -> "Writer":
        arguments = [sys.executable, "-m", "tests.control.spool_worker", str(home), str(calls), str(rate)]
        return cls(subprocess.Popen(arguments, cwd=ROOT, env=environment(home), stdout=subprocess.PIPE, text=True))

    def finish(self) -> None:
        """Wait until it has written everything, then kill it."""
        assert self.popen.stdout.readline() == "done\n"
        self.popen.kill()
        self.popen.wait()
        self.popen.stdout.close()


def run_kills(folder: Path, *, kills: int, calls: int, rate: int, seed: int) -> None:
    home, random_ = folder / "home", random.Random(seed)
    (folder / "floorline.yaml").write_text(PRICES)
    home.mkdir()
    writer = Writer.start(home, calls, rate)
    for _ in range(kills):
        process = Process(home, "control", "--port", "0")
        if random_.random() < 0.7:
            process.wait_for("the dashboard is")
            time.sleep(random_.uniform(0, 2))
        else:
            time.sleep(random_.uniform(0.3, 3))
        assert process.running, process.log.read_text()
        process.kill()
    with control(home) as last:
        writer.finish()
        until(lambda: not list((home / "gateways").glob("*/spool/*.seg")), seconds=120, what="the end of the spool")
        assert not last.says("Traceback")
    assert sums(home) == expected(calls)


@pytest.mark.prove
def test_control_killed_twice_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    run_kills(tmp_path, kills=2, calls=1_500, rate=200, seed=3)


@pytest.mark.prove
def test_control_killed_twenty_times_under_load(tmp_path: Path) -> None:
    seed = int(os.environ.get("FLOORLINE_SEED", random.SystemRandom().randrange(10**6)))
    sys.stdout.write(f"FLOORLINE_SEED={seed}\n")
    run_kills(tmp_path, kills=20, calls=18_000, rate=300, seed=seed)


def test_a_finished_call_shows_in_the_margin_within_five_seconds(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with control(home):
        gateway = SpoolingGateway(home, sync_ms=50)
        gateway.open(1)
        gateway.close(1)
        closed = time.monotonic()
        days = ("--from", "2026-03-01", "--to", "2026-03-02")
        until(lambda: f"{cost_of(1):f}" in command(home, "margin", *days, "--json"), seconds=15, what="the margin")
        assert time.monotonic() - closed < 5 + 3, "start-up of the command included"
        gateway.end()


def test_the_listener_tells_figures_to_whoever_has_the_token(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with control(home) as process:
        said = process.log.read_text()
        url = next(word for word in said.split() if word.startswith("http://"))
        path = home / "control.token"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        token = path.read_text()
        assert get(f"{url}/healthz") == (200, "ok\n")
        assert get(f"{url}/metrics")[0] == get(f"{url}/readyz", "wrong" * 9)[0] == 401
        assert get(f"{url}/readyz", token) == (200, "ok\n")
        assert get(f"{url}/nothing", token)[0] == 404
        gateway = SpoolingGateway(home)
        gateway.open(1)
        until(lambda: 'floorline_open_calls{gateway="g1"} 1\n' in get(f"{url}/metrics", token)[1], what="the figure")
        gateway.close(1)
        gateway.end()
        until(
            lambda: 'floorline_collected_total{outcome="new"} 1\n' in get(f"{url}/metrics", token)[1], what="the call"
        )


def test_a_port_in_use_is_said_and_the_ledger_is_given_free(tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    with control(home) as process:
        port = process.log.read_text().partition("127.0.0.1:")[2].split()[0]
        said = command(other, "control", "--port", port, code=2)
        assert f"cannot listen on 127.0.0.1:{port}" in said
    assert command(other, "ledger", "verify").startswith("every rollup equals")


@pytest.mark.prove
def test_control_waits_for_a_command_that_has_the_ledger_and_commands_for_control(tmp_path: Path) -> None:
    home = tmp_path / "home"
    program = "import sys, time; from pathlib import Path; from floorline.ledger.ledger import Ledger\n"
    program += "ledger = Ledger.open(Path(sys.argv[1])); print('open', flush=True); input(); ledger.close()"
    owner = subprocess.Popen(
        [sys.executable, "-c", program, str(home)], env=environment(home), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    assert owner.stdout.readline() == "open\n"
    process = Process(home, "control", "--port", "0")
    process.wait_for("waiting for the ledger")
    owner.communicate("\n")
    process.wait_for("the dashboard is")
    assert command(home, "ledger", "verify").startswith("every rollup equals")
    assert process.end() == 0


def test_a_command_whose_control_process_is_killed_says_so(tmp_path: Path) -> None:
    home = tmp_path / "home"
    program = """
import sys
from pathlib import Path
from floorline.errors import ControlGone
from floorline.ledger.remote import RemoteLedger
with RemoteLedger.connect(Path(sys.argv[1])) as ledger:
    print("connected", flush=True)
    input()
    try:
        ledger.flush()
    except ControlGone as error:
        print(error)
"""
    with control(home) as process:
        asker = subprocess.Popen(
            [sys.executable, "-c", program, str(home)], env=environment(home), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )  # fmt: skip
        assert asker.stdout.readline() == "connected\n"
        process.kill()
        said, _ = asker.communicate("\n")
        assert "ended while this command used it" in said
    assert command(home, "ledger", "verify").startswith("every rollup equals")  # the socket that was left is nobody's


def test_sighup_reads_the_prices_again_and_refuses_a_bad_file(tmp_path: Path) -> None:
    home = tmp_path / "home"
    config = tmp_path / "floorline.yaml"
    config.write_text("")
    with control(home) as process:
        config.write_text("nonsense: 1\n")
        process.popen.send_signal(signal.SIGHUP)
        process.wait_for("the configuration stays as it was")
        config.write_text(PRICES)
        process.popen.send_signal(signal.SIGHUP)
        process.wait_for("the configuration was read again")
        gateway = SpoolingGateway(home)
        gateway.open(40)
        gateway.die()
        until(lambda: not list((home / "gateways").glob("*/spool/*.seg")), what="the end of the spool")
    assert sums(home) == [f"lost 1 {int(LOST_USD * 10**12)}", "[]"]


def test_captured_content_goes_when_its_day_is_over(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for day in ("2020-01-01", "2199-01-01"):
        (home / "content" / day / "g1").mkdir(parents=True)
    with control(home) as process:
        process.wait_for("captured content of 1 days that are over was removed")
    assert [path.name for path in (home / "content").glob("2*")] == ["2199-01-01"]
