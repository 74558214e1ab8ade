"""`floorline serve` with real gateways: what it starts, what it starts again, how it ends, and what it refuses to start."""

import json
import os
import re
import signal
import socket
import tarfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.processes import Process, command, get, until

CONFIG = 'providers: {openai: {dialect: openai, base_url: "http://127.0.0.1:%d/v1", auth: none}}\n'


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def call(port: int, key: str, model: str = "gpt-4o") -> int:
    """One call; its status."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}]}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()
        return answer.status


def children(process: Process) -> dict[str, int]:
    """The pids of what it runs, by the command."""
    found: dict[str, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int(re.search(r"\) \S (\d+)", (folder / "stat").read_text())[1])
            words = (folder / "cmdline").read_bytes().decode().split("\0")
        except FileNotFoundError:
            continue
        if parent == process.popen.pid and "floorline" in words:
            verb = words[words.index("floorline") + 1]
            found[verb if "--name" not in words else words[words.index("--name") + 1]] = int(folder.name)
    return found


@pytest.fixture(scope="module")
def provider(tmp_path_factory) -> Iterator[int]:
    """The port of a sandbox provider."""
    port = free_port()
    process = Process(tmp_path_factory.mktemp("provider") / "home", "sandbox", "--port", str(port))
    process.wait_for("sandbox provider on")
    yield port
    process.end()


@contextmanager
def serving(folder: Path, provider: int, *arguments: str) -> Iterator[tuple[Process, int, Path]]:
    """A running `serve`, its port, and its home."""
    home, port = folder / "home", free_port()
    (folder / "floorline.yaml").write_text(CONFIG % provider)
    process = Process(
        home, "serve", "--config", "floorline.yaml", "--port", str(port), "--control-port", "0", *arguments
    )
    try:
        process.wait_for("serving on")
        process.wait_for("the dashboard is")
        yield process, port, home
    finally:
        if process.running:
            assert process.end() == 0, process.log.read_text()


def key_of(home: Path) -> str:
    """A key that the gateways know by now."""
    key = json.loads(command(home, "keys", "create", "--name", "n", "--customer", "acme", "--json"))["key"]
    time.sleep(2)  # every gateway follows within this time
    return key


def calls_of(home: Path) -> int:
    rows = json.loads(command(home, "margin", "--by", "customer", "--json"))["rows"]
    return sum(row["calls"] for row in rows)


@pytest.mark.prove
def test_calls_through_serve_are_in_the_margin_whatever_is_killed_meanwhile(tmp_path, provider):
    with serving(tmp_path, provider, "--processes", "2") as (process, port, home):
        key = key_of(home)
        until(lambda: get(f"http://127.0.0.1:{port}/readyz")[0] == 200, what="ready")
        before = children(process)
        assert set(before) == {"g1", "g2", "control"}
        assert [call(port, key) for _ in range(5)] == [200] * 5
        os.kill(before["control"], signal.SIGKILL)
        assert [call(port, key) for _ in range(5)] == [200] * 5  # no gateway needs it
        os.kill(before["g1"], signal.SIGKILL)
        until(lambda: set(children(process)) == set(before) and children(process) != before, what="a new g1")
        assert process.says("control ended with -9 and is started again")
        assert process.says("gateway g1 ended with -9 and is started again")
        until(lambda: process.log.read_text().count("the dashboard is") == 2, what="a new control process")
        until(lambda: calls_of(home) == 10, what="every call in the margin")
        assert command(home, "ledger", "verify").startswith("every rollup equals")
    assert not list((home / "gateways").glob("*/spool/*.seg"))


def shown(process: Process, home: Path) -> object:
    """What the page of features says, as of whenever."""
    url = re.findall(r"the dashboard is (\S+)", process.log.read_text())[-1]
    status, body = get(f"{url}/features.json", (home / "control.token").read_text(), seconds=60)
    assert status == 200
    return json.loads(body)["blocks"]


def calls_shown(process: Process, home: Path) -> int:
    total = next(block for block in shown(process, home) if block["name"] == "total")
    return next(card["value"] for card in total["cards"] if card["name"] == "calls")


@pytest.mark.prove
def test_pages_go_on_with_what_was_remembered_before_an_end_and_with_nothing_after_a_kill(tmp_path, provider):
    file = tmp_path / "home" / "answers"
    with serving(tmp_path, provider) as (process, port, home):
        key = key_of(home)
        assert [call(port, key) for _ in range(3)] == [200] * 3
        until(lambda: calls_shown(process, home) == 3, what="every call on the page")
        before = shown(process, home)
        assert not file.exists()
    assert file.stat().st_mode & 0o777 == 0o600
    command(home, "backup", str(tmp_path / "backup.tar"))
    with tarfile.open(tmp_path / "backup.tar") as backup:
        assert not [name for name in backup.getnames() if name.startswith("answers")]
    with serving(tmp_path, provider) as (process, port, home):
        process.wait_for("answers from before hold")
        assert shown(process, home) == before
        assert not file.exists()
        assert call(port, key) == 200
        until(lambda: calls_shown(process, home) == calls_of(home) == 4, what="the call on the page")
        os.kill(children(process)["control"], signal.SIGKILL)
        until(lambda: process.log.read_text().count("the dashboard is") == 2, what="a new control process")
        assert process.says("no answers are known from before")
        assert calls_shown(process, home) == 4
        assert not file.exists()
    assert file.exists()
    command(home, "ledger", "rebuild")
    assert not file.exists()
    with serving(tmp_path, provider) as (process, _, home):
        process.wait_for("no answers are known from before")
        assert calls_shown(process, home) == 4


def test_sigterm_lets_a_call_finish_and_keeps_its_record(tmp_path, provider):
    with serving(tmp_path, provider) as (process, port, home):
        key = key_of(home)
        with ThreadPoolExecutor(1) as callers:
            slow = callers.submit(call, port, key, "gpt-4o+latency-ms=3000")
            figure = re.compile(r"floorline_calls_under_way\S* 2\n")  # the call, and the request for the figure
            until(lambda: figure.search(get(f"http://127.0.0.1:{port}/metrics")[1]) is not None, what="the call")
            process.popen.send_signal(signal.SIGTERM)
            assert slow.result() == 200
        assert process.popen.wait(timeout=60) == 0
        said = process.log.read_text()
        assert "control: ending" in said
        assert "Traceback" not in said
    assert calls_of(home) == 1


def test_children_end_with_a_serve_that_is_killed(tmp_path, provider):
    with serving(tmp_path, provider) as (process, _, home):
        pids = children(process).values()
        process.kill()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), what="the end of the children")
    assert command(home, "ledger", "verify").startswith("every rollup equals")


def test_sighup_reaches_every_child(tmp_path, provider):
    with serving(tmp_path, provider) as (process, _, _home):
        process.popen.send_signal(signal.SIGHUP)
        process.wait_for("the configuration was loaded anew")
        process.wait_for("the configuration was read again")


def test_what_cannot_start_is_said_and_nothing_is_left_running(tmp_path, provider):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        (tmp_path / "floorline.yaml").write_text(CONFIG % provider)
        home = tmp_path / "home"
        said = command(home, "serve", "--port", port, "--control-port", "0", code=2)
        assert f"the gateway cannot serve on 127.0.0.1:{port}" in said
        assert "address already in use" in said
        assert "gateway g1 could not start: mend what it says above" in said
        said = command(home, "serve", "--port", str(free_port()), "--control-port", port, code=2)
        assert f"cannot listen on 127.0.0.1:{port}" in said
        assert "control could not start" in said
    (tmp_path / "floorline.yaml").write_text("nonsense: 1\n")
    said = command(home, "serve", "--config", "floorline.yaml", code=2)
    assert "floorline.yaml:1:1: unknown setting `nonsense`" in said
    (tmp_path / "floorline.yaml").unlink()
    assert command(home, "ledger", "verify").startswith("every rollup equals")
