"""The usage element in a real browser: on a page of another origin, under a strict policy, narrow, light and dark."""

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.processes import command, control

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CONFIG = """
providers: {house: {dialect: openai, base_url: "http://127.0.0.1:9/v1"}}
plans: {pro: {credit: {name: documents, calls: 2}}}
budgets:
  - {name: included, scope: {customer: each, plan: pro}, limit: {credits: 4}, upgrade_url: "https://example.com/more"}
  - {name: calls, scope: {customer: each, feature: each}, limit: {calls: 3}, message: "No more calls this month."}
"""
REPORT = """
const probe = () => {
  const element = document.querySelector("floorline-usage"), root = element.shadowRoot;
  if (!root.querySelector("li, .note")) return setTimeout(probe, 50);
  const cards = [...root.querySelectorAll("li")], style = (node, name) => getComputedStyle(node)[name];
  document.querySelector("pre").textContent = JSON.stringify({
    cards: cards.map((card) => card.innerText),
    bars: cards.map((card) => card.querySelector(".bar > span").getBoundingClientRect().width / card.querySelector(".bar").getBoundingClientRect().width),
    ground: style(cards[0], "backgroundColor"), ink: style(element, "color"),
    right: Math.max(...[...root.querySelectorAll("*")].map((one) => one.getBoundingClientRect().right)),
    link: cards[0].querySelector("a")?.href ?? "",
  });
};
probe();
"""


class Page(BaseHTTPRequestHandler):
    """The customer's product: a page with the element, its script and its style, all under a strict policy."""

    control, token = "", ""

    def do_GET(self) -> None:
        theme = self.path.strip("/")
        kind, body = {
            "/page.js": ("text/javascript", REPORT),
            "/page.css": ("text/css", "body { margin: 8px; width: 344px } pre { display: none }"),
        }.get(self.path, ("text/html", self._html(theme)))
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header(
            "content-security-policy",
            f"default-src 'none'; script-src 'self' {self.control}; connect-src {self.control}; style-src 'self'; "
            "require-trusted-types-for 'script'; base-uri 'none'",
        )
        self.end_headers()
        self.wfile.write(body.encode())

    def _html(self, theme: str) -> str:
        return (
            '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f'<link rel="stylesheet" href="/page.css"><script src="{self.control}/widget/usage.js" defer></script>'
            f'<floorline-usage src="{self.control}/api/v1/usage/acme" token="{self.token}" theme="{theme}"></floorline-usage>'
            '<pre></pre><script src="/page.js" defer></script></html>'
        )

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the handler's signature
        del format, args


@contextmanager
def serving(at: str, token: str) -> Iterator[str]:
    page = type("Served", (Page,), {"control": at, "token": token})
    server = ThreadingHTTPServer(("127.0.0.1", 0), page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def seen(url: str, profile: Path) -> dict[str, object]:
    """What the page reports, which is as wide as a phone of 360 pixels. Nothing may be complained of at the console."""
    assert CHROMIUM is not None
    done = subprocess.run(
        [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}",
         "--virtual-time-budget=8000", "--enable-logging=stderr", "--dump-dom", url],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert not [line for line in done.stderr.splitlines() if "CONSOLE" in line], done.stderr
    found = re.search(r"<pre>(.*?)</pre>", done.stdout, re.DOTALL)
    assert found is not None, done.stdout
    return json.loads(unescape(found[1]))


@pytest.mark.prove
@pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: apt-get install chromium")
def test_the_element_shows_what_is_left_at_360_pixels_light_and_dark(tmp_path: Path) -> None:
    home, config = tmp_path / "home", tmp_path / "floorline.yaml"
    config.write_text(CONFIG)
    now = datetime.now(UTC).isoformat()
    event = {"user_id": "u", "workspace_id": "acme", "plan": "pro", "model": "gpt-4o", "provider": "openai",
             "input_tokens": 9, "output_tokens": 1, "timestamp": now}  # fmt: skip
    features = ("chat", "chat", "chat", "search with quite a long name, longer than a phone is wide")
    lines = [json.dumps({**event, "request_id": f"r-{n}", "feature": feature}) for n, feature in enumerate(features)]
    (tmp_path / "calls.jsonl").write_text("\n".join(lines))
    with control(home, "--config", str(config)) as process:
        base = next(word for word in process.log.read_text().split() if word.startswith("http://"))
        command(home, "import", "usage", str(tmp_path / "calls.jsonl"))
        token = command(home, "usage-token", "acme").strip()
        with serving(base, token) as url:
            light, dark = (seen(f"{url}/{theme}", tmp_path / theme) for theme in ("light", "dark"))
    included, chat, search = light["cards"]
    assert "2 documents left" in included
    assert "2 of 4 documents used (50%)" in included
    assert "0 calls left" in chat
    assert "No more calls this month." in chat
    assert "search with quite a long name" in search
    assert [round(bar, 2) for bar in light["bars"]] == [0.5, 1, 0.33]
    assert light["link"] == "https://example.com/more"
    assert light["right"] <= 352
    assert dark["cards"] == light["cards"]
    assert (light["ground"], light["ink"]) == ("rgb(255, 255, 255)", "rgb(27, 31, 36)")
    assert (dark["ground"], dark["ink"]) == ("rgb(20, 24, 29)", "rgb(238, 241, 244)")
