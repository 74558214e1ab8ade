"""The demo's dashboard, served as `floorline demo` serves it, in a real Chromium: one company and one browser for all tests.

FLOORLINE_TEST_HOME names the home of one that runs already (`floorline demo --small --keep`), for whoever writes tests.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, StorageState, sync_playwright

from tests.support.data import require

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
START_S = 600
PASSWORD = "a long enough password"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A dashboard that is served, and the home that it is of."""

    home: Path
    url: str
    link: str

    def run(self, *arguments: str, given: str = "") -> str:
        """What `floorline …` prints."""
        done = subprocess.run(
            [sys.executable, "-m", "floorline", *arguments],
            env={**os.environ, "FLOORLINE_HOME": str(self.home)}, input=given, capture_output=True, text=True,
            check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    if home := os.environ.get("FLOORLINE_TEST_HOME"):
        yield _running(Path(home))
        return
    folder = tmp_path_factory.mktemp("company")
    said = folder / "said.txt"
    size = [] if os.environ.get("FLOORLINE_PICTURES") else ["--small"]  # pictures show the whole company
    with said.open("wb") as out:
        demo = subprocess.Popen(
            [sys.executable, "-m", "floorline", "demo", *size, "--keep", str(folder / "demo"), "--no-browser"],
            stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + START_S
        while (found := re.search(r"(http://[\d.:]+)/enter/\S+", said.read_text())) is None:
            assert demo.poll() is None, said.read_text()
            assert time.monotonic() < deadline, said.read_text()
            time.sleep(0.5)
        yield Site(home=folder / "demo" / "home", url=found[1], link=found[0])
    finally:
        demo.send_signal(signal.SIGINT)
        assert demo.wait(timeout=120) == 0, said.read_text()


def _running(home: Path) -> Site:
    """The dashboard that runs already, while tests are written."""
    found = Site(home=home, url="", link="")
    link = json.loads(found.run("dashboard-link", "--json"))["url"]
    return Site(home=home, url=link.partition("/enter/")[0], link=link)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of one module: it runs a loop of its own in this thread, and other tests have theirs."""
    require(CHROMIUM is not None, "there is no browser: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--lang=en-GB"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def owner(site, browser) -> StorageState:
    """The session that the printed link begins."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(site.link)
        button = page.get_by_role("main").get_by_role("button")
        if page.url.startswith(site.link):
            button.click()
        page.wait_for_url(re.compile(r"/(now|start)?$"))
        return context.storage_state()


@contextmanager
def opened(browser: Browser, site: Site, session: StorageState | None, **context: object) -> Iterator[Page]:
    """A page; nothing may be said on its console and nothing may fail on it."""
    with browser.new_context(storage_state=session, base_url=site.url, locale="en-GB", **context) as of:
        page = of.new_page()
        wrong: list[str] = []
        page.on("console", lambda said: wrong.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        yield page
        assert wrong == []


@pytest.fixture
def page(site, browser, owner) -> Iterator[Page]:
    with opened(browser, site, owner, viewport={"width": 1280, "height": 900}) as one:
        yield one
