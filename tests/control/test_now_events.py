"""The live page's events over a socket, from a control process as it runs."""

import http.client
import json
import re
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.processes import command, control

NAMES = {"user_id": "u-1", "workspace_id": "acme", "feature": "assistant", "model": "gpt-4o", "provider": "openai"}


class Listener:
    """One reader of events."""

    def __init__(self, port: int, token: str, *, last: str = "", query: str = "") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self.connection.request(
            "GET", f"/now/events{query}", headers={**headers, **({"last-event-id": last} if last else {})}
        )
        self.answer = self.connection.getresponse()

    def next(self) -> tuple[str, dict]:
        """The id and the figures of the next event."""
        lines: dict[str, str] = {}
        while True:
            line = self.answer.readline().decode().rstrip("\n")
            if not line and "data" in lines:
                return lines["id"], json.loads(lines["data"])
            name, _, value = line.partition(": ")
            lines[name] = value

    def close(self) -> None:
        self.connection.close()


def import_calls(home: Path, count: int) -> None:
    """Calls of now, through the running process's ledger."""
    at = datetime.now(UTC)
    rows = [
        {"request_id": f"r-{n}", **NAMES, "input_tokens": 1_000, "output_tokens": 100, "cache_hit": False, "latency_ms": 90, "cost_usd": None, "timestamp": at.isoformat()}
        for n in range(count)
    ]  # fmt: skip
    file = home.parent / "calls.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command(home, "import", "usage", str(file))


@pytest.mark.prove
def test_figures_move_while_they_are_looked_at_and_are_whole_for_who_comes_back(tmp_path):
    home = tmp_path / "home"
    with control(home) as process:
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)", process.log.read_text())[1])
        token = (home / "control.token").read_text()
        with closing(Listener(port, token)) as one, closing(Listener(port, token)) as other:
            first, figures = one.next()
            assert (figures["lead"], figures["points"]) == ("No call in the last 24 hours.", {})
            assert other.next()[0] == first  # made once, for both
            import_calls(home, 30)
            while not figures["points"]:
                _, figures = one.next()
            assert figures["cards"]["hits"]["note"].startswith("0 of 30 calls")
            assert [row["usd"] for row in figures["points"]["assistant"]][-1] == "0.003500000000"
        with closing(Listener(port, token, last=first)) as back:
            id_, figures = back.next()
            assert id_ > first
            assert list(figures["points"]) == ["assistant"]
        for asked, status in (((port, ""), 401), ((port, token), 400)):
            with closing(Listener(*asked, query="?colour=red")) as refused:
                assert refused.answer.status == status
        with closing(Listener(port, token)) as last:
            last.next()
            assert process.end() == 0  # listeners do not keep it
