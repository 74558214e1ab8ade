"""The first run, as a user has it: the snippets of the page, typed into a shell of this machine, bring the data in that they say."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.support.processes import Process, command, environment, get

pytestmark = pytest.mark.prove
TOKEN = "a-token-of-twenty-characters"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def shell(folder: Path, text: str) -> str:
    """What a shell prints that is given the text, in a folder of its own."""
    done = subprocess.run(
        ["bash", "-ec", text],
        cwd=folder,
        env=environment(folder / "home"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{text}\nended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Page:
    """The page /start of a process that serves."""

    def __init__(self, process: Process) -> None:
        process.wait_for("the dashboard is")
        self._base = re.search(r"the dashboard is (http://[^\s;]+)", process.log.read_text())[1]

    def block(self, name: str) -> dict:
        status, body = get(f"{self._base}/start.json", TOKEN, seconds=60)  # the first waits for the charts' runtime
        assert status == 200, body
        return next(one for one in json.loads(body)["blocks"] if one["name"] == name)

    @contextmanager
    def opened(self) -> Iterator:
        """The page in a browser."""
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            context = browser.new_context(extra_http_headers={"authorization": f"Bearer {TOKEN}"})
            page = context.new_page()
            page.goto(f"{self._base}/")
            yield page
            browser.close()

    def snippet(self, block: str, title: str) -> str:
        return next(one["text"] for one in self.block(block)["snippets"] if one["title"].startswith(title))


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("FLOORLINE_CONTROL_TOKEN", TOKEN)
    monkeypatch.setenv("OPENAI_API_KEY", "anything")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path


@pytest.fixture
def sandbox(folder) -> Iterator[int]:
    port = free_port()
    process = Process(folder / "provider" / "home", "sandbox", "--port", str(port))
    process.wait_for("sandbox provider on")
    yield port
    process.end()


def served(folder: Path) -> Process:
    arguments = ["--port", str(free_port()), "--control-port", "0"]
    if (folder / "floorline.yaml").exists():
        arguments += ["--config", "floorline.yaml"]
    return Process(folder / "home", "serve", *arguments)


def test_from_nothing_to_a_margin_by_the_pages_own_words(folder, sandbox):
    process = served(folder)
    try:
        text = Page(process).snippet("gateway", "Without a provider's key")
    finally:
        assert process.end() == 0
    named = text.partition("&\n")[2].partition("\nOPENAI_API_KEY")[0]
    shell(folder, named.replace(":9001/", f":{sandbox}/"))
    assert (folder / "home" / "floorline.yaml").exists()

    process = served(folder)
    try:
        page = Page(process)
        process.wait_for("serving on")
        with page.opened() as browser:
            assert browser.locator("#waiting").inner_text().startswith("Waiting for your first call")
            answer = shell(folder, page.snippet("gateway", "A key, and a first call"))
            assert "200 OK" in answer.splitlines()[0]
            assert re.search(r"^x-floorline-cost-usd: 0\.0+[1-9]", answer, re.MULTILINE)
            browser.wait_for_selector("#waiting.good", timeout=10_000)
            assert browser.locator("#waiting").inner_text().startswith("Calls have arrived.")

        assert "1 new" in shell(folder, page.snippet("usage", "Usage events"))
        assert "1 new" in shell(folder, page.snippet("revenue", "From a table"))
        (row,) = json.loads(command(folder / "home", "margin", "--by", "customer", "--json"))["rows"]
        assert (row["key"], row["calls"], row["match"]) == ({"customer": "acme"}, 2, "both")
        assert row["margin_ratio"] is not None
    finally:
        assert process.end() == 0


def test_in_an_application_its_own_variables_lead_to_the_gateway(folder, sandbox):
    (folder / "floorline.yaml").write_text(
        f'providers: {{openai: {{dialect: openai, base_url: "http://127.0.0.1:{sandbox}/v1", auth: none}}}}\n'
    )
    process = served(folder)
    try:
        page = Page(process)
        process.wait_for("serving on")
        key = command(folder / "home", "keys", "create", "--name", "app").strip()
        variables = page.snippet("gateway", "In your application").replace("flk_…", key)
        code = "from openai import OpenAI; print(OpenAI().chat.completions.create(model='gpt-4o-mini', messages=[{'role': 'user', 'content': 'hi'}]).object)"
        assert shell(folder, f'{variables}{sys.executable} -c "{code}"').strip() == "chat.completion"
    finally:
        assert process.end() == 0
