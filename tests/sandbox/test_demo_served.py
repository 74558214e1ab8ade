"""The demo as people start it: its dashboard is there, live figures move, and Ctrl-C leaves nothing."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.processes import until

LINK = re.compile(r"http://127\.0\.0\.1:\d+/enter/[\w-]+")


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A small demo that was started, in a folder of its own, and what it prints."""
    printed = tmp_path / "printed"
    environment = {**os.environ, "TMPDIR": str(tmp_path), "DISPLAY": ""}
    with printed.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "floorline", "demo", "--small"],
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=tmp_path,
            text=True,
        )
    yield process, printed
    if process.poll() is None:
        process.kill()
    process.wait()


def running_in(folder: Path) -> list[str]:
    """The processes whose home or working folder is below `folder`."""
    found: list[str] = []
    for one in Path("/proc").glob("[0-9]*"):
        try:
            words, where = (one / "cmdline").read_bytes(), str((one / "cwd").readlink())
        except OSError:
            continue
        if str(folder).encode() in words or where.startswith(f"{folder}/"):
            found.append(words.decode().replace("\0", " "))
    return found


def calls_of(client: httpx.Client) -> int:
    """The calls of the last 24 hours, as the live page has them."""
    document = client.get("/now.json").raise_for_status().json()
    (table,) = (block for block in document["blocks"] if block.get("name") == "features")
    return sum(row["calls"] for row in table["rows"])


@pytest.mark.prove
def test_the_dashboard_is_entered_by_its_link_moves_and_ends_with_ctrl_c(
    demo: tuple[subprocess.Popen[str], Path], tmp_path: Path
) -> None:
    process, printed = demo
    until(lambda: LINK.search(printed.read_text()) or process.poll() is not None, seconds=900, what="the link")
    found = LINK.search(printed.read_text())
    assert found is not None, printed.read_text()
    link = found[0]
    with httpx.Client(base_url=link.partition("/enter")[0], follow_redirects=True, timeout=120) as client:
        assert client.get("/features").status_code == 401, "nobody is let in without the link"
        entered = client.get(link)
        assert entered.status_code == 200
        assert client.get("/features").status_code == 200
        alerts = client.get("/alerts.json").raise_for_status().json()
        assert alerts["title"] == "Alerts"
        before = calls_of(client)
        until(lambda: calls_of(client) > before, seconds=120, what="live traffic")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 0, printed.read_text()
    assert list(tmp_path.glob("floorline-demo-*")) == []
    until(lambda: not running_in(tmp_path), seconds=20, what="the end of all processes")
